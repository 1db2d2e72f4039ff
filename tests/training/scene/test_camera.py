"""Cameras: projection, and angles recovered from rotations."""

import numpy as np
import pytest

from training.scene.camera import Camera, azimuth_frame, camera_angles, look


def camera(azimuth: float = 0.3, pitch: float = -0.2, roll: float = 0.1) -> Camera:
    return Camera((640, 360), 500.0, look(azimuth, pitch, roll)[None], np.array([[0.0, 1.5, 4.0]]))


def test_angles_come_back_from_the_rotation():
    assert camera_angles(camera().rotations) == pytest.approx(np.array([[0.3, -0.2, 0.1]]))


def test_a_level_camera_sees_right_to_the_right_and_up_above():
    pixels = camera(0, 0, 0).project(np.array([[[0.0, 1.5, 0.0], [1.0, 1.5, 0.0], [0.0, 2.5, 0.0], [0, 0, 9.0]]]))[0]
    assert pixels[:3] == pytest.approx(np.array([[320, 180], [445, 180], [320, 55]]))
    assert np.isnan(pixels[3]).all()


def test_a_camera_tilted_down_sees_what_is_below_in_the_middle():
    seen = camera(0, np.arctan(-1 / 4), 0).project(np.array([[[0.0, 0.5, 0.0]]]))
    assert seen[0, 0] == pytest.approx([320, 180])


def test_the_azimuth_frame_stays_upright():
    turned = azimuth_frame(camera())[0]
    assert turned @ [0, 1, 0] == pytest.approx([0, 1, 0])
    forward = camera().rotations[0].T @ [0, 0, 1]
    assert (turned @ forward)[0] == pytest.approx(0, abs=1e-9)
    assert (turned @ forward)[2] < 0
