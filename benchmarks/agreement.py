"""Agreement of joint angles with the truth, by angle and view.

Both sides of a clip count together, and each frame equally. A clip has one view: that of its true pelvis
(`humanpose3d.analysis.View`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from benchmarks.intervals import Figure, Figures, clip_weights, ratio
from humanpose3d.analysis import View
from humanpose3d.motion import FloatArray

VIEWS: Final[tuple[View, ...]] = ("lateral", "oblique", "frontal")
CLOSE_DEG: Final = 5.0
"""Errors up to this count as small."""

_LIMITS: Final = 1.96


@dataclass(frozen=True, eq=False)
class Course:
    """One angle of one side in one clip. T frames, degrees, NaN where not known.

    truth  (T,). error: (T,) estimate less truth. sd: (T,) standard deviation stated for the estimate.
    """

    clip: str
    view: View
    joint: str
    angle: str
    truth: FloatArray
    error: FloatArray
    sd: FloatArray


ByAngle = dict[str, dict[str, Figures]]


def by_view_and_angle(courses: Sequence[Course]) -> dict[str, ByAngle]:
    """`agreement` by view ("all" first), joint and angle; what has no frame is left out."""
    views = {"all": courses} | {view: [one for one in courses if one.view == view] for view in VIEWS}
    return {view: found for view, own in views.items() if (found := _by_angle(own))}


def _by_angle(courses: Iterable[Course]) -> ByAngle:
    groups: dict[str, dict[str, list[Course]]] = {}
    for one in courses:
        if np.isfinite(one.error).any():
            groups.setdefault(one.joint, {}).setdefault(one.angle, []).append(one)
    return {joint: {name: agreement(own) for name, own in angles.items()} for joint, angles in groups.items()}


def agreement(courses: Sequence[Course]) -> Figures:
    """How an angle agrees with the truth. Degrees, except r, the two percentages and the number of clips.

    clips
    mae, median_error    mean and median absolute error
    bias                 mean error; limit_low, limit_high: its 95 % limits of agreement of repeated measures (Bland
                         and Altman 2007, J Biopharm Stat 17:571–582: variance between clips plus variance within)
    rmse, rmse_centred   root mean square error; the same less the mean error of each side of each clip
    r                    correlation over time within each side of each clip, pooled (repeated-measures correlation,
                         Bakdash and Marusich 2017, Front Psychol 8:456)
    rom_error            mean absolute error of the range of motion of a side in a clip
    within_5_percent     frames whose absolute error is at most 5°
    coverage_percent     errors within ±1 stated standard deviation (68 if right and normal)
    """
    ordered = sorted(courses, key=lambda one: one.clip)
    clips = [list(own) for _, own in groupby(ordered, key=lambda one: one.clip)]
    weights = clip_weights(len(clips))

    def pooled(sums: Callable[[Course], tuple[float, float]]) -> FloatArray:
        return ratio(weights, np.array([np.sum([sums(one) for one in clip], axis=0) for clip in clips]))

    errors = [np.concatenate([_known(one.error) for one in clip]) for clip in clips]
    moments = weights @ np.array([np.sum([_moments(one) for one in clip], axis=0) for clip in clips])
    size = np.sqrt(moments[:, 0] * moments[:, 1])
    drawn = {
        "mae": pooled(lambda one: _sum(np.abs(one.error))),
        "bias": pooled(lambda one: _sum(one.error)),
        "rmse": np.sqrt(pooled(lambda one: _sum(one.error**2))),
        "rmse_centred": np.sqrt(pooled(lambda one: _sum(_centred(one.error) ** 2))),
        "r": moments[:, 2] / np.where(size > 0, size, np.nan),
        "rom_error": pooled(lambda one: _sum(np.array([abs(_range_error(one))]))),
        "within_5_percent": pooled(lambda one: _sum(_share(np.abs(one.error) <= CLOSE_DEG, one.error))),
        "coverage_percent": pooled(lambda one: _sum(_share(np.abs(one.error) <= one.sd, one.error + one.sd))),
    }
    bias, half = float(drawn["bias"][0]), _LIMITS * np.sqrt(repeated_variance(errors))
    return {
        "clips": Figure.alone(len(clips)),
        "median_error": Figure.alone(float(np.median(np.abs(np.concatenate(errors))))),
        "limit_low": Figure.alone(bias - half),
        "limit_high": Figure.alone(bias + half),
        **{name: Figure.of(values, len(clips)) for name, values in drawn.items()},
    }


def repeated_variance(groups: Sequence[FloatArray]) -> float:
    """Variance of one value of values in groups: within groups, plus between them (one-way analysis of variance).

    Of a single group the variance within; NaN where no group has two values.
    """
    counts = np.array([len(values) for values in groups])
    total, degrees = counts.sum(), counts.sum() - len(groups)
    if degrees < 1:
        return float("nan")
    means = np.array([values.mean() for values in groups])
    within = sum(((values - mean) ** 2).sum() for values, mean in zip(groups, means, strict=True)) / degrees
    if len(groups) == 1:
        return float(within)
    spread = (counts * (means - counts @ means / total) ** 2).sum() / (len(groups) - 1)
    size = (total - (counts**2).sum() / total) / (len(groups) - 1)
    return float(within + max(0.0, (spread - within) / size))


def mae_table(
    measured: Mapping[str, Mapping[str, Mapping[str, Mapping[str, list[float | None]]]]],
) -> dict[str, object]:
    """{view: {joint: {angle: MAE, degrees}}}, rounded to 0.1, from parsed results; views of their own only."""
    return {
        view: {
            joint: {name: round(float(own["mae"][0] or 0.0), 1) for name, own in angles.items()}
            for joint, angles in measured[view].items()
        }
        for view in VIEWS
        if view in measured
    }


def _moments(one: Course) -> FloatArray:
    """(3,) sums of squares of truth and estimate and of their product, about their means."""
    known = np.isfinite(one.truth + one.error)
    x, y = one.truth[known], (one.truth + one.error)[known]
    if not known.any():
        return np.zeros(3)
    x, y = x - x.mean(), y - y.mean()
    return np.array([x @ x, y @ y, x @ y])


def _range_error(one: Course) -> float:
    known = np.isfinite(one.truth + one.error)
    return float(np.ptp((one.truth + one.error)[known]) - np.ptp(one.truth[known])) if known.any() else float("nan")


def _centred(error: FloatArray) -> FloatArray:
    known = _known(error)
    return error - known.mean() if known.size else error


def _share(flags: np.ndarray, known: FloatArray) -> FloatArray:
    """100 where the flag is set, 0 where not, NaN where it is not known."""
    return np.where(np.isfinite(known), 100.0 * flags, np.nan)


def _known(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _sum(values: FloatArray) -> tuple[float, float]:
    known = _known(values)
    return float(known.sum()), float(known.size)
