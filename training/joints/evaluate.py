"""How far joint angles are from the truth, and what the network adds to what a filter does as well."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from services.angles.joints import near_singularity
from services.refiner.joints import refined
from services.refiner.smoothing import low_pass
from services.refiner.windows import blended, window_indices
from shared.motion import FloatArray
from shared.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from training.joints.data import Clip
from training.joints.model import JointRefiner
from training.joints.windows import in_windows, mirrored_clip

Method = Callable[[Clip], FloatArray]
"""From a clip to its angles (T, 12, 3) degrees, made better or not."""

COVERED: Final = 0.6827
"""Share of the errors within one standard deviation, where they are normal."""

_SHOULDERS: Final = [JOINT_GROUP_INDEX["shoulder_r"], JOINT_GROUP_INDEX["shoulder_l"]]


@dataclass(frozen=True, eq=False)
class Scores:
    """By angle, each (12, 3): mean absolute error and bias (estimate − truth) in degrees, correlation with the truth.

    Over all frames of all clips in which the angle is known and not near a singular posture, where it has no meaning.
    """

    mae: FloatArray
    bias: FloatArray
    r: FloatArray

    @property
    def mean(self) -> float:
        """Degrees: the mean of all 36 mean absolute errors."""
        return float(np.nanmean(self.mae))


@dataclass(frozen=True)
class Sureness:
    """How well the stated standard deviation tells the error: rank correlation with it, and the share within one."""

    correlation: float
    coverage: float


def raw(clip: Clip) -> FloatArray:
    """The pipeline's angles as they are."""
    return clip.angles


def filtered(clip: Clip) -> FloatArray:
    """Zero-phase Butterworth, 6 Hz, over sine and cosine, so that a turn past ±180° does no harm."""
    radians = np.radians(clip.angles)
    return np.asarray(np.degrees(np.arctan2(low_pass(clip.times, np.sin(radians)), low_pass(clip.times, np.cos(radians)))))


def offsets(clips: Sequence[Clip], method: Method) -> FloatArray:
    """(12, 3) degrees by which the angles are off in the middle (median), right and left alike."""
    both = [*clips, *(mirrored_clip(clip) for clip in clips)]
    off = np.concatenate([errors(method(clip), clip) for clip in both])
    return np.asarray(np.nan_to_num(np.nanmedian(off, axis=0)))


def with_offsets(method: Method, offset: FloatArray) -> Method:
    """The same, less the constant that it is off by."""
    return lambda clip: method(clip) - offset


def by_network(model: JointRefiner) -> Method:
    """The network's angles."""
    return lambda clip: refine(model, clip)[0]


def refine(model: JointRefiner, clip: Clip) -> tuple[FloatArray, FloatArray]:
    """Angles and their standard deviation, each (T, 12, 3) degrees, as serving makes them of a clip."""
    model.eval()
    indices = window_indices(len(clip.times))
    seen, _ = in_windows(clip, indices)
    with torch.no_grad():
        answer = model(seen)
    correction, spread = (blended(part.double().numpy(), indices, len(clip.times)) for part in answer)
    return refined(clip.angles, correction), np.where(np.isnan(clip.angles), np.nan, spread)


def errors(angles: FloatArray, clip: Clip) -> FloatArray:
    """(T, 12, 3) degrees, estimate − truth the short way round; NaN where it has no meaning or is not known."""
    off = (angles - clip.truth + 180) % 360 - 180
    return np.where(undefined(clip.truth), np.nan, off)


def undefined(truth: FloatArray) -> NDArray[np.bool_]:
    """(T, 12, 3) where a posture near a singular one leaves an angle without meaning.

    First and third angle of the group; of a shoulder with the arm hanging the plane of elevation alone.
    """
    singular = near_singularity(truth)
    out = np.stack([singular, np.zeros_like(singular), singular], axis=-1)
    out[:, _SHOULDERS, 2] &= truth[:, _SHOULDERS, 1] > 90
    return out


def scores(method: Method, clips: Sequence[Clip]) -> Scores:
    """Score a method over clips."""
    off = np.concatenate([errors(method(clip), clip) for clip in clips])
    truth = np.concatenate([clip.truth for clip in clips])
    count = np.isfinite(off).sum(axis=0)
    with np.errstate(invalid="ignore"):
        total = np.where(count > 0, count, np.nan)
        return Scores(np.nansum(np.abs(off), axis=0) / total, np.nansum(off, axis=0) / total, _correlation(truth, off))


def sureness(model: JointRefiner, clips: Sequence[Clip]) -> Sureness:
    """How well the network's stated standard deviation tells its error, over clips."""
    off, spread = _errors_and_spread(model, clips)
    known = np.isfinite(off)
    ranks = [np.argsort(np.argsort(values[known])) for values in (np.abs(off), spread)]
    return Sureness(
        correlation=float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
        coverage=float((np.abs(off) <= spread)[known].mean()),
    )


def calibration(model: JointRefiner, clips: Sequence[Clip], least: int = 50) -> FloatArray:
    """(12, 3) by what the stated standard deviation has to be multiplied so that `COVERED` of the errors lie within.

    Right and left share a factor; an angle seen in fewer than `least` frames keeps its own.
    """
    parts = [_errors_and_spread(model, [clip, mirrored_clip(clip)]) for clip in clips]
    ratio = np.concatenate([np.abs(off) / spread for off, spread in parts])
    enough = np.isfinite(ratio).sum(axis=0) >= least
    return np.where(enough, np.nan_to_num(np.nanquantile(ratio, COVERED, axis=0), nan=1.0), 1.0)


def compare(model: JointRefiner, train: Sequence[Clip], clips: Sequence[Clip]) -> dict[str, Scores]:
    """The network and the plain ways, on clips; what the plain ways learn, they learn on `train`."""
    return {
        "raw": scores(raw, clips),
        "filter": scores(filtered, clips),
        "filter and offset": scores(with_offsets(filtered, offsets(train, filtered)), clips),
        "network": scores(by_network(model), clips),
    }


def table(results: Mapping[str, Scores]) -> str:
    """Markdown: mean absolute error / r / bias of every angle, by method."""
    lines = ["| angle | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    for group, axis, name in _angles():
        cells = [f"{s.mae[group, axis]:.1f} / {s.r[group, axis]:.2f} / {s.bias[group, axis]:+.1f}" for s in results.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    means = [f"**{s.mean:.2f}** / {np.nanmean(s.r):.2f} / {np.nanmean(np.abs(s.bias)):.1f}" for s in results.values()]
    return "\n".join([*lines, "| **mean of all 36** (of the bias: of its size) | " + " | ".join(means) + " |"])


def save(path: Path, results: Mapping[str, Scores], sure: Sureness) -> None:
    """The figures of `table` as JSON, unrounded enough to compare."""
    content = {
        name: {angle: [round(float(part[group, axis]), 3) for part in (s.mae, s.r, s.bias)] for group, axis, angle in _angles()}
        for name, s in results.items()
    }
    sd = {"sd_correlation": round(sure.correlation, 3), "sd_coverage": round(sure.coverage, 3)}
    path.write_text(json.dumps({"mae_r_bias": content, **sd}, indent=1) + "\n", encoding="utf-8")


def _angles() -> list[tuple[int, int, str]]:
    return [
        (index, axis, f"{group.name} {angle.replace('_', ' ')}")
        for index, group in enumerate(JOINT_GROUPS)
        for axis, angle in enumerate(group.angles)
    ]


def _errors_and_spread(model: JointRefiner, clips: Sequence[Clip]) -> tuple[FloatArray, FloatArray]:
    answers = [(clip, *refine(model, clip)) for clip in clips]
    off = np.concatenate([errors(angles, clip) for clip, angles, _ in answers])
    return off, np.concatenate([spread for _, _, spread in answers])


def _correlation(truth: FloatArray, off: FloatArray) -> FloatArray:
    """(12, 3) Pearson's r of truth and truth + error, so that whole turns do not count."""
    truth = np.where(np.isfinite(off), truth, np.nan)
    one, other = (values - np.nanmean(values, axis=0) for values in (truth, truth + off))
    return np.asarray(np.nansum(one * other, axis=0) / np.sqrt(np.nansum(one**2, axis=0) * np.nansum(other**2, axis=0)))
