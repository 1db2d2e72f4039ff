"""A recording as evenly sampled, low-pass filtered signals, in which events and repetitions are detected."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.analysis import Side
from humanpose3d.butterworth import forth_and_back
from humanpose3d.mapped import blocks, release
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Markers, read_only
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS

CUTOFF_HZ: Final = 6.0
"""Cutoff of the fourth-order zero-phase Butterworth filter for marker paths (Winter 2009, Biomechanics and Motor
Control of Human Movement, 4th ed., ch. 3)."""

FAST_CUTOFF_HZ: Final = 12.0
"""Cutoff for the height of soles and pelvis in jumps and running, which changes within a few frames."""

GRAVITY: Final = 9.81
"""m/s²."""

BRIDGED_S: Final = 0.25
"""Gaps up to this long are interpolated; longer ones stay missing."""

_SHORT: Final = 15
"""Frames up to which a run between gaps is not filtered."""

_PADDING: Final = 9
"""Frames by which the filter extends a run at either end."""

SIDES: Final[tuple[Side, Side]] = ("right", "left")


USED_MARKERS: Final = (
    *(f"{side}{point}" for side in "RL" for point in ("Hip", "Knee", "Ankle", "Heel", "BigToe", "SmallToe")),
    "Neck",
)
"""Of the 65 markers, those that events and figures are found in."""


@dataclass(frozen=True, eq=False)
class Signals:
    """Markers and joint angles, evenly sampled.

    times      (T,) seconds, evenly spaced at the recording's median rate.
    rate       frames per second.
    positions  marker → (T, 3) metres, world frame, unfiltered; NaN in gaps that are not bridged.
    angles     (T, 12, 3) degrees, as `JointAngles`.
    recorded_sd  their standard deviations at the recording's own times, where known.
    """

    times: FloatArray
    rate: float
    positions: dict[str, FloatArray]
    angles: FloatArray
    recorded_sd: AngleSd | None = None
    _filtered: dict[tuple[tuple[str, ...], float], FloatArray] = field(default_factory=dict, repr=False)
    _sd: dict[tuple[int, int], FloatArray] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, markers: Markers, angles: JointAngles, angle_sd: AngleSd | None = None) -> Self:
        """Sample all at the median rate. `angles` and `angle_sd` must have the markers' times."""
        step = float(np.median(np.diff(markers.times))) if markers.times.size > 1 else 1.0
        count = int(np.floor((markers.times[-1] - markers.times[0]) / step + 1e-6)) + 1
        times = markers.times[0] + step * np.arange(count)
        used = [markers.names.index(name) for name in USED_MARKERS]
        paths = np.concatenate([block[:, used] for block in blocks(markers.positions)])
        positions = {
            name: resampled(markers.times, paths[:, column], times) for column, name in enumerate(USED_MARKERS)
        }
        del paths
        flat = resampled(markers.times, angles.values.reshape(markers.times.size, -1), times)
        release(angles.values)
        return cls(times, 1 / step, positions, flat.reshape(count, *angles.values.shape[1:]), angle_sd)

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last frame."""
        return float(self.times[-1] - self.times[0])

    @property
    def timing_sd_s(self) -> float:
        """Standard deviation of an event's time: a uniform error of one frame."""
        return 1 / self.rate / math.sqrt(12)

    def time(self, frame: float) -> float:
        """Time in seconds, to a tenth of a millisecond, of a frame or fractional frame."""
        return round(float(self.times[0]) + frame / self.rate, 4)

    def path(self, name: str, cutoff_hz: float = CUTOFF_HZ) -> FloatArray:
        """(T, 3) metres: a marker's filtered path."""
        return self.mean_path(name, cutoff_hz=cutoff_hz)

    def mean_path(self, *names: str, cutoff_hz: float = CUTOFF_HZ) -> FloatArray:
        """(T, 3) metres: the filtered path of the mean of some markers; filtered once, however often it is used."""
        key = names, cutoff_hz
        if key not in self._filtered:
            mean = np.mean([self.positions[name] for name in names], axis=0)
            self._filtered[key] = read_only(low_pass(mean, self.rate, cutoff_hz))
        return self._filtered[key]

    def angle(self, joint: str, angle: str) -> FloatArray:
        """(T,) degrees."""
        return np.asarray(self.angles[:, *_column_of(joint, angle)])

    def peak(self, joint: str, angle: str, frames: slice) -> tuple[float, float | None]:
        """The largest value of an angle in some frames, and its standard deviation, degrees; NaN where unknown."""
        values = self.angle(joint, angle)[frames]
        if not np.isfinite(values).any():
            return math.nan, None
        highest = int(np.nanargmax(values))
        return float(values[highest]), self.sd_at(joint, angle, frames.start + highest)

    def sd_at(self, joint: str, angle: str, frame: int) -> float | None:
        """Standard deviation of an angle in one frame, degrees; None where unknown."""
        if self.recorded_sd is None:
            return None
        column = _column_of(joint, angle)
        if column not in self._sd:
            sd = self.recorded_sd
            self._sd[column] = _column(sd.times, sd.values[:, *column], self.times)
            release(sd.values)
        return float(self._sd[column][frame])

    @cached_property
    def leg_length(self) -> float:
        """Metres from hip over knee to ankle: median of both sides over time."""
        lengths = [
            distance(self.positions[f"{side}Hip"], self.positions[f"{side}Knee"])
            + distance(self.positions[f"{side}Knee"], self.positions[f"{side}Ankle"])
            for side in "RL"
        ]
        return float(np.nanmedian(lengths))

    @cached_property
    def pelvis(self) -> FloatArray:
        """(T, 3) metres: the filtered mid-hip position."""
        return self.mean_path("RHip", "LHip")

    @cached_property
    def drop(self) -> FloatArray:
        """(T,) depth of the pelvis below its standing height, leg lengths."""
        height = self.pelvis[:, 1]
        return np.asarray((np.nanquantile(height, 0.95) - height) / self.leg_length)

    @cached_property
    def trunk_lean(self) -> FloatArray:
        """(T,) degrees between the line from the pelvis to the neck and the vertical."""
        axis = unit(self.path("Neck") - self.pelvis)
        return np.asarray(np.degrees(np.arccos(np.clip(axis[:, 1], -1, 1))))

    @cached_property
    def heading(self) -> FloatArray:
        """(T, 2) horizontal unit vectors (x, z): the pelvis's heading, perpendicular to the line between the hips."""
        across = low_pass(self.positions["LHip"] - self.positions["RHip"], self.rate, 2.0)[:, [0, 2]]
        return unit(np.column_stack([-across[:, 1], across[:, 0]]))

    def sole(self, side: str) -> FloatArray:
        """(T,) metres: height of the lowest point of a foot ("R" or "L"), lightly filtered."""
        heights = [self.positions[f"{side}{point}"][:, 1] for point in ("Heel", "BigToe", "SmallToe")]
        return low_pass(np.min(heights, axis=0)[:, None], self.rate, FAST_CUTOFF_HZ)[:, 0]


def _column_of(joint: str, angle: str) -> tuple[int, int]:
    index = JOINT_GROUP_INDEX[joint]
    return index, JOINT_GROUPS[index].angles.index(angle)


def resampled(times: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """(len(at), N) `values` (T, N) interpolated linearly; NaN outside and in gaps longer than `BRIDGED_S`."""
    found = np.empty((len(at), values.shape[1]))
    for column, path in zip(found.T, values.T, strict=True):
        column[:] = _column(times, path, at)
    return found


def _column(times: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.full(len(at), np.nan)
    found = np.interp(at, times[known], values[known], np.nan, np.nan)
    after = np.clip(np.searchsorted(times[known], at), 1, known.sum() - 1)
    gap = times[known][after] - times[known][after - 1]
    return np.where(gap > BRIDGED_S, np.nan, found)


def low_pass(values: FloatArray, rate: float, cutoff_hz: float) -> FloatArray:
    """(T, N) zero-phase Butterworth, fourth order in total, for each run between gaps; short runs are unchanged.

    A cutoff at or above 0.45 of the rate changes nothing.
    """
    if cutoff_hz >= 0.45 * rate:
        return values.copy()
    result = values.copy()
    for run in runs(np.asarray(np.isfinite(values).all(axis=1))):
        if run.stop - run.start > _SHORT:
            result[run] = np.stack([forth_and_back(path, cutoff_hz / rate, _PADDING) for path in values[run].T], axis=1)
    return result


def runs(flags: NDArray[np.bool_]) -> list[slice]:
    """The runs of frames in which a condition holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def distance(one: FloatArray, other: FloatArray) -> FloatArray:
    """(T,) metres between two paths (T, 3)."""
    return np.asarray(np.linalg.norm(one - other, axis=1))


def unit(vectors: FloatArray) -> FloatArray:
    """(T, N) the same directions with length 1; NaN where the length is 0."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, np.nan))


def velocity(path: FloatArray, rate: float) -> FloatArray:
    """(T, …) per second, by central differences."""
    return np.asarray(np.gradient(path, 1 / rate, axis=0))
