"""Cameras that film from above, for what is learnt from."""

from dataclasses import replace

import numpy as np
import pytest

from training.data.shot import from_above, place_camera, random_shot
from training.scene.camera import camera_angles

STANDING = np.array([[[x, y, 0.0] for x in (-0.3, 0.3) for y in (0.05, 1.7)]] * 3)
TIMES = np.arange(3) / 30
CEILING = 2.4


def test_some_shots_are_from_above_and_the_others_stay_as_they_are():
    shots = [random_shot(np.random.default_rng(seed), seed) for seed in range(200)]
    varied = [from_above(shot, np.random.default_rng([seed, 7])) for seed, shot in enumerate(shots)]
    above = [new for old, new in zip(shots, varied, strict=True) if new != old]
    assert 40 < len(above) < 80
    assert all(shot.hung and -38 <= np.degrees(shot.pitch) <= -5 and abs(np.degrees(shot.roll)) <= 28 for shot in above)
    assert not any(shot.hung for shot in shots)


def test_a_hung_camera_looks_as_far_down_as_it_is_asked_to():
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
