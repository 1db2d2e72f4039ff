"""Batches on the page: several videos, one table, one page that shows them all."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import FilePayload, Page, Route, expect

from tests.page import walker
from tests.page.fake_server import FakeServer
from tests.page.test_screens import is_too_wide, serious_violations

OpenPage = Callable[..., Page]


def videos(*names: str) -> list[FilePayload]:
    content = walker.video()
    return [{"name": name, "mimeType": "video/mp4", "buffer": content} for name in names]


def begun(page: Page, *names: str) -> None:
    """A batch of these videos, with height and weight for all; returns when its page is shown."""
    page.goto("/#/batches/new")
    page.locator("#batch-files").set_input_files(videos(*names))
    page.get_by_label("Height in centimetres").fill("178")
    page.get_by_label("Weight in kilograms").fill("75")
    page.get_by_label("Everyone in the videos knows").check()
    page.get_by_role("button", name="Start the batch").click()
    page.wait_for_url(re.compile(r"#/batches/(?!new)"))


def test_faults_of_all_rows_are_shown_at_once_then_the_batch_runs(
    open_page: OpenPage, server: FakeServer, image: Callable[[Page, str], None]
):
    page = open_page("/#/new")
    page.get_by_role("link", name="Several videos at once").click()
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_text("Choose at least one video.")).to_be_visible()
    expect(page.locator("[data-field=consent] .fault")).to_be_visible()
    page.locator("#batch-files").set_input_files(videos("ana.mp4", "ben.mp4", "eva.mp4"))
    expect(page.get_by_text("Videos chosen: 3")).to_be_visible()
    for name, height, weight in (("ana", "1,70", "60"), ("ben", "17.5", "80"), ("eva", "1.65", "")):
        page.get_by_label(f"Subject, {name}.mp4").fill(name.upper())
        page.get_by_label(f"Height (m), {name}.mp4").fill(height)
        page.get_by_label(f"Weight (kg), {name}.mp4").fill(weight)
    page.get_by_label("Everyone in the videos knows").check()
    page.get_by_role("button", name="Start the batch").click()
    rows = page.locator(".subject-table tbody tr")
    expect(rows.nth(1).locator(".fault")).to_contain_text("height should be less than or equal to 2.5")
    expect(rows.nth(2).locator(".fault")).to_contain_text("weight is required")
    expect(rows.nth(0).locator(".fault")).to_be_empty()
    expect(page.get_by_label("Height (m), ben.mp4")).to_have_attribute("aria-invalid", "true")
    assert serious_violations(page) == []
    image(page, "batch-new")
    page.get_by_label("Height (m), ben.mp4").fill("1.75")
    page.get_by_label("Weight (kg), eva.mp4").fill("55")
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_text("Finished: 3")).to_be_visible()
    expect(page.get_by_role("row", name="eva.mp4").get_by_role("link", name="EVA", exact=True)).to_be_visible()
    assert serious_violations(page) == []
    image(page, "batch")
    with page.expect_download() as download:
        page.get_by_role("link", name="summary.csv").click()
    rows_of = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert [(row["subject"], row["status"]) for row in rows_of] == [("ANA", "done"), ("BEN", "done"), ("EVA", "done")]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all (zip)").click()
    archived = zipfile.ZipFile(download.value.path()).namelist()
    assert [any(f"{name}/quality.json" in path for path in archived) for name in ("ana", "ben", "eva")] == [True] * 3


def test_a_table_from_a_file_is_used_and_its_faults_are_listed(open_page: OpenPage):
    page = open_page("/#/batches/new", expected="404|422")
    page.locator("#batch-files").set_input_files(videos("ana.mp4", "ben.mp4"))
    page.get_by_label("Everyone in the videos knows").check()

    def start(table: str) -> None:
        file: FilePayload = {"name": "who.csv", "mimeType": "text/csv", "buffer": table.encode()}
        page.locator("#batch-table").set_input_files(file)
        expect(page.get_by_text("who.csv is used in place of the rows above.")).to_be_visible()
        page.get_by_role("button", name="Start the batch").click()

    start("file;subject;height;weight\nben.mp4;B;17,5;80\nana.mp4;A;1,7;60\n")
    expect(page.get_by_text("line 2 (ben.mp4): height should be")).to_be_visible()
    expect(page.locator(".subject-table .fault").first).to_be_empty()
    start("file;subject;height;weight\nben.mp4;B;1,75;80\nana.mp4;A;1,7;60\n")
    expect(page.get_by_role("row", name="ana.mp4")).to_contain_text("A")
    expect(page.get_by_text("Finished: 2")).to_be_visible()


def test_videos_that_are_missing_are_sent_later(open_page: OpenPage, server: FakeServer):
    page = open_page("/static/icon.svg", expected="404|ERR_FAILED")

    def without_second(route: Route) -> None:
        route.abort() if b"second" in (route.request.post_data_buffer or b"") else route.continue_()

    page.route("**/api/runs/", without_second)
    begun(page, "first.mp4", "second.mp4")
    expect(page.get_by_role("row", name="first.mp4")).to_contain_text("Finished")
    page.unroute("**/api/runs/")
    page.reload()
    expect(page.get_by_text("Videos that were not sent yet: 1.")).to_be_visible()
    page.locator("#missing-files").set_input_files(videos("second.mp4", "stranger.mp4"))
    expect(page.get_by_role("alert").filter(has_text="stranger.mp4")).to_be_visible()
    expect(page.get_by_text("Finished: 2")).to_be_visible()


def test_a_batch_is_stopped_and_erased(open_page: OpenPage, server: FakeServer):
    server.hold()
    page = open_page("/static/icon.svg", expected="404", viewport={"width": 360, "height": 740})
    page.goto("/#/batches/new")
    page.locator("#batch-files").set_input_files(videos("a_video_with_a_long_name_2026-11-30.mp4"))
    expect(page.locator(".subject-table tbody tr")).to_have_count(1)
    assert not is_too_wide(page)
    page.reload()
    begun(page, "one.mp4", "two.mp4")
    expect(page.get_by_text("Waiting: 1")).to_be_visible()
    assert not is_too_wide(page)
    page.get_by_role("button", name="Stop the batch").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("Cancelled: 2")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 videos")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No batch yet")).to_be_visible()
    assert page.request.get("/api/runs/").json()["runs"] == []
