"""Cutting a clip into overlapping windows for a network, and blending its answers back together."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.motion import FloatArray

WINDOW: Final = 48
"""Frames that the depth refiner sees at once: 0.8 s at 60 frames a second, 2 s at 24."""

STRIDE: Final = 24


def window_indices(frames: int) -> NDArray[np.int64]:
    """(N, WINDOW) frame numbers of windows that cover a clip, STRIDE apart, the last one flush with the end.

    A clip shorter than a window is held at its last frame.
    """
    last = max(frames - WINDOW, 0)
    starts = np.append(np.arange(0, last, STRIDE), last)
    return np.minimum(starts[:, None] + np.arange(WINDOW), frames - 1)


def blended(answers: FloatArray, indices: NDArray[np.int64], frames: int) -> FloatArray:
    """(frames, ...) the windows' answers (N, WINDOW, ...), each counting more toward the middle of its window."""
    ramp = np.minimum(np.arange(1, WINDOW + 1), np.arange(WINDOW, 0, -1)).astype(np.float64)
    weights = np.broadcast_to(ramp, indices.shape)
    total = np.zeros((frames, *answers.shape[2:]))
    np.add.at(total, indices, answers * weights.reshape(*weights.shape, *[1] * (answers.ndim - 2)))
    share = np.zeros(frames)
    np.add.at(share, indices, weights)
    return np.asarray(total / share.reshape(-1, *[1] * (answers.ndim - 2)))
