"""Error of the estimated vertical on synthetic people and simulated cameras."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from humanpose3d.motion import Landmarks
from humanpose3d.options import FOCAL_LENGTH, Verticals
from humanpose3d.skeleton import LANDMARK_INDEX
from services.refiner.depth.camera import at_assumed_focal_length
from services.refiner.depth.gravity import Gravity, Stance, estimate_gravity, world_axes
from tests.services.refiner.synthetic import (
    STATURE,
    Camera,
    clock,
    in_front,
    occluded,
    on_one_leg,
    recorded,
    squatting,
    standing,
    walking,
)

MOTIONS = {"standing": standing, "squatting": squatting, "walking": walking, "on one leg": on_one_leg}
TILTS = list(product((0, 10, 20), (-10, 10), (0, 50, 90)))


def gravity(landmarks: Landmarks, visibility_min: float = 0.3) -> Gravity:
    body = in_front(landmarks, 1.0)
    stance = Stance.of(body, landmarks.visibility >= visibility_min, STATURE)
    return estimate_gravity(landmarks.times, stance, focal_known=True)


def errors(name: str, noise: float) -> np.ndarray:
    """Degrees between estimated and true vertical, over pitches 0–20°, rolls ±10° and four azimuths."""
    times = clock(3)
    points = MOTIONS[name](times)
    found = []
    for seed, (pitch, roll, azimuth) in enumerate(TILTS):
        camera = Camera(pitch=pitch, roll=roll, azimuth=azimuth, noise=noise, distance=5)
        up = gravity(recorded(times, points, camera, seed=seed)).up
        found.append(np.degrees(np.arccos(np.clip(up @ camera.up(), -1, 1))))
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "limit"), [("standing", 3.0), ("squatting", 4.0), ("walking", 4.0), ("on one leg", 5.0)]
)
def test_without_noise_the_tilt_is_found_up_to_posture(name, limit):
    """The rest is due to imperfect balance and the prior for a level camera (11 % of a pitch of
    20°, more on one leg)."""
    assert errors(name, noise=0.0).max() < limit


@pytest.mark.parametrize(("name", "mean"), [("standing", 3), ("squatting", 3), ("walking", 3.5), ("on one leg", 4)])
def test_with_a_detectors_errors_the_tilt_is_found_within_a_few_degrees(name, mean):
    """3 cm of correlated noise in the image plane and 6 cm in depth. Measured: 2.1, 2.1, 2.5 and 3.1° on average,
    6.7° at worst, where assuming a level camera would be off by 15° on average."""
    found = errors(name, noise=0.03)
    assert found.mean() < mean
    assert found.max() < 9


def test_errors_stay_within_the_stated_uncertainty():
    """Synthetic errors are smaller than those of detections, on which the stated sd is based: nearly all are within."""
    scores = []
    for seed, (pitch, roll, azimuth) in enumerate(TILTS):
        times = clock(3)
        camera = Camera(pitch=pitch, roll=roll, azimuth=azimuth, noise=0.05, distance=5)
        found = gravity(recorded(times, walking(times), camera, seed=seed))
        scores += [(found.pitch_deg - pitch) / found.pitch_sd_deg, (found.roll_deg - roll) / found.roll_sd_deg]
    assert 0.7 < (np.abs(scores) < 1).mean() < 1
    assert (np.abs(scores) < 2).all()


@pytest.mark.parametrize("focal", [0.62, 0.72, 0.93])
def test_an_unknown_focal_length_widens_the_tilt_and_a_known_one_corrects_it(focal):
    """Cameras pitched 20° down with other focal lengths than assumed: if known, the pitch is exact to 1°."""
    camera = Camera(pitch=20, focal=focal, distance=4)
    times = clock(3)
    landmarks = recorded(times, standing(times), camera)
    said = lines(camera, focal)

    def estimated(seen: Landmarks, told: Verticals, known: bool) -> Gravity:
        stance = Stance.of(in_front(seen, 1.0), seen.visibility >= 0.3, STATURE)
        return estimate_gravity(times, stance, told, focal_known=known)

    unknown = estimated(landmarks, said, known=False)
    true_lines = said.model_copy(update={"forward_slope": said.forward_slope * focal / FOCAL_LENGTH})
    known = estimated(at_assumed_focal_length(landmarks, focal), true_lines, known=True)
    assert known.pitch_deg == pytest.approx(20, abs=1)
    assert known.pitch_sd_deg < 1
    assert 1.5 < unknown.pitch_sd_deg < 4
    assert abs(unknown.pitch_deg - 20) < 2 * unknown.pitch_sd_deg


def test_effect_of_focal_length_on_balance_depends_on_image_position():
    """Person 15° below the image centre: a 10 % error in focal length rotates the body by 1.5°, included in the sd."""
    times = clock(3)
    landmarks = recorded(times, standing(times), Camera())
    low = replace(landmarks, pixels=landmarks.pixels + [0, np.tan(np.radians(15)) * FOCAL_LENGTH * 1920])

    def sd(known: bool) -> float:
        stance = Stance.of(in_front(low, 1.0), low.visibility >= 0.3, STATURE)
        return estimate_gravity(times, stance, focal_known=known).pitch_sd_deg

    assert np.sqrt(sd(known=False) ** 2 - sd(known=True) ** 2) == pytest.approx(1.9, abs=0.4)


def test_a_wide_stance_is_less_certain():
    """Feet half a metre apart: the load between them is uncertain by 0.14 m, i.e. 8° of roll."""
    times = clock(3)
    points = standing(times)
    for side, sign in (("left", 1), ("right", -1)):
        for joint in ("ankle", "heel", "foot_index"):
            points[:, LANDMARK_INDEX[f"{side}_{joint}"], 0] += sign * 0.165
    wide, narrow = (gravity(recorded(times, each, Camera())) for each in (points, standing(times)))
    assert wide.roll_sd_deg > narrow.roll_sd_deg + 3
    assert wide.pitch_sd_deg == pytest.approx(narrow.pitch_sd_deg, abs=0.5)


def test_pitch_and_roll_have_the_stated_signs():
    times = clock(3)
    found = gravity(recorded(times, standing(times), Camera(pitch=15, roll=8)))
    assert found.pitch_deg == pytest.approx(15, abs=2)
    assert found.roll_deg == pytest.approx(8, abs=1)
    assert found.estimated


def test_a_person_who_always_crouches_gives_no_estimate():
    times = clock(3)
    crouched = np.repeat(squatting(times)[30:31], len(times), axis=0)
    found = gravity(recorded(times, crouched, Camera(pitch=15)))
    assert not found.estimated
    np.testing.assert_array_equal(found.up, [0, -1, 0])
    assert (found.pitch_deg, found.roll_deg) == (0, 0)
    assert found.pitch_sd_deg == found.roll_sd_deg == 20


def test_a_person_with_legs_out_of_the_image_gives_no_estimate():
    times = clock(3)
    legs = ("left_knee", "right_knee", "left_ankle", "right_ankle")
    assert not gravity(occluded(recorded(times, standing(times), Camera(pitch=15)), legs, slice(None))).estimated


def test_a_lying_person_is_not_taken_for_a_camera_on_its_side():
    times = clock(3)
    lying = standing(times)[..., [1, 0, 2]] * [1, -1, 1]
    assert not gravity(recorded(times, lying, Camera())).estimated


def lines(camera: Camera, focal: float = FOCAL_LENGTH) -> Verticals:
    """Tilt from the image's upright lines, seen by a camera with the given true focal length."""
    up = camera.up()
    return Verticals(lateral_slope=up[0] / -up[1], forward_slope=up[2] / -up[1] * FOCAL_LENGTH / focal, looks=2)


def with_lines(camera: Camera, said: Verticals, points=standing) -> Gravity:
    times = clock(3)
    landmarks = recorded(times, points(times), camera)
    stance = Stance.of(in_front(landmarks, 1.0), landmarks.visibility >= 0.3, STATURE)
    return estimate_gravity(landmarks.times, stance, said)


@pytest.mark.parametrize(("pitch", "roll", "focal"), [(15, -10, 0.85), (15, -10, 0.95), (-12, 20, 0.75), (20, 4, 0.95)])
def test_upright_lines_are_more_certain_than_balance(pitch, roll, focal):
    """Lines determine the roll; balance contributes to the pitch, limited by the uncertain focal length."""
    camera = Camera(pitch=pitch, roll=roll, noise=0.05)
    found = with_lines(camera, lines(camera, focal))
    assert found.lines
    assert found.estimated
    assert found.roll_deg == pytest.approx(roll, abs=1.0)
    assert abs(found.pitch_deg - pitch) < 2.5 * found.pitch_sd_deg
    assert found.roll_sd_deg < 1.1
    assert abs(found.pitch_deg - pitch) < 2 * found.pitch_sd_deg


def test_lines_alone_suffice_for_a_person_who_crouches():
    camera = Camera(pitch=15)
    found = with_lines(camera, lines(camera), lambda times: np.repeat(squatting(times)[30:31], len(times), axis=0))
    assert found.estimated
    assert abs(found.pitch_deg - 15) < found.pitch_sd_deg


def test_lines_that_contradict_a_standing_body_are_ignored():
    """An inclined wall or a printed pattern of bars: the person would fall over."""
    camera = Camera(pitch=5)
    found = with_lines(camera, lines(Camera(pitch=5, roll=25)))
    assert not found.lines
    assert found.roll_deg == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("camera", [Camera(), Camera(pitch=20), Camera(roll=-10), Camera(pitch=-15, roll=12)])
def test_world_axes_level_the_world_and_keep_the_heading(camera):
    """Up is Y, and points straight ahead of the camera have X = 0: there is no rotation about Y."""
    axes = world_axes(camera.up())
    np.testing.assert_allclose(axes @ camera.up(), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    ahead = axes @ [0, 0, 1]
    assert ahead[0] == pytest.approx(0, abs=1e-12)
    assert ahead[2] < 0
