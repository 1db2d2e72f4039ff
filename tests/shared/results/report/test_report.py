"""The report's appearance is judged by eye; these tests check its content, its brevity and that it loads nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from humanpose3d.analysis import Analysis
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers, MarkerSd, MarkerSpread
from humanpose3d.options import QualityWarning, RunOptions, StageReport, Subject, VideoFacts, warning
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, MARKERS, RESPONSE_MARKERS
from shared.results.model import ARTEFACTS, RunResults
from shared.results.report import report_page
from shared.results.report.charts import HEIGHT, WIDTH, ticks
from shared.results.report.markup import Html, element
from tests.makers import with_made

RUN: dict[str, Any] = {
    "video_sha256": "ab" * 32,
    "options": RunOptions().model_dump(mode="json"),
    "models": {"pose.task": "cd" * 32},
    "versions": {"humanpose3d": "1.2.3", "python": "3.12.1"},
    "created_at": "2026-03-04T05:06:07+00:00",
}


def made(frames: int = 40, **changes: Any) -> RunResults:
    """A run whose right knee flexes from 5° to 65° and whose left knee from 10° to 50°."""
    times = np.arange(frames) / 30
    values = np.zeros((frames, 12, 3))
    phase = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    values[:, JOINT_GROUP_INDEX["knee_r"], 0] = 5 + 60 * phase
    values[:, JOINT_GROUP_INDEX["knee_l"], 0] = 10 + 40 * phase
    positions = np.zeros((frames, 65, 3))
    facts: dict[str, Any] = {
        "detection_rate": 0.987,
        "turned_deg": 0,
    }
    results = RunResults(
        name="walk",
        video_sha256="ab" * 32,
        subject=Subject(height=1.78, weight=75),
        options=RunOptions(),
        artefacts={
            "video_facts": VideoFacts(
                width=1280,
                height=720,
                rotation_deg=0,
                codec="h264",
                container="mp4",
                frames=frames,
                duration_s=frames / 30,
                average_fps=30,
                variable_frame_rate=False,
                frame_interval_min_s=1 / 30,
                frame_interval_max_s=1 / 30,
                truncated=False,
                has_audio=False,
            ),
            "landmarks": Landmarks(
                times, np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3)), np.ones((frames, 33)), (1280, 720)
            ),
            "initial_markers": Markers(times, MARKERS, positions[:, :22]),
            "augmented_markers": Markers(times, ALL_MARKERS, positions),
            "marker_spread": MarkerSpread(times, RESPONSE_MARKERS, np.zeros((frames, 43))),
            "angles": JointAngles(times, values),
        },
        reports={"detector": StageReport(facts=facts), "refiner.depth": StageReport(facts={"camera_pitch_deg": -4.2})},
        timings_s={},
    )
    made = {name: changes.pop(name) for name in list(changes) if name in ARTEFACTS}
    return with_made(replace(results, **changes), **made)


class Page(HTMLParser):
    """The text of a page, its elements and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page(results: RunResults, run: dict[str, Any] = RUN) -> Page:
    return Page(report_page(results, run))


def test_summary_quality_and_statistics_are_shown():
    seen = page(made())
    assert "4 March 2026, 05:06 UTC" in seen.text
    for words in ("1.78 m, 75 kg", "1280 × 720 pixels", "98.7% of the frames", "−4°", "Nothing stood out"):
        assert words in seen.text
    knee = seen.text[seen.text.index("Limbs, degrees") :].split("Knee", 1)[1].split("Ankle")[0]
    assert re.findall(r"−?\d+", knee)[:10] == [
        *("60", "5", "65", "35"),
        *("40", "10", "50", "30"),
        *("20", "5"),
    ]
    assert seen.text.count("1.2.3") == 2  # methods, versions
    assert ("cd" * 32) in seen.text


def test_warnings_come_in_the_order_of_the_stages():
    reports = {
        stage: StageReport(warnings=(QualityWarning(code="x", message=f"{stage} says: record again."),))
        for stage in ("angles", "detector")
    }
    seen = page(made(reports=reports)).text
    assert "2 warnings to read" in seen
    assert seen.index("detector says") < seen.index("angles says")


DONE = ("turned by 90°", "they were relabelled", "gaps were filled", "mirrored from the visible side", "were estimated")


def test_the_methods_describe_what_ran_and_nothing_else():
    plain = page(made()).text
    for absent in (*DONE, "Butterworth", "neural network."):
        assert absent not in plain
    assert "averaged over 20 slightly perturbed copies" in plain
    assert [int(number) for number in re.findall(r"\[([\d, ]+)\]", plain)[0].split(", ")] == [1, 2]
    options = RunOptions(temporal_smoothing=True, augmentation_cycles=1, pose_model="heavy")
    depth: dict[str, Any] = {"swaps_share": 0.1, "filled_share": {"LKnee": 0.2}, "estimated_share": {"LKnee": 0.2}}
    reports = {
        "detector": StageReport(facts={"turned_deg": 90}),
        "refiner.depth": StageReport(facts=depth),
        "augmenter": StageReport(facts={"estimated_share": {"RHJC_study": 0.2}}),
    }
    results = made(options=options, reports=reports)
    spread = MarkerSd(results.angles.times, MARKERS, np.zeros((40, 22)))
    told = page(with_made(results, refined_angles=results.angles, marker_sd=spread)).text
    for present in (*DONE, "Butterworth", "“heavy”", "refined ones"):
        assert present in told
    assert "depth of the markers was refined" in told
    assert "perturbed copies" not in told
    unsmoothed = StageReport(warnings=(QualityWarning(code="not-smoothed", message="Too slow."),))
    assert "Butterworth" not in page(replace(results, reports={"refiner.depth": unsmoothed})).text


def test_user_input_is_escaped():
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">&"\''
    reports = {"detector": StageReport(warnings=(QualityWarning(code="x", message=evil),))}
    run = {
        **RUN,
        "options": {**RUN["options"], "depth_model_path": f"/home/me/{evil.replace('/', '')}.onnx"},
        "models": {evil: evil},
    }
    seen = page(made(name=evil, reports=reports), run)
    assert not {"script", "img", "iframe", "link", "object", "a"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert evil in seen.text
    assert "/home/me" not in seen.text


def test_the_page_is_complete_and_loads_nothing():
    html = report_page(made(), RUN)
    seen = Page(html)
    assert seen.open == []
    assert "http" not in re.sub(r'http-equiv="', "", html)
    assert "url(" not in html
    assert "@import" not in html
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in seen.attributes
    assert seen.tags.count("svg") == 7 * 3 + 3 + 3 + 3 + 2  # the first page has a legend, 3 charts, 2 views
    assert len(html) < 80_000


def test_the_same_run_gives_the_same_page():
    assert report_page(made(), RUN) == report_page(made(), RUN)
    later = report_page(made(), {**RUN, "created_at": "2027-01-01T00:00:00+00:00"})
    assert later.replace("1 January 2027, 00:00", "4 March 2026, 05:06") == report_page(made(), RUN)


def curves(html: str, kind: str = "curve right") -> list[str]:
    return re.findall(rf'<path d="([^"]*)" class="{kind}">', html)


def test_curves_are_within_their_charts_and_break_at_gaps():
    results = made()
    values = results.angles.values.copy()
    values[10:20, JOINT_GROUP_INDEX["knee_r"], 0] = np.nan
    html = report_page(with_made(results, angles=JointAngles(results.angles.times, values)), RUN)
    right = curves(html)
    knee = right[1 + 3 + 1 + 3]  # after the first page, the legend and the hip
    assert (knee.count("M"), knee.count("L")) == (2, 28)
    points = np.array([[float(number) for number in pair.split(" ")] for pair in re.findall(r"[ML]([\d. ]+)", knee)])
    assert (points >= 0).all()
    assert (points <= (WIDTH, HEIGHT)).all()
    assert points[0, 1] > points[-1, 1]  # it rises
    assert "right from 5° to 65°" in html


def test_the_spread_is_a_band():
    results = made()
    spread = np.full((40, 12, 3), 3.0)
    spread[5:9] = np.nan
    html = report_page(with_made(results, angle_sd=AngleSd(results.angles.times, spread)), RUN)
    bands = curves(html, "band right")
    assert len(bands) == 3 + 15
    assert {band.count("Z") for band in bands} == {2}
    assert "± one standard deviation" in html
    assert "± one standard deviation" not in report_page(results, RUN)


@pytest.mark.parametrize("frames", [1, 30_000])
def test_the_page_of_a_run_of_any_length_can_be_mailed(frames):
    html = report_page(made(frames), RUN)
    assert Page(html).open == []
    assert len(html) < 700_000


def test_unknown_angles_are_stated_as_unknown():
    results = made(angles=JointAngles(np.arange(3) / 30, np.full((3, 12, 3), np.nan)))
    html = report_page(results, RUN)
    assert "right not measured" in html
    assert "nan" not in html.replace("nanoseconds", "")


def test_ticks_are_round():
    assert ticks(-12.0, 61.0, 4) == [0, 20, 40, 60]
    assert ticks(-0.3, 0.3, 4) == [-0.2, 0.0, 0.2]
    assert ticks(1.0, 1.0, 4) == []
    assert str(ticks(-20.0, 20.0, 4)[2]) == "0.0"


def test_only_explicit_markup_is_markup():
    assert element("p", "a < b", Html("<b>"), None, class_="x", aria_label='"') == (
        '<p class="x" aria-label="&quot;">a &lt; b<b></p>'
    )
    assert element("rect", x=1.0, y=2.25, rx=None) == '<rect x="1" y="2.2"></rect>'


def test_the_report_is_in_the_language_of_the_run():
    warned = warning(
        "damaged",
        "{count} parts of the video could not be decoded and are missing. Copy or export the video again.",
        count=2,
    )
    html = report_page(
        made(options=RunOptions(language="de"), reports={"detector": StageReport(warnings=(warned,))}), RUN
    )
    seen = Page(html)
    assert ("lang", "de") in seen.attributes
    for words in (
        "Kein Medizinprodukt",
        "04.03.2026, 05:06 UTC",
        "1,78 m, 75 kg",
        "30,00 Bilder/s",
        "rechts",
        "2 Teile des Videos",
    ):
        assert words in seen.text


def test_the_main_angles_are_those_of_the_task_or_those_that_move_most():
    first = page(made()).text.split("Main joint angles")[1].split("Can these numbers be trusted?")[0]
    assert first.index("Knee") < first.index("Hip")
    squat = Analysis(task="squat", recognised=True, view="lateral", timing_s=0.01)
    first = page(made(analysis=squat)).text.split("Main joint angles")[1].split("Can these numbers be trusted?")[0]
    assert [joint for joint in ("Hip", "Knee", "Ankle", "Trunk") if joint in first] == ["Hip", "Knee", "Trunk"]
