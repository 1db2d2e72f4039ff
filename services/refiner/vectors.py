"""Vector functions on landmarks and blocks of frames, shared by this stage's geometry."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX

Seen = Callable[[slice], Landmarks]
"""The landmarks of some frames."""

_FRAMES_AT_ONCE: Final = 2048
"""Frames per block: keeps intermediate results small, however long the clip."""


def pieces(frames: int) -> Iterator[slice]:
    """All frames of a clip, block by block."""
    return (slice(first, min(first + _FRAMES_AT_ONCE, frames)) for first in range(0, frames, _FRAMES_AT_ONCE))


def part(landmarks: Landmarks, frames: slice) -> Landmarks:
    """The landmarks of some frames, as a view; the others leave memory where they are in a file."""
    release(landmarks.pixels, landmarks.world, landmarks.visibility)
    return Landmarks(
        landmarks.times[frames],
        landmarks.pixels[frames],
        landmarks.world[frames],
        landmarks.visibility[frames],
        landmarks.image_size,
    )


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
