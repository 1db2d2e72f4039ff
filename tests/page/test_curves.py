"""The charts of joint angles: zoom, values under the pointer, marks, repetitions and mean cycles."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from humanpose3d.analysis import Analysis, Event, EventKind, MeanCurve
from humanpose3d.skeleton import JOINT_GROUP_INDEX
from services.angles.analysis.gait_parameters import normalised
from tests.page import walker
from tests.page.conftest import submit
from tests.page.fake_server import FakeServer

OpenPage = Callable[..., Page]
GAIT_EVENTS: tuple[tuple[float, EventKind], ...] = (
    (0.2, "heel_strike"),
    (0.8, "toe_off"),
    (1.2, "heel_strike"),
    (1.8, "toe_off"),
    (2.2, "heel_strike"),
)
SQUAT_EVENTS: tuple[EventKind, ...] = ("start", "lowest", "end")

MEAN = tuple(np.linspace(0, 60, 101).tolist())
GAIT = Analysis(
    task="gait",
    recognised=True,
    view="lateral",
    timing_s=0.0167,
    norms="12 adults, own pace",
    events=tuple(Event(time_s=time, kind=kind, side="right") for time, kind in GAIT_EVENTS),
    curves=(
        MeanCurve(
            joint="knee_r",
            angle="flexion",
            side="right",
            mean=MEAN,
            sd=(3.0,) * 101,
            n=2,
            norm_mean=(20.0,) * 101,
            norm_sd=(5.0,) * 101,
        ),
    ),
)
SQUATS = GAIT.model_copy(
    update={
        "task": "squat",
        "norms": None,
        "curves": (),
        "events": tuple(
            Event(time_s=time, kind=kind, repetition=number)
            for number, times in enumerate(((0.1, 0.5, 1.0), (1.2, 1.8, 2.4)), 1)
            for time, kind in zip(times, SQUAT_EVENTS, strict=True)
        ),
    }
)

INKED = """(time) => {
  const figure = document.querySelector(".chart");
  const canvas = figure.querySelector("canvas");
  const over = figure.querySelector(".u-over");
  const scale = canvas.width / canvas.clientWidth;
  const x = (over.offsetLeft + (time / 2.4667) * over.clientWidth) * scale;
  const y = (over.offsetTop + over.clientHeight - 2) * scale;
  return canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data[3] > 0;
}"""
"""Whether the lower edge of the first chart is drawn on at a time, where its curve and its band are not."""


@pytest.fixture
def results(open_page: OpenPage, server: FakeServer, video: Path) -> Callable[[Analysis], Page]:
    """Opens the results of a run with this analysis."""

    def opened(analysis: Analysis) -> Page:
        server.analysis = analysis
        page = open_page()
        submit(page, video)
        page.locator(".chart canvas").nth(5).wait_for()
        return page

    return opened


def cursor_share(page: Page) -> float:
    """Where the cursor is in the first chart, as a share of its width."""
    return float(
        page.locator(".chart .cursor-line").first.evaluate(
            """(line) => {
              const chart = line.parentElement.getBoundingClientRect();
              return (line.getBoundingClientRect().x + 1 - chart.x) / chart.width;
            }"""
        )
    )


def test_a_range_of_time_is_chosen_in_a_chart_and_on_the_strip(results: Callable[[Analysis], Page]):
    page = results(SQUATS)
    chart = page.locator(".chart .u-over").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    whole = walker.TIMES[-1]
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 50)
    page.mouse.up()
    page.keyboard.up("Shift")
    start = page.get_by_role("slider", name="Start of the range")
    assert float(start.get_attribute("aria-valuenow") or 0) == pytest.approx(0.25 * whole, abs=0.02)
    page.get_by_role("slider", name="Time", exact=True).fill("37")
    assert cursor_share(page) == pytest.approx(0.5, abs=0.02)
    start.press("ArrowRight")
    assert cursor_share(page) < 0.49
    page.get_by_role("slider", name="Time", exact=True).fill("74")
    assert float(page.get_by_role("slider", name="End of the range").get_attribute("aria-valuenow") or 0) > 2.4
    page.get_by_role("button", name="Whole recording").click()
    assert cursor_share(page) == pytest.approx(1, abs=0.02)


def test_the_values_under_the_pointer_are_shown_in_every_chart(results: Callable[[Analysis], Page]):
    page = results(SQUATS)
    chart = page.locator(".chart .u-over").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 40 / 74, box["y"] + 50)
    value = walker.angles().values[40, JOINT_GROUP_INDEX["knee_r"], 0]
    words = page.locator(".hover-values")
    expect(words.first).to_contain_text(f"{value:.1f}°".replace("-", "−"))
    expect(words.first).to_contain_text("1.33 s")
    assert words.evaluate_all("(all) => all.every((each) => each.checkVisibility())")
    page.mouse.move(0, 0)
    expect(words.first).to_be_hidden()


def test_stance_is_shaded_in_the_charts_of_its_side(results: Callable[[Analysis], Page]):
    page = results(GAIT)
    expect(page.locator(".chart-key")).to_contain_text("heel strike")
    assert [page.evaluate(INKED, time) for time in (0.53, 0.93, 1.53, 1.93)] == [True, False, True, False]


def test_the_mean_cycle_has_the_norms_that_the_run_was_compared_with(results: Callable[[Analysis], Page]):
    page = results(GAIT)
    page.get_by_label("Repetitions", exact=True).check()
    chart = page.locator(".chart").first
    expect(chart).to_contain_text("Right, mean of 2")
    expect(page.locator(".chart-key")).to_contain_text("12 adults, own pace")
    page.get_by_role("slider", name="Time", exact=True).fill("21")  # 0.7 s: the middle of the first cycle
    expect(chart.locator(".value")).to_have_text("30.0° ± 3.0°")
    assert cursor_share(page) == pytest.approx(0.5, abs=0.01)


def test_repetitions_are_laid_over_each_other_as_the_analysis_does(results: Callable[[Analysis], Page]):
    page = results(SQUATS)
    page.get_by_label("Repetitions", exact=True).check()
    expect(page.locator(".chart")).to_have_count(6)
    expect(page.locator(".chart-key")).not_to_contain_text("norms")
    page.get_by_role("slider", name="Time", exact=True).fill("36")
    knee = walker.angles().values[:, JOINT_GROUP_INDEX["knee_l"], 0]
    both = np.array([normalised(knee[start : end + 1]) for start, end in ((3, 30), (36, 72))])
    mean, sd = both.mean(axis=0)[0], both.std(axis=0, ddof=1)[0]
    expect(page.locator(".chart .value").nth(1)).to_have_text(f"{mean:.1f}° ± {sd:.1f}°".replace("-", "−"))


def test_without_repetitions_there_is_only_time(results: Callable[[Analysis], Page]):
    page = results(SQUATS.model_copy(update={"task": "none", "events": ()}))
    expect(page.get_by_label("Repetitions", exact=True)).to_have_count(0)


def test_a_table_of_cycles_is_read_in_either_style(open_page: OpenPage):
    tables = [
        "side,joint,angle,percent,mean_deg,sd_deg,n,norm_mean_deg,norm_sd_deg\n"
        + "".join(f"right,knee_r,flexion,{percent},{percent / 2},,1,,\n" for percent in range(101)),
        "side;joint;angle;percent;mean_deg;sd_deg;n;norm_mean_deg;norm_sd_deg\n"
        + "".join(f"right;knee_r;flexion;{percent};{percent / 2};;1;;\n".replace(".", ",") for percent in range(101)),
    ]
    read = open_page().evaluate(
        """async (tables) => {
          const { readCycles } = await import("/static/lib/repetitions.js");
          const plain = ({ joint, mean, sd, normMean }) => [joint, mean[51], sd, normMean];
          return tables.map((table) => readCycles(table).map(plain));
        }""",
        tables,
    )
    assert read == [[["knee_r", 25.5, None, None]]] * 2
