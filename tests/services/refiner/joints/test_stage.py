"""The joint stage: the network's correction is added where there is an angle, and its uncertainty is stated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import Cancelled, InvalidMotion, ModelError, ModelNotFound
from humanpose3d.motion import JointAngles, Landmarks, MarkerSd, MarkerSpread
from humanpose3d.neutral import NeutralStance, by_name
from humanpose3d.options import RunOptions
from humanpose3d.skeleton import JOINT_GROUP_INDEX, MARKERS, RESPONSE_MARKERS
from services.refiner.joints.stage import JOINTS, JointInputs, JointOutputs, refined
from shared.models import sha256
from shared.stage import silent
from tests.joint_networks import write_joint_network

HIP, SHOULDER = JOINT_GROUP_INDEX["hip_r"], JOINT_GROUP_INDEX["shoulder_r"]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> RunOptions:
    """A network that reduces every angle by a tenth and states an sd of 3°."""
    path = write_joint_network(tmp_path_factory.mktemp("models") / "tenth.onnx", gain=-0.1, spread=3.0)
    return RunOptions(joint_model_path=str(path))


def made_up(frames: int, seed: int = 0) -> JointInputs:
    rng = np.random.default_rng(seed)
    times = 12.5 + np.arange(frames) / 30
    angles = rng.uniform(5, 60, (frames, 12, 3))
    landmarks = Landmarks(
        times, np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3)), rng.random((frames, 33)), (640, 480)
    )
    spread = MarkerSpread(times, RESPONSE_MARKERS, rng.random((frames, 43)) * 0.02)
    return JointInputs(JointAngles(times, angles), landmarks, None, spread)


def run(inputs: JointInputs, options: RunOptions) -> JointOutputs:
    return JOINTS.run(inputs, options, silent)


@pytest.mark.parametrize("frames", [1, 7, 48, 49, 131, 2000])
def test_the_correction_is_added_in_every_frame(options: RunOptions, frames: int):
    inputs = made_up(frames)
    outputs = run(inputs, options)
    np.testing.assert_allclose(outputs.refined_angles.values, 0.9 * inputs.angles.values, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(outputs.refined_angles.times, inputs.angles.times)
    np.testing.assert_allclose(outputs.angle_sd.values, 3.0, rtol=0, atol=1e-5)


def test_missing_angles_stay_missing_and_affect_no_others(options: RunOptions):
    inputs = made_up(60)
    values = inputs.angles.values.copy()
    values[20:30, HIP], values[:, SHOULDER, 0] = np.nan, np.nan
    spread = inputs.marker_spread.values.copy()
    spread[10:] = np.nan
    gaps = JointInputs(
        JointAngles(inputs.angles.times, values),
        inputs.landmarks,
        MarkerSd(inputs.angles.times, MARKERS, np.full((60, 22), np.nan)),
        MarkerSpread(inputs.angles.times, RESPONSE_MARKERS, spread),
    )
    outputs = run(gaps, options)
    np.testing.assert_array_equal(np.isnan(outputs.refined_angles.values), np.isnan(values))
    np.testing.assert_array_equal(np.isnan(outputs.angle_sd.values), np.isnan(values))
    known = np.isfinite(values)
    np.testing.assert_allclose(outputs.refined_angles.values[known], 0.9 * values[known], rtol=0, atol=1e-4)


def test_a_shoulder_stays_within_its_range_and_the_pelvis_counts_full_turns():
    angles, correction = np.zeros((1, 12, 3)), np.zeros((1, 12, 3))
    angles[0, SHOULDER] = 170.0, 4.0, -175.0
    correction[0, SHOULDER] = 20.0, -9.0, -10.0
    pelvis = JOINT_GROUP_INDEX["pelvis"]
    angles[0, pelvis, 2], correction[0, pelvis, 2] = 725.0, 10.0
    after = refined(angles, correction)[0]
    assert after[SHOULDER] == pytest.approx([-170.0, 0.0, 175.0])
    assert after[pelvis, 2] == pytest.approx(735.0)
    assert refined(np.full((1, 12, 3), 180.0), np.zeros((1, 12, 3)))[0, SHOULDER] == pytest.approx([180.0] * 3)


def test_the_report_states_ranges_before_and_after_and_the_uncertainty(options: RunOptions):
    inputs = made_up(40)
    values = inputs.angles.values.copy()
    values[:, HIP, 1] = np.nan
    values[:, HIP, 0] = np.linspace(10, 50, 40)
    report = run(
        JointInputs(JointAngles(inputs.angles.times, values), inputs.landmarks, inputs.marker_sd, inputs.marker_spread),
        options,
    ).report
    groups = report.facts["groups"]
    assert isinstance(groups, dict)
    hip = groups["hip_r"]
    assert isinstance(hip, dict)
    assert hip["flexion"] == {
        "minimum_before_deg": 10.0,
        "maximum_before_deg": 50.0,
        "minimum_deg": 9.0,
        "maximum_deg": 45.0,
        "change_mean_deg": 3.0,
        "sd_mean_deg": 3.0,
    }
    assert hip["adduction"] is None
    assert report.warnings == ()
    assert report.models == {"tenth.onnx": sha256(Path(str(options.joint_model_path)))}


def test_uncertain_angles_are_reported(tmp_path: Path):
    path = write_joint_network(tmp_path / "unsure.onnx", gain=0.0, spread=25.0)
    report = run(made_up(10), RunOptions(joint_model_path=str(path))).report
    (warning,) = report.warnings
    assert warning.code == "joint-angles-uncertain"
    assert "up to ±25° (trunk, " in warning.message


def test_half_of_a_file_of_both_refiners_is_equivalent(options: RunOptions, tmp_path: Path):
    path = write_joint_network(tmp_path / "both.onnx", gain=-0.1, spread=3.0, both=True)
    alone, half = (run(made_up(200), each) for each in (options, RunOptions(main_refiner_path=str(path))))
    np.testing.assert_allclose(half.refined_angles.values, alone.refined_angles.values, rtol=0, atol=1e-5)


def test_progress_is_reported_in_frames_and_a_cancelled_run_stops(options: RunOptions):
    heard: list[tuple[int, int | None]] = []
    JOINTS.run(made_up(100), options, lambda done, total: heard.append((done, total)))
    assert heard == [(0, 100), (100, 100)]

    def stop(_done: int, _total: int | None) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        JOINTS.run(made_up(100), options, stop)


def test_it_is_refused_without_a_network_or_a_frame(options: RunOptions, tmp_path: Path):
    with pytest.raises(ModelNotFound, match="joint_model_path"):
        JOINTS.check(RunOptions())
    with pytest.raises(ModelNotFound, match=r"gone\.onnx"):
        JOINTS.check(RunOptions(joint_model_path=str(tmp_path / "gone.onnx")))
    other = Path(__file__).resolve().parents[4] / "models" / "augmenter_lower.onnx"
    with pytest.raises(ModelError, match="not a joints refiner"):
        JOINTS.check(RunOptions(joint_model_path=str(other)))
    with pytest.raises(InvalidMotion, match="no frames"):
        run(made_up(0), options)


def test_a_neutral_stance_is_that_of_the_refined_angles(options: RunOptions):
    inputs = made_up(60)
    still = JointAngles(inputs.angles.times, np.full_like(inputs.angles.values, 20.0))
    own = NeutralStance(
        start_s=12.5, end_s=13.5, height=1.78, offsets_deg=by_name(np.full((12, 3), 20.0)), segment_scales={}
    )
    of_run = own.model_copy(update={"run": "stance"})
    outputs = [run(replace(inputs, angles=still, neutral_stance=stance), options) for stance in (own, of_run)]
    assert outputs[0].neutral_stance is not None
    np.testing.assert_allclose(outputs[0].neutral_stance.offsets, 18.0, rtol=0, atol=1e-3)
    assert outputs[1].neutral_stance == of_run
