"""Errors of joint angles, and the network's improvement over a plain filter."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from services.angles.joints import near_singularity
from services.refiner.depth.smoothing import low_pass
from services.refiner.joints.stage import refined
from services.refiner.windows import blended, window_indices
from training.joints.data import Clip
from training.joints.mirror import MirroredRefiner, mirrored_changes
from training.joints.windows import in_windows

Method = Callable[[Clip], FloatArray]
"""From a clip to its angles (T, 12, 3) degrees, refined or not."""

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
    """How well the stated standard deviation predicts the error: rank correlation with it, and the share within one."""

    correlation: float
    coverage: float


@dataclass(frozen=True, eq=False)
class Figures:
    """All figures of a set of clips, by method."""

    clips: int
    scores: Mapping[str, Scores]
    sureness: Sureness


def raw(clip: Clip) -> FloatArray:
    """The pipeline's unmodified angles."""
    return clip.angles


def ideal(clip: Clip) -> FloatArray:
    """The pipeline's angles of the true 22 markers."""
    return clip.ideal


def in_convention(clips: Sequence[Clip], offset: FloatArray) -> list[Clip]:
    """The clips with a truth that differs by a constant (12, 3), degrees.

    The augmenter's elbows, wrists, knees and ankles lie by constants elsewhere than those of the drawn body (`offsets`
    of `ideal`: pronation by 26°), which is a matter of where landmarks are said to be on a bone. A network that learns
    them carries the drawn body's over to real people: it is not taught them.
    """
    return [replace(clip, truth=clip.truth + offset) for clip in clips]


def filtered(clip: Clip) -> FloatArray:
    """Zero-phase Butterworth, 6 Hz, over sine and cosine, so that wrapping at ±180° has no effect."""
    radians = np.radians(clip.angles)
    return np.asarray(
        np.degrees(np.arctan2(low_pass(clip.times, np.sin(radians)), low_pass(clip.times, np.cos(radians))))
    )


def offsets(clips: Sequence[Clip], method: Method) -> FloatArray:
    """(12, 3) degrees: median error of the angles, pooled over right and left."""
    off = both_ways(np.concatenate([errors(method(clip), clip) for clip in clips]))
    return np.asarray(np.nan_to_num(np.nanmedian(off, axis=0)))


def with_offsets(method: Method, offset: FloatArray) -> Method:
    """The same, less its constant error."""
    return lambda clip: method(clip) - offset


def by_network(model: MirroredRefiner) -> Method:
    """The network's angles."""
    return lambda clip: refine(model, clip)[0]


def refine(model: MirroredRefiner, clip: Clip) -> tuple[FloatArray, FloatArray]:
    """Angles and their standard deviation, each (T, 12, 3) degrees, as computed in a run."""
    model.eval()
    indices = window_indices(len(clip.times))
    seen, _ = in_windows(clip, indices)
    with torch.no_grad():
        answer = model(seen)
    correction, spread = (blended(part.double().numpy(), indices, len(clip.times)) for part in answer)
    return refined(clip.angles, correction), np.where(np.isnan(clip.angles), np.nan, spread)


def errors(angles: FloatArray, clip: Clip) -> FloatArray:
    """(T, 12, 3) degrees, estimate − truth, wrapped to ±180°; NaN where undefined or unknown."""
    off = (angles - clip.truth + 180) % 360 - 180
    return np.where(undefined(clip.truth), np.nan, off)


def both_ways(changes: FloatArray) -> FloatArray:
    """(2 T, 12, 3) differences of angles (T, 12, 3) as they are and in the mirror."""
    return np.concatenate([changes, mirrored_changes(torch.from_numpy(changes)).numpy()])


def undefined(truth: FloatArray) -> NDArray[np.bool_]:
    """(T, 12, 3) where an angle is undefined because the posture is near a singularity.

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


def sureness(model: MirroredRefiner, clips: Sequence[Clip]) -> Sureness:
    """How well the network's stated standard deviation predicts its error, over clips."""
    off, spread = _errors_and_spread(model, clips)
    known = np.isfinite(off)
    ranks = [np.argsort(np.argsort(values[known])) for values in (np.abs(off), spread)]
    return Sureness(
        correlation=float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
        coverage=float((np.abs(off) <= spread)[known].mean()),
    )


def calibrate(model: MirroredRefiner, clips: Sequence[Clip], least: int = 50) -> None:
    """Scale the stated standard deviations so that `COVERED` of these clips' errors lie within one, angle by angle.

    Right and left share a factor; an angle seen in fewer than `least` frames keeps its own.
    """
    off, spread = _errors_and_spread(model, clips)
    ratio = np.abs(both_ways(off / spread))
    enough = np.isfinite(ratio).sum(axis=0) >= least
    scale = np.where(enough, np.nan_to_num(np.nanquantile(ratio, COVERED, axis=0), nan=1.0), 1.0)
    model.scale.mul_(torch.from_numpy(scale))


def figures(model: MirroredRefiner, train: Sequence[Clip], clips: Sequence[Clip]) -> Figures:
    """The network and the baselines, on clips; the baselines are fitted on `train`."""
    methods = {
        "raw": raw,
        "filter": filtered,
        "filter and offset": with_offsets(filtered, offsets(train, filtered)),
        "network": by_network(model),
    }
    return Figures(
        len(clips), {name: scores(method, clips) for name, method in methods.items()}, sureness(model, clips)
    )


def table(found: Figures) -> str:
    """Markdown: mean absolute error / r / bias of every angle, by method."""
    columns = found.scores.values()
    lines = ["| angle | " + " | ".join(found.scores) + " |", "|---" * (len(found.scores) + 1) + "|"]
    for group, axis, name in _angles():
        at = (group, axis)
        cells = [f"{part.mae[at]:.1f} / {part.r[at]:.2f} / {part.bias[at]:+.1f}" for part in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    means = [
        f"**{part.mean:.2f}** / {np.nanmean(part.r):.2f} / {np.nanmean(np.abs(part.bias)):.1f}" for part in columns
    ]
    lines.append("| **mean of all** (of the bias: of its size) | " + " | ".join(means) + " |")
    sure = f"The network's standard deviation: rank correlation with the error {found.sureness.correlation:.2f}, "
    return "\n".join([*lines, "", sure + f"{found.sureness.coverage:.0%} of the errors within one."])


def write_figures(path: Path, found: Figures) -> None:
    """Write as JSON, for `read_figures`."""
    by_method = {
        name: {"mae_deg": part.mae.tolist(), "bias_deg": part.bias.tolist(), "r": part.r.tolist()}
        for name, part in found.scores.items()
    }
    content = {"clips": found.clips, "scores": by_method, "sd": asdict(found.sureness)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_figures(path: Path) -> Figures:
    """Read what `write_figures` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    by_method = {
        name: Scores(*(np.array(part[key]) for key in ("mae_deg", "bias_deg", "r")))
        for name, part in content["scores"].items()
    }
    return Figures(content["clips"], by_method, Sureness(**content["sd"]))


def _angles() -> list[tuple[int, int, str]]:
    return [
        (index, axis, f"{group.name} {angle.replace('_', ' ')}")
        for index, group in enumerate(JOINT_GROUPS)
        for axis, angle in enumerate(group.angles)
    ]


def _errors_and_spread(model: MirroredRefiner, clips: Sequence[Clip]) -> tuple[FloatArray, FloatArray]:
    answers = [(clip, *refine(model, clip)) for clip in clips]
    off = np.concatenate([errors(angles, clip) for clip, angles, _ in answers])
    return off, np.concatenate([spread for _, _, spread in answers])


def _correlation(truth: FloatArray, off: FloatArray) -> FloatArray:
    """(12, 3) Pearson's r of truth and truth + error, so that whole turns do not count."""
    truth = np.where(np.isfinite(off), truth, np.nan)
    one, other = (values - np.nanmean(values, axis=0) for values in (truth, truth + off))
    return np.asarray(np.nansum(one * other, axis=0) / np.sqrt(np.nansum(one**2, axis=0) * np.nansum(other**2, axis=0)))
