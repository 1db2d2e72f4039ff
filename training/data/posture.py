"""Augmentation of captured motion: other arms and legs, bent elbows and knees, leaning trunks, turning heads."""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray
from training.data.balance import balanced_like
from training.mocap.motion import BONE_INDEX, LEAD_OF_SIDE, BoneMotion

_ARM = ("humerus", "forearm", "hand")
_UPPER = ("spine", "thorax", "neck", "head", *(f"{bone}_{side}" for bone in ("clavicle", *_ARM) for side in "lr"))


_OTHER_LEGS: Final = 0.1
"""Share of motions with other legs, which are on average 18° more flexed in the hip and 24° in the knee: few, since
people who stand and walk do so with straighter ones."""


def varied(motion: BoneMotion, other: BoneMotion, rng: np.random.Generator) -> BoneMotion:
    """The motion with some random changes: the arms of another motion, other movement of arms or legs, a leaning trunk.
    Its balance over the feet is kept."""
    original = motion
    if rng.random() < 0.35:
        motion = with_arms_of(motion, other)
    if rng.random() < 0.5:
        motion = _with_wandering_arms(motion, rng)
    if rng.random() < _OTHER_LEGS:
        motion = with_wandering_legs(motion, rng)
    if rng.random() < 0.3:
        motion = _with_lean(motion, rng)
    return motion if motion is original else balanced_like(motion, original)


def with_turning_head(motion: BoneMotion, rng: np.random.Generator) -> BoneMotion:
    """Random head movement, for motions in which the head does not move by itself."""
    angles = wander(rng, motion.times, 3, 1.0) * np.radians([20.0, 8.0, 5.0])
    turn = Rotation.from_euler("YXZ", angles).as_matrix()
    rotations = motion.rotations.copy()
    for bone, share in (("neck", 0.4), ("head", 1.0)):
        part = Rotation.from_rotvec(Rotation.from_matrix(turn).as_rotvec() * share).as_matrix()
        rotations[:, BONE_INDEX[bone]] = rotations[:, BONE_INDEX[bone]] @ part
    return replace(motion, rotations=rotations)


def with_arms_of(motion: BoneMotion, other: BoneMotion) -> BoneMotion:
    """Arm movement relative to the thorax from another motion with the same number of frames."""
    rotations = motion.rotations.copy()
    thorax = BONE_INDEX["thorax"]
    swap = rotations[:, thorax] @ np.swapaxes(other.rotations[:, thorax], 1, 2)
    directions, seconds = dict(motion.rest.directions), dict(motion.rest.seconds)
    for side in LEAD_OF_SIDE:
        for bone in (f"{part}_{side}" for part in _ARM):
            rotations[:, BONE_INDEX[bone]] = swap @ other.rotations[:, BONE_INDEX[bone]]
            directions[bone], seconds[bone] = other.rest.directions[bone], other.rest.seconds[bone]
    return replace(motion, rotations=rotations, rest=replace(motion.rest, directions=directions, seconds=seconds))


def wander(rng: np.random.Generator, times: FloatArray, channels: int, seconds: float) -> FloatArray:
    """(T, channels) smooth noise of zero mean and unit standard deviation, with a time scale of `seconds`."""
    step = float(np.median(np.diff(times)))
    width = max(seconds / step, 1.0)
    margin = int(4 * width)
    raw = rng.standard_normal((len(times) + 2 * margin, channels))
    smooth = gaussian_filter1d(raw, width, axis=0) * np.sqrt(2 * width * np.sqrt(np.pi))
    return np.asarray(smooth[margin:-margin])


def _with_wandering_arms(motion: BoneMotion, rng: np.random.Generator) -> BoneMotion:
    """Additional shoulder rotation and elbow flexion of some tens of degrees, slowly varying."""
    rotations = motion.rotations.copy()
    thorax = BONE_INDEX["thorax"]
    for side in LEAD_OF_SIDE:
        humerus, forearm, hand = (BONE_INDEX[f"{part}_{side}"] for part in _ARM)
        sway = rng.normal(0, np.radians(25), 3) + wander(rng, motion.times, 3, 0.7) * np.radians(rng.uniform(0, 25))
        turn = rotations[:, thorax] @ Rotation.from_rotvec(sway).as_matrix() @ np.swapaxes(rotations[:, thorax], 1, 2)
        bend = rng.uniform(-10, 75) + wander(rng, motion.times, 1, 0.5)[:, 0] * rng.uniform(0, 30)
        present = motion.flexion(f"humerus_{side}", f"forearm_{side}")
        bend = np.clip(bend, -present, np.maximum(145 - present, 0))
        axis = (rotations[:, humerus] @ motion.rest.seconds[f"humerus_{side}"]) * np.radians(bend)[:, None]
        elbow = Rotation.from_rotvec(axis).as_matrix()
        rotations[:, humerus] = turn @ rotations[:, humerus]
        for bone in (forearm, hand):
            rotations[:, bone] = turn @ elbow @ rotations[:, bone]
    return replace(motion, rotations=rotations)


def with_wandering_legs(motion: BoneMotion, rng: np.random.Generator) -> BoneMotion:
    """Additional hip rotation and knee flexion of some tens of degrees, in one leg or both alike, slowly varying.

    The slope of the feet and the height of the pelvis are kept.
    """
    rotations = motion.rotations.copy()
    pelvis = rotations[:, BONE_INDEX["pelvis"]]
    both = _leg_angles(motion, rng)
    alone = rng.choice(["l", "r"]) if rng.random() < 0.5 else ""
    for side, lead in LEAD_OF_SIDE.items():
        if alone not in ("", side):
            continue
        flexion, abduction, rotation, bend = _leg_angles(motion, rng) if alone else both
        femur, tibia = BONE_INDEX[f"femur_{side}"], BONE_INDEX[f"tibia_{side}"]
        local = Rotation.from_euler("XZY", np.stack([-flexion, lead * abduction, lead * rotation], axis=1)).as_matrix()
        turn = pelvis @ local @ np.swapaxes(pelvis, 1, 2)
        rotations[:, femur] = turn @ rotations[:, femur]
        present = motion.flexion(f"femur_{side}", f"tibia_{side}")
        bend = np.clip(np.degrees(bend), -present, np.maximum(140 - present, 0))
        knee = Rotation.from_rotvec(rotations[:, femur, :, 0] * np.radians(bend)[:, None]).as_matrix()
        rotations[:, tibia] = knee @ turn @ rotations[:, tibia]
    return replace(motion, rotations=rotations)


def _leg_angles(motion: BoneMotion, rng: np.random.Generator) -> FloatArray:
    """(4, T) radians: flexion, abduction and rotation of the hip, flexion of the knee, to be added."""
    flexion = rng.uniform(-10, 45) + wander(rng, motion.times, 1, 0.7)[:, 0] * rng.uniform(0, 20)
    side = rng.normal([8, 0], [12, 12]) + wander(rng, motion.times, 2, 0.7) * rng.uniform(0, 8)
    knee = flexion * rng.uniform(0.5, 2.2) + wander(rng, motion.times, 1, 0.5)[:, 0] * rng.uniform(0, 15)
    return np.radians(np.stack([flexion, side[:, 0], side[:, 1], knee]))


def _with_lean(motion: BoneMotion, rng: np.random.Generator) -> BoneMotion:
    """Everything above the lumbar spine bent forward, sideways or rotated."""
    pelvis = motion.rotations[:, BONE_INDEX["pelvis"]]
    lean = rng.normal(0, 1, 3) * np.radians([14.0, 10.0, 8.0])
    turn = pelvis @ Rotation.from_rotvec(lean).as_matrix() @ np.swapaxes(pelvis, 1, 2)
    rotations = motion.rotations.copy()
    for bone in _UPPER:
        rotations[:, BONE_INDEX[bone]] = turn @ rotations[:, BONE_INDEX[bone]]
    return replace(motion, rotations=rotations)
