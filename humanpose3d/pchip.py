"""Piecewise cubic interpolation without overshoot (PCHIP: Fritsch & Butland 1984, SIAM J. Sci. Stat. Comput. 5:300).

The same numbers as `scipy.interpolate.PchipInterpolator`, whose import takes a third of a second and 40 MB.
"""

import numpy as np

from humanpose3d.motion import FloatArray


def pchip(times: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """(N, ...) the values (T, ...), of increasing times (T,), at times (N,) between the first and the last; T > 1."""
    columns = values.reshape(len(times), -1)
    steps = np.diff(times)[:, None]
    slopes = np.diff(columns, axis=0) / steps
    tangents = _tangents(steps, slopes)
    left = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    step, slope, tangent, since = steps[left], slopes[left], tangents[left], (at - times[left])[:, None]
    bend = (tangent + tangents[left + 1] - 2 * slope) / step
    cubic = columns[left] + tangent * since + ((slope - tangent) / step - bend) * (since * since)
    return np.asarray(cubic + bend / step * (since * since * since)).reshape(len(at), *values.shape[1:])


def _tangents(steps: FloatArray, slopes: FloatArray) -> FloatArray:
    """(T, C) tangents at the given times: weighted harmonic mean of the adjacent slopes; 0 at extremes."""
    if len(slopes) == 1:
        return np.repeat(slopes, 2, axis=0)
    tangents = np.zeros((len(slopes) + 1, slopes.shape[1]))
    before, after = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    turns = np.sign(slopes[1:]) * np.sign(slopes[:-1]) <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (before / slopes[:-1] + after / slopes[1:]) / (before + after)
        tangents[1:-1] = np.where(turns, 0.0, 1.0 / mean)
    tangents[0] = _at_the_end(steps[0], steps[1], slopes[0], slopes[1])
    tangents[-1] = _at_the_end(steps[-1], steps[-2], slopes[-1], slopes[-2])
    return tangents


def _at_the_end(step: FloatArray, next_step: FloatArray, slope: FloatArray, next_slope: FloatArray) -> FloatArray:
    """(C,) one-sided three-point tangent, limited to prevent overshoot."""
    tangent = ((2 * step + next_step) * slope - step * next_slope) / (step + next_step)
    away = np.sign(tangent) != np.sign(slope)
    steep = (np.sign(slope) != np.sign(next_slope)) & (np.abs(tangent) > 3 * np.abs(slope))
    return np.where(away, 0.0, np.where(steep, 3 * slope, tangent))
