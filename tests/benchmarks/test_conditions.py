"""The conditions call the stages as a run does, and report a missing refiner; refiners are stubs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from benchmarks import conditions
from benchmarks.cases import Case
from benchmarks.conditions import CONDITIONS, Answer, NotAvailable
from cli.pipeline import STAGES
from humanpose3d.errors import ModelNotFound
from humanpose3d.motion import AngleSd, JointAngles, Markers, MarkerSd
from humanpose3d.options import RunOptions, StageName, StageReport
from humanpose3d.skeleton import JOINT_GROUP_INDEX, MARKERS
from services.angles.joints import joint_angles
from services.refiner.depth.stage import DepthInputs, DepthOutputs
from shared.stage import Progress, Stage
from tests.benchmarks.made_up import SUBJECT, pair
from tests.services.refiner import synthetic
from training.metrics import stated_up

_KNEES = [JOINT_GROUP_INDEX["knee_r"], JOINT_GROUP_INDEX["knee_l"]]
ANSWERS = {condition.key: condition.answer for condition in CONDITIONS}


@dataclass(frozen=True)
class JointsInputs:
    angles: JointAngles


@dataclass(frozen=True)
class JointsOutputs:
    refined_angles: JointAngles
    angle_sd: AngleSd
    report: StageReport


@pytest.fixture(scope="module")
def case() -> Case:
    made = pair("squatsAsym1", synthetic.squatting(synthetic.clock(0.5)), synthetic.Camera(pitch=10))
    markers = made.markers.select(MARKERS).positions
    return Case("0", "squatsAsym", made.landmarks, SUBJECT, made.camera, markers, joint_angles(made.markers))


@pytest.fixture
def asked(case, monkeypatch, tmp_path) -> list[RunOptions]:
    """A depth refiner that returns the truth, a joint refiner that adds 1° to every angle; the options received."""
    options_seen: list[RunOptions] = []

    def depth(inputs: DepthInputs, options: RunOptions, _progress: Progress) -> DepthOutputs:
        options_seen.append(options)
        markers = Markers(inputs.landmarks.times, MARKERS, case.markers)
        report = StageReport(facts={"camera_pitch_deg": 9.0, "camera_roll_deg": 1.0}, models={"depth.onnx": "12"})
        spread = MarkerSd(markers.times, MARKERS, np.full(case.markers.shape[:2], 0.02))
        return DepthOutputs(markers, markers, report, spread)

    def joints(inputs: JointsInputs, options: RunOptions, _progress: Progress) -> JointsOutputs:
        options_seen.append(options)
        times, values = inputs.angles.times, inputs.angles.values
        spread = AngleSd(times, np.full(values.shape, 3.0))
        return JointsOutputs(JointAngles(times, values + 1), spread, StageReport(models={"joints.onnx": "34"}))

    stages: dict[StageName, Stage[Any, Any]] = {
        "refiner.depth": replace(STAGES["refiner.depth"], run=depth),
        "refiner.joints": Stage("refiner.joints", JointsInputs, JointsOutputs, joints),
    }
    monkeypatch.setattr(conditions, "STAGES", {**STAGES, **stages})
    monkeypatch.setattr(conditions, "route", routed())
    monkeypatch.setattr(conditions, "DEPTH_MODEL", tmp_path / "depth_refiner.onnx")
    (tmp_path / "depth_refiner.onnx").touch()
    return options_seen


def routed() -> Callable[[RunOptions], tuple[str, ...]]:
    stages = ("detector", "refiner.depth", "augmenter", "angles")
    return lambda options: (*stages, "refiner.joints") if options.joint_model_path else stages


def test_the_depth_refiner_runs_alone(case, asked):
    answer = ANSWERS["depth"](case, 1)
    assert [options.depth_model_path for options in asked] == [str(conditions.DEPTH_MODEL)]
    assert asked[0].joint_model_path is None
    assert answer.markers == pytest.approx(case.markers)
    assert (
        np.abs(answer.angles - case.angles)[:, _KNEES, 0].mean() < 5
    )  # of a fitted skeleton, from a drawing's markers
    assert answer.marker_sd is not None
    assert answer.angle_sd is not None
    assert answer.up[0] == pytest.approx(stated_up(9.0, 1.0))
    assert answer.models["depth.onnx"] == "12"


def test_both_refiners_answer_with_refined_angles(case, asked):
    answer = ANSWERS["both"](case, 1)
    assert [options.joint_model_path for options in asked] == [str(conditions.JOINT_MODEL)] * 2
    assert answer.angles == pytest.approx(ANSWERS["depth"](case, 1).angles + 1)
    assert answer.angle_sd is not None
    assert (answer.angle_sd == 3).all()
    assert {"depth.onnx", "joints.onnx"} <= set(answer.models)


def test_geometry_is_no_depth_refiner(case, monkeypatch, tmp_path):
    """The figures of an ignored path must not be reported as a network's."""

    def geometric(case: Case, options: RunOptions) -> Answer:
        return ANSWERS["true_markers"](case, 1)

    monkeypatch.setattr(conditions, "_refined", geometric)
    monkeypatch.setattr(conditions, "DEPTH_MODEL", tmp_path / "depth_refiner.onnx")
    with pytest.raises(NotAvailable, match=r"depth_refiner\.onnx"):
        ANSWERS["depth"](case, 1)
    (tmp_path / "depth_refiner.onnx").touch()
    for key in ("depth", "both"):
        with pytest.raises(NotAvailable, match="depth network"):
            ANSWERS[key](case, 1)


def test_a_model_that_cannot_be_used_is_reported_with_its_own_message(case, asked, monkeypatch):
    def lost(_inputs: DepthInputs, _options: RunOptions, _progress: Progress) -> DepthOutputs:
        raise ModelNotFound("The model file joint_refiner.onnx is missing.")

    stages: dict[StageName, Stage[Any, Any]] = {**STAGES, "refiner.depth": replace(STAGES["refiner.depth"], run=lost)}
    monkeypatch.setattr(conditions, "STAGES", stages)
    with pytest.raises(NotAvailable, match=r"joint_refiner\.onnx is missing"):
        ANSWERS["both"](case, 1)


@pytest.mark.parametrize("key", ["raw", "filtered", "raw_levelled"])
def test_unrefined_conditions_keep_the_detector_s_figures(case, key):
    answer = ANSWERS[key](case, 1)
    raw = ANSWERS["raw"](case, 1).markers
    shape = np.linalg.norm(np.diff(answer.markers, axis=1), axis=-1)
    assert shape == pytest.approx(
        np.linalg.norm(np.diff(raw, axis=1), axis=-1), abs=0.02 if key == "filtered" else 1e-9
    )
    assert np.isfinite(answer.angles).all()
    assert answer.marker_sd is None
