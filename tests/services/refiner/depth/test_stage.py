import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humanpose3d.errors import Cancelled, NoPersonDetected
from humanpose3d.motion import Landmarks
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import LANDMARKS, MARKERS
from services.refiner.depth.stage import DEPTH, DepthInputs, DepthOutputs
from services.refiner.depth.swaps import swap_sides
from shared.stage import silent
from tests.services.refiner.synthetic import (
    STATURE,
    Camera,
    clock,
    occluded,
    recorded,
    squatting,
    standing,
    undetected,
    walking,
)

SUBJECT = Subject(height=STATURE, weight=75)
CAMERA = Camera(pitch=12, roll=-5)
RIGHT_LEG = tuple(f"right_{joint}" for joint in ("knee", "ankle", "heel", "foot_index"))


def run(landmarks: Landmarks, subject: Subject = SUBJECT, **options: object) -> DepthOutputs:
    """By geometry, unless the options say otherwise."""
    return DEPTH.run(DepthInputs(landmarks, subject), RunOptions.parse({"main_refiner": False, **options}), silent)


def squat(seconds: float = 3, noise: float = 0.0) -> Landmarks:
    times = clock(seconds)
    return recorded(times, squatting(times), Camera(pitch=12, roll=-5, noise=noise))


def facts(outputs: DepthOutputs) -> dict[str, Any]:
    return outputs.report.facts


def codes(outputs: DepthOutputs) -> set[str]:
    return {warning.code for warning in outputs.report.warnings}


@pytest.mark.parametrize("motion", [standing, squatting, walking])
def test_exact_landmarks_of_a_tilted_camera_reproduce_the_person(motion):
    """Within 2 cm of the truth, all of it from 1–2° of tilt. The camera's heading is kept."""
    times = clock(3)
    points = motion(times)
    outputs = run(recorded(times, points, CAMERA))
    knee, shoulder = (outputs.markers.position(name) for name in ("RKnee", "LShoulder"))
    hip = outputs.markers.position("Hip")
    true_hip = points[:, 23:25].mean(axis=1)
    np.testing.assert_allclose(knee - hip, points[:, 26] - true_hip, atol=0.02)
    np.testing.assert_allclose(shoulder - hip, points[:, 11] - true_hip, atol=0.02)
    assert outputs.markers.names == outputs.initial_markers.names == MARKERS
    assert np.isfinite(outputs.markers.positions).all()
    assert codes(outputs) == ({"view-frontal"} if motion is walking else set())


def test_the_report_says_what_was_measured_in_plain_values():
    found = facts(run(squat(noise=0.02)))
    assert found["gravity"] == "estimated"
    assert found["camera_pitch_deg"] == pytest.approx(12, abs=5)
    assert found["camera_roll_deg"] == pytest.approx(-5, abs=4)
    assert found["implied_stature_m"] == pytest.approx(STATURE, abs=0.15)
    assert found["swaps_share"] == 0
    assert found["gaps_count"] == 0
    assert json.loads(json.dumps(found)) == found


def test_the_report_is_reproducible():
    landmarks = squat(noise=0.02)
    assert run(landmarks).report == run(landmarks).report


def test_initial_markers_are_aligned_and_otherwise_unchanged():
    """Still swapped and occluded, but in the same world frame as the refined ones."""
    landmarks = squat(noise=0.02)
    mask = np.zeros(landmarks.visibility.shape, dtype=bool)
    mask[30:50, [index for index, name in enumerate(LANDMARKS) if name != "nose"]] = True
    outputs = run(occluded(swap_sides(landmarks, mask), RIGHT_LEG, slice(60, 80)))
    initial, refined = outputs.initial_markers, outputs.markers
    np.testing.assert_allclose(initial.position("RKnee")[30:50], refined.position("LKnee")[30:50], atol=1e-9)
    np.testing.assert_allclose(initial.position("RKnee")[:30], refined.position("RKnee")[:30], atol=1e-9)
    assert np.isfinite(initial.positions).all()
    assert np.isnan(refined.position("RKnee")[60:80]).all()
    ((start, end),) = facts(outputs)["swaps_intervals_s"]
    assert (start, end) == (pytest.approx(1.0), pytest.approx(49 / 30))
    assert facts(outputs)["swaps_share"] == pytest.approx(20 / 90, abs=1e-6)
    assert "left-right-swapped" in codes(outputs)


def test_a_leg_occluded_for_long_stays_missing_and_is_reported():
    outputs = run(occluded(squat(), RIGHT_LEG, slice(30, 60)))
    assert np.isnan(outputs.markers.position("RAnkle")[30:60]).all()
    assert facts(outputs)["still_missing_share"]["RAnkle"] == pytest.approx(1 / 3, abs=1e-6)
    assert facts(outputs)["gap_longest_s"] == pytest.approx(31 / 30, abs=1e-6)
    assert facts(outputs)["gaps_count"] == 5
    assert codes(outputs) == {"markers-missing"}


def test_a_leg_occluded_for_long_is_estimated_on_request_and_reported():
    outputs = run(occluded(squat(), RIGHT_LEG, slice(30, 60)), estimate_missing=True)
    np.testing.assert_allclose(outputs.markers.position("RAnkle"), run(squat()).markers.position("RAnkle"), atol=0.02)
    assert facts(outputs)["estimated_share"]["RAnkle"] == pytest.approx(1 / 3)
    assert codes(outputs) == {"markers-estimated"}


def test_the_visibility_threshold_decides_what_is_occluded():
    landmarks = occluded(squat(), RIGHT_LEG, slice(30, 60))
    assert np.isfinite(run(landmarks, visibility_min=0.0).markers.positions).all()


def test_a_short_gap_is_filled_and_reported():
    outputs = run(occluded(squat(), ("left_wrist",), slice(30, 34)))
    assert np.isfinite(outputs.markers.positions).all()
    assert facts(outputs)["filled_share"] == {"LWrist": pytest.approx(4 / 90, abs=1e-6)}
    assert facts(outputs)["missing_share"] == {"LWrist": pytest.approx(4 / 90, abs=1e-6)}


def test_frames_without_a_person_are_gaps_like_any_other():
    outputs = run(undetected(squat(), slice(40, 44)))
    assert np.isnan(outputs.initial_markers.positions[40:44]).all()
    assert np.isfinite(outputs.markers.positions).all()
    assert facts(outputs)["gaps_count"] == 22


def test_smoothing_reduces_jitter_and_keeps_the_motion():
    noisy, smooth = (run(squat(noise=0.02), temporal_smoothing=on).markers.positions for on in (False, True))
    assert np.abs(np.diff(smooth, 2, axis=0)).mean() < 0.5 * np.abs(np.diff(noisy, 2, axis=0)).mean()
    assert np.abs(smooth - noisy).max() < 0.08


def test_too_few_frames_a_second_for_smoothing_are_reported():
    times = clock(3, fps=10)
    outputs = run(recorded(times, squatting(times), CAMERA), temporal_smoothing=True)
    assert codes(outputs) == {"not-smoothed"}


def test_ten_frames_are_enough():
    outputs = run(squat(seconds=1 / 3), temporal_smoothing=True, estimate_missing=True)
    assert np.isfinite(outputs.markers.positions).all()


def test_one_frame_with_a_person_is_reconstructed():
    outputs = run(undetected(undetected(squat(), slice(0, 10)), slice(11, None)), temporal_smoothing=True)
    assert np.flatnonzero(np.isfinite(outputs.markers.positions).all(axis=(1, 2))).tolist() == [10]
    assert facts(outputs)["gravity"] == "assumed"
    assert {"camera-tilt-assumed", "markers-missing"} <= codes(outputs)


def test_no_person_at_all_is_refused():
    with pytest.raises(NoPersonDetected):
        run(undetected(squat(), slice(None)))


def test_a_landmark_that_is_never_seen_leaves_its_marker_empty():
    outputs = run(occluded(squat(), ("nose",), slice(None)), temporal_smoothing=True)
    assert np.isnan(outputs.markers.position("Nose")).all()
    assert np.isfinite(outputs.initial_markers.position("Nose")).all()
    assert facts(outputs)["still_missing_share"] == {"Nose": 1.0}


def test_an_implausible_height_is_questioned():
    assert "scale-implausible" in codes(run(squat(), subject=Subject(height=1.2, weight=75)))


def test_a_strongly_tilted_camera_causes_a_warning():
    times = clock(3)
    assert "camera-tilted" in codes(run(recorded(times, standing(times), Camera(pitch=25))))


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(0.5, 2))
def test_the_size_of_the_detectors_person_does_not_matter(factor):
    """Positions are scaled to the given stature, so landmarks half or twice as large produce the same markers."""
    landmarks = squat(seconds=1)
    larger = Landmarks(
        landmarks.times, landmarks.pixels, factor * landmarks.world, landmarks.visibility, landmarks.image_size
    )
    np.testing.assert_allclose(run(larger).markers.positions, run(landmarks).markers.positions, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(shift=st.floats(-1e4, 1e4))
def test_times_may_start_at_any_value(shift):
    landmarks = squat(seconds=1)
    later = Landmarks(
        landmarks.times + shift, landmarks.pixels, landmarks.world, landmarks.visibility, landmarks.image_size
    )
    np.testing.assert_allclose(
        run(later, temporal_smoothing=True).markers.positions,
        run(landmarks, temporal_smoothing=True).markers.positions,
        atol=1e-6,
    )


def test_progress_reaches_the_end_and_a_cancellation_propagates():
    landmarks = squat(seconds=1)
    seen: list[tuple[int, int | None]] = []
    DEPTH.run(DepthInputs(landmarks, SUBJECT), RunOptions(), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)

    def cancel(done: int, total: int | None) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        DEPTH.run(DepthInputs(landmarks, SUBJECT), RunOptions(), cancel)


def test_a_body_without_extent_is_refused():
    landmarks = squat(seconds=1)
    point = Landmarks(
        landmarks.times, 0 * landmarks.pixels, 0 * landmarks.world, landmarks.visibility, landmarks.image_size
    )
    with pytest.raises(NoPersonDetected):
        run(point)
