"""Curves that stay honest when drawn: gaps stay gaps, peaks stay peaks, however long the recording."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.motion import FloatArray

STRETCHES: Final = 1500
"""As many as a printed page can show."""


def curve(times: FloatArray, values: FloatArray, stretches: int = STRETCHES) -> tuple[FloatArray, FloatArray]:
    """What to draw of a curve (T,): gaps and turns past ±180° break it.

    A curve of more than three frames a stretch is thinned to the extremes of so many stretches.
    """
    keep = _extremes(values, stretches)
    times, values = times[keep], values[keep]
    jumps = np.flatnonzero(np.abs(np.diff(values)) > 180) + 1
    return np.insert(times, jumps, times[jumps]), np.insert(values, jumps, np.nan)


def evenly(count: int, most: int = STRETCHES) -> NDArray[np.intp]:
    """Indices of at most so many frames (as many as a picture can show), evenly spread over `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _extremes(values: FloatArray, stretches: int) -> NDArray[np.intp]:
    """Indices of the least, the greatest and, where there is one, a missing value in each of many short stretches."""
    if values.size <= 3 * stretches:
        return np.arange(values.size)
    kept: list[int] = []
    for stretch in np.array_split(np.arange(values.size), stretches):
        piece = values[stretch]
        missing = np.isnan(piece)
        extremes = {int(np.where(missing, np.inf, piece).argmin()), int(np.where(missing, -np.inf, piece).argmax())}
        if missing.any():
            extremes.add(int(missing.argmax()))
        kept.extend(stretch[sorted(extremes)])
    return np.array(kept, dtype=np.intp)
