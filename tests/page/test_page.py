"""User workflows on the page, in a real browser with a real gateway."""

import asyncio
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.incoming import PART_BYTES
from humanpose3d.api_models import Problem
from humanpose3d.errors import StoreUnavailable
from humanpose3d.skeleton import JOINT_GROUP_INDEX
from tests.page import walker
from tests.page.conftest import fill_form, submit
from tests.page.fake_server import FakeServer
from tests.servers import S3Server

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
    """Wait until video, landmarks, skeleton and every chart show this time, within a tenth of a frame."""
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


def test_from_the_video_to_the_results_to_erasure(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    submit(page, video)
    expect(page.get_by_role("heading", name="Analysis of walk")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", re.compile("4[5-9]"))
    now = page.locator(".stages li.now")
    expect(now).to_contain_text("Find the person")
    expect(now).to_contain_text("38 of 75 frames")
    page.reload()
    expect(now).to_contain_text("Find the person")
    expect(now).to_contain_text("38 of 75 frames")
    server.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()
    answers = page.locator(".answers")
    expect(answers).to_contain_text("Squats, as recognised in the video.")
    expect(answers.get_by_role("row", name="Depth")).to_contain_text("0.40 ± 0.03 m")
    expect(page.get_by_role("link", name="Key figures (CSV)")).to_be_visible()

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
    assert not [path for path in (server.folder / "store").rglob("*") if path.is_file()]


def test_the_cursor_is_synchronous_while_playing(open_page: OpenPage, server: FakeServer, video: Path):
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
    """The walker's head is drawn at the landmark, so the colour under the nose identifies the frame."""
    page = open_page()
    submit(page, video)
    page.get_by_role("slider", name="Time").fill("60")
    wait_for_time(page, 60 / walker.RATE)
    x, y = walker.landmarks().pixels[60, 0]
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


def test_where_faces_are_blurred_the_preview_is_shown_and_the_video_not_offered(
    open_page: OpenPage, server: FakeServer, video: Path
):
    page = open_page()
    page.get_by_text("For experts").click()
    page.get_by_label("Should the person's face be hidden?").check()
    submit(page, video)
    expect(page.get_by_text("The face is blurred.")).to_be_visible()
    expect(page.locator(".stage video")).to_have_attribute("src", re.compile(r"files/walk_preview\.mp4$"))
    page.get_by_role("slider", name="Time").fill("40")
    wait_for_time(page, 40 / walker.RATE)
    expect(page.locator(".files").get_by_text("Video with the skeleton (MP4)")).to_be_visible()
    expect(page.locator(".files").get_by_text("The original video")).to_have_count(0)


def test_after_a_click_on_a_tab_the_cursor_is_where_it_was_and_keys_move_it(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    slider = page.get_by_role("slider", name="Time")
    slider.fill("40")
    page.locator(".picker label", has_text="Hip").click()
    line = page.locator(".cursor-line").first
    shown = "(line) => line.getBoundingClientRect().x - line.parentElement.getBoundingClientRect().x"
    share = "(line) => line.parentElement.clientWidth"
    expect(page.locator(".chart strong").first).to_be_visible()
    page.wait_for_function("() => document.querySelector('.cursor-line').style.transform !== ''")
    width = line.evaluate(share)
    assert line.evaluate(shown) == pytest.approx(width * 40 / (walker.FRAMES - 1), abs=0.02 * width)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("41")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


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


def test_all_errors_are_shown_beside_their_fields_before_anything_is_uploaded(open_page: OpenPage):
    page = open_page()
    page.get_by_text("For experts").click()
    page.get_by_label("From which visibility").fill("2")
    page.get_by_text("For experts").click()
    page.get_by_label("Weight in kilograms").fill("5")
    page.get_by_label("Height in centimetres").fill("400")
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.locator("[data-field=consent] .fault")).to_contain_text("nothing is analysed without consent")
    expect(page.locator("[data-field=height] .fault")).to_contain_text("2.5")
    expect(page.locator("[data-field=weight] .fault")).to_contain_text("10")
    expect(page.locator("[data-field=video] .fault")).to_have_text("Choose a video, or record one.")
    expect(page.locator("[data-field=visibility_min] .fault")).to_be_visible()
    expect(page.get_by_label("Height in centimetres")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#video-file")).to_be_focused()
    page.get_by_label("The person in the video knows").check()
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.locator("[data-field=consent] .fault")).to_be_hidden()


def test_experts_options_are_folded(open_page: OpenPage):
    page = open_page()
    expect(page.get_by_label("Movement", exact=True)).to_have_value("auto")
    asked = page.locator(".field:visible").evaluate_all("fields => fields.map((field) => field.dataset.field)")
    assert asked == ["video", "height", "weight", "subject", "task", "consent"]
    page.get_by_text("For experts").click()
    expect(page.get_by_label("Is a limb hidden")).to_be_visible()


def test_a_file_that_is_no_video_is_refused_at_the_video_field(open_page: OpenPage, tmp_path: Path):
    page = open_page(expected="422|ERR_|MEDIA")
    page.locator("#video-file").set_input_files({"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"PK no video"})
    expect(page.get_by_text("This browser cannot show this video")).to_be_visible()
    page.get_by_label("Height in centimetres").fill("178")
    page.get_by_label("Weight in kilograms").fill("75")
    page.get_by_label("The person in the video knows").check()
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.locator("[data-field=video] .fault")).to_contain_text("not a video")


def test_units_are_the_users_and_the_apis(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
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
    page.get_by_text("For experts").click()
    page.get_by_label("Is a limb hidden").check()
    page.get_by_label("How accurate").select_option("heavy")
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))
    run = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    assert run["subject"] == {"height": 1.8034, "weight": 74.8427}
    assert (run["options"]["estimate_missing"], run["options"]["pose_model"]) == (True, "heavy")
    assert run["options"]["force_complete"] is False
    page.goto("/#/new")
    expect(page.get_by_label("Height in feet")).to_be_visible()


def test_numbers_are_understood_as_people_type_them(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    fill_form(page, video)
    page.get_by_label("Height in centimetres").fill("1,72")
    page.get_by_label("Weight in kilograms").fill("74,5")
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))
    run = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    assert run["subject"] == {"height": 1.72, "weight": 74.5}


def test_what_is_no_number_is_marked(open_page: OpenPage):
    page = open_page()
    page.get_by_label("Height in centimetres").fill("tall")
    page.get_by_label("The person in the video knows").check()
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.locator("[data-field=height] .fault")).to_contain_text("number")


def test_unlikely_people_are_asked_about_once(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    fill_form(page, video)
    page.get_by_label("Height in centimetres").fill("170")
    page.get_by_label("Weight in kilograms").fill("165")
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.get_by_text("165 kg at 1.7 m is unusual")).to_be_visible()
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))


def test_the_person_is_pointed_at_in_the_video(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    fill_form(page, video)
    page.get_by_text("30 frames/s").wait_for()
    box = page.locator(".chosen video").bounding_box()
    assert box is not None
    page.locator(".chosen video").click(position={"x": 0.25 * box["width"], "y": 0.5 * box["height"]})
    expect(page.get_by_label("Who is to be analysed")).to_have_value("0.250,0.500@0.00")
    expect(page.locator(".chosen .mark")).to_be_visible()
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))
    run = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    assert run["options"]["person"] == "0.250,0.500@0.00"


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


def test_a_failed_run_says_why(open_page: OpenPage, server: FakeServer, video: Path):
    server.failure = Problem(code="nobody-detected", status=422, detail="No person was found. Record the whole person.")
    page = open_page()
    submit(page, video)
    expect(page.get_by_role("heading", name="The analysis failed")).to_be_visible()
    expect(page.get_by_text("No person was found. Record the whole person.")).to_be_visible()
    expect(page.get_by_text("A still, level camera at hip height")).to_be_visible()


def test_a_failed_run_is_tried_again_with_its_video_and_answers(open_page: OpenPage, server: FakeServer, video: Path):
    server.failure = Problem(code="stage-crashed", status=500, detail="A step failed. Try again.")
    page = open_page()
    page.get_by_label("Subject code").fill("P07")
    page.get_by_label("Movement", exact=True).select_option("Gait")
    page.get_by_text("For experts").click()
    page.get_by_label("Is a limb hidden").check()
    page.get_by_label("From when to when").fill("0.5 2")
    fill_form(page, video)
    page.get_by_label("Who is to be analysed").select_option("The leftmost")
    page.get_by_role("button", name="Start the analysis").click()
    page.get_by_role("link", name="Try again with this video").wait_for()
    expect(page.get_by_text("How to record")).to_have_count(0)
    failed = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    server.failure = None
    page.get_by_role("link", name="Try again with this video").click()
    expect(page.locator(".chosen .facts")).to_contain_text("walk · ")
    expect(page.get_by_label("The person in the video knows")).not_to_be_checked()
    page.get_by_label("The person in the video knows").check()
    bodies: list[int] = []
    page.on("request", lambda request: bodies.append(len(request.post_data_buffer or b"")))
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()
    assert max(bodies) < len(video.read_bytes()) / 2
    again = page.request.get(f"/api/runs/{page.url.split('/')[-1]}/").json()
    for same in ("subject", "notes", "options", "video_name"):
        assert again[same] == failed[same]
    assert again["options"]["neutral"] == [0.5, 2]
    sent = page.request.get(f"/api/runs/{again['run_key']}/video").body()
    assert sent == video.read_bytes()


def test_rate_and_time_left_follow_the_events_also_after_a_reload(open_page: OpenPage):
    """20 frames and 4 % a second by the server's clock; a page that is opened late receives the newest first."""
    told = [
        {
            "at": f"2026-01-01T00:00:{10 + second:02}Z",
            "stage": "detector",
            "progress": 4.0 * second,
            "frames": {"done": 20 * second, "total": 450} if second else None,
        }
        for second in (10, *range(10))
    ]
    pace = open_page().evaluate(
        """async (told) => {
          const { Pace } = await import("/static/lib/pace.js");
          const pace = new Pace();
          pace.hear(told[0]);
          const early = [pace.framesPerSecond, pace.secondsLeft];
          told.slice(1).forEach((each) => pace.hear(each));
          return [early, [pace.framesPerSecond, pace.secondsLeft]];
        }""",
        told,
    )
    assert pace == [[None, None], [20, 15]]


def test_a_queued_run_states_how_many_are_before_it(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    for words in ("at work", "Next in line.", "One analysis is before this one.", "2 analyses are before this one."):
        page.goto("/#/new")
        submit(page, video)
        if words != "at work":
            expect(page.get_by_text(words)).to_be_visible()
        else:
            page.locator(".stages li.now").wait_for()


def test_a_run_is_renamed_in_place(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Rename").click()
    name = page.get_by_role("dialog").get_by_label("Name")
    expect(name).to_have_value("walk")
    name.fill("   ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    name.fill("Before surgery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Before surgery")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Before surgery")).to_be_visible()
    expect(page.get_by_text("video walk")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Markers, final").click()
    assert download.value.suggested_filename == "walk_final.trc"
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Edit name and notes of Before surgery").click()
    page.get_by_label("Name", exact=True).fill("After")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".run .name")).to_have_text("After")
    page.get_by_role("searchbox").fill("walk")
    expect(page.locator(".run .name")).to_have_text("After")


def test_the_band_is_one_standard_deviation_where_one_is_stated(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    expect(page.locator(".chart.banded")).to_have_count(6)
    expect(page.locator(".chart-key")).to_contain_text("Band: ± one standard deviation")
    page.get_by_role("slider", name="Time").fill("37")
    value = walker.angles().values[37, JOINT_GROUP_INDEX["knee_l"], 0]
    reading = page.locator(".chart", has_text="Left").first.locator(".value")
    expect(reading).to_have_text(f"{value:.1f}° ± 4.0°".replace("-", "−"))
    expect(page.locator(".statistics tbody tr").first.locator("td").nth(4)).to_have_text("4.0")
    page.get_by_label("Trunk").check()
    expect(page.locator(".chart")).to_have_count(3)
    expect(page.locator(".chart.banded")).to_have_count(0)
    expect(page.locator(".chart-key")).not_to_contain_text("Band: ± one standard deviation")


def test_the_measured_error_of_the_joint_shown_is_stated(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    told = page.locator(".measured-error")
    expect(told).to_have_text(
        "Mean absolute error in oblique views, measured on 9 clips of rendered people: flexion 6.0°, "
        "internal rotation 8.0°. On 2 videos of real people (OpenSim's coordinates): flexion 7.0°."
    )
    page.get_by_label("Trunk").check()
    expect(told).to_be_empty()


def test_the_band_is_between_its_limits(open_page: OpenPage):
    """Read from the canvas: shaded a little inside value ± sd, plain a little outside; nothing where no sd is known."""
    shades = open_page().evaluate(
        """async () => {
          const { chart } = await import("/static/parts/charts.js");
          const { Playhead } = await import("/static/lib/playhead.js");
          const times = Float64Array.from({ length: 101 }, (_, index) => index / 100);
          const spread = times.map((time) => (time < 0.5 ? 8 : NaN));
          const curve = { label: "c", times, values: times.map(() => 10), spread, colour: () => "#000000" };
          const playhead = new Playhead(times);
          const { signal } = new AbortController();
          const figure = await chart({ title: "t", curves: [curve], range: [-10, 30] }, playhead, signal);
          document.getElementById("main").replaceChildren(figure);
          await new Promise((resolve) => setTimeout(resolve, 300));
          const canvas = figure.querySelector("canvas");
          const over = figure.querySelector(".u-over");
          const context = canvas.getContext("2d");
          const scale = canvas.width / canvas.clientWidth;
          const [left, top] = [over.offsetLeft, over.offsetTop];
          const at = (time, degrees) => {
            const x = (left + time * over.clientWidth) * scale;
            const y = (top + ((30 - degrees) / 40) * over.clientHeight) * scale;
            return context.getImageData(Math.round(x), Math.round(y), 1, 1).data[3] > 0;
          };
          return [[0.23, 17], [0.23, 3], [0.23, 19], [0.23, 1], [0.77, 13]].map(([time, degrees]) => at(time, degrees));
        }"""
    )
    assert shades == [True, True, False, False, False]


def test_a_run_can_be_stopped(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page()
    submit(page, video)
    page.get_by_role("button", name="Stop the analysis").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", name="The analysis was stopped")).to_be_visible()


def test_a_server_that_stops_and_returns(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page(expected="ERR_|Failed to load")
    submit(page, video)
    expect(page.locator(".stages li.now")).to_be_visible()
    server.stop()
    expect(page.get_by_role("status")).to_have_text("The server does not answer. Trying again…")
    server.start()
    expect(page.get_by_role("status")).to_have_text("Running")
    server.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()


def test_an_interrupted_upload_is_sent_again_and_creates_one_run(open_page: OpenPage, server: FakeServer, video: Path):
    page = open_page(expected="ERR_")
    broken: list[str] = []

    def break_first(route) -> None:
        if "idempotency-key" in route.request.headers and len(broken) < 1:
            broken.append(route.request.headers["idempotency-key"])
            route.fetch()  # it arrives, but the response is lost
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/runs/", break_first)
    submit(page, video)
    assert len(broken) == 1
    assert len(page.request.get("/api/runs/").json()["runs"]) == 1


def padded(video: Path, target: Path, size: int) -> Path:
    """The video with an empty box (ISO 14496-12, `free`) at its end, which players skip."""
    content = video.read_bytes()
    room = size - len(content)
    target.write_bytes(content + room.to_bytes(4, "big") + b"free" + bytes(room - 8))
    return target


class Parts:
    """Records the parts that reach a store, and makes some of them fail or wait. (Playwright's own routes are slow
    here: they pass on every byte of a part.)"""

    def __init__(self, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stored: list[int] = []
        self.lost: set[int] = set()
        self.held: set[int] = set()
        self._put = server.store.put_part
        monkeypatch.setattr(server.store, "put_part", self._put_part)

    async def _put_part(self, key: str, number: int, path: Path) -> None:
        if number in self.lost:
            raise StoreUnavailable("The store does not answer.")
        while number in self.held:
            await asyncio.sleep(0.02)
        await self._put(key, number, path)
        self.stored.append(number)


def test_a_large_upload_is_resumed_after_a_broken_connection_and_a_reload(
    open_page: OpenPage, server: FakeServer, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    large = padded(video, tmp_path / "Squat.mp4", 3 * PART_BYTES + 1000)
    page = open_page(expected="503")
    parts = Parts(server, monkeypatch)
    parts.lost = {3}
    fill_form(page, large)
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.get_by_text("The connection was lost.")).to_be_visible()
    page.reload()
    assert parts.stored == [1, 2]
    parts.lost = set()
    fill_form(page, large)
    expect(page.get_by_text("66 % of this video are on the server")).to_be_visible()
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))
    assert parts.stored == [1, 2, 3, 4]
    expect(page.get_by_role("heading", name="Squat", exact=True)).to_be_visible()
    run_key = page.url.rsplit("/", 1)[1]
    assert page.request.get(f"/api/runs/{run_key}/video").body() == large.read_bytes()
    assert page.evaluate("() => localStorage.getItem('uploads')") == "{}"


def test_an_upload_is_stopped_and_resumed_later(
    open_page: OpenPage, server: FakeServer, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    large = padded(video, tmp_path / "Squat.mp4", 3 * PART_BYTES + 1000)
    page = open_page()
    parts = Parts(server, monkeypatch)
    parts.held = {2}
    fill_form(page, large)
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.get_by_text(re.compile(r"Uploading: [3-6]\d %"))).to_be_visible()
    page.get_by_role("button", name="Stop the upload").click()
    expect(page.get_by_text("Choose the same video within two days")).to_be_visible()
    parts.held = set()
    page.get_by_role("button", name="Start the analysis").click()
    expect(page.get_by_role("heading", name="Squat", exact=True)).to_be_visible()


def test_a_large_upload_goes_directly_to_an_s3_store(
    browser: Browser, s3_server: S3Server, video: Path, tmp_path: Path
):
    """The store has another origin: it must allow the page's, and the page's policy must name it."""
    large = padded(video, tmp_path / "Squat.mp4", 3 * PART_BYTES + 1000)
    server = FakeServer(tmp_path / "server", s3_server)
    server.start()
    page = browser.new_page(base_url=server.url)
    to_store: list[dict[str, str]] = []
    page.on("request", lambda asked: to_store.append(asked.headers) if asked.url.startswith(s3_server.url) else None)
    try:
        page.goto("/")
        submit(page, large)
        expect(page.get_by_role("heading", name="Squat", exact=True)).to_be_visible()
        run_key = page.url.rsplit("/", 1)[1]
        assert page.request.get(f"/api/runs/{run_key}/video").body() == large.read_bytes()
    finally:
        page.close()
        server.close()
    assert len(to_store) == 4
    assert not any("authorization" in headers for headers in to_store)


def test_without_events_progress_is_polled(open_page: OpenPage, server: FakeServer, video: Path):
    server.hold()
    page = open_page(expected="ERR_")
    page.route("**/events", lambda route: route.abort())
    submit(page, video)
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", re.compile("4[5-9]"))
    server.go_on()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()


def test_two_tabs_see_the_same_runs(open_page: OpenPage, server: FakeServer, video: Path):
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


def test_history_is_searched_and_two_runs_are_compared(open_page: OpenPage, server: FakeServer, video: Path):
    page = open_page()
    for name in ("before.mp4", "after.mp4"):
        page.goto("/#/new")
        submit(page, copied(video, server.folder / name))
        page.get_by_role("slider", name="Time").wait_for()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".run")).to_have_count(2)
    page.get_by_role("searchbox").fill("befo")
    expect(page.locator(".run .name")).to_have_text(["before"])
    page.get_by_label("Compare before").check()
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Compare after").check()
    page.get_by_role("link", name="Compare these 2").click()
    expect(page.get_by_role("heading", name="Comparison")).to_be_visible()
    expect(page.locator(".chart")).to_have_count(6)
    page.locator(".chart .u-over").first.click(position={"x": 100, "y": 50})
    times = page.eval_on_selector_all(".chart", "charts => charts.map((chart) => chart.dataset.time)")
    assert len(set(times)) == 1
    assert float(times[0]) != 0
    page.get_by_label("Hip").check()
    flexion = walker.angles().values[:, JOINT_GROUP_INDEX["hip_r"], 0]
    cells = page.get_by_role("row", name="Flexion + / extension −, right").locator("td")
    expect(cells).to_have_text([f"{np.ptp(flexion):.1f}°"] * 2 + ["0.0°"])


def copied(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


def test_printing_the_results_prints_the_report(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    page.locator(".printed").wait_for(state="attached")
    expect(page.get_by_text("Its second page")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.get_by_text("Its second page")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    expect(page.locator("header")).to_be_hidden()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) == 2
    page.emulate_media(media="screen")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".printed")).to_have_count(0)
