"""Constructed exercises: feet stay in place, joints bend anatomically, the same name is the same motion."""

import numpy as np
import pytest

from training.mocap.exercises import KINDS, _hips, _lengths, exercise
from training.mocap.motion import BONE_INDEX, BONES, BoneMotion, RestPose

_OFFSETS = {
    "femur_l": (0.08, 0.0, 0.0),
    "femur_r": (-0.08, 0.0, 0.0),
    "tibia_l": (0.08, -0.4, 0.0),
    "tibia_r": (-0.08, -0.4, 0.0),
    "foot_l": (0.08, -0.82, 0.0),
    "foot_r": (-0.08, -0.82, 0.0),
}


def standing() -> BoneMotion:
    """A body with thighs of 40 cm and shanks of 42, upright with hanging arms."""
    origins = np.zeros((2, len(BONES), 3))
    for bone, offset in _OFFSETS.items():
        origins[:, BONE_INDEX[bone]] = offset
    down, ahead = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    parts = {"humerus": down, "forearm": down, "hand": down, "femur": down, "tibia": down, "foot": ahead, "toes": ahead}
    directions = {f"{part}_{side}": way for part, way in parts.items() for side in "lr"}
    seconds = {f"{part}_{side}": np.array([-1.0, 0.0, 0.0]) for part in ("humerus", "forearm") for side in "lr"}
    seconds |= {"hand_l": np.array([1.0, 0.0, 0.0]), "hand_r": np.array([-1.0, 0.0, 0.0])}
    turns = np.tile(np.eye(3), (2, len(BONES), 1, 1))
    return BoneMotion("static", np.array([0.0, 1.0]), turns, origins, RestPose(directions, seconds))


def bones(motion: BoneMotion, part: str) -> np.ndarray:
    """(T, 2, 3) direction of a bone, left and right."""
    columns = [BONE_INDEX[f"{part}_{side}"] for side in "lr"]
    return np.stack([motion.rotations[:, c] @ motion.rest.directions[BONES[c]] for c in columns], axis=1)


def ankles(motion: BoneMotion) -> np.ndarray:
    """(T, 2, 3) metres: down the legs from the pelvis."""
    thigh, shank = _lengths(standing())
    hips = motion.origins[:, :1] + np.einsum("tij,sj->tsi", motion.rotations[:, 0], _hips(standing()))
    return np.asarray(hips + thigh * bones(motion, "femur") + shank * bones(motion, "tibia"))


def flexion(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    return np.asarray(np.degrees(np.arccos(np.clip((upper * lower).sum(axis=-1), -1, 1))))


@pytest.mark.parametrize("kind", ["squat", "sit to stand", "arm raise"])
@pytest.mark.parametrize("number", range(4))
def test_both_feet_stay_where_they_are(kind, number):
    """To a millimetre: the legs are solved for them."""
    there = ankles(exercise(f"{kind}-{number}", standing()))
    assert np.ptp(there, axis=0) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("kind", "least"), [("squat", 35), ("sit to stand", 60), ("lunge", 35)])
def test_knees_bend_as_far_as_the_exercise_says_and_never_backward(kind, least):
    for number in range(6):
        motion = exercise(f"{kind}-{number}", standing())
        thigh, shank = bones(motion, "femur"), bones(motion, "tibia")
        bend = flexion(thigh, shank)
        assert least < bend.max() < 150
        # the knee is anterior to the line from hip to ankle, in the pelvis frame
        ahead = np.cross(thigh, shank)[..., 0]
        assert (ahead > -1e-6).all()


def test_an_arm_raise_lifts_an_arm_and_the_same_name_is_the_same_motion():
    for number in range(6):
        motion = exercise(f"arm raise-{number}", standing())
        assert bones(motion, "humerus")[..., 1].max() > bones(motion, "humerus")[..., 1].min() + 0.4
    again = exercise("arm raise-5", standing())
    assert np.array_equal(again.rotations, motion.rotations)


@pytest.mark.parametrize("kind", KINDS)
def test_every_turn_is_a_rotation(kind):
    motion = exercise(f"{kind}-1", standing())
    assert np.linalg.det(motion.rotations) == pytest.approx(1.0)
    assert np.abs(np.diff(motion.origins[:, 0], axis=0)).max() < 0.06  # metres a frame of 1/50 s
