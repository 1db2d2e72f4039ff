"""Vector helpers over landmarks, shared by the geometry of this stage."""

import numpy as np

from shared.motion import FloatArray
from shared.skeleton import LANDMARK_INDEX


def at(points: FloatArray, *names: str) -> FloatArray:
    """(T, 3) the mean of the named landmarks in (T, 33, 3); NaN where one of them is missing."""
    return np.asarray(points[:, [LANDMARK_INDEX[name] for name in names]].mean(axis=1))


def columns(joint: str) -> list[int]:
    """The columns of a paired landmark, left then right."""
    return [LANDMARK_INDEX[f"left_{joint}"], LANDMARK_INDEX[f"right_{joint}"]]


def pair(points: FloatArray, joint: str) -> FloatArray:
    """(T, 2, 3) a paired landmark of (T, 33, 3), left then right."""
    return points[:, columns(joint)]


def length(vectors: FloatArray) -> FloatArray:
    """(...,) Euclidean norms of (..., 3)."""
    return np.asarray(np.linalg.norm(vectors, axis=-1))


def unit(vectors: FloatArray) -> FloatArray:
    """(..., 3) the same directions with length 1; NaN where the length is 0."""
    norms = length(vectors)[..., None]
    return np.asarray(vectors / np.where(norms > 0, norms, np.nan))
