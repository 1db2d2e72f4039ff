"""Recording times of a slow-motion video: maps playback time to recording time.

Phones write slow motion with playback timestamps. Some videos are slow throughout; an exported iPhone video plays its
middle slowly and the rest at true speed.
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray

RAMP: Final = 2.5
"""Minimum ratio of the slow part's intervals to the others: poor light halves a phone's rate, not more."""

_ALIKE: Final = 0.2
"""Intervals within this relative difference have the same rate."""

_LEAST_SHARE: Final = 0.9
"""Minimum share of intervals that have one of the two rates."""

_LEAST_FRAMES: Final = 8
"""Minimum share of each of the two rates."""

_MOST_CHANGES: Final = 8
"""Maximum number of changes from one rate to the other."""


class CaptureClock(BaseModel):
    """Maps times of the file to times of the recording, both in seconds; the identity without knots.

    The mapping is linear between knots (increasing) and extrapolated linearly beyond them.
    """

    model_config = ConfigDict(frozen=True)

    stored: tuple[float, ...] = ()
    true: tuple[float, ...] = ()

    @classmethod
    def of(cls, times: FloatArray, capture_fps: float | None) -> Self:
        """For a video whose frames (T,) play at these times and were recorded at this rate; None: as they play."""
        if capture_fps is None or len(times) < 2:
            return cls()
        between = np.diff(times)
        ramp = slow_part(times)
        slow = ramp if ramp is not None else np.ones(len(between), dtype=bool)
        factor = 1 / (capture_fps * float(np.median(between[slow])))
        true = times[0] + np.concatenate([[0.0], np.cumsum(np.where(slow, between * factor, between))])
        knots = np.unique([0, *np.flatnonzero(np.diff(slow)) + 1, len(between)])
        return cls(stored=tuple(times[knots].tolist()), true=tuple(true[knots].tolist()))

    def __call__(self, time: float) -> float:
        """The time of the recording."""
        if not self.stored:
            return time
        stored, true = np.array(self.stored), np.array(self.true)
        index = int(np.clip(np.searchsorted(stored, time) - 1, 0, len(stored) - 2))
        slope = (true[index + 1] - true[index]) / (stored[index + 1] - stored[index])
        return float(true[index] + (time - stored[index]) * slope)


AS_STORED: Final = CaptureClock()


def slow_part(times: FloatArray) -> NDArray[np.bool_] | None:
    """(T-1,) which intervals play slowly in a video that changes its playback speed; None where it does not."""
    if len(times) < 2 * _LEAST_FRAMES:
        return None
    between = np.diff(times)
    slow = between > np.sqrt(between.min() * between.max())
    if min(slow.sum(), (~slow).sum()) < _LEAST_FRAMES or np.diff(slow).sum() > _MOST_CHANGES:
        return None
    rates = np.where(slow, np.median(between[slow]), np.median(between[~slow]))
    alike = np.abs(between - rates) < _ALIKE * rates
    return slow if rates.max() > RAMP * rates.min() and alike.mean() >= _LEAST_SHARE else None
