"""Metrics on constructed cases whose figures are known exactly."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX, MARKERS
from services.refiner.depth.gravity import world_axes
from tests.services.refiner import synthetic
from training.metrics import (
    COMPARED,
    acceleration,
    aligned_distance,
    between,
    bone_variation,
    camera_up,
    from_hips,
    raw_markers,
    seen_from,
    stated_up,
    upright,
    wrapped,
)
from training.scene.camera import Camera, look


def camera_at(
    place: Sequence[float], azimuth: float = 0.0, pitch: float = 0.0, roll: float = 0.0, frames: int = 1
) -> Camera:
    rotations = np.tile(look(*np.radians([azimuth, pitch, roll])), (frames, 1, 1))
    return Camera((640, 480), 500.0, rotations, np.tile(np.array(place, dtype=float), (frames, 1)))


def test_what_is_compared_are_landmarks_of_the_detector():
    assert len(COMPARED) == 17
    assert not {"Head", "Neck", "Hip", "RSmallToe"} & set(COMPARED)


def test_raw_markers_turn_the_axes_over_and_nothing_else():
    landmarks = synthetic.recorded(synthetic.clock(0.5), synthetic.standing(synthetic.clock(0.5)), synthetic.Camera())
    raw = raw_markers(landmarks, synthetic.STATURE)
    wrist = landmarks.world[:, LANDMARK_INDEX["left_wrist"]]
    assert raw[:, MARKER_INDEX["LWrist"]] == pytest.approx(wrist * [1, -1, -1])


def test_hips_are_the_origin():
    markers = np.random.default_rng(0).normal(size=(3, 22, 3))
    centred = from_hips(markers)
    assert centred[:, [MARKER_INDEX["RHip"], MARKER_INDEX["LHip"]]].mean(axis=1) == pytest.approx(np.zeros((3, 3)))
    markers[1, MARKER_INDEX["RHip"]] = np.nan
    assert np.isnan(from_hips(markers)[1]).all()


def test_upright_follows_the_azimuth_and_leaves_the_tilt():
    camera = camera_at([0, 1, 3], azimuth=90, pitch=20, roll=10)
    # a camera turned left by 90° looks along −x: what is at −z is on its right, up stays up, and +x is toward it
    seen = upright(np.array([[[0, 0, -1], [0, 1, 0], [1, 0, 0]]], dtype=float), camera)
    assert seen[0] == pytest.approx(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), abs=1e-12)


def test_procrustes_removes_rotation_translation_and_scale_but_no_reflection():
    truth = np.random.default_rng(1).normal(size=(2, 17, 3))
    moved = 1.3 * truth @ Rotation.from_euler("xyz", [0.4, 1.0, -0.3]).as_matrix().T + [1, 2, 3]
    assert aligned_distance(moved, truth) == pytest.approx([0, 0], abs=1e-9)
    assert (aligned_distance(truth * [-1, 1, 1], truth) > 0.2).all()


def test_procrustes_of_one_displaced_corner_of_a_square():
    square = np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]], dtype=float)
    bent = square + np.array([[0, 0, 1], [0, 0, -1], [0, 0, 1], [0, 0, -1]]) * 0.5
    # no rotation improves the saddle; the best scale is 8/9, so x and y shrink by 1/9 and z to 4/9
    assert aligned_distance(bent[None], square[None])[0] == pytest.approx(np.sqrt(2 / 81 + 16 / 81))


def test_procrustes_takes_what_both_have_and_needs_four_points():
    truth = np.random.default_rng(2).normal(size=(2, 6, 3))
    got = truth.copy()
    got[0, 0], got[1, :3] = np.nan, np.nan
    assert aligned_distance(got, truth)[0] == pytest.approx(0, abs=1e-9)
    assert np.isnan(aligned_distance(got, truth)[1])


def test_acceleration_of_a_fall_is_gravity_whatever_the_frame_intervals():
    times = np.array([0.0, 0.03, 0.07, 0.1, 0.15])
    fall = np.zeros((5, 1, 3))
    fall[:, 0, 1] = 2 - 9.81 / 2 * times**2 + times
    found = acceleration(times, fall)
    assert found[1:-1, 0] == pytest.approx(np.tile([0, -9.81, 0], (3, 1)), abs=1e-9)
    assert np.isnan(found[[0, -1]]).all()


def test_bone_variation_is_sd_over_mean():
    markers = np.zeros((2, len(MARKERS), 3))
    markers += np.arange(len(MARKERS))[:, None] * np.array([1.0, 0, 0])  # every other bone has some length
    markers[:, MARKER_INDEX["RKnee"]] = markers[:, MARKER_INDEX["RHip"]]
    markers[:, MARKER_INDEX["LKnee"]] = markers[:, MARKER_INDEX["LHip"]]
    markers[:, MARKER_INDEX["RKnee"], 1] = [0.3, 0.5]  # mean 0.4, standard deviation 0.1
    markers[:, MARKER_INDEX["LKnee"], 1] = 0.4
    assert bone_variation(markers)[:2] == pytest.approx([0.25, 0.0])  # thigh_r, thigh_l
    markers[:, MARKER_INDEX["LKnee"]] = np.nan
    assert np.isnan(bone_variation(markers)[1])


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (15, 0), (-8, 4), (20, -12)])
def test_a_stated_tilt_is_the_up_that_the_run_worked_with(pitch, roll):
    camera = synthetic.Camera(pitch=pitch, roll=roll)
    assert stated_up(pitch, roll) == pytest.approx(camera.up(), abs=0.03)  # the order of the turns differs
    assert world_axes(stated_up(pitch, roll)) @ stated_up(pitch, roll) == pytest.approx([0, 1, 0], abs=1e-12)


def test_gravity_of_a_true_camera():
    # pitch of `look` is positive upward, that of a run downward
    camera = camera_at([0, 1, 3], azimuth=70, pitch=-12, frames=2)
    assert between(camera_up(camera), stated_up(12.0, 0.0)) == pytest.approx([0, 0], abs=1e-6)
    assert between(camera_up(camera), stated_up(0.0, 0.0)) == pytest.approx([12, 12])
    rolled = camera_at([0, 1, 3], roll=7)
    assert min(between(camera_up(rolled), stated_up(0.0, r))[0] for r in (7.0, -7.0)) == pytest.approx(0, abs=1e-6)


def test_angles_wrap():
    assert wrapped(np.array([-179.0 - 179.0, 360.0, 181.0])) == pytest.approx([2, 0, -179])


@pytest.mark.parametrize(
    ("place", "side"), [([0, 1, 3], 0), ([3, 1, 3], 45), ([3, 1, 0], 90), ([-2, 0, 0], -90), ([0, 5, -1], 180)]
)
def test_the_side_that_the_camera_sees(place, side):
    markers = np.zeros((1, len(MARKERS), 3))
    markers[0, MARKER_INDEX["LHip"]] = [0.1, 0.02, 0]  # faces +z: left is +x
    markers[0, MARKER_INDEX["RHip"]] = [-0.1, -0.02, 0]
    assert abs(seen_from(markers, camera_at(place))[0]) == pytest.approx(abs(side))
    assert np.sign(seen_from(markers, camera_at(place))[0]) == pytest.approx(np.sign(side)) or side in (0, 180)
