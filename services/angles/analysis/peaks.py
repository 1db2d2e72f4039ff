"""Peaks of a signal, as `scipy.signal.find_peaks` finds them, whose import takes longer than all other imports of a run
together."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray

_FIRST_LOOK: Final = 64
"""Frames beside a peak among which a higher one is first looked for."""


class Peak(NamedTuple):
    """Frames: of the peak, and of the lowest value on either side between it and a higher value or the signal's end."""

    frame: int
    left: int
    right: int


def find_peaks(values: FloatArray, prominence: float, distance: int) -> list[Peak]:
    """The peaks of a signal (T,) without gaps, in order of time.

    prominence  least height over the higher of the lowest values on either side.
    distance    least number of frames between two peaks; the higher one is kept.
    """
    found = []
    for frame in _apart(values, _maxima(values), distance):
        left, right = frame - _lowest(values[frame::-1]), frame + _lowest(values[frame:])
        if values[frame] - max(values[left], values[right]) >= prominence:
            found.append(Peak(frame, left, right))
    return found


def _maxima(values: FloatArray) -> NDArray[np.intp]:
    """The middle frame of each local maximum; values at the signal's ends are none."""
    changes = np.flatnonzero(np.diff(values)) + 1  # first frames of values that differ from the one before
    steps = np.sign(values[changes] - values[changes - 1])
    tops = np.flatnonzero((steps[:-1] > 0) & (steps[1:] < 0))
    return np.asarray((changes[tops] + changes[tops + 1] - 1) // 2)


def _apart(values: FloatArray, frames: NDArray[np.intp], distance: int) -> list[int]:
    """Those of the frames that are this far from every higher one that is kept."""
    kept = np.ones(len(frames), dtype=bool)
    for index in np.argsort(values[frames])[::-1]:
        if kept[index]:
            near = np.searchsorted(frames, [frames[index] - distance + 1, frames[index] + distance])
            kept[slice(*near)] = False
            kept[index] = True
    return [int(frame) for frame in frames[kept]]


def _lowest(outward: FloatArray) -> int:
    """Index of the lowest value before one that is higher than the first."""
    count = _FIRST_LOOK
    while not (higher := outward[:count] > outward[0]).any() and count < len(outward):
        count *= 4
    return int(np.argmin(outward[: higher.argmax() if higher.any() else len(outward)]))
