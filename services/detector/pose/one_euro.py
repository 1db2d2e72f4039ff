"""Smoothing over time as MediaPipe's VIDEO mode does it, of many values at once.

The One-Euro filter (Casiez, Roussel and Vogel 2012, https://doi.org/10.1145/2207676.2208639) is a first-order low-pass
whose cut-off rises with the speed of the value: little jitter at rest, little lag in movement.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray

SPEED_CUTOFF_HZ: Final = 1.0
"""Cut-off of the low-pass that is applied to the speed."""


@dataclass(frozen=True)
class Smoothness:
    """cutoff_hz: at rest. slope: rise of the cut-off (Hz) per unit of speed (1/s)."""

    cutoff_hz: float
    slope: float


IMAGE: Final = Smoothness(cutoff_hz=0.05, slope=80.0)
"""For pixels, with speeds in sides of the region of interest a second."""

WORLD: Final = Smoothness(cutoff_hz=0.1, slope=40.0)
"""For metres."""


class OneEuroFilter:
    """Smooths an array of constant shape, each value independently.

    first_interval_s  used as the time between the first two values, whatever it was.
    """

    def __init__(self, smoothness: Smoothness, first_interval_s: float | None = None) -> None:
        self._smoothness = smoothness
        self._first_interval_s = first_interval_s
        self._time = 0.0
        self._raw: FloatArray | None = None
        self._smooth: FloatArray | None = None
        self._speed: FloatArray | None = None

    def __call__(self, time: float, values: FloatArray, unit: float = 1.0) -> FloatArray:
        """The smoothed values at this time in seconds; `unit` is the unit of length of speeds.

        The first values are returned unchanged, and so are any that are not later than the last ones.
        """
        if self._raw is None or self._smooth is None or self._speed is None:
            self._smooth, self._speed = values, np.zeros_like(values)
        elif (interval := self._first_interval_s or time - self._time) > 0:
            self._first_interval_s = None
            speed = (values - self._raw) / (unit * interval)
            self._speed = _mix(self._speed, speed, _share(SPEED_CUTOFF_HZ, interval))
            cutoff_hz = self._smoothness.cutoff_hz + self._smoothness.slope * np.abs(self._speed)
            self._smooth = _mix(self._smooth, values, _share(cutoff_hz, interval))
        else:
            return values
        self._time, self._raw = time, values
        return self._smooth


class LowPass:
    """Exponential smoothing of an array of constant shape, with a fixed weight regardless of time."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._smooth: FloatArray | None = None

    def __call__(self, values: FloatArray) -> FloatArray:
        """The next values, smoothed. The first are returned unchanged."""
        self._smooth = values if self._smooth is None else _mix(self._smooth, values, self._share)
        return self._smooth


def _mix(old: FloatArray, new: FloatArray, share: float | FloatArray) -> FloatArray:
    return old + share * (new - old)


def _share(cutoff_hz: float | FloatArray, interval: float) -> float | FloatArray:
    """Weight of a new value in a first-order low-pass of this cut-off, an interval in seconds after the last."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * interval))
