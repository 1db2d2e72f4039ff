"""Errors of estimates against ground truth, clip by clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKERS
from services.refiner.windows import blended, window_indices
from training.depth.losses import flexions
from training.depth.mirror import MirroredRefiner
from training.depth.windows import Sample, in_windows, turned
from training.metrics import COMPARED_COLUMNS, aligned_distance

_ONE_SD: Final = 0.683
"""Share of a normal distribution within one standard deviation."""


@dataclass(frozen=True)
class Scores:
    """Means over frames and markers: centimetres; degrees of included angles and gravity; of one clip or of many."""

    mpjpe: float
    x: float
    y: float
    depth: float
    aligned: float
    hip: float
    knee: float
    ankle: float
    elbow: float
    gravity: float

    @property
    def overall(self) -> float:
        """The score that the best checkpoint minimises: two degrees of angle error count as one centimetre."""
        return self.mpjpe + (self.hip + self.knee + self.ankle + self.elbow) / 8


class Refined(NamedTuple):
    """The network's output for one clip: markers (T, 22, 3) metres in the camera's azimuth frame, their spread (T, 22),
    tilt (T, 2) radians and its spread (T, 2)."""

    markers: FloatArray
    spread: FloatArray
    tilt: FloatArray
    tilt_spread: FloatArray


def refined(model: MirroredRefiner, sample: Sample) -> Refined:
    """Run the network on a whole clip, window by window."""
    model.eval()
    frames = len(sample.times)
    indices = window_indices(frames)
    seen, _ = in_windows(sample, indices)
    with torch.no_grad():
        answer = model(seen)
    markers, spread, tilt, tilt_spread, bearing = (blended(part.double().numpy(), indices, frames) for part in answer)
    return Refined(turned(markers, -bearing), spread, tilt, tilt_spread)


def true_markers(sample: Sample) -> FloatArray:
    """(T, 22, 3) in the camera's azimuth frame."""
    return turned(sample.markers.astype(np.float64), -sample.bearing)


def scores(markers: FloatArray, tilt: FloatArray, sample: Sample) -> Scores:
    """Score the frames of one clip in which the detector found a person."""
    there = sample.detected > 0.5
    truth = true_markers(sample)[there]
    got = markers[there]
    off = (got - truth)[:, COMPARED_COLUMNS] * 100
    angles = _angles(got) - _angles(truth)
    return Scores(
        mpjpe=float(np.linalg.norm(off, axis=-1).mean()),
        x=float(np.abs(off[..., 0]).mean()),
        y=float(np.abs(off[..., 1]).mean()),
        depth=float(np.abs(off[..., 2]).mean()),
        aligned=float(aligned_distance(got[:, COMPARED_COLUMNS], truth[:, COMPARED_COLUMNS]).mean() * 100),
        hip=float(np.abs(angles[:, [6, 7]]).mean()),
        knee=float(np.abs(angles[:, [0, 3]]).mean()),
        ankle=float(np.abs(angles[:, [2, 5]]).mean()),
        elbow=float(np.abs(angles[:, [1, 4]]).mean()),
        gravity=float(_gravity_error(tilt[there], sample.tilt[there]).mean()),
    )


def mean_scores(parts: Sequence[Scores]) -> Scores:
    """The mean over clips."""
    return Scores(*(float(np.mean([getattr(part, name) for part in parts])) for name in Scores.__dataclass_fields__))


def calibrate(model: MirroredRefiner, samples: Sequence[Sample]) -> None:
    """Scale the stated spreads so that each covers 68.3 % of the errors of these clips."""
    places, tilts = [], []
    for sample in samples:
        there = sample.detected > 0.5
        said = refined(model, sample)
        places.append((np.abs(said.markers - true_markers(sample)) / said.spread[..., None])[there])
        tilts.append((np.abs(said.tilt - sample.tilt) / said.tilt_spread)[there])
    by_marker = np.moveaxis(np.concatenate(places), 1, 0).reshape(len(MARKERS), -1)
    for scale, ratios in ((model.spread_scale, by_marker), (model.tilt_scale, np.concatenate(tilts).T)):
        scale.mul_(torch.from_numpy(np.quantile(ratios, _ONE_SD, axis=1)))


def _angles(markers: FloatArray) -> FloatArray:
    return np.asarray(np.degrees(flexions(torch.from_numpy(np.nan_to_num(markers))).numpy()))


def _gravity_error(got: FloatArray, truth: FloatArray) -> NDArray[np.float64]:
    """(T,) degrees between the two ups, from pitch and roll."""

    def up(tilt: FloatArray) -> FloatArray:
        pitch, roll = tilt[:, 0].astype(np.float64), tilt[:, 1].astype(np.float64)
        return np.stack([np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), np.sin(pitch)], axis=1)

    return np.asarray(np.degrees(np.arccos(np.clip((up(got) * up(truth)).sum(axis=1), -1, 1))))
