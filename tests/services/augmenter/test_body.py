"""The body's frame: position, heading, and substitutes for unseen markers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import MARKER_INDEX, MARKERS
from services.augmenter.body import BodyFrame, WholeBody, interpolate, training_times, turn

HEIGHT = 1.75


def without(markers: Markers, *names: str, frames: slice = slice(None)) -> FloatArray:
    positions = markers.positions.copy()
    positions[frames, [MARKER_INDEX[name] for name in names]] = np.nan
    return positions


def frame_of(markers: Markers, positions: FloatArray) -> BodyFrame:
    frame = BodyFrame.of(markers.times, positions, HEIGHT)
    assert frame is not None
    return frame


@given(angle=st.floats(-3.1, 3.1))
def test_heading_is_the_angle_by_which_the_body_is_turned(angle: float, walking: Markers) -> None:
    turned = turn(walking.positions, np.array(angle))
    np.testing.assert_allclose(frame_of(walking, turned).heading, angle, atol=1e-9)


def test_heading_zero_faces_x_with_the_right_side_to_z() -> None:
    forward, right = np.array((1.0, 0.0, 0.0)), np.array((0.0, 0.0, 1.0))
    quarter = np.array(np.pi / 2)
    np.testing.assert_allclose(turn(right, quarter), forward, atol=1e-15)
    np.testing.assert_allclose(turn(forward, quarter), -right, atol=1e-15)


def test_transforming_to_the_body_frame_and_back_is_the_identity(walking: Markers) -> None:
    frame = frame_of(walking, turn(walking.positions, 0.5 * walking.times[:, None]))
    np.testing.assert_allclose(frame.leave(frame.enter(walking.positions)), walking.positions, atol=1e-14)


def test_heading_follows_a_full_turn_without_a_jump(walking: Markers) -> None:
    spinning = turn(walking.positions, np.pi * walking.times[:, None])
    heading = frame_of(walking, spinning).heading
    assert np.abs(np.diff(heading)).max() < np.radians(4)
    inner = slice(45, -45)  # the smoothing reaches 0.75 s
    np.testing.assert_allclose(heading[inner], np.pi * walking.times[inner], atol=np.radians(0.1))


@pytest.mark.parametrize("hidden", [("RHip", "LHip", "Hip"), ("RShoulder",)])
def test_heading_needs_only_hips_or_shoulders(hidden: tuple[str, ...], walking: Markers) -> None:
    np.testing.assert_allclose(frame_of(walking, without(walking, *hidden)).heading, 0, atol=1e-9)


def test_one_hip_is_enough_to_place_the_body(walking: Markers) -> None:
    frame = frame_of(walking, without(walking, "Hip", "LHip"))
    hip = walking.position("Hip")
    assert np.linalg.norm(frame.origin - hip, axis=1).max() < 0.01


def test_a_gap_in_the_hips_is_bridged_in_time(walking: Markers) -> None:
    frame = frame_of(walking, without(walking, "Hip", "LHip", "RHip", frames=slice(50, 56)))
    assert np.linalg.norm(frame.origin - walking.position("Hip"), axis=1).max() < 0.01


def test_the_neck_replaces_missing_hips_and_without_both_there_is_no_position(walking: Markers) -> None:
    frame = frame_of(walking, without(walking, "Hip", "LHip", "RHip"))
    assert np.linalg.norm(frame.origin - walking.position("Hip"), axis=1).max() < 0.05
    assert BodyFrame.of(walking.times, without(walking, "Hip", "LHip", "RHip", "Neck"), HEIGHT) is None


@pytest.mark.parametrize(
    ("rate", "frames", "expected"), [(30.0, 10, 19), (29.97, 10, 19), (60.0, 10, 10), (240.0, 10, 3)]
)
def test_training_times_span_the_clip_at_60_hz(rate: float, frames: int, expected: int) -> None:
    times = 2.5 + np.arange(frames) / rate
    even = training_times(times)
    assert (even[0], even[-1], len(even)) == (times[0], times[-1], expected)


def fill(at: FloatArray, times: FloatArray, body: FloatArray, height: float) -> FloatArray:
    """All markers of a body that is already in its own frame."""
    still = BodyFrame(np.zeros((len(times), 3)), np.zeros(len(times)))
    return WholeBody.of(Markers(times, MARKERS, body), still, height).at(at)


def test_fill_at_60_hz_changes_nothing_that_was_seen(walking: Markers) -> None:
    body = frame_of(walking, walking.positions).enter(walking.positions)
    filled = fill(training_times(walking.times), walking.times, body, HEIGHT)
    used = [column for name, column in MARKER_INDEX.items() if name not in ("Head", "Nose")]
    np.testing.assert_allclose(filled[:, used], body[:, used], atol=1e-12)


def test_fill_bridges_gaps_and_holds_the_ends(walking: Markers) -> None:
    body = walking.positions.copy()
    body[:10, MARKER_INDEX["RKnee"]] = np.nan
    body[40:60, MARKER_INDEX["RKnee"]] = np.nan
    knee = fill(walking.times, walking.times, body, HEIGHT)[:, MARKER_INDEX["RKnee"]]
    np.testing.assert_allclose(knee[:10], np.tile(body[10, MARKER_INDEX["RKnee"]], (10, 1)))
    np.testing.assert_allclose(
        knee[49], interpolate(walking.times[[49]], walking.times[[39, 60]], body[[39, 60], 2])[0]
    )


def test_a_marker_never_seen_is_placed_below_its_neighbour(walking: Markers) -> None:
    body = np.full_like(walking.positions, np.nan)
    filled = fill(walking.times, walking.times, body, HEIGHT)
    assert np.isfinite(filled).all()
    heel_below_hip = filled[0, MARKER_INDEX["RHip"]] - filled[0, MARKER_INDEX["RHeel"]]
    assert heel_below_hip[1] == pytest.approx(0.530 * HEIGHT)  # Drillis & Contini: hip 0.530 of height off the floor
    np.testing.assert_allclose(filled[:, MARKER_INDEX["LWrist"]] * (1, 1, -1), filled[:, MARKER_INDEX["RWrist"]])
