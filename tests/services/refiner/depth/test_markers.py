import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, MARKER_INDEX, MARKERS, mirrored
from services.refiner.depth.markers import to_markers
from tests.services.refiner.synthetic import (
    ANKLE_HEIGHT,
    HEEL,
    HIP_HALF,
    SHOULDER_HALF,
    STATURE,
    TOE,
    TRUNK,
    clock,
    standing,
    walking,
)

MIRROR_LANDMARKS = [LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]
MIRROR_MARKERS = [MARKER_INDEX[mirrored(name)] for name in MARKERS]


def marker(points: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(to_markers(points, STATURE)[0, MARKER_INDEX[name]])


@pytest.fixture
def person() -> np.ndarray:
    return standing(clock(0.1))


def test_copied_markers_are_their_landmarks(person):
    for name, landmark in (("RKnee", "right_knee"), ("LBigToe", "left_foot_index"), ("Nose", "nose")):
        np.testing.assert_array_equal(marker(person, name), person[0, LANDMARK_INDEX[landmark]])


def test_hip_and_neck_are_the_midpoints_of_hips_and_shoulders(person):
    hip, neck = marker(person, "Hip"), marker(person, "Neck")
    np.testing.assert_allclose(marker(person, "LHip") - hip, [HIP_HALF, 0, 0], atol=1e-12)
    np.testing.assert_allclose(neck - hip, [0, TRUNK, 0], atol=1e-12)
    np.testing.assert_allclose(marker(person, "LShoulder") - neck, [SHOULDER_HALF, 0, 0], atol=1e-12)


def test_head_is_above_the_ears_by_the_share_of_stature_it_states(person):
    ears = (person[0, LANDMARK_INDEX["left_ear"]] + person[0, LANDMARK_INDEX["right_ear"]]) / 2
    np.testing.assert_allclose(marker(person, "Head") - ears, [0, 0.075 * STATURE, 0], atol=0.005)


@pytest.mark.parametrize(("side", "outside"), [("R", -1), ("L", 1)])
def test_small_toe_has_the_foot_geometry_it_states(person, side, outside):
    """Facing +Z, the person's right is -X. The shank is inclined forward by at most 1°, so lateral is horizontal."""
    ankle = marker(person, f"{side}Ankle")
    expected = ankle + HEEL + 0.83 * (TOE - HEEL) + [outside * 0.18 * 0.136 * STATURE, 0, 0]
    np.testing.assert_allclose(marker(person, f"{side}SmallToe"), expected, atol=1e-9)
    assert ankle[1] == pytest.approx(ANKLE_HEIGHT)


def test_small_toe_stays_outside_when_the_foot_points_along_the_shank(person):
    """On tiptoe the plane of foot and shank is undefined; the hips determine the side."""
    tiptoe = person.copy()
    ankle = tiptoe[:, LANDMARK_INDEX["right_ankle"]]
    along_shank = ankle - tiptoe[:, LANDMARK_INDEX["right_knee"]]
    tiptoe[:, LANDMARK_INDEX["right_foot_index"]] = tiptoe[:, LANDMARK_INDEX["right_heel"]] + 0.5 * along_shank
    offset = marker(tiptoe, "RSmallToe") - marker(tiptoe, "RHeel") - 0.83 * 0.5 * along_shank[0]
    np.testing.assert_allclose(offset, [-0.18 * 0.136 * STATURE, 0, 0], atol=1e-9)


def test_small_toe_needs_no_knee(person):
    hidden = person.copy()
    hidden[:, LANDMARK_INDEX["right_knee"]] = np.nan
    np.testing.assert_allclose(marker(hidden, "RSmallToe"), marker(person, "RSmallToe"), atol=0.002)


def test_a_marker_is_missing_exactly_where_one_of_its_landmarks_is(person):
    person[:, LANDMARK_INDEX["left_heel"]] = np.nan
    person[:, LANDMARK_INDEX["left_hip"]] = np.nan
    missing = np.isnan(to_markers(person, STATURE)[0]).any(axis=1)
    assert {MARKERS[index] for index in np.flatnonzero(missing)} == {"LHeel", "LSmallToe", "LHip", "Hip"}


angle = st.floats(-np.pi, np.pi)
shift = st.floats(-5, 5)


@given(turn=st.tuples(angle, angle, angle), move=st.tuples(shift, shift, shift))
def test_moving_the_body_moves_the_markers_with_it(turn, move):
    person = walking(clock(0.3))
    rotation = Rotation.from_rotvec(turn).as_matrix()
    moved = to_markers(person @ rotation.T + move, STATURE)
    np.testing.assert_allclose(moved, to_markers(person, STATURE) @ rotation.T + move, atol=1e-9)


@given(frame=st.integers(0, 29))
def test_mirroring_the_landmarks_swaps_right_and_left_markers(frame):
    person = walking(clock(1))[frame : frame + 1]
    mirror = np.array([-1.0, 1, 1])
    mirrored_first = to_markers((person * mirror)[:, MIRROR_LANDMARKS], STATURE)
    np.testing.assert_allclose(mirrored_first, (to_markers(person, STATURE) * mirror)[:, MIRROR_MARKERS], atol=1e-9)
