"""From answers and truth to figures with confidence intervals.

Every figure is a ratio of sums over frames (pooled over the clips), or the mean of several such ratios, or a
correlation from pooled moments, with the intervals of `benchmarks.intervals`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.agreement import Course
from benchmarks.cases import Case
from benchmarks.conditions import Answer
from benchmarks.intervals import Figure, Figures, clip_weights, ratio
from humanpose3d.analysis import View
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.analysis.limits import view_towards
from services.angles.joints import near_singularity
from training.metrics import (
    COMPARED_COLUMNS,
    acceleration,
    aligned_distance,
    between,
    bone_variation,
    camera_up,
    from_hips,
    seen_from,
    stated_up,
    upright,
    wrapped,
)

ANGLES: Final = tuple((group.name, angle) for group in JOINT_GROUPS for angle in group.angles)
"""The 36 in the order of `JointAngles.values`, flat."""

FLEXIONS: Final = {"hip": "flexion", "knee": "flexion", "ankle": "dorsiflexion", "elbow": "flexion"}

VIEWS: Final = ("front", "front left", "left", "back left", "back", "back right", "right", "front right")
"""Octants of the side of the pelvis that the camera sees, centred on it: the person's own left and right."""

TILTS: Final = (("0–5°", 0.0, 5.0), ("5–10°", 5.0, 10.0), ("10–15°", 10.0, 15.0), ("over 15°", 15.0, 180.0))
"""Of the camera: between its up and gravity's."""

Frames = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Errors:
    """One clip under one condition, NaN where there is nothing to compare. T frames, N markers compared.

    seen          view of the whole clip, from its true pelvis.
    offset        (T, N, 3) metres in the upright frame, hip-centred: estimate less truth.
    wanted        (T, N) where the truth is known and the detector found a person; what of it has no offset is missing.
    aligned       (T,) metres after Procrustes. acceleration: (T, N) m/s². bones: (B,) standard deviation over mean.
    gravity, tilt (T,) degrees: of the up that was worked with, and of the true camera.
    view          (T,) index in `VIEWS`; -1 where the true pelvis is not known.
    angles, true_angles  (T, 36) degrees: estimate less truth, wrapped; truth. regular: (T, 36) away from singularities.
    settled       (T, 36) degrees: `angles` less the pipeline's own convention, where that is known.
    marker_sd     (T, N) metres, angle_sd (T, 36) degrees, as stated; NaN where nothing was.
    """

    name: str
    motion: str
    seen: View
    offset: FloatArray
    wanted: Frames
    aligned: FloatArray
    acceleration: FloatArray
    bones: FloatArray
    gravity: FloatArray
    tilt: FloatArray
    view: NDArray[np.int_]
    angles: FloatArray
    true_angles: FloatArray
    regular: Frames
    settled: FloatArray | None
    marker_sd: FloatArray
    angle_sd: FloatArray


def convention(cases: Sequence[Case], answers: Sequence[Answer]) -> FloatArray:
    """(12, 3) degrees: the median by which the angles that the pipeline makes of true markers lie beside the true ones.

    Where the augmenter puts its landmarks on a bone is not where those of another body are said to be.
    """
    off = [wrapped(answer.angles - case.angles) for case, answer in zip(cases, answers, strict=True)]
    return np.asarray(np.nanmedian(np.concatenate(off), axis=0))


def errors(case: Case, answer: Answer, offset: FloatArray | None = None) -> Errors:
    """Compare an answer with the truth where the detector found a person; offset: what `convention` gave."""
    found = case.landmarks.detected
    truth = _blank(from_hips(upright(case.markers, case.camera)), ~found)
    got = _blank(from_hips(answer.markers), ~found)
    true_angles = _blank(case.angles, ~found)
    difference = wrapped(answer.angles - true_angles)
    times, kept = case.landmarks.times, COMPARED_COLUMNS
    side = seen_from(case.markers, case.camera)
    view = np.nan_to_num(np.rint(side / 45) % 8, nan=-1)
    settled = None if offset is None else wrapped(difference - offset).reshape(len(times), -1)
    nothing = np.full(difference.shape, np.nan)
    return Errors(
        name=case.name,
        motion=case.motion,
        seen=view_towards(np.cos(np.radians(side[found]))),
        offset=(got - truth)[:, kept],
        wanted=np.asarray(np.isfinite(truth[:, kept]).all(axis=-1)),
        aligned=aligned_distance(got[:, kept], truth[:, kept]),
        acceleration=np.linalg.norm(acceleration(times, (got - truth)[:, kept]), axis=-1),
        bones=bone_variation(got),
        gravity=_blank(between(answer.up, camera_up(case.camera)), ~found),
        tilt=between(np.tile(stated_up(0.0, 0.0), (len(times), 1)), camera_up(case.camera)),
        view=view.astype(int),
        angles=difference.reshape(len(times), -1),
        true_angles=true_angles.reshape(len(times), -1),
        regular=np.repeat(~near_singularity(true_angles), 3, axis=1),
        settled=settled,
        marker_sd=np.full((len(times), len(kept)), np.nan) if answer.marker_sd is None else answer.marker_sd[:, kept],
        angle_sd=(nothing if answer.angle_sd is None else answer.angle_sd).reshape(len(times), -1),
    )


def figures(clips: Sequence[Errors], frames: Callable[[Errors], Frames] | None = None) -> Figures:
    """Everything about positions, gravity and angles as one set of figures; of some frames of each clip, if given.

    Centimetres, degrees, m/s² and per cent, as the names say. Bone lengths and accelerations need whole clips and are
    left out where there are frames to choose.
    """
    parts = [_position_sums(one, frames) for one in clips]
    weights = clip_weights(len(clips))
    drawn = {name: ratio(weights, np.array([part[name] for part in parts])) for name in parts[0]}
    angle = _angle_draws(clips, weights, frames)
    drawn["angles_deg"] = _mean(angle["mae"])
    drawn["angles_regular_deg"] = _mean(angle["mae_regular"])
    if "mae_settled" in angle:
        drawn["angles_settled_deg"] = _mean(angle["mae_settled"])
    for joint, name in FLEXIONS.items():
        columns = [ANGLES.index((f"{joint}_{side}", name)) for side in "rl"]
        drawn[f"{joint}_{name}_deg"] = _mean(angle["mae"][:, columns])
    return {name: Figure.of(values, len(clips)) for name, values in drawn.items()}


def angle_figures(clips: Sequence[Errors]) -> dict[str, dict[str, Figures]]:
    """By group and angle: mae, mae_regular and bias in degrees, and r.

    r is the correlation of the courses within the clips (each clip's means taken out), so it says whether the movement
    is right, whatever its offset. `mae_regular` leaves out frames whose true posture leaves the angle undefined;
    `mae_settled`, where the convention is known, is that of `settled`.
    """
    drawn = _angle_draws(clips, clip_weights(len(clips)), None)
    out: dict[str, dict[str, Figures]] = {group.name: {} for group in JOINT_GROUPS}
    for column, (group, angle) in enumerate(ANGLES):
        out[group][angle] = {name: Figure.of(values[:, column], len(clips)) for name, values in drawn.items()}
    return out


def spread_figures(clips: Sequence[Errors]) -> dict[str, Figures]:
    """Of the standard deviations stated for markers (one an axis) and angles: do they tell where the errors are?

    Those of angles are of what the pipeline would say of true markers, where that is known (`settled`).
    coverage_percent: errors within ±1 standard deviation (68 if they are right and normal); pearson, spearman: with the
    size of the true error, pooled over all frames. Empty where none were stated.
    """
    stated = {
        "markers": [(one.marker_sd[..., None].repeat(3, axis=-1), one.offset) for one in clips],
        "angles": [(one.angle_sd, one.angles if one.settled is None else one.settled) for one in clips],
    }
    return {what: found for what, pairs in stated.items() if (found := _spread(pairs))}


def _spread(pairs: Sequence[tuple[FloatArray, FloatArray]]) -> Figures:
    """Of standard deviations and errors of the same shape, clip by clip."""
    known = [np.isfinite(sd) & np.isfinite(error) for sd, error in pairs]
    sds = [sd[there] for (sd, _), there in zip(pairs, known, strict=True)]
    sizes = [np.abs(error[there]) for (_, error), there in zip(pairs, known, strict=True)]
    if not sum(map(len, sds)):
        return {}
    weights = clip_weights(len(pairs))
    within = np.array([[(size <= sd).sum() * 100, len(sd)] for sd, size in zip(sds, sizes, strict=True)])
    ranks = [np.split(rankdata(np.concatenate(x)), np.cumsum([len(one) for one in x])[:-1]) for x in (sds, sizes)]
    drawn = {
        "coverage_percent": ratio(weights, within),
        "pearson": _pooled_correlation(weights, sds, sizes),
        "spearman": _pooled_correlation(weights, *ranks),
    }
    return {name: Figure.of(values, len(pairs)) for name, values in drawn.items()}


def courses(clips: Sequence[Errors]) -> list[Course]:
    """All angles of all clips for `benchmarks.agreement`, without frames in which the true posture is within 10° of a
    singularity."""
    return [
        Course(
            clip=one.name,
            view=one.seen,
            joint=group.partition("_")[0],
            angle=angle,
            truth=one.true_angles[:, column],
            error=np.where(one.regular[:, column], one.angles[:, column], np.nan),
            sd=one.angle_sd[:, column],
        )
        for one in clips
        for column, (group, angle) in enumerate(ANGLES)
    ]


def by_motion(clips: Sequence[Errors]) -> dict[str, Sequence[Errors]]:
    """The clips of each motion family."""
    return {motion: [one for one in clips if one.motion == motion] for motion in sorted({one.motion for one in clips})}


def by_view(clips: Sequence[Errors]) -> dict[str, Figures]:
    """Figures by the side from which the camera sees the pelvis, frame by frame."""
    return {
        view: figures(clips, lambda one, index=index: one.view == index)  # type: ignore[misc]
        for index, view in enumerate(VIEWS)
        if any((one.view == index).any() for one in clips)
    }


def by_tilt(clips: Sequence[Errors]) -> dict[str, Figures]:
    """Figures by the true tilt of the camera, frame by frame."""
    return {
        name: figures(clips, lambda one, low=low, high=high: (one.tilt >= low) & (one.tilt < high))  # type: ignore[misc]
        for name, low, high in TILTS
        if any(((one.tilt >= low) & (one.tilt < high)).any() for one in clips)
    }


def _position_sums(one: Errors, frames: Callable[[Errors], Frames] | None) -> Mapping[str, tuple[float, float]]:
    """Sum and count of every figure that is one ratio."""
    chosen = np.ones(len(one.tilt), dtype=bool) if frames is None else frames(one)
    offset = one.offset[chosen] * 100
    distance = np.linalg.norm(offset, axis=-1)
    wanted = one.wanted[chosen]
    sums = {
        "mpjpe_cm": _sum(distance),
        "x_cm": _sum(np.abs(offset[..., 0])),
        "y_cm": _sum(np.abs(offset[..., 1])),
        "depth_cm": _sum(np.abs(offset[..., 2])),
        "pa_mpjpe_cm": _sum(one.aligned[chosen] * 100),
        "gravity_deg": _sum(one.gravity[chosen]),
        "missing_percent": (float((wanted & np.isnan(distance)).sum() * 100), float(wanted.sum())),
    }
    if frames is None:
        sums |= {"acceleration_m_s2": _sum(one.acceleration), "bone_cv_percent": _sum(one.bones * 100)}
    return sums


def _angle_draws(
    clips: Sequence[Errors], weights: FloatArray, frames: Callable[[Errors], Frames] | None
) -> dict[str, FloatArray]:
    """mae, mae_regular, mae_settled (where it is known), bias, r: (1 + DRAWS, 36)."""
    chosen = [one.angles if frames is None else _blank(one.angles, ~frames(one)) for one in clips]
    regular = [np.where(one.regular, angles, np.nan) for one, angles in zip(clips, chosen, strict=True)]
    moments = np.array([_moments(one.true_angles, angles) for one, angles in zip(clips, chosen, strict=True)])
    xx, yy, xy = (weights @ moments[:, index] for index in range(3))
    size = np.sqrt(xx * yy)
    settled = [
        one.settled if frames is None else _blank(one.settled, ~frames(one)) for one in clips if one.settled is not None
    ]
    own = {"mae_settled": ratio(weights, np.array([_sums(np.abs(angles)) for angles in settled]))} if settled else {}
    return own | {
        "mae": ratio(weights, np.array([_sums(np.abs(angles)) for angles in chosen])),
        "mae_regular": ratio(weights, np.array([_sums(np.abs(angles)) for angles in regular])),
        "bias": ratio(weights, np.array([_sums(angles) for angles in chosen])),
        "r": xy / np.where(size > 0, size, np.nan),
    }


def _moments(truth: FloatArray, difference: FloatArray) -> FloatArray:
    """(3, 36) sums of squares of the truth and of the estimate and of their product, about their means in the clip."""
    known = np.isfinite(truth) & np.isfinite(difference)
    truth = np.where(known, truth, 0.0)
    estimate = np.where(known, truth + difference, 0.0)
    count = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, truth - truth.sum(axis=0) / count, 0.0)
    y = np.where(known, estimate - estimate.sum(axis=0) / count, 0.0)
    return np.stack([(x * x).sum(axis=0), (y * y).sum(axis=0), (x * y).sum(axis=0)])


def _pooled_correlation(weights: FloatArray, first: Sequence[FloatArray], second: Sequence[FloatArray]) -> FloatArray:
    """(1 + DRAWS,) over all values of all clips, each clip counted as often as it was drawn."""
    moments = np.array([[len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y] for x, y in zip(first, second, strict=True)])
    n, x, y, xx, yy, xy = (weights @ moments).T
    size = np.sqrt(np.maximum((xx - x * x / n) * (yy - y * y / n), 0))
    return np.asarray((xy - x * y / n) / np.where(size > 0, size, np.nan))


def _mean(columns: FloatArray) -> FloatArray:
    """(1 + DRAWS,) mean over those of the columns that there are in the clips as they are."""
    there = np.isfinite(columns[0])
    return columns[:, there].mean(axis=1) if there.any() else columns[:, 0]


def _sum(values: FloatArray) -> tuple[float, float]:
    known = np.isfinite(values)
    return float(values[known].sum()), float(known.sum())


def _sums(values: FloatArray) -> FloatArray:
    """(2, 36) sum and count down the frames."""
    known = np.isfinite(values)
    return np.stack([np.where(known, values, 0).sum(axis=0), known.sum(axis=0)])


def _blank(values: FloatArray, where: Frames) -> FloatArray:
    """A copy with NaN in some frames."""
    out = np.array(values, dtype=np.float64)
    out[where] = np.nan
    return out
