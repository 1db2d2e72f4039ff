import numpy as np
import pytest

from humanpose3d.options import FOCAL_LENGTH
from services.refiner.depth.gravity import Gravity
from services.refiner.depth.ground import place
from tests.services.refiner.synthetic import Camera, clock, in_front, recorded, standing, walking

FEET = [29, 30, 31, 32]


def in_world(points: np.ndarray, camera: Camera, assumed_pitch: float) -> np.ndarray:
    """The landmarks in the world frame for an assumed pitch of `assumed_pitch` ± 4°."""
    times = clock(len(points) / 30)
    up = Camera(pitch=assumed_pitch).up()
    body = in_front(recorded(times, points, camera), 1.0)
    return place([body], Gravity(up, assumed_pitch, 0.0, 4.0, 4.0, estimated=True)).to_world(body)


def test_the_skeleton_stands_on_the_floor_at_the_origin():
    points = standing(clock(2))
    world = in_world(points, Camera(pitch=10, focal=FOCAL_LENGTH), assumed_pitch=10)
    assert world[:, FEET, 1].min() == pytest.approx(0, abs=0.001)
    np.testing.assert_allclose(world[0, 23:25].mean(axis=0)[[0, 2]], 0, atol=1e-9)
    np.testing.assert_allclose(world[:, 11] - world[:, 23], points[:, 11] - points[:, 23], atol=0.001)


def test_a_jump_leaves_the_floor():
    """A jump of 0.3 m and 0.5 s in the middle of 3 s: the feet rise by the same height in the world."""
    times = clock(3)
    flight = np.clip((times - 1.2) / 0.5, 0, 1)
    height = 4 * 0.3 * flight * (1 - flight)
    points = standing(times)
    points[..., 1] += height[:, None]
    world = in_world(points, Camera(pitch=10, focal=FOCAL_LENGTH), assumed_pitch=10)
    np.testing.assert_allclose(world[:, FEET, 1].min(axis=1), height, atol=0.015)


@pytest.mark.parametrize("mistake", [0, 4])
def test_a_walker_stays_on_the_floor_when_the_tilt_is_a_little_wrong(mistake):
    """4° over 4.8 m would lift the walker by 0.34 m; at most 2 sd (8°) of such a slope is removed."""
    times = clock(4)
    world = in_world(walking(times), Camera(pitch=10, distance=7, focal=FOCAL_LENGTH), assumed_pitch=10 + mistake)
    lowest = world[:, FEET, 1].min(axis=1)
    assert np.abs(lowest[10:-10]).max() < 0.06


def test_frames_without_a_person_affect_no_others():
    times = clock(2)
    body = in_front(recorded(times, standing(times), Camera()), 1.0)
    gone = body.copy()
    gone[:5] = np.nan
    gravity = Gravity(np.array([0.0, -1, 0]), 0.0, 0.0, 4.0, 4.0, estimated=True)
    np.testing.assert_allclose(
        place([gone], gravity).to_world(gone)[5:], place([body], gravity).to_world(body)[5:], atol=1e-6
    )
