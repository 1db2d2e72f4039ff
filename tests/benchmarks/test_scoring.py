"""Figures from estimates and ground truth, on cases whose figures are known exactly."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cases import Case, unknown_angles
from benchmarks.conditions import Answer
from benchmarks.intervals import DRAWS, Figure
from benchmarks.scoring import (
    angle_figures,
    by_motion,
    by_tilt,
    by_view,
    convention,
    errors,
    figures,
    spread_figures,
)
from humanpose3d.motion import Landmarks
from humanpose3d.options import Subject
from humanpose3d.skeleton import JOINT_GROUP_INDEX, MARKER_INDEX, MARKERS
from training.metrics import stated_up, upright
from training.scene.camera import Camera, look

FRAMES = 20
HIPS = [MARKER_INDEX["RHip"], MARKER_INDEX["LHip"]]
LIMBS = 15 / 17
"""The compared markers other than the hips."""


def clip(motion="walkingTS", pitch=0.0, azimuth=0.0, seed=0) -> Case:
    """A man with random markers who faces +z, recorded from the azimuth (degrees)."""
    rng = np.random.default_rng(seed)
    times = np.arange(FRAMES) / 30
    markers = rng.normal(0, 0.3, (1, 22, 3)) + np.linspace(0, 0.2, FRAMES)[:, None, None] * rng.normal(size=(1, 22, 3))
    markers[:, MARKER_INDEX["LHip"]], markers[:, MARKER_INDEX["RHip"]] = [0.1, 0.9, 0], [-0.1, 0.9, 0]
    turn = look(*np.radians([azimuth, pitch, 0]))
    place = 3 * np.array([np.sin(np.radians(azimuth)), 0, np.cos(np.radians(azimuth))])
    camera = Camera((640, 480), 500.0, np.tile(turn, (FRAMES, 1, 1)), np.tile(place, (FRAMES, 1)))
    seen = Landmarks(times, np.zeros((FRAMES, 33, 2)), np.zeros((FRAMES, 33, 3)), np.ones((FRAMES, 33)), camera.size)
    angles = np.cumsum(rng.normal(0, 1, (FRAMES, 12, 3)), axis=0) + 30
    return Case("0", motion, seen, Subject(height=1.7, weight=70), camera, markers, angles)


def truth(case: Case) -> Answer:
    """The truth as an estimate, in the camera's upright frame; a level camera is stated."""
    return Answer(upright(case.markers, case.camera), case.angles, np.tile(stated_up(0, 0), (FRAMES, 1)))


def moved(answer: Answer, by, columns=slice(None)) -> Answer:
    """All markers but the hips shifted by an offset in metres, in the upright frame."""
    markers = answer.markers.copy()
    markers[:, columns] += by
    markers[:, HIPS] = answer.markers[:, HIPS]
    return replace(answer, markers=markers)


def test_the_truth_has_no_error():
    case = clip(azimuth=40)
    found = figures([errors(case, truth(case))])
    zero = [name for name in found if name not in ("bone_cv_percent",)]
    assert [found[name].value for name in zero] == pytest.approx([0] * len(zero), abs=1e-3)


@pytest.mark.parametrize(("axis", "name"), [(0, "x_cm"), (1, "y_cm"), (2, "depth_cm")])
@pytest.mark.parametrize("azimuth", [0.0, 130.0])
def test_a_shift_is_seen_along_its_axis_of_the_camera(axis, name, azimuth):
    case = clip(azimuth=azimuth)
    found = figures([errors(case, moved(truth(case), 0.04 * np.eye(3)[axis]))])
    assert found[name].value == pytest.approx(4 * LIMBS, abs=1e-3)
    assert found["mpjpe_cm"].value == pytest.approx(4 * LIMBS, abs=1e-3)
    assert found["acceleration_m_s2"].value == pytest.approx(0, abs=1e-3)


def test_jitter_shows_in_acceleration():
    case = clip()
    jitter = 0.001 * (-1.0) ** np.arange(FRAMES)
    answer = moved(truth(case), jitter[:, None, None] * [0, 0, 1])
    # ±1 mm in turn at 30 Hz: second difference 4 mm · 900/s² = 3.6 m/s²
    assert figures([errors(case, answer)])["acceleration_m_s2"].value == pytest.approx(3.6 * LIMBS, abs=1e-3)


def test_gravity_error_includes_the_tilt_that_was_not_estimated():
    case = clip(pitch=-14.0)
    assert figures([errors(case, truth(case))])["gravity_deg"].value == pytest.approx(14, abs=1e-3)
    seen = replace(truth(case), up=np.tile(stated_up(10, 0), (FRAMES, 1)))
    assert figures([errors(case, seen)])["gravity_deg"].value == pytest.approx(4, abs=1e-3)


def test_frames_without_a_person_do_not_count():
    case = clip()
    world = case.landmarks.world.copy()
    world[:5] = np.nan
    lost = replace(case, landmarks=replace(case.landmarks, world=world))
    wrong = truth(case)
    markers, angles = wrong.markers.copy(), wrong.angles.copy()
    markers[:5] += np.random.default_rng(1).normal(size=(5, 22, 3))
    angles[:5] += 50
    found = figures([errors(lost, replace(wrong, markers=markers, angles=angles))])
    assert (found["mpjpe_cm"].value, found["angles_deg"].value) == pytest.approx((0, 0), abs=1e-3)


def test_markers_without_an_estimate_are_reported():
    case = clip()
    answer = truth(case)
    markers = answer.markers.copy()
    markers[: FRAMES // 2, MARKER_INDEX["RWrist"]] = np.nan
    found = figures([errors(case, replace(answer, markers=markers))])
    assert found["missing_percent"].value == pytest.approx(100 / 34, abs=1e-3)
    assert found["mpjpe_cm"].value == pytest.approx(0, abs=1e-3)


def test_angles_have_error_bias_and_course():
    first, second = clip(seed=1), clip(seed=2)
    knee = JOINT_GROUP_INDEX["knee_r"]
    parts = []
    for case, offset in ((first, 5.0), (second, -3.0)):
        angles = case.angles.copy()
        angles[:, knee, 0] += offset
        angles[:, knee, 1] = -angles[:, knee, 1]
        parts.append(errors(case, replace(truth(case), angles=angles)))
    found = angle_figures(parts)["knee_r"]
    assert found["flexion"]["mae"].value == pytest.approx(4)
    assert found["flexion"]["bias"].value == pytest.approx(1)
    assert found["flexion"]["r"].value == pytest.approx(1)  # each clip's course is right, whatever its offset
    assert found["adduction"]["r"].value == pytest.approx(-1)
    assert figures(parts)["knee_flexion_deg"].value == pytest.approx(2)  # the left knee is right
    every = [value["mae"].value or 0 for group in angle_figures(parts).values() for value in group.values()]
    assert figures(parts)["angles_deg"].value == pytest.approx(np.mean(every), abs=1e-3)


def test_the_pipelines_own_convention_is_taken_out():
    """The mean offset of true markers is no error of an estimate with the same offset."""
    cases = [clip(seed=seed) for seed in range(2)]
    own = 7.0 * np.arange(36).reshape(12, 3) / 36
    ideal = [replace(truth(case), angles=case.angles + own) for case in cases]
    offset = convention(cases, ideal)
    assert offset == pytest.approx(own)
    off = [replace(answer, angles=answer.angles + 2.0, angle_sd=np.full((FRAMES, 12, 3), 2.5)) for answer in ideal]
    measured = [errors(case, answer, offset) for case, answer in zip(cases, off, strict=True)]
    found = figures(measured)
    assert found["angles_settled_deg"].value == pytest.approx(2.0, abs=1e-3)
    assert found["angles_deg"].value == pytest.approx(2.0 + own.mean(), abs=1e-3)
    assert spread_figures(measured)["angles"]["coverage_percent"].value == 100
    assert "angles_settled_deg" not in figures([errors(cases[0], ideal[0])])


def test_a_full_turn_is_no_error():
    case = clip()
    angles = case.angles.copy()
    angles[:, JOINT_GROUP_INDEX["pelvis"], 2] -= 358
    found = angle_figures([errors(case, replace(truth(case), angles=angles))])["pelvis"]["rotation"]
    assert (found["mae"].value, found["bias"].value, found["r"].value) == pytest.approx((2, 2, 1))


def test_singular_postures_are_left_out_of_the_second_figure():
    case = clip()
    angles = case.angles.copy()
    shoulder = JOINT_GROUP_INDEX["shoulder_r"]
    angles[:, shoulder, 1] = np.where(np.arange(FRAMES) < 5, 3.0, 60.0)
    case = replace(case, angles=angles)
    wrong = angles.copy()
    wrong[:5, shoulder, 0] += 80
    found = angle_figures([errors(case, replace(truth(case), angles=wrong))])["shoulder_r"]["plane_of_elevation"]
    assert (found["mae"].value, found["mae_regular"].value) == pytest.approx((20, 0))


def test_unknown_angles_and_markers_have_no_figures():
    case = clip()
    blank = replace(case, angles=unknown_angles(FRAMES), markers=np.full((FRAMES, len(MARKERS), 3), np.nan))
    found = figures([errors(blank, truth(case))])
    assert found["mpjpe_cm"] == found["angles_deg"] == found["missing_percent"] == Figure(None)
    assert found["gravity_deg"].value == pytest.approx(0)


def test_stated_deviations_are_compared_with_the_errors():
    case = clip()
    answer = truth(case)
    size = np.linspace(0.01, 0.05, 22)
    sign = np.where(np.arange(22) % 2, 1.0, -1.0)
    off = moved(answer, (size * sign)[:, None] * np.ones(3))
    sd = np.tile(np.where(np.arange(22) < 11, 1.2, 0.8) * size, (FRAMES, 1))
    found = spread_figures([errors(case, replace(off, marker_sd=sd))])["markers"]
    compared = errors(case, off).offset[0, :, 0]
    within = np.abs(compared) <= errors(case, replace(off, marker_sd=sd)).marker_sd[0] + 1e-12
    assert found["coverage_percent"].value == pytest.approx(100 * within.mean(), abs=1e-3)
    perfect = np.abs(np.full((FRAMES, 12, 3), 1.0) * np.arange(1, 13)[:, None])
    angles = replace(answer, angles=case.angles + perfect * 2, angle_sd=perfect)
    told = spread_figures([errors(case, angles)])["angles"]
    assert (told["coverage_percent"].value, told["pearson"].value, told["spearman"].value) == pytest.approx((0, 1, 1))
    assert spread_figures([errors(case, answer)]) == {}


def test_clips_are_grouped_by_motion_view_and_tilt():
    front, left, behind = clip("DJAsym"), clip("DJAsym", pitch=-12, azimuth=90), clip("cmu03", azimuth=180)
    off = [
        errors(case, moved(truth(case), [0, 0, cm / 100])) for case, cm in ((front, 1.0), (left, 2.0), (behind, 3.0))
    ]
    motions = {name: figures(own)["depth_cm"].value for name, own in by_motion(off).items()}
    views = {name: own["depth_cm"].value for name, own in by_view(off).items()}
    tilts = {name: own["depth_cm"].value for name, own in by_tilt(off).items()}
    assert motions == pytest.approx({"DJAsym": 1.5 * LIMBS, "cmu03": 3 * LIMBS}, abs=1e-3)
    assert views == pytest.approx({"front": LIMBS, "left": 2 * LIMBS, "back": 3 * LIMBS}, abs=1e-3)
    assert tilts == pytest.approx({"0–5°": 2 * LIMBS, "10–15°": 2 * LIMBS}, abs=1e-3)


def test_intervals_are_of_clips_and_always_the_same():
    off = [errors(c := clip(seed=n), moved(truth(c), [0, 0, n / 100])) for n in range(8)]
    found = figures(off)["depth_cm"]
    assert found == figures(off)["depth_cm"]
    assert found.value == pytest.approx(3.5 * LIMBS, abs=1e-3)
    # the mean of 8 drawn from 0 to 7 has a standard deviation of 2.29/√8 = 0.81 cm
    assert (found.low, found.high) == pytest.approx(
        ((3.5 - 1.96 * 0.81) * LIMBS, (3.5 + 1.96 * 0.81) * LIMBS), rel=0.05
    )
    assert DRAWS >= 1000
    assert figures(off[:4])["depth_cm"].low is None
