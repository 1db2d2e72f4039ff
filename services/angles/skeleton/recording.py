"""One recording's skeleton: whose it is, how it moves, what its joint angles are, and how certain they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray, Markers, MarkerSd
from humanpose3d.options import Subject
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, JOINT_GROUPS, MARKER_INDEX, MARKERS
from services.angles.joints import continued, joint_angles
from services.angles.skeleton import evidence
from services.angles.skeleton.fit import settled
from services.angles.skeleton.initial import bridged, guess
from services.angles.skeleton.isb import landmarks
from services.angles.skeleton.kinematics import Pose, pose
from services.angles.skeleton.model import Model, shipped_model
from services.angles.skeleton.posterior import angle_sd, segments_of
from services.angles.skeleton.problem import Measured, Problem
from services.angles.skeleton.scaling import Lengths, Personal, factors_of, known_lengths, personal, usual_lengths
from services.angles.skeleton.side_by_side import side_by_side
from services.angles.skeleton.stretch import Seen, Start, Task, around, moved, nearest

_POSTURES: Final = 40
"""Frames that the person's own measures are found from, evenly over the recording."""

_COARSE_S: Final = 0.12
"""Seconds between the frames that are solved by themselves, to start all others from."""

_STRETCH: Final = 800
"""Frames whose result is taken from one solution: nothing but the result grows with the recording."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was found of a recording of T frames.

    personal     the person's skeleton.
    coordinates  (T, n) of `personal.model`: radians, and metres for translations; nowhere missing. (0, n) unless
                 they were requested.
    angles       (T, 12, 3) degrees, the ISB's, NaN where no marker supports a segment. angle_sd: the same of their
                 standard deviation.
    marker_distance_mm  root mean square distance of the model's 22 markers from those measured, where there are any.
    """

    personal: Personal
    times: FloatArray
    coordinates: FloatArray
    angles: FloatArray
    angle_sd: FloatArray
    marker_distance_mm: float | None


def follow(
    markers: Markers,
    sd: MarkerSd | None,
    subject: Subject,
    progress: Callable[[int], None],
    *,
    coordinates: bool = False,
    scales: Mapping[str, float] | None = None,
) -> Recording:
    """Fit the shipped skeleton to `ALL_MARKERS`; `sd` is of the 22, as the depth refiner states it, if it does.

    coordinates: whether they are kept. scales: `Personal.scales`, where they are known already.
    Raises ModelNotFound or ModelCorrupt where the skeleton's file is missing, InvalidMotion for markers of other names.
    """
    seen = Seen(markers.times, markers.select(ALL_MARKERS).positions, None if sd is None else sd.values)
    frames = len(seen.times)
    stretches = list(_stretches(frames))
    angles, angle_sd = (np.empty((frames, len(JOINT_GROUPS), 3)) for _ in range(2))
    pelvis, away = np.full(3, np.nan), _Distance(0.0, 0)
    with side_by_side(len(stretches)) as each:
        own = _personal(shipped_model().select(ALL_MARKERS), seen, _lengths(subject, scales))
        motion = np.empty((frames if coordinates else 0, len(own.model.coordinates)))
        found = Recording(own, seen.times, motion, angles, angle_sd, None)
        start = _start(own.model, seen)
        followed = each(partial(_followed, own), (around(seen, start, kept) for kept in stretches))
        for kept, stretch in zip(stretches, followed, strict=True):
            pelvis, away = stretch.write(found, kept, pelvis), away + stretch.distance
            release(seen.positions)  # of which parts were sent to other processes
            progress(kept.stop)
    return replace(found, marker_distance_mm=away.mm)


@dataclass(frozen=True, eq=False)
class _Stretch:
    """What is found of a stretch of t frames, as in `Recording`; the pelvis' angles do not yet follow on those before.

    missing (t, 12): where no marker supports a segment.
    """

    coordinates: FloatArray
    angles: FloatArray
    angle_sd: FloatArray
    missing: NDArray[np.bool_]
    distance: "_Distance"

    def write(self, found: Recording, kept: slice, pelvis: FloatArray) -> FloatArray:
        """Into a recording, after the pelvis' last angles (3,) before; returns the last ones of this stretch."""
        angles, angle_sd = found.angles[kept], found.angle_sd[kept]
        angles[:], angle_sd[:] = self.angles, self.angle_sd
        angles[:, _PELVIS] = continued(pelvis, angles[:, _PELVIS])
        last: FloatArray = angles[-1, _PELVIS].copy()
        angles[self.missing] = angle_sd[self.missing] = np.nan
        if len(found.coordinates):
            found.coordinates[kept] = self.coordinates
        return last


def _followed(own: Personal, task: Task) -> _Stretch:
    fitted, kept = own.model.select(evidence.USED), task.kept
    times = task.seen.times[kept]
    coordinates, covariances = moved(fitted, task)
    current = pose(own.model, coordinates)
    return _Stretch(
        coordinates,
        joint_angles(landmarks(current, own.factors, times)),
        _sd(current, covariances + own.covariances[nearest(own.times, times)]),
        ~_supported(fitted, task.seen.measured(kept)),
        _Distance.of(current, task.seen.at(kept)),
    )


@dataclass(frozen=True)
class _Distance:
    """Of the model's 22 markers from those measured: the sum of squares in m², and their number."""

    squares: float
    count: int

    @classmethod
    def of(cls, current: Pose, positions: FloatArray) -> Self:
        """Positions (T, 65, 3), of which those missing or not used are left out."""
        columns = [MARKER_INDEX[name] for name in MARKERS if name not in evidence.UNUSED]
        away = np.square(current.markers()[:, columns] - positions[:, columns]).sum(axis=2)
        known = away[np.isfinite(away)]
        return cls(float(known.sum()), len(known))

    def __add__(self, other: Self) -> Self:
        return replace(self, squares=self.squares + other.squares, count=self.count + other.count)

    @property
    def mm(self) -> float | None:
        """Root mean square."""
        return round(1000 * float(np.sqrt(self.squares / self.count)), 1) if self.count else None


def _stretches(frames: int) -> Iterator[slice]:
    for first in range(0, frames, _STRETCH):
        yield slice(first, min(first + _STRETCH, frames))


def _sd(current: Pose, covariances: FloatArray) -> FloatArray:
    """(T, 12, 3) degrees: as the covariance has it, then what was measured of how much it leaves out."""
    factors, floors = np.moveaxis(evidence.calibration(), 2, 0)
    return np.asarray(np.hypot(factors * angle_sd(current, covariances), floors))


def _lengths(subject: Subject, scales: Mapping[str, float] | None) -> Lengths:
    return usual_lengths(subject.height) if scales is None else known_lengths(scales)


def _personal(generic: Model, seen: Seen, lengths: Lengths) -> Personal:
    """From frames in which much was measured."""
    usable = np.flatnonzero(np.concatenate([_is_usable(seen.at(part)) for part in _stretches(len(seen.times))]))
    if not usable.size:
        usable = np.arange(len(seen.times))
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _POSTURES)).astype(int))]
    times, some = seen.times[chosen], seen.measured(chosen)
    model = generic.select(evidence.USED)
    first = settled(
        Problem.of(model.scaled(factors_of(model, lengths.logarithms)), times, some, 0.0),
        bridged(model, times, guess(generic, seen.at(chosen))),
    )
    own = personal(Problem.of(model, times, some, 0.0), first, evidence.place_sd(), lengths)
    whole = generic.scaled(own.factors)
    places = whole.marker_places.copy()
    places[evidence.COLUMNS] = own.model.marker_places
    return replace(own, model=whole.carrying(whole.markers, whole.marker_bodies, places))


def _is_usable(positions: FloatArray) -> NDArray[np.bool_]:
    seen = np.isfinite(positions[:, : len(MARKERS)]).all(axis=2)
    return np.asarray(seen.sum(axis=1) >= _LEAST_SEEN)


def _start(model: Model, seen: Seen) -> Start:
    """From frames solved by themselves."""
    times, fitted = seen.times, model.select(evidence.USED)
    every = max(1, round(_COARSE_S / max(float(np.median(np.diff(times))), 1e-3))) if len(times) > 1 else 1
    frames = np.unique(np.append(np.arange(0, len(times), every), len(times) - 1))
    parts = [frames[part] for part in _stretches(len(frames))]
    found = bridged(model, times[frames], np.concatenate([guess(model, seen.at(part)) for part in parts]))
    for part, chosen in zip(_stretches(len(frames)), parts, strict=True):
        problem = Problem.of(fitted, times[chosen], seen.measured(chosen), 0.0)
        found[part] = settled(problem, found[part], rounds=10)
    return Start(frames, found)


_PELVIS: Final = JOINT_GROUP_INDEX["pelvis"]
_LEAST_SEEN: Final = 12
_NEEDED: Final = {"calcn": 2}
"""Markers that a segment needs, on it or on segments beyond it; 1 where nothing is said. One alone does not say which
way a foot points."""


def _supported(model: Model, measured: Measured) -> NDArray[np.bool_]:
    """(T, 12): whether both segments of a joint have markers that say where they are."""
    seen = np.isfinite(measured.positions).all(axis=2) & np.isfinite(measured.sd).all(axis=2) & (measured.anchors < 0)
    counts = {body: seen[:, model.marker_bodies == body].sum(axis=1) for body in range(len(model.bodies))}
    for joint in reversed(model.joints):
        if joint.parent in counts:
            counts[joint.parent] = counts[joint.parent] + counts[joint.child]
    enough = {name: counts[body] >= _NEEDED.get(name.split("_")[0], 1) for body, name in enumerate(model.bodies)}
    return np.stack(
        [np.logical_and.reduce([enough[body] for body in segments_of(group.name) if body]) for group in JOINT_GROUPS],
        axis=1,
    )
