"""A run states the errors that were measured for its view and its networks, and none of others."""

import json
from dataclasses import replace
from typing import Any

import pytest

from humanpose3d.analysis import Analysis, View
from humanpose3d.language import ENGLISH
from humanpose3d.motion import MarkerSd
from humanpose3d.options import RunOptions, StageReport
from humanpose3d.skeleton import MARKERS
from shared.results import measured_errors
from shared.results.measured_errors import measured_error
from shared.results.model import RunResults
from shared.results.report.tables import errors_table
from tests.makers import with_made
from tests.shared.results.report.test_report import made

OBLIQUE = {"clips": 9, "reference": "true markers", "mae_deg": {"hip": {"flexion": 6.0, "adduction": 4.0}}}
PHONE = {"clips": 2, "reference": "motion capture", "mae_deg": {"hip": {"flexion": 7.0}}}
TABLE = {
    "pose_model": "full",
    "methods": {
        "geometric": {"models": {}, "rendered": {}, "real": {"oblique": PHONE}},
        "depth": {"models": {"depth.onnx": "12"}, "rendered": {"oblique": OBLIQUE}, "real": {"oblique": PHONE}},
    },
}


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_errors, "measured_errors", lambda: TABLE)


def run(view: View = "oblique", model: str | None = "12", **changes: Any) -> RunResults:
    analysis = Analysis(
        task="none", recognised=True, view=view, timing_s=0.01, events=(), parameters=(), not_measurable=(), curves=()
    )
    results = with_made(made(), analysis=analysis)
    if model is not None:
        times = results.angles.times
        spread = MarkerSd(times, MARKERS, results.landmarks.visibility[:, : len(MARKERS)])
        reports = {**results.reports, "refiner.depth": StageReport(models={"depth.onnx": model, "more.onnx": "0"})}
        results = with_made(replace(results, reports=reports), marker_sd=spread)
    return replace(results, **changes)


def test_errors_are_those_of_the_view_and_the_method():
    assert measured_error(run()) == {"view": "oblique", "rendered": OBLIQUE, "real": PHONE}
    assert measured_error(run(model=None)) == {"view": "oblique", "real": PHONE}


@pytest.mark.parametrize(
    "results",
    [run("frontal"), run("unknown"), run(model="another"), run(options=RunOptions(pose_model="heavy"))],
    ids=["view not measured", "view unknown", "other network", "other pose model"],
)
def test_nothing_is_claimed_of_what_was_not_measured(results: RunResults):
    assert measured_error(results) is None
    assert errors_table(measured_error(results), ENGLISH) is None


def test_a_refined_run_is_not_given_the_errors_of_an_unrefined_one():
    assert measured_error(with_made(run(), refined_angles=run().angles)) is None


def test_the_report_shows_them_by_joint():
    shown = str(errors_table(measured_error(run()), ENGLISH))
    assert "oblique views" in shown
    assert "Rendered people (9 clips, against true markers)" in shown
    assert ">flexion 6.0, adduction 4.0<" in shown
    assert json.dumps(measured_error(run()))
