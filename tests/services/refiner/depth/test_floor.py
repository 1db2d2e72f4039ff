"""The floor under a path as evidence of the camera's tilt."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import FOCAL_LENGTH
from services.refiner.depth.camera import person_in_camera
from services.refiner.depth.evidence import Evidence, estimate
from services.refiner.depth.floor import floor_evidence
from services.refiner.depth.gravity import Gravity, gravity_of, slope_of, tilt_of
from services.refiner.vectors import part
from tests.services.refiner.synthetic import (
    Camera,
    clock,
    occluded,
    recorded,
    squatting,
    standing,
    turned,
    undetected,
    walking,
)

SECONDS = 3.0
CAMERA = Camera(pitch=12, distance=5)


def believed(pitch: float, roll: float = 0.0, sd: float = 6.0) -> Gravity:
    """What is known without the floor."""
    return Gravity(Camera(pitch=pitch, roll=roll).up(), pitch, roll, sd, sd, estimated=True)


def floor(
    points: FloatArray | Landmarks, camera: Camera, gravity: Gravity, *, focal_known: bool = True
) -> Evidence | None:
    """Of a motion that the camera records, or of landmarks."""
    landmarks = points if isinstance(points, Landmarks) else recorded(clock(SECONDS), points, camera)
    person = person_in_camera(landmarks.times, partial(part, landmarks), 1.0)
    return floor_evidence(landmarks, person, gravity, 0.3, focal_known=focal_known)


def tilt(found: Evidence | None) -> tuple[float, float]:
    """Pitch and roll, degrees."""
    assert found is not None
    return tilt_of(np.array([found.slope[0], -1.0, found.slope[1]]))


@pytest.mark.parametrize("pitch", [-5.0, 0.0, 12.0])
@pytest.mark.parametrize("mistake", [-10.0, 8.0])
def test_walking_towards_the_camera_shows_its_pitch(pitch, mistake):
    found = floor(walking(clock(SECONDS)), Camera(pitch=pitch, distance=5), believed(pitch + mistake))
    assert tilt(found)[0] == pytest.approx(pitch, abs=1.0)
    assert found is not None
    across, along = found.sd_deg
    assert along < 3
    assert across > 10


def test_walking_across_the_image_shows_its_roll():
    points = turned(walking(clock(SECONDS)), 90)
    found = floor(points, Camera(pitch=5, roll=-6, distance=5), believed(5, 0))
    assert tilt(found)[1] == pytest.approx(-6, abs=1.0)
    assert found is not None
    assert found.sd_deg[0] < 3 < found.sd_deg[1]


def test_the_slope_grows_as_the_focal_length_shrinks():
    """Recorded with 0.6 of the longer side and taken for 0.85: the horizon is at the same height in the image."""
    found = floor(walking(clock(SECONDS)), Camera(pitch=12, distance=5, focal=0.6), believed(12))
    assert found is not None
    assert tilt(found)[0] < 10
    assert tilt(found.at(0.6 / FOCAL_LENGTH))[0] == pytest.approx(12, abs=1.0)


def test_an_unknown_focal_length_makes_a_steep_pitch_less_certain():
    found = floor(walking(clock(SECONDS)), Camera(pitch=20, distance=5), believed(20))
    assert found is not None
    sds = [estimate([found], focal_known=known)[1][1] for known in (True, False)]
    assert sds[1] > 1.3 * sds[0]


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(squatting(clock(SECONDS)), id="squats"),
        pytest.param(walking(clock(SECONDS), speed=0.4), id="a short path"),
        pytest.param(walking(clock(SECONDS)) * [1, 1, 0.01], id="a treadmill"),
    ],
)
def test_who_stays_in_place_shows_no_floor(points):
    assert floor(points, Camera(pitch=12), believed(12)) is None


def test_a_steep_ramp_is_not_taken_for_a_level_floor():
    """One of 35° contradicts a tilt that is known to 3°; one of 5° could be either."""
    points, camera = walking(clock(SECONDS)), Camera(pitch=5, distance=5)
    steep, slight = (points + np.tan(np.radians(slope)) * points[..., 2:] * [0, 1, 0] for slope in (35, 5))
    assert floor(steep, camera, believed(5, sd=3.0)) is None
    assert floor(slight, camera, believed(5, sd=3.0)) is not None


def test_who_only_seems_to_come_nearer_shows_no_floor():
    """The detector takes the body for larger and larger, while the feet stay in their place in the image."""
    landmarks = recorded(clock(SECONDS), standing(clock(SECONDS)), CAMERA)
    growing = landmarks.world * np.linspace(0.8, 1.3, len(landmarks.times))[:, None, None]
    assert floor(replace(landmarks, world=growing), CAMERA, believed(12)) is None


def test_feet_that_leave_the_floor_are_no_evidence():
    points = walking(clock(SECONDS))
    points[..., 1] += (0.5 * np.abs(np.sin(4 * clock(SECONDS))))[:, None]
    assert floor(points, Camera(pitch=5, distance=5), believed(5)) is None


def test_frames_without_a_person_do_not_count():
    landmarks = recorded(clock(SECONDS), walking(clock(SECONDS)), CAMERA)
    assert tilt(floor(undetected(landmarks, slice(20, 40)), CAMERA, believed(6)))[0] == pytest.approx(12, abs=1.5)


def test_feet_outside_the_image_do_not_count():
    """In the last second the toes are below the image, where the detector guesses them."""
    landmarks = recorded(clock(SECONDS), walking(clock(SECONDS)), CAMERA)
    pixels = landmarks.pixels.copy()
    pixels[60:, 31:33, 1] = 1.1 * landmarks.image_size[1]
    cut = replace(landmarks, pixels=pixels)
    assert tilt(floor(cut, CAMERA, believed(12)))[0] == pytest.approx(12, abs=1.5)
    pixels[:, 31:33, 1] = 1.1 * landmarks.image_size[1]
    assert floor(replace(landmarks, pixels=pixels), CAMERA, believed(12)) is None


def test_who_does_not_stand_shows_no_floor():
    """Walking with the legs hidden."""
    landmarks = recorded(clock(SECONDS), walking(clock(SECONDS)), CAMERA)
    hidden = occluded(landmarks, ("left_knee", "right_knee"), slice(0, 75))
    assert floor(landmarks, CAMERA, believed(12)) is not None
    assert floor(hidden, CAMERA, believed(12)) is None


def test_the_slope_of_up_is_as_in_evidence():
    found = gravity_of(np.array([0.1, -0.2]), np.ones(2), lines=False, floor=True)
    np.testing.assert_allclose(slope_of(found.up), [0.1, -0.2])
