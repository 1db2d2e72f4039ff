"""A link to a result: made and revoked on the page, and what is shown to those who have it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import submit
from tests.page.fake_server import FakeServer

OpenPage = Callable[..., Page]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    made = FakeServer(tmp_path / "server", share_secret="x" * 32)
    made.start()
    yield made
    made.close()


def shared(page: Page) -> str:
    """Make a link in the open dialog; returns its path on the server."""
    page.get_by_role("button", name="Create a link").click()
    return page.get_by_label("Link", exact=True).last.input_value().replace(page.url.split("#")[0], "/")


def test_a_link_shows_the_result_and_nothing_else_until_it_is_revoked(
    open_page: OpenPage, video: Path, image: Callable[[Page, str], None]
):
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Valid for").select_option("30")
    path = shared(page)
    expect(dialog.locator(".links li")).to_contain_text("until")
    image(page, "share")

    visitor = open_page(path, expected="410")
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url))
    visitor.reload()
    expect(visitor.get_by_role("heading", name="walk", exact=True)).to_be_visible()
    expect(visitor.get_by_text(re.compile("^Shared result, until "))).to_be_visible()
    expect(visitor.get_by_text("The video is not shared.")).to_be_visible()
    expect(visitor.locator(".chart").first).to_be_visible()
    for absent in ("Delete", "Share", "Rename"):
        expect(visitor.get_by_role("button", name=absent)).to_have_count(0)
    expect(visitor.get_by_role("link", name="History")).to_have_count(0)
    for file in ("The original video", "run.json"):
        expect(visitor.locator(".files").get_by_text(file)).to_have_count(0)
    with visitor.expect_download() as download:
        visitor.get_by_role("link", name="Download all (zip)").first.click()
    assert download.value.path().stat().st_size > 1000
    token = path.rpartition("/")[2]
    assert len(asked) > 10
    assert not [url for url in asked if token in url]
    image(visitor, "shared")

    dialog.get_by_role("button", name="Revoke").click()
    expect(dialog.locator(".links li")).to_have_count(0)
    visitor.reload()
    expect(visitor.get_by_role("alert")).to_have_text(re.compile("^This link was revoked"))


def test_the_video_is_shown_where_it_is_shared(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Share").click()
    page.get_by_label("with the video").check()
    visitor = open_page(shared(page), expected="404")
    expect(visitor.locator(".stage video")).to_have_attribute("src", re.compile("^blob:"))
    visitor.goto("/#/shared/hp3dshare_no-link")
    expect(visitor.get_by_role("alert")).to_have_text(re.compile("^This link is not valid"))


def test_the_dialog_fits_a_phone_and_a_blurred_video_is_not_offered(
    open_page: OpenPage, video: Path, image: Callable[[Page, str], None]
):
    page = open_page(viewport={"width": 360, "height": 740})
    page.get_by_text("For experts").click()
    page.get_by_label("Should the person's face be hidden?").check()
    submit(page, video)
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The face is blurred, so the video is not shared.")).to_be_visible()
    expect(dialog.get_by_label("with the video")).to_have_count(0)
    shared(page)
    expect(dialog.locator(".links li")).to_have_count(1)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert dialog.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    image(page, "share_phone")
