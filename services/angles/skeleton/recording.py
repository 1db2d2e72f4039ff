"""One recording's skeleton: whose it is, how it moves, what its joint angles are, and how certain they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Markers, MarkerSpread
from humanpose3d.options import Subject
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS
from services.angles.joints import joint_angles
from services.angles.skeleton import evidence
from services.angles.skeleton.fit import settled, together
from services.angles.skeleton.initial import guess
from services.angles.skeleton.isb import landmarks
from services.angles.skeleton.kinematics import pose
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
    """

    personal: Personal
    times: FloatArray
    coordinates: FloatArray
    angles: FloatArray
    angle_sd: FloatArray


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
    out = Recording(
        own, times, np.empty_like(start), np.empty((len(times), len(JOINT_GROUPS), 3)), np.empty((len(times), len(JOINT_GROUPS), 3))
    )
    for first in range(0, len(times), _STRETCH):
        kept = slice(first, min(first + _STRETCH, len(times)))
        around = slice(max(0, kept.start - _OVERLAP), min(kept.stop + _OVERLAP, len(times)))
        problem = Problem.of(own.model, times[around], measured.frames(around))
        found = together(problem, start[around])
        inside = slice(kept.start - around.start, kept.stop - around.start)
        nearest = np.abs(times[kept, None] - own.times).argmin(axis=1)
        covariances = found.covariances[inside] + own.covariances[nearest]
        current = pose(own.model, found.coordinates[inside])
        out.coordinates[kept] = found.coordinates[inside]
        out.angles[kept] = joint_angles(landmarks(current, own.factors, times[kept]))
        out.angle_sd[kept] = angle_sd(current, covariances)
        progress(kept.stop)
    missing = ~_supported(generic, measured)
    out.angles[missing], out.angle_sd[missing] = np.nan, np.nan
    return out


def _personal(generic: Model, times: FloatArray, measured: Measured, height: float) -> Personal:
    """From frames in which much was measured."""
    usable = np.flatnonzero(np.isfinite(measured.positions[:, :22]).all(axis=2).sum(axis=1) >= _LEAST_SEEN)
    if not usable.size:
        usable = np.arange(len(times))
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _POSTURES)).astype(int))]
    some = measured.frames(chosen)
    first = settled(Problem.of(average(generic, height), times[chosen], some, 0.0), guess(generic, times[chosen], some.positions))
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
"""Markers that a segment needs, on it or on segments beyond it; 1 where nothing is said. One alone does not say which way
a foot points."""


def _supported(model: Model, measured: Measured) -> NDArray[np.bool_]:
    """(T, 12): whether both segments of a joint have markers that say where they are."""
    seen = np.isfinite(measured.positions).all(axis=2) & np.isfinite(measured.sd).all(axis=2) & (measured.anchors < 0)
    counts = {body: seen[:, model.marker_bodies == body].sum(axis=1) for body in range(len(model.bodies))}
    for joint in reversed(model.joints):
        if joint.parent in counts:
            counts[joint.parent] = counts[joint.parent] + counts[joint.child]
    enough = {
        name: counts[body] >= _NEEDED.get(name.split("_")[0], 1) for body, name in enumerate(model.bodies)
    }
    return np.stack(
        [np.logical_and.reduce([enough[body] for body in segments_of(group.name) if body]) for group in JOINT_GROUPS], axis=1
    )
