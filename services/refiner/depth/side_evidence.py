"""Evidence on left and right from single frames, independent of their neighbours in time.

Continuity shows that labels changed, not which of the two labellings is right. Two cues do:

- limb lengths: an elbow attached to the other side's shoulder makes the upper arm far too long;
- facing: toes point forward, and knees bend forward. Where the trunk's labels imply the opposite heading, they are
  wrong. (On rendered clips feet agree with the trunk in 95 % of the correctly labelled frames, in 30 % of the
  incorrectly labelled ones. The face does not help: the detector turns it together with the trunk.)
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from services.refiner.vectors import at, length, pair, pieces, unit

_LIMBS: Final = (("hip", "knee"), ("shoulder", "elbow"))
"""The limb that joins each part to the trunk: legs, arms."""

_SEGMENTS: Final = (*_LIMBS, ("knee", "ankle"), ("elbow", "wrist"))
_OVERLONG: Final = 1.5
"""Ratio to a limb's median length that no movement explains."""

_TOLERATED: Final = 1.25
"""Ratio to a limb's own length that depth errors explain."""

_KNEE_M: Final = 0.1
"""A knee this far anterior to the line from hip to ankle is clearly flexed."""


def excess_lengths(frames: int, world: Callable[[slice], FloatArray]) -> FloatArray:
    """(T, 2, 2) metres: excess length of thigh and upper arm with the labels as detected, and swapped.

    Axis 1: legs, arms; axis 2: labels as on the trunk, or opposite. `world` returns landmarks (n, 33, 3) of
    some frames. Excess is over 1.25 of the limb's length: the mean of both sides' medians in that of the
    two labellings in which it is shorter.
    """
    lengths = np.concatenate([_attached(world(piece)) for piece in pieces(frames)])
    own = np.median(lengths, axis=0).mean(axis=2).min(axis=1)
    return np.asarray(np.maximum(lengths - _TOLERATED * own[:, None, None], 0).mean(axis=3))


def _attached(world: FloatArray) -> FloatArray:
    """(T, 2, 2, 2) metres: of legs and arms, with their own and the other side's labels, left and right."""
    both = []
    for proximal, distal in _LIMBS:
        trunk, limb = pair(world, proximal), pair(world, distal)
        both.append(np.stack([length(limb - trunk), length(limb[:, ::-1] - trunk)], axis=1))
    return np.stack(both, axis=1)


def overlong_share(frames: int, world: Callable[[slice], FloatArray]) -> float:
    """Share of the frames in which a thigh, shank, upper arm or forearm exceeds 1.5 of its median length."""
    lengths = np.concatenate([_limb_lengths(world(piece)) for piece in pieces(frames)])
    lengths = lengths[np.isfinite(lengths).all(axis=(1, 2))]
    return float((lengths > _OVERLONG * np.median(lengths, axis=0)).any(axis=(1, 2)).mean()) if len(lengths) else 0.0


def _limb_lengths(world: FloatArray) -> FloatArray:
    """(T, 4, 2) metres."""
    return np.stack([length(pair(world, end) - pair(world, start)) for start, end in _SEGMENTS], axis=1)


def facing_agreement(world: FloatArray) -> FloatArray:
    """(T,) from 1, the trunk faces where toes and knees point, to -1, the opposite; 0 without evidence.

    world (T, 33, 3), any right-handed or the detector's axes (x right, y down, z away: right-handed too). Swapping
    all labels changes the sign.
    """
    forward = facing(world)
    toes = unit(unit(pair(world, "foot_index") - pair(world, "heel")).sum(axis=1))
    knees = pair(world, "knee").mean(axis=1) - (pair(world, "hip") + pair(world, "ankle")).mean(axis=1) / 2
    bend = np.clip((forward * knees).sum(axis=1) / _KNEE_M, -1, 1)
    return np.asarray(np.nan_to_num(((forward * toes).sum(axis=1) + bend) / 2))


def facing(world: FloatArray) -> FloatArray:
    """(T, 3) unit vectors: the trunk's heading according to the labels of shoulders and hips."""
    shoulders, hips = pair(world, "shoulder"), pair(world, "hip")
    upward = at(world, "left_shoulder", "right_shoulder") - at(world, "left_hip", "right_hip")
    leftward = unit(shoulders[:, 0] - shoulders[:, 1]) + unit(hips[:, 0] - hips[:, 1])
    return unit(np.cross(leftward, upward))
