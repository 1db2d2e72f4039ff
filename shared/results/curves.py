"""Curves that stay honest when drawn: gaps stay gaps, peaks stay peaks, however long the recording."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray

STRETCHES: Final = 1500
"""As many as a printed page can show."""


def curve(times: FloatArray, values: FloatArray, stretches: int = STRETCHES) -> tuple[FloatArray, FloatArray]:
    """What to draw of a curve (T,): gaps and turns past ±180° break it.

    A curve of more than three frames a stretch is thinned to the extremes of that many stretches.
    """
    keep = _extremes(values, stretches)
    times, values = times[keep], values[keep]
    jumps = np.flatnonzero(np.abs(np.diff(values)) > 180) + 1
    return np.insert(times, jumps, times[jumps]), np.insert(values, jumps, np.nan)


def evenly(count: int, most: int = STRETCHES) -> NDArray[np.intp]:
    """Indices of at most that many frames (as many as an image can show), evenly spread over `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _extremes(values: FloatArray, stretches: int) -> NDArray[np.intp]:
    """Indices of the least, the greatest and, where there is one, a missing value in each of many short stretches."""
    if values.size <= 3 * stretches:
        return np.arange(values.size)
    length, longer = divmod(values.size, stretches)
    border = longer * (length + 1)
    return np.concatenate(
        [
            _extremes_of_rows(values[:border].reshape(longer, length + 1)),
            border + _extremes_of_rows(values[border:].reshape(stretches - longer, length)),
        ]
    )


def _extremes_of_rows(rows: FloatArray) -> NDArray[np.intp]:
    """Indices, counted through all rows, of the same in every row."""
    missing = np.isnan(rows)
    kept = np.zeros(rows.shape, dtype=bool)
    every = np.arange(len(rows))
    kept[every, np.where(missing, np.inf, rows).argmin(axis=1)] = True
    kept[every, np.where(missing, -np.inf, rows).argmax(axis=1)] = True
    gappy = missing.any(axis=1)
    kept[every[gappy], missing[gappy].argmax(axis=1)] = True
    return np.flatnonzero(kept)
