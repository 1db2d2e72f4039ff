"""Comparison of simulated and real detections on the same ground truth, by viewing side and by landmark."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX
from training.data.pairs import Pair, pair_files, read_pair
from training.simulation.errors import ErrorModel, fit
from training.simulation.swaps import swapped
from training.simulation.view import NEAREST, Detection, View, detection, nearest, of_pair

PARTS: Final[dict[str, list[int]]] = {"nose": [LANDMARK_INDEX["nose"]]} | {
    part: [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right")]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
}
"""Landmarks that have a marker of their own to be compared with, both sides together."""

_COMPARED: Final = [landmark for part in PARTS.values() for landmark in part]

OCTANTS: Final = ("front", "front right", "right", "back right", "back", "back left", "left", "front left")
"""Viewing sides of the person, each 45° wide."""

_VISIBILITY_BINS: Final = np.linspace(0, 1, 6)


@dataclass(frozen=True)
class Statistics:
    """Error statistics of detections: means over frames and landmarks.

    x, y, depth: mean absolute error of the 3D, and image that of the 2D across the image, in centimetres at the
    person; lasting: correlation of an error with that of the next frame, each clip's mean taken off; jitter: mean
    absolute change of the 3D error from frame to frame, centimetres; swaps and lost: percent of frames in which left
    and right are swapped (arms or legs) and in which no person is found; visible: mean visibility; hidden: percent of
    visibilities below 0.2; limbs: detected depth from shoulder to wrist and from hip to ankle as a share of the true
    one, by regression (below 1: timid).
    """

    x: float
    y: float
    depth: float
    image: float
    lasting: float
    jitter: float
    swaps: float
    lost: float
    visible: float
    hidden: float
    limbs: float


@dataclass(frozen=True)
class Row:
    """Statistics of a side, of landmarks (swaps, lost and limbs are those of the whole body) or of all, really and in
    simulation; visibility_apart: half the difference between the two histograms of visibility in five bins (0 alike, 1
    apart)."""

    of: str
    frames: int
    real: Statistics
    simulated: Statistics
    visibility_apart: float


def fit_and_compare(data: Path, seed: int) -> tuple[ErrorModel, list[Row]]:
    """Fit the model to the train split of a data set and compare on its validation split."""
    pairs = [read_pair(file) for file in pair_files(data)]
    model = fit([pair for pair in pairs if pair.split == "train"])
    validation = [pair for pair in pairs if pair.split == "validation"]
    return model, compare(model, validation, np.random.default_rng(seed))


def compare(model: ErrorModel, pairs: Sequence[Pair], rng: np.random.Generator) -> list[Row]:
    """Simulate the detections of pairs (of the validation split) and compare: rows by side, by body part, and one for all.

    Pairs in which no person was found at all are left out.
    """
    real, made, sides = [], [], []
    for pair in (pair for pair in pairs if pair.landmarks.detected.any()):
        view, seen = of_pair(pair)
        real.append(_Clip(view, seen))
        made.append(_Clip(view, detection(view, model.simulate(view, rng))))
        sides.append(OCTANTS[_octant(view)])
    rows = []
    for name in (side for side in OCTANTS if side in sides):
        which = [index for index, side in enumerate(sides) if side == name]
        rows.append(_row(name, [real[i] for i in which], [made[i] for i in which]))
    rows += [_row(name, real, made, columns) for name, columns in PARTS.items()]
    return [*rows, _row("all", real, made)]


def table(rows: Sequence[Row]) -> str:
    """Rows as text, real and simulated figures as `real/simulated`."""
    names = [field.name for field in fields(Statistics)]
    lines = [" | ".join(["of", "frames", *names, "visibility apart"])]
    for row in rows:
        cells = [f"{getattr(row.real, name):.2f}/{getattr(row.simulated, name):.2f}" for name in names]
        lines.append(" | ".join([row.of, str(row.frames), *cells, f"{row.visibility_apart:.2f}"]))
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Clip:
    view: View
    made: Detection

    @property
    def errors(self) -> FloatArray:
        """(T, 33, 5) centimetres; NaN where no person was found."""
        errors = (self.made.places - nearest(self.view)) * self.view.height * 100
        return np.where(self.made.found[:, None, None], errors, np.nan)

    def depths(self) -> tuple[FloatArray, FloatArray]:
        """(T, 4) true and detected depth from shoulder to wrist and hip to ankle, body heights, where found."""
        limbs = [
            (f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (("shoulder", "wrist"), ("hip", "ankle"))
        ]
        ends = np.array([[LANDMARK_INDEX[name] for name in limb] for limb in limbs])
        truth = self.view.pose[:, NEAREST[ends], 2]
        got = self.made.places[:, ends, 2]
        found = self.made.found
        return (truth[..., 1] - truth[..., 0])[found], (got[..., 1] - got[..., 0])[found]


def _octant(view: View) -> int:
    cosine, sine = view.side().mean(axis=0)
    return int(np.round(np.arctan2(sine, cosine) / (np.pi / 4))) % len(OCTANTS)


def _row(of: str, real: Sequence[_Clip], made: Sequence[_Clip], columns: Sequence[int] = _COMPARED) -> Row:
    histograms = [np.histogram(_visibilities(clips, columns), _VISIBILITY_BINS)[0] for clips in (real, made)]
    shares = [counts / max(counts.sum(), 1) for counts in histograms]
    apart = float(np.abs(shares[0] - shares[1]).sum() / 2)
    frames = sum(len(clip.made.found) for clip in real)
    return Row(of, frames, _statistics(real, columns), _statistics(made, columns), apart)


def _statistics(clips: Sequence[_Clip], columns: Sequence[int]) -> Statistics:
    errors = [clip.errors[:, columns] for clip in clips]
    every = np.concatenate(errors)
    x, y, depth, across, down = (float(np.nanmean(np.abs(every[..., axis]))) for axis in range(5))
    changes = np.concatenate([np.abs(np.diff(part[..., :3], axis=0)).ravel() for part in errors])
    swaps = np.concatenate([swapped(clip.view, clip.made).any(axis=1) for clip in clips])
    found = np.concatenate([clip.made.found for clip in clips])
    visibility = _visibilities(clips, columns)
    return Statistics(
        x=x,
        y=y,
        depth=depth,
        image=(across + down) / 2,
        lasting=_lag_one(errors),
        jitter=float(np.nanmean(changes)),
        swaps=float(swaps.mean() * 100),
        lost=float((1 - found.mean()) * 100),
        visible=float(visibility.mean()),
        hidden=float((visibility < _VISIBILITY_BINS[1]).mean() * 100),
        limbs=_limbs(clips),
    )


def _lag_one(errors: Sequence[FloatArray]) -> float:
    """Correlation of each error with the next frame's, over all clips, landmarks and coordinates."""
    products = np.array(list(_lag_sums(errors))).sum(axis=0)
    return float(products[0] / max(products[1], 1e-12))


def _lag_sums(errors: Sequence[FloatArray]) -> Iterator[tuple[float, float]]:
    for part in errors:
        if np.isfinite(part).any():
            off = part - np.nanmean(part, axis=0)
            yield float(np.nansum(off[1:] * off[:-1])), float(np.nansum(off[1:] ** 2 + off[:-1] ** 2) / 2)


def _limbs(clips: Sequence[_Clip]) -> float:
    truth, got = (np.concatenate(parts).ravel() for parts in zip(*(clip.depths() for clip in clips), strict=True))
    return float(truth @ got / max(truth @ truth, 1e-12))


def _visibilities(clips: Sequence[_Clip], columns: Sequence[int]) -> FloatArray:
    return np.concatenate([clip.made.visibility[clip.made.found][:, columns].ravel() for clip in clips])
