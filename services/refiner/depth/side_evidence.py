"""What a body says about left and right frame by frame, without looking at its neighbours in time.

Continuity tells that labels changed, not which of the two labellings was right. Two things do:

- limb lengths: an elbow attached to the other side's shoulder makes an upper arm that is far too long;
- facing: toes point forward, and knees bend forward. Where the trunk's labels say that the person faces the other way,
  these labels are wrong. (On rendered clips feet agree with the trunk in 95 % of the rightly labelled frames, in 30 %
  of the wrongly labelled ones. The face does not help: the detector turns it together with the trunk.)
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
"""Of a limb's median length: no movement makes it so."""

_TOLERATED: Final = 1.25
"""Of a limb's own length: depth errors stretch it by as much."""

_KNEE_M: Final = 0.1
"""A knee this far before the line from hip to ankle bends clearly."""


def excess_lengths(frames: int, world: Callable[[slice], FloatArray]) -> FloatArray:
    """(T, 2, 2) metres: by how much thigh and upper arm are too long with their part as labelled, and swapped.

    Axis 1: legs, arms; axis 2: labelled as the trunk is, labelled the other way round. `world` gives landmarks
    (n, 33, 3) of some frames. Excess is over 1.25 of the limb's length: the mean of both sides' medians in that of the
    two labellings in which it is shorter.
    """
    lengths = np.concatenate([_attached(world(piece)) for piece in pieces(frames)])
    own = np.median(lengths, axis=0).mean(axis=2).min(axis=1)
    return np.asarray(np.maximum(lengths - _TOLERATED * own[:, None, None], 0).mean(axis=3))


def _attached(world: FloatArray) -> FloatArray:
    """(T, 2, 2, 2) metres: of legs and arms, under their own and the other side's names, left and right."""
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
    """(T,) from 1, the trunk faces where toes and knees point, to -1, the opposite way; 0 where nothing tells.

    world (T, 33, 3), any right-handed or the detector's axes (x right, y down, z away: right-handed too). Swapping
    all labels changes the sign.
    """
    forward = facing(world)
    toes = unit(unit(pair(world, "foot_index") - pair(world, "heel")).sum(axis=1))
    knees = pair(world, "knee").mean(axis=1) - (pair(world, "hip") + pair(world, "ankle")).mean(axis=1) / 2
    bend = np.clip((forward * knees).sum(axis=1) / _KNEE_M, -1, 1)
    return np.asarray(np.nan_to_num(((forward * toes).sum(axis=1) + bend) / 2))


def facing(world: FloatArray) -> FloatArray:
    """(T, 3) unit vectors: where the trunk faces by the names of its shoulders and hips."""
    shoulders, hips = pair(world, "shoulder"), pair(world, "hip")
    upward = at(world, "left_shoulder", "right_shoulder") - at(world, "left_hip", "right_hip")
    leftward = unit(shoulders[:, 0] - shoulders[:, 1]) + unit(hips[:, 0] - hips[:, 1])
    return unit(np.cross(leftward, upward))
