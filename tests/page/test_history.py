"""History and subjects: filters, groups, notes, and key figures over sessions."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from humanpose3d.api_models import Problem
from tests.page import walker
from tests.page.fake_server import FakeServer
from tests.page.test_screens import LOOKS, is_too_wide, serious_violations

OpenPage = Callable[..., Page]
PERSON = {"height": "1.78", "weight": "75", "consent": "accepted"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    """One for all tests here: each has its own subjects."""
    made = FakeServer(tmp_path_factory.mktemp("history") / "server")
    made.start()
    yield made
    made.close()


_video = cache(walker.video)


def submitted(page: Page, name: str, **notes: str) -> str:
    """The key of a new run."""
    video: FilePayload = {"name": f"{name}.mp4", "mimeType": "video/mp4", "buffer": _video()}
    answer = page.request.post("/api/runs/", multipart={**PERSON, **notes, "video": video})
    assert answer.status == 202, answer.text()
    return str(answer.json()["run_key"])


def ended(page: Page, *run_keys: str) -> None:
    """Returns once all of these runs have ended."""
    page.evaluate(
        """async (keys) => {
          for (const key of keys)
            while (!(await (await fetch(`/api/runs/${key}/progress/`)).json()).done)
              await new Promise((resolve) => setTimeout(resolve, 50));
        }""",
        run_keys,
    )


def names(page: Page) -> list[str]:
    return page.locator(".run .name").all_text_contents()


def test_the_server_filters_and_the_address_keeps_the_filters(open_page: OpenPage):
    page = open_page("/static/icon.svg", expected="404")
    submitted(page, "first", subject="F1", session="2026-09-02", labels="before", task="gait")
    submitted(page, "second", subject="F1", session="2026-11-10", labels="after")
    submitted(page, "other", subject="F2", session="2026-11-10", labels="before")
    page.goto("/#/runs?subject=F1")
    expect(page.locator(".run .name")).to_have_text(["second", "first"])
    page.get_by_label("Movement").select_option("Gait")
    expect(page.locator(".run .name")).to_have_text(["first"])
    page.get_by_role("button", name="Clear all").click()
    page.get_by_label("Session").fill("2026-11-10")
    expect(page.locator(".run .name")).to_have_text(["other", "second"])
    page.get_by_label("Label", exact=True).fill("before")
    expect(page.locator(".run .name")).to_have_text(["other"])
    page.reload()
    expect(page.locator(".run .name")).to_have_text(["other"])
    page.get_by_role("searchbox").fill("nothing like this")
    expect(page.get_by_role("status").filter(has_text="Nothing matches")).to_be_visible()


def test_runs_are_grouped(open_page: OpenPage):
    page = open_page("/static/icon.svg", expected="404")
    for name, subject in (("a", "G1"), ("b", "G2"), ("c", "G1")):
        submitted(page, name, subject=subject, labels="grouped")
    page.goto("/#/runs?label=grouped&group=subject")
    expect(page.locator(".groups h2")).to_have_text(["G1 2", "G2 1"])
    assert names(page) == ["c", "a", "b"]
    page.get_by_label("Group by").select_option("Not grouped")
    expect(page.locator(".groups h2")).to_have_count(0)
    assert names(page) == ["c", "b", "a"]


def test_notes_are_edited_in_place_with_the_keyboard(open_page: OpenPage):
    page = open_page("/static/icon.svg", expected="404|422")
    key = submitted(page, "noted", labels="edited")
    ended(page, key)
    page.goto("/#/runs?label=edited")
    edit = page.get_by_role("button", name="Edit name and notes of noted")
    edit.focus()
    page.keyboard.press("Enter")
    form = page.get_by_role("form", name="Name and notes of noted")
    expect(form.get_by_label("Subject code")).to_be_focused()
    line, whole = form.get_by_label("Subject code").bounding_box(), form.bounding_box()
    assert line
    assert whole
    assert line["width"] == whole["width"]
    page.keyboard.type("no/code")
    page.keyboard.press("Enter")
    expect(form.locator("[data-field=subject] .fault")).not_to_be_empty()
    expect(form.get_by_label("Subject code")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(edit).to_be_focused()
    page.keyboard.press("Enter")
    form.get_by_label("Subject code").fill("N7")
    form.get_by_label("Day of the recording").fill("2026-09-02")
    form.get_by_label("Labels").fill("edited, left shoe")
    form.get_by_label("Note", exact=True).fill("Two lines:\nof text.")
    assert serious_violations(page) == []
    form.get_by_label("Subject code").press("Enter")
    card = page.locator(".run")
    expect(card.locator(".labels li")).to_have_text(["edited", "left shoe"])
    expect(card.locator(".note")).to_have_text("Two lines:\nof text.")
    expect(card.get_by_role("link", name="noted")).to_be_focused()
    stored = page.request.get(f"/api/runs/{key}/").json()["notes"]
    assert (stored["subject"], stored["session"]) == ("N7", "2026-09-02")
    card.get_by_role("link", name="noted").click()
    expect(page.locator(".results .heading .note")).to_have_text("Two lines:\nof text.")
    page.get_by_role("link", name="N7").click()
    expect(page.get_by_role("heading", name="N7")).to_be_visible()


@pytest.fixture
def followed(open_page: OpenPage, server: FakeServer) -> Callable[..., Page]:
    """Opens the page of a subject with two sessions; the knee flexes 20° further in the second."""

    def opened(code: str, **options: Any) -> Page:
        page = open_page("/static/icon.svg", expected="404", **options)
        whole = server.analysis
        try:
            for session, more in (("2026-09-02", 0.0), ("2026-11-10", 20.0)):
                server.analysis = whole.model_copy(
                    update={
                        "parameters": tuple(
                            figure.model_copy(update={"value": figure.value + more})
                            if figure.name == "knee_flexion_peak"
                            else figure
                            for figure in whole.parameters
                        )
                    }
                )
                ended(page, submitted(page, f"on {session}", subject=code, session=session))
        finally:
            server.analysis = whole
        page.goto("/#/subjects")
        page.get_by_role("link", name=code).click()
        page.get_by_role("heading", name=code).wait_for()
        return page

    return opened


def test_key_figures_over_sessions_have_the_error_as_a_band_where_one_is_known(followed: Callable[..., Page]):
    page = followed("S1")
    knee = page.locator("figure.trend", has_text="Knee flexion, peak")
    expect(knee.locator("circle")).to_have_count(2)
    expect(knee.locator(".error-band")).to_have_count(1)
    expect(knee).to_contain_text("measured on rendered people")
    depth = page.locator("figure.trend", has_text="Depth")
    expect(depth.locator(".error-band")).to_have_count(0)
    expect(depth).to_contain_text("The measurement error of this figure is not known.")
    change = page.get_by_role("row", name="Knee flexion, peak, right")
    expect(change.locator("td")).to_have_text(["91°", "111°", "+20° ± 9°"])
    expect(page.get_by_role("row", name="Depth").locator("td").last).to_have_text("0.00 m (error not known)")
    expect(page.get_by_role("link", name=re.compile("^on 20"))).to_have_text(["on 2026-11-10", "on 2026-09-02"])


def test_runs_of_a_subject_are_compared_from_its_page(
    followed: Callable[..., Page], image: Callable[[Page, str], None]
):
    page = followed("S3")
    page.get_by_label("Compare on 2026-09-02").check()
    page.get_by_label("Compare on 2026-11-10").check()
    page.get_by_role("link", name="Compare these 2").click()
    expect(page.locator(".compared li")).to_contain_text(["solid", "dashed"])
    knee = page.get_by_role("row", name="Knee flexion, peak, right").locator("td")
    expect(knee).to_have_text(["91°", "111°", "+20° ± 9°"])
    expect(page.get_by_label("Lay over each other by")).to_have_value("lowest")
    page.locator(".chart").nth(5).wait_for()
    lines = page.locator(".chart").first.locator(".line-swatch line")
    assert [line.get_attribute("stroke-dasharray") for line in lines.all()] == [None, "9 5"]
    colours = [each.get_attribute("stroke") for each in page.locator(".chart .line-swatch line").all()]
    assert colours == ["#d55e00", "#d55e00", "#0072b2", "#0072b2"] * 3
    assert serious_violations(page) == []
    image(page, "compare-sides")


def test_runs_are_laid_over_each_other_by_an_event_that_all_have(open_page: OpenPage):
    page = open_page()
    found = page.evaluate(
        """async () => {
          const { commonEvents, zeroOf } = await import("/static/lib/alignment.js");
          const event = (kind, side, time_s) => ({ kind, side, time_s });
          const strike = (side, time_s) => event("heel_strike", side, time_s);
          const one = [event("toe_off", "left", 0.1), strike("right", 0.4), strike("right", 1.4)];
          const two = [strike("right", 0.9), strike("left", 1.3)];
          const zero = (name, events) => zeroOf(name, events, Float64Array.of(0.05, 0.1));
          const right = "heel_strike right";
          return [commonEvents([one, two]), zero(right, one), zero(right, two), zero("", one)];
        }"""
    )
    assert found == [["heel_strike right"], 0.4, 0.9, 0.05]


def test_a_subject_is_renamed_exported_and_erased(followed: Callable[..., Page]):
    page = followed("S2")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("S2 b")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="S2 b")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "S2 b.zip"
    kept = json.loads(zipfile.ZipFile(download.value.path()).read("runs.json"))
    assert [run["session"] for run in kept] == ["2026-09-02", "2026-11-10"]
    page.get_by_role("button", name="Erase subject").click()
    expect(page.get_by_role("dialog")).to_contain_text("2, of 2 sessions")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Subjects")).to_be_visible()
    expect(page.get_by_role("link", name="S2 b")).to_have_count(0)
    page.goto("/#/subjects/S2%20b")
    expect(page.get_by_role("alert")).to_have_text("No analysis has this subject (any more).")


@pytest.mark.parametrize("look", ["dark", "phone"])
def test_lists_and_subjects_on_every_screen(
    look: str, followed: Callable[..., Page], image: Callable[[Page, str], None]
):
    page = followed(f"L {look}", **LOOKS[look])
    for name, address in (("subject", None), ("subjects", "/#/subjects"), ("groups", "/#/runs?text=on&group=subject")):
        if address:
            page.goto(address)
            page.get_by_role("link", name=f"L {look}").first.wait_for()
        assert serious_violations(page) == []
        assert not is_too_wide(page)
        image(page, f"{name}-{look}")


def test_why_a_run_failed_is_said_in_the_page_s_language(open_page: OpenPage, server: FakeServer):
    server.failure = Problem(code="nobody-detected", status=422, detail="No person was found.")
    try:
        page = open_page("/static/icon.svg", expected="404", locale="de-DE")
        key = submitted(page, "empty")
        page.goto(f"/#/runs/{key}")
        expect(page.locator(".ended")).to_contain_text("Im Video wurde keine Person gefunden.")
    finally:
        server.failure = None
    page.goto("/#/subjects/unknown")
    expect(page.get_by_role("alert")).to_have_text("Keine Auswertung hat (noch) diesen Probanden.")


def test_a_long_list_comes_in_pages(open_page: OpenPage, server: FakeServer):
    server.hold()
    try:
        page = open_page("/static/icon.svg", expected="404")
        for index in range(33):
            submitted(page, f"run {index}", labels="many")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/api/runs/?" in request.url else None)
        page.goto("/#/runs?label=many")
        expect(page.locator(".run")).to_have_count(30)
        expect(page.get_by_text("The newest 30 analyses; there are more.")).to_be_visible()
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".run")).to_have_count(33)
        expect(page.get_by_text("33 analyses")).to_be_visible()
        assert "limit=30" in asked[0]
        assert any("cursor=" in url for url in asked)
    finally:
        server.go_on()
