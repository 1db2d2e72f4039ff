"""Zero-phase low-pass filtering over time, on the frames' own timestamps and around gaps."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.butterworth import forth_and_back
from humanpose3d.motion import FloatArray
from humanpose3d.pchip import pchip

CUTOFF_HZ: Final = 6.0
"""Winter (2009), Biomechanics and Motor Control of Human Movement, 4th ed., ch. 3: 6 Hz keeps 99.7 % of the power of
gait markers."""

_TWICE: Final = (np.sqrt(2) - 1) ** 0.25
"""Two passes of a second-order Butterworth lower the cutoff, in the bilinear transform's tangent, by this factor, 0.802
(Winter 2009, ch. 3; Robertson and Dowling 2003, J. Electromyogr. Kinesiol. 13:569)."""

_HIGHEST: Final = 0.4
"""Maximum cutoff over frame rate: above it, the filter would have almost no effect before Nyquist (0.5)."""

_IRREGULAR: Final = 0.01
"""Frame intervals that differ by more than this share of their mean are resampled before filtering."""


def can_filter(times: FloatArray, cutoff_hz: float = CUTOFF_HZ) -> bool:
    """Whether the frame rate leaves room for the cutoff (Nyquist)."""
    return times.size > 1 and cutoff_hz < _HIGHEST * (times.size - 1) / (times[-1] - times[0])


def low_pass(times: FloatArray, values: FloatArray, cutoff_hz: float = CUTOFF_HZ) -> FloatArray:
    """Zero-phase Butterworth of fourth order (second order, forward and backward), -3 dB at `cutoff_hz`.

    times   (T,) seconds, increasing; values (T, ...) any unit, NaN where missing. Returns the same shape.

    Each run without NaN is filtered independently, so nothing leaks across a gap and NaN stays NaN. Runs of fewer than
    three frames are returned unchanged, and so is everything where the frame rate is too low for the cutoff.
    """
    if not can_filter(times, cutoff_hz):
        return values.copy()
    columns = values.reshape(len(times), -1).copy()
    for column in columns.T:
        for stretch in stretches(np.isfinite(column)):
            column[stretch] = _filtered(times[stretch], column[stretch], cutoff_hz)
    return columns.reshape(values.shape)


def stretches(mask: NDArray[np.bool_]) -> list[slice]:
    """The runs of True in a (T,) mask, as slices.

    >>> stretches(np.array([True, True, False, True]))
    [slice(0, 2, None), slice(3, 4, None)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _filtered(times: FloatArray, values: FloatArray, cutoff_hz: float) -> FloatArray:
    if len(times) < 3:
        return values
    intervals = np.diff(times)
    even = np.linspace(times[0], times[-1], len(times))
    irregular = np.ptp(intervals) > _IRREGULAR * intervals.mean()
    samples = pchip(times, values, even) if irregular else values
    rate = 1 / intervals.mean()
    if cutoff_hz >= _HIGHEST * rate:
        return values
    single_pass_hz = rate / np.pi * np.arctan(np.tan(np.pi * cutoff_hz / rate) / _TWICE)
    padding = min(len(times) - 1, int(3 * rate / cutoff_hz))
    line = np.linspace(samples[0], samples[-1], len(samples))  # excluded: a short run has no room for its transient
    smooth = line + forth_and_back(samples - line, single_pass_hz / rate, padding)
    return np.asarray(pchip(even, smooth, times) if irregular else smooth)
