"""Cameras that record from above, for training data."""

from dataclasses import replace

import numpy as np
import pytest

from training.data.shot import as_people_record, from_above, place_camera, random_shot
from training.scene.camera import camera_angles

STANDING = np.array([[[x, y, 0.0] for x in (-0.3, 0.3) for y in (0.05, 1.7)]] * 3)
TIMES = np.arange(3) / 30
CEILING = 2.4


def test_some_shots_are_from_above_and_the_others_are_unchanged():
    shots = [random_shot(np.random.default_rng(seed), seed) for seed in range(200)]
    varied = [from_above(shot, np.random.default_rng([seed, 7])) for seed, shot in enumerate(shots)]
    above = [new for old, new in zip(shots, varied, strict=True) if new != old]
    assert 40 < len(above) < 80
    assert all(shot.hung and -38 <= np.degrees(shot.pitch) <= -5 and abs(np.degrees(shot.roll)) <= 28 for shot in above)
    assert not any(shot.hung for shot in shots)


def test_an_overhead_camera_has_the_given_pitch():
    shot = replace(
        random_shot(np.random.default_rng(1), 1), pitch=np.radians(-35), roll=0.2, focal=1.0, shake=0.0, follows=False
    )
    for hung, steepest in ((True, -35.0), (False, -25.0)):
        rng = np.random.default_rng(2)
        camera = place_camera(replace(shot, hung=hung, shift=(0.0, 0.0)), rng, TIMES, STANDING, 0.0, CEILING)
        pitch = np.degrees(camera_angles(camera.rotations)[0, 1])
        assert pitch == pytest.approx(-35, abs=0.1) if hung else pitch > steepest
        assert (camera.centres[0, 1] > CEILING) == hung
        assert camera_angles(camera.rotations)[0, 2] == pytest.approx(0.2)


def test_half_of_the_training_data_is_frontal_at_a_persons_height():
    shots = [
        as_people_record(random_shot(np.random.default_rng(n), n), np.random.default_rng([n, 8])) for n in range(400)
    ]
    held = [shot for shot in shots if shot.height]
    assert 0.55 < len(held) / len(shots) < 0.78  # 1/2 + 1/2 · 1/3
    assert all(0.75 <= shot.height <= 1.8 for shot in held)
    assert sum(abs(np.degrees(shot.azimuth)) < 60 for shot in shots) / len(shots) > 0.5
    short = [shot.focal for shot in shots if shot.focal <= 1.2]
    assert 0.8 < len(short) / len(shots) < 0.9
    assert min(short) >= 0.6


def test_a_person_walking_towards_the_camera_stops_before_it_and_is_not_tracked():
    walk = STANDING + np.linspace(0, 5, 3)[:, None, None] * [0.0, 0.0, 1.0]
    shot = replace(
        random_shot(np.random.default_rng(1), 1), azimuth=0.0, height=1.4, shake=0.0, follows=False, fill=0.9
    )
    camera = place_camera(shot, np.random.default_rng(2), TIMES, walk, 0.0, CEILING)
    assert camera.centres[0, 2] - walk[..., 2].max() > 0.85
    assert camera.centres[:, 1] == pytest.approx(1.4)
    assert np.ptp(camera.rotations, axis=0).max() == pytest.approx(0, abs=1e-9)
