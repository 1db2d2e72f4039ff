import numpy as np
import pytest
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKER_INDEX, MARKERS
from services.refiner.depth.markers import to_markers
from services.refiner.depth.missing import estimate_missing
from tests.services.refiner.synthetic import STATURE, clock, squatting, turned

TIMES = clock(3)
RIGHT_LEG = ("RKnee", "RAnkle", "RHeel", "RBigToe", "RSmallToe")


@pytest.fixture
def squat() -> FloatArray:
    """(T, 22, 3) a symmetric motion, rotated so that no world axis is in the sagittal plane."""
    return to_markers(turned(squatting(TIMES), 35), STATURE)


def without(positions: FloatArray, names: tuple[str, ...], frames: slice = slice(None)) -> FloatArray:
    gone = positions.copy()
    for name in names:
        gone[frames, MARKER_INDEX[name]] = np.nan
    return gone


def complete(times: FloatArray, positions: FloatArray, stature: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The completed motion and the mask of estimates; asserts that the input is unchanged."""
    completed = positions.copy()
    return completed, estimate_missing(times, completed, stature)


@pytest.mark.parametrize("names", [RIGHT_LEG, ("RElbow", "RWrist"), ("LKnee", "RWrist")])
def test_occluded_limbs_of_a_symmetric_motion_are_recovered(squat, names):
    """The synthetic squat is symmetric, so mirroring is exact."""
    completed, estimated = complete(TIMES, without(squat, names), STATURE)
    np.testing.assert_allclose(completed, squat, atol=1e-9)
    assert {MARKERS[index] for index in np.flatnonzero(estimated.any(axis=0))} == set(names)


def test_visible_markers_are_unchanged(squat):
    squat[:, MARKER_INDEX["LKnee"]] += 0.1
    gone = without(squat, ("RKnee",), slice(30, 60))
    completed, estimated = complete(TIMES, gone, STATURE)
    np.testing.assert_array_equal(completed[~estimated], squat[~estimated])
    assert estimated.sum() == 30


def test_an_estimate_joins_what_was_seen_without_a_jump(squat):
    """The left knee, and so its mirror image, is 10 cm off: the estimate still starts at the right knee."""
    squat[:, MARKER_INDEX["LKnee"]] += [0.1, 0, 0]
    completed, _ = complete(TIMES, without(squat, ("RKnee",), slice(20, 70)), STATURE)
    knee = completed[:, MARKER_INDEX["RKnee"]]
    usual = np.linalg.norm(np.diff(squat[:, MARKER_INDEX["RKnee"]], axis=0), axis=1).max()
    assert np.linalg.norm(np.diff(knee, axis=0), axis=1).max() < usual + 0.02
    assert np.linalg.norm(knee[45] - squat[45, MARKER_INDEX["RKnee"]]) > 0.08


def test_limbs_occluded_on_both_sides_stay_missing(squat):
    completed, estimated = complete(TIMES, without(squat, ("RKnee", "LKnee")), STATURE)
    assert np.isnan(completed[:, MARKER_INDEX["RKnee"]]).all()
    assert not estimated.any()


@pytest.mark.parametrize("lost", ["RHip", "LShoulder"])
def test_without_hips_and_shoulders_nothing_is_estimated(squat, lost):
    _, estimated = complete(TIMES, without(squat, (lost, "RWrist", "Head")), STATURE)
    assert not estimated.any()


def test_the_head_is_carried_along_with_the_trunk(squat):
    completed, _ = complete(TIMES, without(squat, ("Head", "Nose"), slice(30, 60)), STATURE)
    np.testing.assert_allclose(completed, squat, atol=1e-9)


def test_a_head_never_seen_has_the_default_position(squat):
    """The synthetic head is 0.27 m above the neck, the default one 0.32 m: heads differ in size and inclination."""
    completed, _ = complete(TIMES, without(squat, ("Head", "Nose")), STATURE)
    for name in ("Head", "Nose"):
        off = completed[:, MARKER_INDEX[name]] - squat[:, MARKER_INDEX[name]]
        assert np.linalg.norm(off, axis=1).max() < 0.08
