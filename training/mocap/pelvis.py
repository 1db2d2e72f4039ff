"""One pelvis for all sources of motion: how far a skeleton's pelvis is inclined to its trunk and thighs.

A skeleton's hip joints determine two of the three angles of its pelvis. The third, the tilt, is anatomical only where
the iliac spines were marked, as in the laboratory's OpenSim model. The root of an Acclaim skeleton is a convention of
the program that made it: in the same posture the roots of two subjects of the CMU database are up to 26° apart, while
a skeleton's trials agree within 1.7° (standard deviation).

The pelvis is therefore measured against the body's line: three parts the trunk's direction (middle of the hips to that
of the shoulders), one part the thighs' (middle of the knees to that of the hips), in the pelvis's sagittal plane, in
frames in which the hips are extended. With these shares the line depends least on what a person is doing: trials of
one skeleton differ by 1.7°; by 2.1° with the trunk alone, 3.9° with the thighs alone, 3.3° with gravity's vertical.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from training.mocap.motion import BONE_INDEX, BoneMotion

NEUTRAL: Final = np.radians(-3.3)
"""Radians by which the body's line is forward of the pelvis's up axis: median of the 23 trials of the laboratory
subject (standard deviation between trials 2.4°), whose pelvis OpenSim fitted to markers on all four iliac spines."""

_TRUNK_SHARE: Final = 0.75
_EXTENDED: Final = np.cos(np.radians(35.0))
"""Of the angle between trunk and thighs, from which on a frame does not count."""

_LEAST_FRAMES: Final = 10


def pelvic_offset(motions: Sequence[BoneMotion]) -> float:
    """Radians by which the pelvis of these motions of one skeleton is to be tilted forward; 0 where the hips are hardly
    ever extended."""
    lines = np.concatenate([_line(motion) for motion in motions])
    return float(np.median(lines) - NEUTRAL) if len(lines) >= _LEAST_FRAMES else 0.0


def with_pelvis_tilted(motion: BoneMotion, angle: float) -> BoneMotion:
    """The motion with its pelvis tilted forward by an angle in radians about the axis through the hips.

    Nothing else moves: hips and lumbar spine compensate, since all rotations are global.
    """
    c, s = np.cos(angle), np.sin(angle)
    rotations = motion.rotations.copy()
    rotations[:, BONE_INDEX["pelvis"]] @= np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    return replace(motion, rotations=rotations)


def _line(motion: BoneMotion) -> FloatArray:
    """Radians by which the body's line is forward of the pelvis's up axis, where the hips are extended."""
    shoulders, hips, knees = (_middle(motion, bone) for bone in ("humerus", "femur", "tibia"))
    pelvis = motion.rotations[:, BONE_INDEX["pelvis"]]
    trunk, thighs = (np.einsum("tji,tj->ti", pelvis, _unit(span)) for span in (shoulders - hips, hips - knees))
    forward = [np.arctan2(direction[:, 2], direction[:, 1]) for direction in (trunk, thighs)]
    line = _TRUNK_SHARE * forward[0] + (1 - _TRUNK_SHARE) * forward[1]
    return np.asarray(line[(trunk * thighs).sum(axis=1) > _EXTENDED])


def _middle(motion: BoneMotion, bone: str) -> FloatArray:
    """(T, 3) metres: midway between where a bone of both sides begins."""
    return np.asarray(motion.origins[:, [BONE_INDEX[f"{bone}_l"], BONE_INDEX[f"{bone}_r"]]].mean(axis=1))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
