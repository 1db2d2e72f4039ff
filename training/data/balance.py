"""Balance of modified motions: the centre of mass is moved back over the feet."""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARKS
from services.refiner.depth.gravity import Stance
from services.refiner.vectors import columns, unit
from training.human.retarget import least_rotation
from training.mocap.motion import BONE_INDEX, BoneMotion

_PARENTS: Final = {
    "lumbar": "pelvis",
    "spine": "lumbar",
    "thorax": "spine",
    "neck": "thorax",
    "head": "neck",
    **{
        f"{bone}_{side}": parent if parent in ("pelvis", "thorax") else f"{parent}_{side}"
        for side in "lr"
        for bone, parent in (
            *(("clavicle", "thorax"), ("humerus", "clavicle"), ("forearm", "humerus"), ("hand", "forearm")),
            *(("femur", "pelvis"), ("tibia", "femur"), ("foot", "tibia"), ("toes", "foot")),
        )
    },
}
"""From the pelvis outward."""

_BONE_OF_LANDMARK: Final = {
    "ear": "head",
    "shoulder": "humerus",
    "elbow": "forearm",
    "wrist": "hand",
    "hip": "femur",
    "knee": "tibia",
    "ankle": "foot",
    "heel": "foot",
    "foot_index": "toes",
}
"""Landmarks of both sides, and the bone that starts there."""

_LIFTED_M: Final = 0.06
"""Height difference at which the higher foot's share of the body weight is 1 / (1 + e)."""

_SWAYS_S: Final = 0.25
"""Over shorter times the body does not regain its balance."""

_ROUNDS: Final = 3
"""Which foot bears weight depends on the tilt."""

_FARTHEST: Final = np.radians(12.0)
"""In one round."""


def balanced_like(changed: BoneMotion, original: BoneMotion) -> BoneMotion:
    """The changed motion tilted about its feet, by up to 36 degrees, until its centre of mass stands over them as that
    of the original did: above them, or leaning into a turn or a start. The feet keep their slope, the lower ankle its
    height.
    """
    before = _joints(original, original)
    wanted, _ = _lean(before, original)
    feet = [BONE_INDEX[f"{bone}_{side}"] for bone in ("foot", "toes") for side in "lr"]
    moved = changed
    for _ in range(_ROUNDS):
        lean, support = _lean(_joints(moved, original), original)
        turn = least_rotation(lean, wanted, _FARTHEST)
        rotations = turn[:, None] @ moved.rotations
        rotations[:, feet] = changed.rotations[:, feet]
        pelvis = support + np.einsum("tij,tj->ti", turn, moved.origins[:, 0] - support)
        origins = moved.origins + (pelvis - moved.origins[:, 0])[:, None]
        moved = replace(moved, rotations=rotations, origins=origins)
    rise = _lower_ankle(before) - _lower_ankle(_joints(moved, original))
    return replace(moved, origins=moved.origins + rise[:, None, None] * np.array([0.0, 1.0, 0.0]))


def _joints(motion: BoneMotion, own: BoneMotion) -> FloatArray:
    """(T, B, 3) metres: where each of BONES begins in a motion of the skeleton whose `own` motion is given."""
    places = motion.origins.copy()
    for bone, parent in _PARENTS.items():
        child, holder = BONE_INDEX[bone], BONE_INDEX[parent]
        offset = own.rotations[0, holder].T @ (own.origins[0, child] - own.origins[0, holder])
        places[:, child] = places[:, holder] + motion.rotations[:, holder] @ offset
    return places


def _lean(joints: FloatArray, motion: BoneMotion) -> tuple[FloatArray, FloatArray]:
    """(T, 3) direction from the base of support to the centre of mass, and (T, 3) metres, its position."""
    body = np.zeros((len(joints), len(LANDMARKS), 3))
    for landmark, bone in _BONE_OF_LANDMARK.items():
        for column, side in zip(columns(landmark), "lr", strict=True):
            body[:, column] = joints[:, BONE_INDEX[bone if bone == "head" else f"{bone}_{side}"]]
    stance = Stance.of(body, np.ones(body.shape[:2], dtype=bool), stature=0.0)
    higher = stance.feet[:, 0, 1] - stance.feet[:, 1, 1]
    left = 1 / (1 + np.exp(higher / _LIFTED_M))[:, None]
    support = left * stance.feet[:, 0] + (1 - left) * stance.feet[:, 1]
    frames = _SWAYS_S / float(np.median(np.diff(motion.times)))
    lean, support = (gaussian_filter1d(v, frames, axis=0, mode="nearest") for v in (stance.mass - support, support))
    return unit(lean), support


def _lower_ankle(joints: FloatArray) -> FloatArray:
    """(T,) metres."""
    return np.asarray(joints[:, [BONE_INDEX["foot_l"], BONE_INDEX["foot_r"]], 1].min(axis=1))
