import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import Markers
from humanpose3d.skeleton import ALL_MARKERS, mirrored
from services.angles import segments
from tests.services.angles.body import body

SEGMENTS = [
    segments.pelvis,
    segments.trunk,
    segments.thigh,
    segments.shank,
    segments.foot,
    segments.humerus,
    segments.forearm,
]


def _random_markers(frames: int = 20) -> Markers:
    rng = np.random.default_rng(5)
    positions = rng.normal(size=(frames, len(segments.USED_MARKERS), 3))
    return Markers(np.arange(frames) / 100, segments.USED_MARKERS, positions)


def test_the_markers_used_are_markers_of_a_run_on_both_sides():
    assert set(segments.USED_MARKERS) <= set(ALL_MARKERS)
    assert {mirrored(name) for name in segments.USED_MARKERS} == set(segments.USED_MARKERS)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_frames_are_right_handed_and_orthonormal(segment):
    frames = segment(segments.both_sides(_random_markers()))
    assert frames.shape == (2, 20, 3, 3)
    np.testing.assert_allclose(
        np.swapaxes(frames, -1, -2) @ frames, np.broadcast_to(np.eye(3), frames.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(frames), 1)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_body_in_the_anatomical_position_has_the_axes_of_the_world(segment):
    frames = segment(segments.both_sides(body({"shoulder_r": (0.0, 0.0, 0.0), "shoulder_l": (0.0, 0.0, 0.0)})))
    np.testing.assert_allclose(frames, np.broadcast_to(np.eye(3), frames.shape), atol=1e-12)


def test_collinear_markers_define_no_frame():
    markers = body({})
    positions = markers.positions.copy()
    heel, toe = (positions[:, markers.names.index(f"r_{name}_study")] for name in ("calc", "toe"))
    for name in ("r_ankle_study", "r_mankle_study"):
        positions[:, markers.names.index(name)] = 0.3 * heel + 0.7 * toe
    points = segments.both_sides(Markers(markers.times, markers.names, positions))
    assert np.isnan(segments.foot(points)[0, :, :, 1:]).all()
    assert np.isfinite(segments.foot(points)[1]).all()


def test_coincident_markers_define_no_frame():
    markers = body({})
    names = [markers.names.index(name) for name in ("RHJC_study", "r_knee_study", "r_mknee_study")]
    positions = markers.positions.copy()
    positions[:, names] = positions[:, names[:1]]
    points = segments.both_sides(Markers(markers.times, markers.names, positions))
    assert np.isnan(segments.thigh(points)[0]).all()


def test_a_missing_name_is_named():
    markers = body({})
    without = tuple(name for name in markers.names if name != "L_toe_study")
    with pytest.raises(InvalidMotion, match="L_toe_study"):
        segments.both_sides(markers.select(without))
