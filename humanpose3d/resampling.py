"""Markers on a uniform grid of time, for the formats that know only a rate (TRC, C3D)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.pchip import pchip

CLOCK_ROUNDING_S: Final = 1e-3
"""Matroska and WebM round timestamps to 1 ms (RFC 9559, TimestampScale), MPEG transport streams to 1/90000 s."""

LONGEST_BRIDGE_S: Final = 0.2
"""Frames further apart than this are a gap in the recording, across which nothing is interpolated."""

_MOST_FRAMES: Final = 100_000
_MOST_FRAMES_ADDED: Final = 20
"""A uniform grid that exceeds both, in total and per frame of the clip, results from faulty timestamps."""

_NTSC: Final = tuple(base * 1000 / 1001 for base in (24, 30, 48, 60, 120, 240))
_STANDARD_RATES: Final = np.array([*range(1, 1001), *_NTSC], dtype=np.float64)


def uniform_rate(times: FloatArray) -> float | None:
    """Frames per second where the times are evenly spaced but for the rounding of a container's clock, else None.

    Standard rates (whole numbers, 30000/1001 and similar) are returned exactly wherever the times allow it.
    """
    if times.size < 2:
        return None
    frames = np.arange(times.size)
    rate = _fitted_rate(times, frames)
    residual = _residual(times, rate)
    if residual > min(CLOCK_ROUNDING_S, 0.25 / rate):
        return None
    standard = nearest_standard_rate(rate)
    return standard if _residual(times, standard) <= 2 * residual + 1e-6 else rate


def nearest_standard_rate(rate: float) -> float:
    """The nearest standard rate: a whole number of frames per second, or 30000/1001 and similar."""
    return float(_STANDARD_RATES[np.argmin(np.abs(_STANDARD_RATES - rate))])


def resample(markers: Markers, rate_hz: float | None = None) -> tuple[Markers, float]:
    """The same motion at a uniform rate, starting with the first frame, and that rate in Hz.

    Without `rate_hz` the rate is the motion's own or, where frames are irregular, the best-fitting one.
    Markers that are uniform already keep their values; only the rounding of their times is corrected. Others are
    interpolated on time (piecewise cubic Hermite, Fritsch & Butland 1984: no overshoot), and stay missing where they
    are missing and in gaps of the recording. Raises InvalidMotion where there is no frame, one and no rate, or the
    rate is not positive.
    """
    times = markers.times
    if times.size == 0 or (times.size == 1 and rate_hz is None):
        raise InvalidMotion("At least two frames are needed to determine a motion's rate.")
    if rate_hz is not None and not 0 < rate_hz < np.inf:
        raise InvalidMotion(f"A rate must be a positive number of frames per second, not {rate_hz}.")
    own = uniform_rate(times)
    rate = rate_hz or own or _nominal_rate(times)
    if times.size == 1 or (own is not None and np.isclose(own, rate, rtol=1e-9)):
        return Markers(_grid(times, rate, times.size), markers.names, markers.positions), rate
    grid = _grid(times, rate, int((times[-1] - times[0] + CLOCK_ROUNDING_S) * rate) + 1)
    return Markers(grid, markers.names, _interpolated(markers, grid, max(LONGEST_BRIDGE_S, 2.5 / rate))), rate


def _interpolated(markers: Markers, grid: FloatArray, bridge: float) -> FloatArray:
    times = markers.times
    seen = np.asarray(np.isfinite(markers.positions).all(axis=2))
    wanted = _within(times, seen, grid, bridge)
    positions = np.full((grid.size, len(markers.names), 3), np.nan)
    for index in np.flatnonzero(seen.sum(axis=0) > 1):
        known = times[seen[:, index]]
        at = wanted[:, index]
        held = np.clip(grid[at], known[0], known[-1])
        positions[at, index] = pchip(known, markers.positions[seen[:, index], index], held)
    return positions


def _nominal_rate(times: FloatArray) -> float:
    """Rate of a camera that dropped frames or varied its interval; the average where that is implausible."""
    intervals = np.diff(times)
    steps = np.maximum(1, np.rint(intervals / np.median(intervals)))
    rate = _fitted_rate(times, np.concatenate(([0], np.cumsum(steps))))
    if steps.sum() > max(_MOST_FRAMES, _MOST_FRAMES_ADDED * times.size):
        rate = (times.size - 1) / float(times[-1] - times[0])
    standard = nearest_standard_rate(rate)
    return standard if abs(standard - rate) < 1e-3 * rate else rate


def _fitted_rate(times: FloatArray, frames: FloatArray | NDArray[np.int_]) -> float:
    return float(frames @ frames / (frames @ (times - times[0])))


def _residual(times: FloatArray, rate: float) -> float:
    return float(np.abs(times - times[0] - np.arange(times.size) / rate).max())


def _grid(times: FloatArray, rate: float, count: int) -> FloatArray:
    return np.asarray(times[0] + np.arange(count) / rate)


def _within(times: FloatArray, seen: NDArray[np.bool_], grid: FloatArray, bridge: float) -> NDArray[np.bool_]:
    """(grid, M) whether a time is on a frame with the marker, or between two consecutive frames that have it."""
    before = np.clip(np.searchsorted(times, grid, side="right") - 1, 0, times.size - 2)
    inside = (grid <= times[-1]) & (times[before + 1] - times[before] <= bridge)
    nearest = np.where(grid - times[before] > times[before + 1] - grid, before + 1, before)
    on = np.abs(grid - times[nearest]) <= CLOCK_ROUNDING_S
    between = inside[:, None] & seen[before] & seen[before + 1]
    return np.asarray(between | (on[:, None] & seen[nearest]), dtype=np.bool_)
