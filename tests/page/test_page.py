"""What people do with the page, in a real browser against a real gateway."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from shared.contracts import Problem
from shared.skeleton import JOINT_GROUP_INDEX
from tests.page import walker
from tests.page.conftest import submit
from tests.page.laboratory import Laboratory

OpenPage = Callable[..., Page]

TIMES_SHOWN = """() => {
  const time = (selector) => Number(document.querySelector(selector).dataset.time);
  return {
    video: document.querySelector(".stage video").currentTime,
    landmarks: time(".stage:has(video)"),
    skeleton: time(".space"),
    charts: [...document.querySelectorAll(".chart")].map((chart) => Number(chart.dataset.time)),
  };
}"""


def wait_for_time(page: Page, time: float) -> None:
    """Returns when video, landmarks, skeleton and every chart show this time; within a tenth of a frame."""
    page.wait_for_function(
        """([time, tolerance]) => {
          const shown = ("""
        + TIMES_SHOWN
        + """)();
          const all = [shown.video, shown.landmarks, shown.skeleton, ...shown.charts];
          const seeking = document.querySelector(".stage video").seeking;
          return all.length === 9 && !seeking && all.every((each) => Math.abs(each - time) < tolerance);
        }""",
        arg=[time, 0.1 / walker.RATE],
    )


def test_from_the_video_to_the_results_and_away(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.hold()
    page = open_page()
    submit(page, video)
    expect(page.get_by_role("heading", name="Analysis of walk")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", re.compile("4[5-9]"))
    expect(page.locator(".stages li.now")).to_contain_text("Find the person")
    page.reload()
    expect(page.locator(".stages li.now")).to_contain_text("Find the person")
    laboratory.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()

    slider = page.get_by_role("slider", name="Time")
    slider.fill("40")
    wait_for_time(page, 40 / walker.RATE)
    page.keyboard.press("ArrowRight")
    wait_for_time(page, 41 / walker.RATE)
    expect(slider).to_have_value("41")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download all (zip)").first.click()
    archive = zipfile.ZipFile(download.value.path())
    assert "walk/walk_final.trc" in archive.namelist()
    assert archive.testzip() is None

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No analysis yet.")).to_be_visible()
    assert not [path for path in (laboratory.folder / "store").rglob("*") if path.is_file()]


def test_the_cursor_is_one_while_playing(open_page: OpenPage, laboratory: Laboratory, video: Path):
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Play (space)").wait_for()
    expect(page.locator(".chart")).to_have_count(6)
    page.evaluate(
        """() => {
          window.steps = [];
          const note = () => {
            const time = (selector) => Number(document.querySelector(selector).dataset.time);
            const charts = [...document.querySelectorAll(".chart")].map((chart) => Number(chart.dataset.time));
            window.steps.push([time(".stage:has(video)"), time(".space"), ...charts]);
            requestAnimationFrame(note);
          };
          note();
        }"""
    )
    page.keyboard.press("Space")
    page.wait_for_function("() => window.steps.at(-1)[0] > 1.5")
    page.keyboard.press("k")
    steps = np.array(page.evaluate("() => window.steps"))
    assert len(np.unique(steps[:, 0])) > 5
    assert np.ptp(steps, axis=1).max() < 1.1 / walker.RATE
    assert (np.diff(steps[:, 0]) >= 0).all()


def test_the_video_shows_the_frame_that_the_landmarks_belong_to(open_page: OpenPage, video: Path):
    """The figure's head is painted where the landmark is, so the colour under the nose tells the frame."""
    page = open_page()
    submit(page, video)
    page.get_by_role("slider", name="Time").fill("60")
    wait_for_time(page, 60 / walker.RATE)
    x, y = walker.landmarks().image[60, 0]
    colour = page.evaluate(
        """([x, y]) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [1, 1];
          const context = canvas.getContext("2d");
          context.drawImage(document.querySelector(".stage video"), x, y, 1, 1, 0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data];
        }""",
        [x, y],
    )
    np.testing.assert_allclose(colour[:3], (206, 170, 140), atol=25)


def test_keys_move_the_cursor_as_editors_expect(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    slider = page.get_by_role("slider", name="Time")
    slider.wait_for()
    for key, frame in (("End", 74), ("Home", 0), ("Shift+ArrowRight", 10), ("ArrowLeft", 9)):
        page.keyboard.press(key)
        expect(slider).to_have_value(str(frame))
    page.keyboard.press("l")
    page.wait_for_function("() => Number(document.querySelector('.scrub').value) > 12")
    page.keyboard.press("j")
    page.wait_for_function("() => Number(document.querySelector('.scrub').value) < 8")
    page.keyboard.press("k")
    stopped = slider.input_value()
    expect(page.get_by_role("button", name="Play (space)")).to_be_visible()
    assert slider.input_value() == stopped


def test_what_is_wrong_is_said_beside_its_field_before_anything_is_uploaded(open_page: OpenPage, video: Path):
    page = open_page(expected="422")
    start = page.get_by_role("button", name="Start the analysis")
    start.click()
    expect(page.locator("[data-field=consent] .fault")).to_have_text(re.compile("has to consent"))
    page.get_by_label("The person in the video knows").check()
    page.get_by_label("Weight in kilograms").fill("5")
    page.get_by_label("Height in centimetres").fill("400")
    start.click()
    expect(page.locator("[data-field=height] .fault")).to_contain_text("2.5")
    expect(page.locator("[data-field=weight] .fault")).to_contain_text("10")
    expect(page.locator("[data-field=consent] .fault")).to_be_hidden()
    height = page.get_by_label("Height in centimetres")
    expect(height).to_be_focused()
    expect(height).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Weight in kilograms").fill("75")
    height.fill("178")
    start.click()
    expect(page.locator("[data-field=video] .fault")).to_contain_text("required")


def test_a_file_that_is_no_video_is_refused_at_the_video(open_page: OpenPage, tmp_path: Path):
    page = open_page(expected="422|ERR_|MEDIA")
    page.locator("#video-file").set_input_files({"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"PK no video"})
    expect(page.get_by_text("This browser cannot show this video")).to_be_visible()
    page.get_by_label("Height in centimetres").fill("178")
    page.get_by_label("Weight in kilograms").fill("75")
    page.get_by_label("The person in the video knows").check()
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.locator("[data-field=video] .fault")).to_contain_text("not a video")


def test_units_are_the_users_and_the_apis(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.hold()
    page = open_page()
    page.get_by_label("Height in centimetres").fill("180")
    page.get_by_label("Unit of Height").select_option("ft")
    expect(page.get_by_label("Height in feet")).to_have_value("5")
    expect(page.get_by_label("Height in inches")).to_have_value("10.9")
    page.get_by_label("Unit of Weight").select_option("lb")
    page.get_by_label("Weight in pounds").fill("165")
    page.get_by_label("Height in inches").fill("11")
    page.locator("#video-file").set_input_files(video)
    page.get_by_label("The person in the video knows").check()
    page.get_by_label("Is a limb hidden").check()
    page.get_by_label("How carefully").select_option("heavy")
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))
    run = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    assert run["subject"] == {"height": 1.8034, "weight": 74.8427}
    assert (run["options"]["estimate_missing"], run["options"]["pose_model"]) == (True, "heavy")
    assert run["options"]["force_complete"] is False
    page.goto("/#/new")
    expect(page.get_by_label("Height in feet")).to_be_visible()


def test_the_facts_of_a_video_are_shown_before_it_is_sent(open_page: OpenPage, video: Path):
    page = open_page()
    page.locator("#video-file").set_input_files(video)
    facts = page.locator(".chosen .facts")
    expect(facts).to_contain_text("480 × 640, upright")
    expect(facts).to_contain_text("0:02.50")
    expect(facts).to_contain_text("30 frames/s")


def test_a_recording_is_a_video_like_any_other(open_page: OpenPage):
    page = open_page()
    page.get_by_role("button", name="Record with the camera").click()
    page.get_by_role("button", name="Start recording").click()
    page.get_by_text("Recording: 0:01").wait_for()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".chosen .facts")).to_contain_text("recording.")
    expect(page.locator(".chosen video")).to_be_visible()


def test_a_failed_run_says_why(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.failure = Problem(code="nobody-detected", status=422, detail="Nobody was found. Film the whole person.")
    page = open_page()
    submit(page, video)
    expect(page.get_by_role("heading", name="The analysis failed")).to_be_visible()
    expect(page.get_by_text("Nobody was found. Film the whole person.")).to_be_visible()


def test_a_run_can_be_stopped(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.hold()
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Stop the analysis").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", name="The analysis was stopped")).to_be_visible()


def test_a_server_that_goes_away_and_comes_back(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.hold()
    page = open_page(expected="ERR_|Failed to load")
    submit(page, video)
    expect(page.locator(".stages li.now")).to_be_visible()
    laboratory.stop()
    expect(page.get_by_role("status")).to_have_text("The server does not answer. Trying again…")
    laboratory.start()
    expect(page.get_by_role("status")).to_have_text("Running")
    laboratory.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()


def test_an_upload_that_breaks_is_sent_again_and_is_one_run(open_page: OpenPage, laboratory: Laboratory, video: Path):
    page = open_page(expected="ERR_")
    broken: list[str] = []

    def break_first(route) -> None:
        if "idempotency-key" in route.request.headers and len(broken) < 1:
            broken.append(route.request.headers["idempotency-key"])
            route.fetch()  # it arrives, but its answer is lost
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/runs/", break_first)
    submit(page, video)
    assert len(broken) == 1
    assert len(page.request.get("/api/runs/").json()["runs"]) == 1


def test_a_large_video_goes_straight_to_the_store(open_page: OpenPage):
    """The page's own upload against a store that is played here; the video only claims to be large."""
    page = open_page()
    sent: list[tuple[str, dict[str, str], str]] = []

    def answer(route, status: int, body=None) -> None:
        request = route.request
        sent.append((request.url.removeprefix(page.url.split("#")[0]), request.headers, request.post_data or ""))
        route.fulfill(status=status, json=body or {})

    form = {"upload_key": "K" * 20, "url": "/store/bucket", "fields": {"policy": "P"}}
    page.route("**/api/uploads/", lambda route: answer(route, 201, form))
    page.route("**/store/bucket", lambda route: answer(route, 204))
    page.route("**/api/runs/", lambda route: answer(route, 202, {"run_key": "R", "warnings": []}))
    accepted = page.evaluate(
        """async () => {
          sessionStorage.setItem("humanpose3d-key", "secret");
          const { LARGE, submit } = await import("/static/lib/upload.js");
          const video = new File(["film"], "walk.mp4");
          Object.defineProperty(video, "size", { value: LARGE });
          const told = { sent: () => {}, lost: () => {} };
          return submit({ height: "1.8" }, video, told, new AbortController().signal);
        }"""
    )
    assert accepted["run_key"] == "R"
    assert [url for url, _, _ in sent] == ["api/uploads/", "store/bucket", "api/runs/"]
    assert [headers.get("authorization") for _, headers, _ in sent] == ["Bearer secret", None, "Bearer secret"]
    assert sent[1][2].index('name="policy"') < sent[1][2].index('name="file"') < sent[1][2].index("film")
    assert "K" * 20 in sent[2][2]
    assert "film" not in sent[2][2]


def test_without_events_progress_is_polled(open_page: OpenPage, laboratory: Laboratory, video: Path):
    laboratory.hold()
    page = open_page(expected="ERR_")
    page.route("**/events", lambda route: route.abort())
    submit(page, video)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", re.compile("4[5-9]"))
    laboratory.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()


def test_two_tabs_see_the_same_runs(open_page: OpenPage, laboratory: Laboratory, video: Path):
    first = open_page(expected="404")
    submit(first, video)
    expect(first.get_by_role("heading", name="walk", exact=True)).to_be_visible()
    second = first.context.new_page()
    second.goto("/#/runs")
    card = second.locator(".run")
    expect(card).to_contain_text("Finished")
    first.get_by_role("button", name="Delete").click()
    first.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)
    second.goto("/#/runs/erased-long-ago")
    expect(second.get_by_role("alert")).to_have_text("This analysis does not exist (any more).")


def test_history_is_searched_and_two_runs_are_compared(open_page: OpenPage, laboratory: Laboratory, video: Path):
    page = open_page()
    for name in ("before.mp4", "after.mp4"):
        page.goto("/#/new")
        submit(page, copied(video, laboratory.folder / name))
        page.get_by_role("slider", name="Time").wait_for()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".run")).to_have_count(2)
    page.get_by_role("searchbox").fill("befo")
    expect(page.locator(".run .name")).to_have_text(["before"])
    page.get_by_label("Compare before").check()
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Compare after").check()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.get_by_role("heading", name="Comparison")).to_be_visible()
    expect(page.locator(".chart")).to_have_count(3)
    page.locator(".chart .u-over").first.click(position={"x": 100, "y": 50})
    times = page.eval_on_selector_all(".chart", "charts => charts.map((chart) => chart.dataset.time)")
    assert len(set(times)) == 1
    assert float(times[0]) > 0
    page.get_by_label("Hip").check()
    flexion = walker.angles().values[:, JOINT_GROUP_INDEX["hip_r"], 0]
    cells = page.locator(".comparison tr", has_text="Flexion + / extension").locator("td")
    expect(cells).to_have_text([f"{np.ptp(flexion):.1f}"] * 2 + ["0.0"])


def copied(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target
