"""Events and key figures of movements whose ground truth is known by construction (`performers`)."""

import numpy as np
import pytest

from humanpose3d.analysis import Analysis
from humanpose3d.formats.norms import Norms
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers
from humanpose3d.skeleton import LANDMARKS
from services.angles.analysis.stage import AnalysisInputs, analyse
from tests.services.angles.analysis import performers
from tests.services.angles.analysis.performers import Performance

WALKS = [
    {"stride_s": 1.5, "stride_m": 0.9},
    {"stride_s": 1.1, "stride_m": 1.4},
    {"stride_s": 0.95, "stride_m": 1.7, "stance": 0.58},
    {"stride_s": 1.2, "stride_m": 1.3, "stance": 0.66, "heading": 1.1},
    {"stride_s": 1.1, "stride_m": 1.4, "heading": -np.pi / 2},
    {"stride_s": 1.1, "stride_m": 1.3, "treadmill": True},
    {"stride_s": 1.1, "stride_m": 1.4, "noise": 0.01},
    {"stride_s": 1.1, "stride_m": 1.4, "rate": 30.0},
]


def analysed(performance: Performance, task=None) -> Analysis:
    return analyse(AnalysisInputs(performance.markers, performance.angles), task)


def value(analysis: Analysis, name: str, side: str | None = None) -> float:
    return next(
        figure.value
        for figure in analysis.parameters
        if (figure.name, figure.side, figure.repetition) == (name, side, None)
    )


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_a_walk(walk):
    performance = performers.walking(**walk)
    analysis = analysed(performance)
    assert (analysis.task, analysis.recognised) == ("gait", True)
    late = []
    for (side, kind), moments in performance.events.items():
        found = np.array([event.time_s for event in analysis.events if (event.side, event.kind) == (side, kind)])
        assert len(found) >= len(moments) >= 4
        late += [float(np.abs(found - moment).min()) for moment in moments]
    frame = 1 / walk.get("rate", 60.0)
    assert np.mean(np.array(late) <= max(1.5 / 60, frame) + 1e-6) >= 0.95, "events are within one frame of the truth"
    stride_s, stride_m = walk["stride_s"], walk["stride_m"]
    assert value(analysis, "cadence") == pytest.approx(120 / stride_s, rel=0.01)
    assert value(analysis, "speed") == pytest.approx(stride_m / stride_s, rel=0.05)
    for side in ("right", "left"):
        assert value(analysis, "stride_length", side) == pytest.approx(stride_m, rel=0.05)
        assert value(analysis, "step_length", side) == pytest.approx(stride_m / 2, rel=0.08)
        assert value(analysis, "stance", side) == pytest.approx(100 * walk.get("stance", 0.62), abs=3)
        assert value(analysis, "step_width", side) == pytest.approx(0.14, abs=0.03)


@pytest.mark.parametrize("strike", [15.0, -10.0], ids=["rearfoot", "forefoot"])
def test_a_run(strike):
    performance = performers.running(strike_deg=strike)
    analysis = analysed(performance)
    assert analysis.task == "gait"
    assert value(analysis, "speed") == pytest.approx(3.0, rel=0.03)
    assert value(analysis, "cadence") == pytest.approx(120 / 0.7, rel=0.01)
    for side in ("right", "left"):
        assert value(analysis, "contact_time", side) == pytest.approx(0.25, abs=0.04)
        assert value(analysis, "flight_time", side) == pytest.approx(0.10, abs=0.04)
        assert value(analysis, "duty_factor", side) == pytest.approx(0.25 / 0.7, abs=0.06)
        angle = value(analysis, "foot_strike_angle", side)
        assert angle > 8 if strike > 0 else angle < -1.6
    assert value(analysis, "vertical_oscillation") == pytest.approx(0.051, abs=0.005)


def test_the_knee_of_a_mean_gait_cycle_is_flexed_most_in_swing():
    curves = {(c.joint, c.angle, c.side): c for c in analysed(performers.walking()).curves}
    knee = curves["knee_r", "flexion", "right"]
    assert 60 < int(np.argmax(knee.mean)) < 90
    assert knee.n >= 6
    assert knee.sd is not None
    assert max(knee.sd) < 3, "one cycle is as the other"
    assert ("knee_l", "flexion", "right") not in curves


def test_deviations_from_norms():
    performance = performers.walking()
    inputs = AnalysisInputs(performance.markers, performance.angles)
    plain = analyse(inputs)
    knee = next(curve for curve in plain.curves if (curve.joint, curve.angle) == ("knee_r", "flexion"))
    band = np.array(knee.mean) + 6, np.full(101, 4.0)
    analysis = analyse(inputs, norms=Norms("made up", {("knee", "flexion"): band}))
    assert analysis.norms == "made up"
    assert value(analysis, "gait_variable_score_knee_flexion", "right") == pytest.approx(6, abs=0.01)
    assert value(analysis, "gait_profile_score", "right") == pytest.approx(6, abs=0.01)
    assert "of 1 gait variable scores" in analysis.parameters[-1].method
    assert any(figure.name == "gait_profile_score" for figure in analysis.key_figures)
    assert not any(figure.name.startswith("gait_") for figure in plain.parameters)
    drawn = next(curve for curve in analysis.curves if (curve.joint, curve.angle) == ("knee_l", "flexion"))
    assert drawn.norm_sd == (4.0,) * 101


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(("count", "depth"), [(5, 0.35), (3, 0.2), (10, 0.45), (1, 0.3)])
def test_squats_are_counted_and_measured(count, depth, noise):
    analysis = analysed(performers.squatting(count, depth, noise=noise))
    assert analysis.task == "squat"
    assert value(analysis, "repetitions") == count
    assert value(analysis, "depth") == pytest.approx(depth, abs=0.02)
    lowest = [event.time_s for event in analysis.events if event.kind == "lowest"]
    assert lowest == pytest.approx([2.0 + 3.0 * n for n in range(count)], abs=0.2), "the lowest point is flat"
    assert any(missing.what == "knee valgus" for missing in analysis.not_measurable), "seen from the side"


def test_partial_squats_are_distinguished():
    analysis = analysed(performers.squatting(6, 0.45, partial=2))
    assert (value(analysis, "repetitions"), value(analysis, "partial_repetitions")) == (4, 2)
    assert value(analysis, "depth") == pytest.approx(0.45, abs=0.02)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_five_times_sit_to_stand(noise):
    performance = performers.standing_up(5, noise=noise)
    analysis = analysed(performance)
    assert analysis.task == "sit_to_stand"
    assert value(analysis, "repetitions") == 5
    assert value(analysis, "five_times_sit_to_stand") == pytest.approx(17.0, abs=0.5)
    assert value(analysis, "rise_height") == pytest.approx(0.4, abs=0.03)
    standing = [event.time_s for event in analysis.events if event.kind == "standing"]
    assert standing == pytest.approx(performance.events["", "standing"], abs=0.3)


def test_too_few_and_too_short_sit_to_stands_are_reported():
    analysis = analysed(performers.standing_up(3))
    reasons = {missing.what: missing.reason for missing in analysis.not_measurable}
    assert reasons == {
        "five-times sit-to-stand": "3 of 5 rises were found",
        "30-second sit-to-stand": "12 s from the first rise to the end; 30 s are needed",
    }


def test_thirty_seconds_of_sit_to_stand():
    assert value(analysed(performers.standing_up(10)), "thirty_second_sit_to_stand") == 8


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.0])
@pytest.mark.parametrize("height", [0.1, 0.3, 0.5])
def test_a_countermovement_jump(height, rate):
    performance = performers.jumping(height, rate)
    analysis = analysed(performance)
    assert analysis.task == "jump"
    assert value(analysis, "repetitions") == 1
    assert value(analysis, "jump_height_flight") == pytest.approx(height, abs=0.06 if height > 0.3 else 0.035)
    assert value(analysis, "jump_height_pelvis") == pytest.approx(height, abs=0.06 if height > 0.3 else 0.035)
    flight = 2 * np.sqrt(2 * height / 9.81)
    assert value(analysis, "flight_time") == pytest.approx(flight, abs=0.05)


@pytest.mark.parametrize("gap", [slice(120, 140), slice(150, 160), slice(165, 185), slice(166, 240)], ids=str)
def test_a_jump_beside_a_gap_or_cut_short(gap):
    performance = performers.jumping(0.3)
    positions = np.array(performance.markers.positions)
    positions[gap] = np.nan
    gappy = Markers(performance.markers.times, performance.markers.names, positions)
    assert analyse(AnalysisInputs(gappy, performance.angles), "jump").task == "jump"
    for frames in range(160, 175):
        markers = Markers(gappy.times[:frames], gappy.names, performance.markers.positions[:frames])
        angles = JointAngles(markers.times, performance.angles.values[:frames])
        assert analyse(AnalysisInputs(markers, angles), "jump").task == "jump"


@pytest.mark.parametrize(("height", "contact"), [(0.3, 0.25), (0.15, 0.4)])
def test_a_drop_jump(height, contact):
    analysis = analysed(performers.dropping(height, contact))
    assert analysis.task == "jump"
    assert value(analysis, "repetitions") == 1
    found, seconds = value(analysis, "jump_height_flight"), value(analysis, "contact_time")
    assert found == pytest.approx(height, abs=0.04)
    assert seconds == pytest.approx(contact, abs=0.05)
    assert value(analysis, "reactive_strength_index") == pytest.approx(found / seconds, rel=0.01)


def test_peaks_of_angles_state_their_uncertainty():
    performance = performers.squatting(2)
    sd = AngleSd(performance.angles.times, np.full_like(performance.angles.values, 3.0))
    analysis = analyse(AnalysisInputs(performance.markers, performance.angles, angle_sd=sd))
    peaks = {figure.sd for figure in analysis.parameters if figure.name == "knee_flexion_peak" and figure.repetition}
    assert peaks == {3.0}


def test_an_arm_raised_three_times():
    analysis = analysed(performers.raising_an_arm(150))
    assert analysis.task == "range_of_motion"
    assert value(analysis, "shoulder_abduction_peak", "right") == pytest.approx(150, abs=5)
    assert value(analysis, "shoulder_abduction_range", "right") == pytest.approx(140, abs=8)
    peaks = [event.time_s for event in analysis.events if event.kind == "peak"]
    assert peaks == pytest.approx([2.0, 5.0, 8.0], abs=0.1)


def test_standing_still_has_no_events():
    analysis = analysed(performers.raising_an_arm(12))
    assert analysis.task == "none"
    assert not analysis.parameters
    assert not analysis.events


def test_a_given_task_is_not_recognised_automatically():
    analysis = analysed(performers.squatting(3), "jump")
    assert (analysis.task, analysis.recognised) == ("jump", False)
    assert value(analysis, "repetitions") == 0


def test_feet_out_of_view_are_reported_instead_of_a_figure():
    performance = performers.walking()
    frames = performance.markers.times.size
    image = np.full((frames, len(LANDMARKS), 2), 100.0)
    image[: frames // 2, -4:, 1] = 700.0
    landmarks = Landmarks(
        performance.markers.times, image, np.zeros((frames, 33, 3)), np.ones((frames, 33)), (640, 480)
    )
    analysis = analyse(AnalysisInputs(performance.markers, performance.angles, landmarks))
    assert analysis.task == "gait"
    assert not analysis.parameters
    assert "in 50% of the frames" in analysis.not_measurable[0].reason


def test_too_low_a_frame_rate_is_reported():
    analysis = analysed(performers.walking(rate=15.0), "gait")
    assert not analysis.parameters
    assert "15 frames per second; at least 20" in analysis.not_measurable[0].reason


def test_gaps_and_single_frames_are_handled():
    performance = performers.walking(noise=0.01)
    positions = np.array(performance.markers.positions)
    positions[100:160] = np.nan
    positions[300:305, 3] = np.nan
    gappy = Markers(performance.markers.times, performance.markers.names, positions)
    analysis = analyse(AnalysisInputs(gappy, performance.angles))
    assert value(analysis, "cadence") == pytest.approx(120 / 1.1, rel=0.02)
    alone = Markers(gappy.times[:1], gappy.names, positions[:1])
    assert analyse(AnalysisInputs(alone, JointAngles(alone.times, performance.angles.values[:1]))).task == "none"
