"""Markers on a uniform grid of time, for the formats that know only a rate (TRC, C3D)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from shared.errors import InvalidMotion
from shared.motion import FloatArray, Markers

CLOCK_ROUNDING_S: Final = 1e-3
"""Matroska and WebM round timestamps to 1 ms (RFC 9559, TimestampScale), MPEG transport streams to 1/90000 s."""

LONGEST_BRIDGE_S: Final = 0.2
"""Frames further apart than this are a hole in the recording, and nothing is interpolated across it."""

_NTSC: Final = tuple(base * 1000 / 1001 for base in (24, 30, 48, 60, 120, 240))
_STANDARD_RATES: Final = np.array([*range(1, 1001), *_NTSC], dtype=np.float64)


def uniform_rate(times: FloatArray) -> float | None:
    """Frames per second where the times are evenly spaced but for the rounding of a container's clock, else None.

    Rates of the trade (whole numbers, 30000/1001 and its kin) are given exactly wherever the times allow it.
    """
    if times.size < 2:
        return None
    rate = _fitted_rate(times)
    residual = _residual(times, rate)
    if residual > min(CLOCK_ROUNDING_S, 0.25 / rate):
        return None
    standard = float(_STANDARD_RATES[np.argmin(np.abs(_STANDARD_RATES - rate))])
    return standard if _residual(times, standard) <= 2 * residual + 1e-6 else rate


def resample(markers: Markers, rate_hz: float | None = None) -> tuple[Markers, float]:
    """The same motion at a uniform rate, starting with the first frame, and that rate in Hz.

    Without `rate_hz` the rate is the motion's own, or where frames come irregularly that of its median frame interval.
    Markers that are uniform already keep their values; only the rounding of their times is mended. Others are
    interpolated on time (piecewise cubic Hermite, Fritsch & Butland 1984: no overshoot), and stay missing where they are
    missing and in holes of the recording. Raises InvalidMotion where there is no frame, or one and no rate.
    """
    own = uniform_rate(markers.times)
    if markers.times.size == 0 or (markers.times.size == 1 and rate_hz is None):
        raise InvalidMotion("At least two frames are needed to tell a motion's rate.")
    if rate_hz is None:
        rate_hz = own or float(1 / np.median(np.diff(markers.times)))
    if rate_hz <= 0 or not np.isfinite(rate_hz):
        raise InvalidMotion(f"A rate must be a positive number of frames per second, not {rate_hz}.")
    if own is not None and np.isclose(own, rate_hz, rtol=1e-9):
        return Markers(_grid(markers.times, rate_hz, markers.times.size), markers.names, markers.positions), rate_hz
    duration = markers.times[-1] - markers.times[0] + CLOCK_ROUNDING_S
    grid = _grid(markers.times, rate_hz, int(duration * rate_hz) + 1)
    positions = np.full((grid.size, len(markers.names), 3), np.nan)
    bridge = max(LONGEST_BRIDGE_S, 2.5 / rate_hz)
    for index in range(len(markers.names)):
        _interpolate(markers.times, markers.positions[:, index], grid, bridge, positions[:, index])
    return Markers(grid, markers.names, positions), rate_hz


def _fitted_rate(times: FloatArray) -> float:
    frames = np.arange(times.size)
    return float(frames @ frames / (frames @ (times - times[0])))


def _residual(times: FloatArray, rate: float) -> float:
    return float(np.abs(times - times[0] - np.arange(times.size) / rate).max())


def _grid(times: FloatArray, rate: float, count: int) -> FloatArray:
    return np.asarray(times[0] + np.arange(count) / rate)


def _interpolate(times: FloatArray, path: FloatArray, grid: FloatArray, bridge: float, out: FloatArray) -> None:
    """Fill `out` (grid, 3) from `path` (T, 3), run by run of frames without a gap or a hole."""
    seen = np.flatnonzero(np.isfinite(path).all(axis=1))
    breaks = np.flatnonzero((np.diff(seen) > 1) | (np.diff(times[seen]) > bridge)) + 1
    for run in np.split(seen, breaks):
        if run.size == 0:
            continue
        inside = _between(grid, times[run[0]], times[run[-1]])
        at = np.clip(grid[inside], times[run[0]], times[run[-1]])
        out[inside] = PchipInterpolator(times[run], path[run])(at) if run.size > 1 else path[run]


def _between(grid: FloatArray, first: float, last: float) -> NDArray[np.bool_]:
    return np.asarray((grid >= first - CLOCK_ROUNDING_S) & (grid <= last + CLOCK_ROUNDING_S))
