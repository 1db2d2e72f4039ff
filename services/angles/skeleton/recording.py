"""One recording's skeleton: whose it is, how it moves, what its joint angles are, and how certain they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Markers, MarkerSpread
from humanpose3d.options import Subject
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, MARKER_INDEX, MARKERS
from services.angles.joints import joint_angles
from services.angles.skeleton import evidence
from services.angles.skeleton.fit import settled, together
from services.angles.skeleton.initial import guess
from services.angles.skeleton.isb import landmarks
from services.angles.skeleton.kinematics import Pose, pose
from services.angles.skeleton.model import Model, shipped_model
from services.angles.skeleton.posterior import angle_sd, segments_of
from services.angles.skeleton.problem import Measured, Problem
from services.angles.skeleton.scaling import Personal, average, personal

_POSTURES: Final = 40
"""Frames that the person's own measures are found from, evenly over the recording."""

_COARSE_S: Final = 0.12
"""Seconds between the frames that are solved by themselves, to start all others from."""

_STRETCH, _OVERLAP = 600, 40
"""Frames that are solved together, and by how many two stretches overlap: nothing but the result grows with length."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was found of a recording of T frames.

    personal     the person's skeleton.
    coordinates  (T, n) of `personal.model`: radians, and metres for translations; nowhere missing.
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
    markers: Markers, spread: MarkerSpread | None, subject: Subject, progress: Callable[[int], None]
) -> Recording:
    """Fit the shipped skeleton to `ALL_MARKERS`; `spread` is of the 22, as the depth refiner states it, if it does.

    Raises ModelNotFound or ModelCorrupt where the skeleton's file is missing, InvalidMotion for markers of other names.
    """
    times, positions = markers.times, markers.select(ALL_MARKERS).positions
    generic = shipped_model().select(ALL_MARKERS)
    measured = evidence.measured(positions, spread)
    own = _personal(generic, times, measured, subject.height)
    start = _start(own.model, times, measured)
    coordinates = np.empty_like(start)
    angles, sd = np.empty((2, len(times), len(JOINT_GROUPS), 3))
    apart = np.full((len(times), len(MARKERS)), np.nan)
    for first in range(0, len(times), _STRETCH):
        kept = slice(first, min(first + _STRETCH, len(times)))
        around = slice(max(0, kept.start - _OVERLAP), min(kept.stop + _OVERLAP, len(times)))
        found = together(Problem.of(own.model, times[around], measured.frames(around)), start[around])
        inside = slice(kept.start - around.start, kept.stop - around.start)
        coordinates[kept] = found.coordinates[inside]
        current = pose(own.model, coordinates[kept])
        angles[kept] = joint_angles(landmarks(current, own.factors, times[kept]))
        sd[kept] = _sd(current, found.covariances[inside] + own.covariances[_nearest(own.times, times[kept])])
        apart[kept] = _distance(current, positions[kept])
        progress(kept.stop)
    missing = ~_supported(generic, measured)
    angles[missing], sd[missing] = np.nan, np.nan
    seen = apart[np.isfinite(apart)]
    rms = round(1000 * float(np.sqrt(np.square(seen).mean())), 1) if seen.size else None
    return Recording(own, times, coordinates, angles, sd, rms)


def _nearest(known: FloatArray, times: FloatArray) -> NDArray[np.intp]:
    """(T,) index of the known time nearest to each."""
    return np.asarray(np.abs(times[:, None] - known).argmin(axis=1))


def _distance(current: Pose, positions: FloatArray) -> FloatArray:
    """(T, 22) metres from the markers of the model to those measured; NaN where these are missing or not used."""
    columns = slice(0, len(MARKERS))
    away = np.linalg.norm(current.markers()[:, columns] - positions[:, columns], axis=2)
    away[:, [MARKER_INDEX[name] for name in evidence.UNUSED]] = np.nan
    return np.asarray(away)


def _sd(current: Pose, covariances: FloatArray) -> FloatArray:
    """(T, 12, 3) degrees: as the covariance has it, then what was measured of how much it leaves out."""
    factors, floors = np.moveaxis(evidence.calibration(), 2, 0)
    return np.asarray(np.hypot(factors * angle_sd(current, covariances), floors))


def _personal(generic: Model, times: FloatArray, measured: Measured, height: float) -> Personal:
    """From frames in which much was measured."""
    usable = np.flatnonzero(np.isfinite(measured.positions[:, : len(MARKERS)]).all(axis=2).sum(axis=1) >= _LEAST_SEEN)
    if not usable.size:
        usable = np.arange(len(times))
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _POSTURES)).astype(int))]
    some = measured.frames(chosen)
    first = settled(
        Problem.of(average(generic, height), times[chosen], some, 0.0), guess(generic, times[chosen], some.positions)
    )
    return personal(Problem.of(generic, times[chosen], some, 0.0), first, evidence.place_sd(), height)


def _start(model: Model, times: FloatArray, measured: Measured) -> FloatArray:
    """(T, n): a motion near the answer, from frames solved by themselves."""
    every = max(1, round(_COARSE_S / max(float(np.median(np.diff(times))), 1e-3))) if len(times) > 1 else 1
    coarse = np.unique(np.append(np.arange(0, len(times), every), len(times) - 1))
    problem = Problem.of(model, times[coarse], measured.frames(coarse), 0.0)
    solved = settled(problem, guess(model, times, measured.positions)[coarse], rounds=10)
    return np.stack([np.interp(times, times[coarse], column) for column in solved.T], axis=1)


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
