"""Cuts a clip into overlapping windows for a network, and blends its outputs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from shared.networks import Arrays, Refiner

WINDOW: Final = 48
"""Frames that the networks see at once: 0.8 s at 60 frames per second, 2 s at 24."""

STRIDE: Final = 24


def window_indices(frames: int) -> NDArray[np.int64]:
    """(N, WINDOW) frame numbers of windows that cover a clip, STRIDE apart, the last one aligned with the end.

    A clip shorter than a window repeats its last frame.
    """
    last = max(frames - WINDOW, 0)
    starts = np.append(np.arange(0, last, STRIDE), last)
    return np.minimum(starts[:, None] + np.arange(WINDOW), frames - 1)


class Blend:
    """The outputs of windows blended into one clip, weighted towards the middle of each window.

    values  (frames, ...) the sum so far; the blended outputs once `finish` was called.
    """

    def __init__(self, values: FloatArray) -> None:
        """Blend into an array (frames, ...), which is overwritten."""
        self.values = values
        values[:] = 0
        self._share = np.zeros(len(values))

    def add(self, answers: NDArray[np.floating[Any]], indices: NDArray[np.int64]) -> None:
        """Add the outputs (N, WINDOW, ...) of windows over frames (N, WINDOW)."""
        weighted = answers.astype(np.float64)
        weighted *= _RAMP.reshape(-1, *[1] * (answers.ndim - 2))
        for answer, window in zip(weighted, indices, strict=True):
            if window[-1] - window[0] == len(window) - 1:
                self.values[window[0] : window[-1] + 1] += answer
                self._share[window[0] : window[-1] + 1] += _RAMP
            else:  # a clip shorter than a window repeats its last frame
                np.add.at(self.values, window, answer)
                np.add.at(self._share, window, _RAMP)

    def finish(self) -> FloatArray:
        """The mean."""
        self.values /= self._share.reshape(-1, *[1] * (self.values.ndim - 1))
        return self.values


def ask_in_parts(
    network: Refiner,
    indices: NDArray[np.int64],
    feed: Callable[[NDArray[np.int64]], Arrays],
    blends: Mapping[str, Blend],
    at_once: int,
) -> Iterator[int]:
    """Run the network on `at_once` windows at a time; reports how many are done.

    feed    the network's inputs for some windows, given by their frames (n, WINDOW).
    blends  destination of each output, by name.
    """
    for first in range(0, len(indices), at_once):
        rows = indices[first : first + at_once]
        answers = network.run(feed(rows))
        for name, blend in blends.items():
            blend.add(answers[name], rows)
        yield first + len(rows)


def blended(answers: FloatArray, indices: NDArray[np.int64], frames: int) -> FloatArray:
    """(frames, ...) the windows' outputs (N, WINDOW, ...) blended, weighted towards the middle of each window."""
    blend = Blend(np.empty((frames, *answers.shape[2:])))
    blend.add(answers, indices)
    return blend.finish()


_RAMP: Final = np.minimum(np.arange(1, WINDOW + 1), np.arange(WINDOW, 0, -1)).astype(np.float64)
