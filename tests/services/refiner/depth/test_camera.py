from dataclasses import replace

import numpy as np
import pytest

from humanpose3d.options import FOCAL_LENGTH
from services.refiner.depth.camera import at_assumed_focal_length
from tests.services.refiner.synthetic import Camera, clock, in_front, recorded, squatting, turned, walking


def in_camera(points: np.ndarray, camera: Camera) -> np.ndarray:
    """True landmarks in the camera frame; the camera is directed at the mean of the hips."""
    hips = points[:, 23:25].mean(axis=1)
    return np.asarray((points - hips.mean(axis=0)) @ camera.axes().T + [0, 0, camera.distance])


@pytest.mark.parametrize("azimuth", [0, 60, 90, 200])
def test_a_squat_is_reconstructed_at_its_position(azimuth):
    """Exact landmarks and true focal length: within 1 cm, all of it from smoothing the distance at 1 Hz."""
    times = clock(3)
    camera = Camera(pitch=12, roll=-6, azimuth=azimuth, focal=FOCAL_LENGTH)
    points = squatting(times)
    np.testing.assert_allclose(in_front(recorded(times, points, camera), 1.0), in_camera(points, camera), atol=0.01)


@pytest.mark.parametrize("heading", [0, 90])
def test_a_walk_keeps_its_path(heading):
    """Smoothing the distance at 1 Hz causes a few centimetres of error at the ends and none in the middle."""
    times = clock(3)
    camera = Camera(pitch=10, distance=6, focal=FOCAL_LENGTH)
    points = turned(walking(times), heading)
    found, true = in_front(recorded(times, points, camera), 1.0), in_camera(points, camera)
    assert np.abs(found - true)[20:-20].max() < 0.01
    assert np.abs(found - true).max() < 0.06


def test_a_body_seen_off_axis_is_not_rotated():
    """A person who walks across the image keeps the same heading, and so do the hips in the camera frame."""
    times = clock(3)
    found = in_front(recorded(times, turned(walking(times), 90), Camera(distance=3)), 1.0)
    across = found[:, 24] - found[:, 23]
    facing = np.degrees(np.arctan2(across[:, 0], -across[:, 2]))
    assert np.abs(facing).max() < 0.1


@pytest.mark.parametrize("focal", [0.6, 1.2])
def test_a_known_focal_length_rescales_the_image_to_the_assumed_one(focal):
    times = clock(1)
    points, camera = squatting(times), Camera(pitch=12, roll=-6, focal=focal)
    known = at_assumed_focal_length(recorded(times, points, camera), focal)
    np.testing.assert_allclose(
        known.pixels, recorded(times, points, replace(camera, focal=FOCAL_LENGTH)).pixels, atol=1e-6
    )
    assert at_assumed_focal_length(known, None) is known


def test_scale_is_proportional_to_the_distance():
    """A body assumed twice as large is twice as far away."""
    times = clock(1)
    landmarks = recorded(times, squatting(times), Camera())
    np.testing.assert_allclose(in_front(landmarks, 2.0), 2 * in_front(landmarks, 1.0), rtol=1e-9)
