"""How uncertain joint angles are: from the covariance of the coordinates to standard deviations of the ISB's angles.

An angle's rate of change follows from how fast the distal segment turns in the proximal one: that angular velocity is
the sum of the angles' rates, each about its own axis (Grood & Suntay 1983). The segments are taken for the skeleton's
bodies, to which their landmarks are fixed but for a centimetre of sliding.
"""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.skeleton.kinematics import Pose, cross
from services.angles.skeleton.model import GROUND

_SEGMENTS: Final = {
    "pelvis": (None, "pelvis"),
    "hip": ("pelvis", "femur"),
    "knee": ("femur", "tibia"),
    "ankle": ("tibia", "calcn"),
    "trunk": ("pelvis", "torso"),
    "shoulder": ("torso", "humerus"),
    "elbow": ("humerus", "radius"),
}
"""Joint → proximal (None: the world) and distal body."""

_LARGEST: Final = 90.0
"""Degrees: an angle that is uncertain by more, near a singularity, is not known at all."""

_CONDITION: Final = 1e-3


def angle_sd(current: Pose, covariances: FloatArray) -> FloatArray:
    """(T, 12, 3) degrees, from covariances (T, n, n) of all coordinates (rad², 0 for locked ones)."""
    frames = current.axes.shape[1]
    out = np.empty((frames, len(JOINT_GROUPS), 3))
    for index, group in enumerate(JOINT_GROUPS):
        joint, (proximal, distal) = group.name.partition("_")[0], segments_of(group.name)
        turning = _between(current, proximal, distal)
        columns = np.flatnonzero(np.abs(turning).max(axis=(1, 2)) > 0)
        rates = _inverse(_axes(current, joint, proximal, distal)) @ turning[columns].transpose(1, 2, 0)
        if joint == "shoulder":
            rates[:, 2] += rates[:, 0]  # the torsion is counted from the plane of elevation
        variance = np.einsum("tik,tkl,til->ti", rates, covariances[:, columns[:, None], columns], rates, optimize=True)
        out[:, index] = np.degrees(np.sqrt(np.maximum(variance, 0)))
    return np.minimum(out, _LARGEST)


def segments_of(group: str) -> tuple[str | None, str]:
    """The proximal (None: the world) and the distal body of a joint group."""
    joint, _, side = group.partition("_")
    proximal, distal = _SEGMENTS[joint]
    return proximal and _sided(proximal, side), _sided(distal, side)


def _sided(body: str, side: str) -> str:
    return f"{body}_{side}" if side and body not in ("pelvis", "torso") else body


def _between(current: Pose, proximal: str | None, distal: str) -> FloatArray:
    """(n, T, 3): how fast each coordinate turns the distal body in the proximal one."""
    model = current.model
    beyond = set(_path(current, distal)) - set(_path(current, proximal) if proximal else ())
    turning = np.zeros((len(model.coordinates), current.axes.shape[1], 3))
    chosen = sorted(beyond)
    turning[chosen] = current.motions[chosen, :, :3]
    return turning


def _path(current: Pose, body: str) -> list[int]:
    """The coordinates between the ground and a body."""
    model = current.model
    joints = {joint.child: joint for joint in model.joints}
    index, found = model.body(body), []
    while index != GROUND:
        joint = joints[index]
        found += [axis.coordinate for axis in (*joint.rotations, *joint.translations) if axis.coordinate is not None]
        index = joint.parent
    return found


def _axes(current: Pose, joint: str, proximal: str | None, distal: str) -> FloatArray:
    """(T, 3, 3): as columns, what the three angles turn about, in the order in which they are listed."""
    model = current.model
    own = current.axes[model.body(distal)]
    base = np.broadcast_to(np.eye(3), own.shape) if proximal is None else current.axes[model.body(proximal)]
    first, last = {"pelvis": (1, 2), "shoulder": (1, 1)}.get(joint, (2, 1))
    middle = cross(own[..., last], base[..., first]) if joint != "pelvis" else cross(base[..., first], own[..., last])
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    middle = middle / np.maximum(length, _CONDITION)
    columns = [base[..., first], middle, own[..., last]]
    return np.stack(columns[::-1] if joint == "pelvis" else columns, axis=2)


def _inverse(axes: FloatArray) -> FloatArray:
    """(T, 3, 3) inverse, bounded where the axes fall together."""
    left, sizes, right = np.linalg.svd(axes)
    return np.asarray(np.swapaxes(right, 1, 2) @ (np.swapaxes(left, 1, 2) / np.maximum(sizes, 1e-2)[..., None]))
