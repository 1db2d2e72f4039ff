"""A rigid body posed by joint angles: markers by forward kinematics, independent of the code under test.

The segments' marker positions are chosen so that their frames are those of `services.angles.segments`; the
rotations are SciPy's. The left side is built with inverted signs, not by mirroring.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import JOINT_GROUP_INDEX

Pose = Mapping[str, ArrayLike]
"""Joint group → its three angles in degrees, (3,) or (T, 3); groups left out are at `NEUTRAL`."""

NEUTRAL: Final[Pose] = {"shoulder_r": (0.0, 8.0, 0.0), "shoulder_l": (0.0, 8.0, 0.0)}
"""Arms slightly abducted: at an elevation of 0 there is no plane of elevation. All other angles are 0."""


def body(pose: Pose) -> Markers:
    """Markers, in metres, of a body at the origin, facing +X, at 100 Hz."""
    angles = angles_of(pose)
    turn = {name: angles[:, index] for name, index in JOINT_GROUP_INDEX.items()}
    tilt, obliquity, rotation = turn["pelvis"].T
    pelvis = _turned("YXZ", rotation, -obliquity, -tilt)
    flexion, bending, rotation = turn["trunk"].T
    trunk = pelvis * _turned("ZXY", -flexion, bending, rotation)
    points = {"C7_study": pelvis.apply([-0.17, 0.0, 0.0]) + trunk.apply([0.0, 0.5, 0.0])}
    for side, letter, lateral in (("r", "r", 1.0), ("l", "L", -1.0)):
        points[f"{letter}.ASIS_study"] = pelvis.apply([0.0, 0.0, 0.12 * lateral])
        points[f"{letter}.PSIS_study"] = pelvis.apply([-0.17, 0.0, 0.05 * lateral])
        points[f"{letter}_shoulder_study"] = points["C7_study"] + trunk.apply([0.08, -0.03, 0.17 * lateral])
        points |= _leg(pelvis, {joint: turn[f"{joint}_{side}"] for joint in ("hip", "knee", "ankle")}, letter, lateral)
        points |= _arm(points["C7_study"], trunk, turn[f"shoulder_{side}"], turn[f"elbow_{side}"], letter, lateral)
    return Markers(np.arange(len(angles)) / 100, tuple(points), np.stack(list(points.values()), axis=1))


def angles_of(pose: Pose) -> FloatArray:
    """(T, 12, 3) degrees of a pose: the expected angles."""
    known = {name: np.atleast_2d(np.asarray(angles, dtype=float)) for name, angles in {**NEUTRAL, **pose}.items()}
    result = np.zeros((max(len(angles) for angles in known.values()), len(JOINT_GROUP_INDEX), 3))
    for name, angles in known.items():
        result[:, JOINT_GROUP_INDEX[name]] = angles
    return result


def _leg(pelvis: Rotation, turn: dict[str, FloatArray], letter: str, lateral: float) -> dict[str, FloatArray]:
    thigh = pelvis * _joint(turn["hip"], lateral)
    shank = thigh * _joint(turn["knee"] * [-1, 1, 1], lateral)
    foot = shank * _joint(turn["ankle"], lateral)
    hip = pelvis.apply([-0.05, -0.08, 0.08 * lateral])
    knee = hip + thigh.apply([0.0, -0.4, 0.0])
    ankle = knee + shank.apply([0.0, -0.38, 0.0])
    return {
        f"{letter.upper()}HJC_study": hip,
        f"{letter}_knee_study": knee + thigh.apply([0.0, 0.005, 0.045 * lateral]),
        f"{letter}_mknee_study": knee + thigh.apply([0.0, -0.005, -0.045 * lateral]),
        f"{letter}_ankle_study": ankle + shank.apply([0.0, -0.01, 0.035 * lateral]),
        f"{letter}_mankle_study": ankle + shank.apply([0.0, 0.01, -0.035 * lateral]),
        f"{letter}_calc_study": ankle + foot.apply([-0.05, -0.06, 0.0]),
        f"{letter}_toe_study": ankle + foot.apply([0.15, -0.06, 0.0]),
    }


def _arm(
    c7: FloatArray, trunk: Rotation, shoulder: FloatArray, elbow: FloatArray, letter: str, lateral: float
) -> dict[str, FloatArray]:
    plane, elevation, torsion = shoulder.T
    humerus = trunk * _turned("YXY", plane * lateral, -elevation * lateral, (torsion - plane) * lateral)
    forearm = humerus * _joint(elbow, lateral)
    centre = c7 + trunk.apply([0.06, -0.09, 0.17 * lateral])
    joint = centre + humerus.apply([0.0, -0.3, 0.0])
    ulnar = joint + forearm.apply([0.0, -0.25, 0.0])
    return {
        f"{letter.upper()}Shoulder": centre,
        f"{letter}_lelbow_study": joint + humerus.apply([0.0, 0.005, 0.035 * lateral]),
        f"{letter}_melbow_study": joint + humerus.apply([0.0, -0.005, -0.035 * lateral]),
        f"{letter}_lwrist_study": ulnar + forearm.apply([0.0, 0.005, 0.05 * lateral]),
        f"{letter}_mwrist_study": ulnar,
    }


def _joint(angles: FloatArray, lateral: float) -> Rotation:
    """About the right-pointing z the sign is equal on both sides; about x and y it is inverted on the left."""
    flexion, adduction, rotation = angles.T
    return _turned("ZXY", flexion, adduction * lateral, rotation * lateral)


def _turned(sequence: str, first: FloatArray, second: FloatArray, third: FloatArray) -> Rotation:
    return Rotation.from_euler(sequence, np.stack([first, second, third], axis=-1), degrees=True)
