"""Retargeting: driving a body by another person's motion."""

from functools import lru_cache
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray
from training.human.body import RIG_OF_BONE, Body, PosedBody
from training.human.makehuman import IntArray
from training.mocap.motion import BONE_INDEX, LEAD_OF_SIDE, BoneMotion

_DRIVER_OF_RIG: Final = {
    **{rig: bone for bone, rig in RIG_OF_BONE.items()},
    "Neck1": "neck",
    **{
        rig.format(side=name): driver
        for side, name in (("l", "L"), ("r", "R"))
        for rig, driver in (("{side}HipJoint", "pelvis"), ("{side}Thumb", f"hand_{side}"))
    },
    **{f"{name}FingerBase": f"hand_{side}" for side, name in (("l", "Left"), ("r", "Right"))},
    **{f"{name}HandFinger1": f"hand_{side}" for side, name in (("l", "Left"), ("r", "Right"))},
}
"""Which bone of the motion drives each bone of the rig."""

_LIMB_ENDS: Final = {
    "humerus": "forearm",
    "forearm": "hand",
    "femur": "tibia",
    "tibia": "foot",
    "foot": "toes",
}
_SOLE_DEPTH: Final = 0.015
"""Metres above the lowest point of the resting body up to which vertices count as sole."""


def pose_body(body: Body, motion: BoneMotion, finger_curl: float = 0.3) -> PosedBody:
    """Drive a body by a motion (retargeting).

    Every bone takes the global rotation of the motion's bone times a fixed one that lays its own rest direction on
    the motion's: for humerus, forearm and hand the roll about it too, for feet their heading alone, for thigh and
    shank the least rotation, and none for pelvis, spine, clavicles and head. The pelvis's path is scaled by leg
    length, and the lowest sole of the clip comes to stand at y = 0. finger_curl: radians at each of two joints.
    """
    rotations = np.stack(
        [
            motion.rotations[:, BONE_INDEX[_DRIVER_OF_RIG[bone.name]]]
            @ _alignment(body, motion, _DRIVER_OF_RIG[bone.name])
            @ _curl(body, bone.name, finger_curl)
            for bone in body.mesh.bones
        ],
        axis=1,
    )
    pelvis = motion.origins[:, 0] * (body.leg_length() / motion.leg_length())
    posed = PosedBody(body, rotations, _translations(body, rotations, pelvis))
    lowest = posed.skinned(_sole(body))[..., 1].min(axis=1)
    return posed.shifted(np.array([0.0, -np.percentile(lowest, 2), 0.0]))


def rest_direction(body: Body, bone: str) -> FloatArray:
    """(3,) unit vector along a limb's bone at rest."""
    part, side = bone.split("_")
    if part == "hand":
        finger = body.rig_index[f"{'Left' if side == 'l' else 'Right'}FingerBase"]
        return _unit(body.heads[finger] - body.head_of(bone))
    if part == "toes":
        return rest_direction(body, f"foot_{side}")
    return _unit(body.head_of(f"{_LIMB_ENDS[part]}_{side}") - body.head_of(bone))


def rest_second(body: Body, bone: str) -> FloatArray:
    """(3,) unit vector that fixes a bone's roll: the elbow's axis of flexion, for the hand the side of the thumb."""
    part, side = bone.split("_")
    if part == "hand":
        thumb = body.rig_index[f"{side.upper()}Thumb"]
        return _unit(body.heads[thumb] - body.head_of(bone))
    # MakeHuman rests with bent elbows, so the axis is there to be read
    return _unit(np.cross(rest_direction(body, f"humerus_{side}"), rest_direction(body, f"forearm_{side}")))


def _alignment(body: Body, motion: BoneMotion, bone: str) -> FloatArray:
    part = bone.split("_")[0]
    if part in ("humerus", "forearm", "hand"):
        own = _frame(rest_direction(body, bone), rest_second(body, bone))
        return _frame(motion.rest.directions[bone], motion.rest.seconds[bone]) @ own.T
    if part in ("femur", "tibia"):
        return least_rotation(rest_direction(body, bone), motion.rest.directions[bone])
    if part in ("foot", "toes"):
        flat = np.array([1.0, 0.0, 1.0])
        heading = f"foot_{bone[-1]}"
        return least_rotation(
            _unit(rest_direction(body, heading) * flat), _unit(motion.rest.directions[heading] * flat)
        )
    return np.eye(3)


def least_rotation(start: FloatArray, end: FloatArray, farthest: float = np.pi) -> FloatArray:
    """(..., 3, 3) the rotations by the smallest angle that turn unit vectors (..., 3) into others, or as far as that
    many radians towards them."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.minimum(np.arctan2(sine, (start * end).sum(axis=-1, keepdims=True)), farthest)
    turn = np.where(sine < 1e-9, 0.0, axis / np.maximum(sine, 1e-9) * angle)
    return np.asarray(Rotation.from_rotvec(turn).as_matrix())


def _frame(direction: FloatArray, second: FloatArray) -> FloatArray:
    """(3, 3) columns: the direction, the second vector made square to it, and their normal."""
    square = _unit(second - direction * (second @ direction))
    return np.stack([direction, square, np.cross(direction, square)], axis=1)


def _curl(body: Body, rig_bone: str, angle: float) -> FloatArray:
    """Flex the fingers toward the palm, about the axis across it."""
    joint = next((n for n, part in enumerate(("FingerBase", "HandFinger1"), 1) if rig_bone.endswith(part)), 0)
    if not joint:
        return np.eye(3)
    side = "l" if rig_bone.startswith("Left") else "r"
    frame = _frame(rest_direction(body, f"hand_{side}"), rest_second(body, f"hand_{side}"))
    axis = -LEAD_OF_SIDE[side] * frame[:, 1]
    return np.asarray(Rotation.from_rotvec(axis * angle * joint).as_matrix())


def _translations(body: Body, rotations: FloatArray, pelvis: FloatArray) -> FloatArray:
    """Traverse the rig from the pelvis, whose hip midpoint is placed at the given positions."""
    middle = (body.head_of("femur_l") + body.head_of("femur_r")) / 2
    out = np.empty((len(pelvis), len(body.mesh.bones), 3))
    for index, bone in enumerate(body.mesh.bones):
        if bone.parent:
            parent = body.rig_index[bone.parent]
            head = rotations[:, parent] @ body.heads[index] + out[:, parent]
            out[:, index] = head - rotations[:, index] @ body.heads[index]
        else:
            out[:, index] = pelvis - rotations[:, index] @ middle
    return out


@lru_cache(maxsize=4)
def _sole(body: Body) -> IntArray:
    skin = body.mesh.groups["body"]
    low = skin[body.vertices[skin, 1] < _SOLE_DEPTH]
    return np.asarray(low[:: max(1, len(low) // 100)])


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
