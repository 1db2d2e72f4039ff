"""A stretch of a recording, which is solved by itself: what its motion depends on, and that motion."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray
from services.angles.skeleton import evidence
from services.angles.skeleton.fit import together
from services.angles.skeleton.model import Model
from services.angles.skeleton.problem import Measured, Problem

_MARGIN_S: Final = 1.0
"""Seconds before and after a stretch that are solved as well. A frame depends on its neighbours for about 0.1 s; half a
second leaves differences of 0.03° where a marker is missing, this less than 0.001°."""

_END_S: Final = 0.1
"""Seconds from the first and the last frame within which the covariance is that of the frame this far inside. With
neighbours on one side only, the posterior's standard deviation is half as large again, but the markers' errors last
longer than that, so the angles' do not grow: on rendered clips of the validation split the flexions are wrong by 12.5°
in the first and last frames, and by 13.5° inside."""

_ROUNDS_COARSE: Final = 4
_ROUNDS: Final = 4
"""After these, 99.9 % of the angles are within 0.15° of where more rounds take them, 98 % within 0.02°; the others are
forearm rotations at the end of their range."""


def as_written(metres: FloatArray) -> FloatArray:
    """Markers, or their standard deviations, to the decimals of a run's files, from which `humanpose3d export` has to
    find the same skeleton. Stretch by stretch: a rounded copy of all would be as large as the recording."""
    return np.asarray(np.round(metres, 6))


@dataclass(frozen=True, eq=False)
class Seen:
    """A recording: times (T,), positions (T, 65, 3), and what is stated of the 22, (T, 22), or None."""

    times: FloatArray
    positions: FloatArray
    stated: FloatArray | None

    def at(self, frames: NDArray[np.intp] | slice) -> FloatArray:
        """(t, 65, 3) metres: the markers in some frames, as written."""
        found = as_written(self.positions[frames])
        release(self.positions)
        return found

    def part(self, frames: slice) -> Self:
        """Some frames of it, as a view."""
        return replace(
            self,
            times=self.times[frames],
            positions=self.positions[frames],
            stated=None if self.stated is None else self.stated[frames],
        )

    def measured(self, frames: NDArray[np.intp] | slice) -> Measured:
        """Those markers in some frames that take part in the fit."""
        return evidence.measured(self.at(frames), None if self.stated is None else as_written(self.stated[frames]))


@dataclass(frozen=True, eq=False)
class Start:
    """A motion near the answer: coordinates (C, n) of some frames (C,), which include the first and the last."""

    frames: NDArray[np.intp]
    coordinates: FloatArray


@dataclass(frozen=True, eq=False)
class Task:
    """A stretch, with all that its motion depends on, so that another process can follow it.

    seen   some frames about it; the others are counted from the first of these.
    start  the same of a motion near the answer.
    solved, kept  the frames that are solved, and of them the stretch itself.
    ends   seconds: the whole recording's first and last frame.
    """

    seen: Seen
    start: Start
    solved: slice
    kept: slice
    ends: tuple[float, float]


def around(seen: Seen, start: Start, kept: slice) -> Task:
    """The stretch of these frames."""
    times = seen.times
    first = int(np.searchsorted(times, times[kept.start] - _MARGIN_S))
    last = int(np.searchsorted(times, times[kept.stop - 1] + _MARGIN_S, side="right"))
    rough = slice(*np.searchsorted(start.frames, (first, last - 1), side="right") + (-1, 1))
    some = start.frames[rough]
    origin = int(some[0])
    return Task(
        seen.part(slice(origin, int(some[-1]) + 1)),
        Start(some - origin, start.coordinates[rough]),
        slice(first - origin, last - origin),
        slice(kept.start - origin, kept.stop - origin),
        (times[0], times[-1]),
    )


def moved(model: Model, task: Task) -> tuple[FloatArray, FloatArray]:
    """The coordinates (t, n) of a stretch, and their covariances (t, n, n).

    First the frames of `start` together, then all of them.
    """
    seen, some, solved = task.seen, task.start.frames, task.solved
    times = seen.times[solved]
    coarse = together(
        Problem.of(model, seen.times[some], seen.measured(some)), task.start.coordinates, _ROUNDS_COARSE
    ).coordinates
    near = np.stack([np.interp(times, seen.times[some], column) for column in coarse.T], axis=1)
    found = together(Problem.of(model, times, seen.measured(solved)), near, _ROUNDS)
    inside = slice(task.kept.start - solved.start, task.kept.stop - solved.start)
    like = nearest(times, np.clip(seen.times[task.kept], task.ends[0] + _END_S, task.ends[1] - _END_S))
    return found.coordinates[inside], found.covariances()[like]


def nearest(known: FloatArray, times: FloatArray) -> NDArray[np.intp]:
    """(T,) index of the known time nearest to each."""
    return np.asarray(np.abs(times[:, None] - known).argmin(axis=1))
