import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from services.angles.rotations import continuous, nearest_to, other_branch, relative, tilt_and_torsion, yxz, zxy

DEGREES = st.tuples(*[st.floats(-180, 180)] * 3)
PROPERTY = settings(max_examples=100, deadline=None)


def _same_rotation(sequence: str, found: np.ndarray, expected: Rotation) -> None:
    error = (Rotation.from_euler(sequence, found, degrees=True) * expected.inv()).magnitude()
    assert np.degrees(error).max() < 1e-6


@PROPERTY
@given(st.sampled_from([("ZXY", zxy), ("YXZ", yxz)]), DEGREES)
def test_cardan_angles_are_scipys(decomposition, degrees):
    sequence, decompose = decomposition
    assume(abs(np.cos(np.radians(degrees[1]))) > 0.01)
    rotation = Rotation.from_euler(sequence, degrees, degrees=True)
    error = decompose(rotation.as_matrix()) - rotation.as_euler(sequence, degrees=True)
    np.testing.assert_allclose((error + 180) % 360 - 180, 0, atol=1e-6)  # −180 and 180 are the same


@pytest.mark.parametrize(("sequence", "decompose"), [("ZXY", zxy), ("YXZ", yxz)])
@pytest.mark.parametrize("middle", [90.0, -90.0, 89.9999999])
def test_cardan_angles_at_the_singularity_still_make_the_rotation(sequence, decompose, middle):
    rotation = Rotation.from_euler(sequence, [[30.0, middle, 20.0]], degrees=True)
    found = decompose(rotation.as_matrix())
    assert np.isfinite(found).all()
    assert abs(found[0, 1] - middle) < 1e-5


@PROPERTY
@given(st.floats(-179, 179), st.floats(0.5, 179), st.floats(-179, 179))
def test_tilt_and_torsion_is_yxy_with_the_first_angle_in_the_third(azimuth, tilt, torsion):
    rotation = Rotation.from_euler("YXY", [azimuth, -tilt, torsion - azimuth], degrees=True)
    np.testing.assert_allclose(tilt_and_torsion(rotation.as_matrix()), [azimuth, tilt, torsion], atol=1e-6)


def test_torsion_is_known_where_the_azimuth_is_not():
    azimuth, tilt, torsion = tilt_and_torsion(Rotation.from_euler("Y", 40, degrees=True).as_matrix())
    assert np.isnan(azimuth)
    assert tilt == 0
    assert torsion == pytest.approx(40)


@PROPERTY
@given(DEGREES)
def test_the_other_branch_is_the_same_rotation(degrees):
    angles = np.array([degrees])
    for sequence in ("ZXY", "YXZ"):
        _same_rotation(sequence, other_branch(angles), Rotation.from_euler(sequence, angles, degrees=True))


@PROPERTY
@given(DEGREES, DEGREES)
def test_nearest_is_the_same_rotation_and_no_farther_than_any_other(degrees, centre):
    angles, middle = np.array([degrees]), np.array(centre)
    found = nearest_to(middle, angles)
    _same_rotation("ZXY", found, Rotation.from_euler("ZXY", angles, degrees=True))
    turns = 360.0 * np.stack(np.meshgrid(*[[-2, -1, 0, 1, 2]] * 3), axis=-1).reshape(-1, 3)
    choices = np.concatenate([angles + turns, other_branch(angles) + turns])
    assert np.linalg.norm(found - middle) <= np.linalg.norm(choices - middle, axis=1).min() + 1e-6


def test_a_path_through_both_branches_is_followed():
    path = np.stack([np.linspace(0, 500, 300), np.linspace(-400, 400, 300), np.linspace(20, -300, 300)], axis=1)
    principal = yxz(Rotation.from_euler("YXZ", path, degrees=True).as_matrix())
    found = continuous(principal)
    np.testing.assert_array_equal(found[0], principal[0])
    assert np.abs(np.diff(found, axis=0)).max() < 4
    _same_rotation("YXZ", found, Rotation.from_euler("YXZ", path, degrees=True))


@pytest.mark.parametrize("start", [-179.0, 0.0, 179.0])
def test_the_first_frame_stays_in_the_principal_range(start):
    turn = np.zeros((100, 3))
    turn[:, 0] = start + np.linspace(0, 300, 100)
    found = continuous(yxz(Rotation.from_euler("YXZ", turn, degrees=True).as_matrix()))
    np.testing.assert_allclose(found, turn, atol=1e-6)


def test_one_wrong_frame_leaves_the_others_alone():
    turn = np.zeros((50, 3))
    turn[:, 0] = np.linspace(0, 60, 50)
    wrong = turn.copy()
    wrong[20] = (170, 3, -2)  # left and right swapped: the pelvis seems to face backwards
    found = continuous(wrong)
    np.testing.assert_allclose(np.delete(found, 20, axis=0), np.delete(turn, 20, axis=0), atol=1e-9)


@pytest.mark.parametrize("gap", [slice(0, 0), slice(0, 5), slice(10, 20), slice(45, 50), slice(0, 50)])
def test_gaps_stay_gaps(gap):
    turn = np.zeros((50, 3))
    turn[:, 0] = np.linspace(100, 300, 50)
    turn[gap] = np.nan
    found = continuous(np.where(turn > 180, turn - 360, turn))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(turn))
    np.testing.assert_allclose(np.diff(found[np.isfinite(turn[:, 0]), 0]) > 0, True)


def test_nan_in_one_axis_makes_the_whole_rotation_missing():
    frame = np.eye(3)
    broken = frame.copy()
    broken[:, 2] = np.nan
    assert np.isnan(relative(frame, broken)).all()
    assert np.isnan(nearest_to(np.zeros(3), zxy(relative(broken, frame)))).all()
