"""Time of each frame: the container's timestamps as strictly increasing seconds."""

from fractions import Fraction
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray

RESET_S: Final = 1.0
"""A step back longer than this is a clock that was set back (joined recordings), a shorter one a repeated frame."""

VARIATION: Final = 0.1
"""Relative deviation of intervals from their median that makes a frame rate variable; capture jitter is below it."""


class Timeline:
    """Assigns times to frames, in presentation order, and counts what had to be corrected.

    time_base   seconds per tick of the container's clock.
    interval_s  nominal time between frames, used where the container has no timestamp.
    """

    def __init__(self, time_base: Fraction, interval_s: float) -> None:
        self._time_base = time_base
        self._interval_s = interval_s
        self._shift_s = 0.0
        self._times: list[float] = []
        self.missing = 0
        self.repeated = 0
        self.resets = 0

    def place(self, timestamp: int | None) -> float | None:
        """Time of the next frame, seconds; None where it has to be dropped because it is not later than the last one.

        A frame without a timestamp follows the last one by the nominal interval. If the clock was set back by more
        than a second, time continues from where it was.
        """
        if timestamp is None:
            self.missing += 1
            time = self._next()
        else:
            time = float(timestamp * self._time_base) + self._shift_s
        if self._times and time <= self._times[-1]:
            if self._times[-1] - time <= RESET_S:
                self.repeated += 1
                return None
            self.resets += 1
            self._shift_s += self._next() - time
            time = self._next()
        self._times.append(time)
        return time

    @property
    def last(self) -> float:
        """Time of the last frame, seconds."""
        return self._times[-1]

    @property
    def times(self) -> FloatArray:
        """(T,) seconds of the frames placed so far, strictly increasing."""
        return np.array(self._times)

    def _next(self) -> float:
        return self._times[-1] + self._interval_s if self._times else 0.0


def intervals(times: FloatArray, nominal_s: float) -> FloatArray:
    """(T-1,) seconds between frames; one nominal interval where there are not yet two frames."""
    return np.diff(times) if times.size > 1 else np.array([nominal_s])


def is_variable(between: FloatArray, clock_s: float) -> bool:
    """Whether a frame rate varies by more than the rounding of the container's clock and capture jitter.

    between  seconds from frame to frame.
    clock_s  seconds per tick of the container's clock.
    """
    median = float(np.median(between))
    tolerance = max(VARIATION * median, 1.01 * clock_s)
    return bool(np.any(np.abs(between - median) > tolerance))
