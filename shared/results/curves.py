"""Thinning of curves for drawing that preserves gaps and peaks, for recordings of any length."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import blocks
from humanpose3d.motion import FloatArray

STRETCHES: Final = 1500
"""The resolution of a printed page."""


def curve(times: FloatArray, values: FloatArray, stretches: int = STRETCHES) -> tuple[FloatArray, FloatArray]:
    """The points of a curve (T,) to draw; it is interrupted at gaps and where an angle wraps at ±180°.

    A curve of more than three frames per stretch is thinned to the extremes of `stretches` stretches.
    """
    values = np.concatenate([values[:0], *blocks(values)])
    keep = _extremes(values, stretches)
    times, values = times[keep], values[keep]
    jumps = np.flatnonzero(np.abs(np.diff(values)) > 180) + 1
    return np.insert(times, jumps, times[jumps]), np.insert(values, jumps, np.nan)


def evenly(count: int, most: int = STRETCHES) -> NDArray[np.intp]:
    """Indices of at most `most` frames (the resolution of a figure), evenly distributed over `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _extremes(values: FloatArray, stretches: int) -> NDArray[np.intp]:
    """Indices of the minimum, the maximum and, where there is one, a missing value in each short stretch."""
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
    """Flat indices of the same in every row."""
    missing = np.isnan(rows)
    kept = np.zeros(rows.shape, dtype=bool)
    every = np.arange(len(rows))
    kept[every, np.where(missing, np.inf, rows).argmin(axis=1)] = True
    kept[every, np.where(missing, -np.inf, rows).argmax(axis=1)] = True
    gappy = missing.any(axis=1)
    kept[every[gappy], missing[gappy].argmax(axis=1)] = True
    return np.flatnonzero(kept)
