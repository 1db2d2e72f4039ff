"""Error model of the detector, fitted to pairs: a mean depending on pose and view, plus replayed residuals.

The mean position of each landmark is the nearest true marker's plus a linear function (ridge regression) of all markers
and of the side that is seen: the systematic errors, above all underestimated depth. Residuals are not modelled but
replayed: blocks of residuals of pairs, chosen among those with the most similar posture and motion relative to the
camera. This preserves their correlation: in time, between landmarks, with visibility, with swaps, with frames
where no person was found.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion, ModelCorrupt
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARKS
from training.data.pairs import Pair
from training.simulation.replay import Replay, Track, describe
from training.simulation.swaps import swapped, with_sides_swapped
from training.simulation.view import (
    Detection,
    View,
    landmarks,
    mirrored_detection,
    mirrored_view,
    nearest,
    of_pair,
)

FOLDS: Final = 5
"""Each clip's residuals are taken from a mean that was fitted without it: residuals of the clips used for fitting are
smaller than those of others."""

_STIFFNESSES: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_FORMAT: Final = 1
"""Version of the file format; increased when older files can no longer be read."""


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """A fitted error model.

    weights  (F, 33, 5): `features` to how far the mean `Detection.places` lie from the nearest marker.
    replay   the residuals, clip by clip.
    facts    what it was fitted to: hash of the pairs, their seeds, clips and frames, stiffness chosen.
    """

    weights: FloatArray
    replay: Replay
    facts: dict[str, JsonValue]

    def simulate(self, view: View, rng: np.random.Generator) -> Landmarks:
        """A simulated detection of this view."""
        drawn = self.replay.draw(view, rng)
        places = with_sides_swapped(self.mean(view) + drawn.residuals, drawn.swapped)
        visibility = with_sides_swapped(drawn.visibility, drawn.swapped)
        return landmarks(view, Detection(places, visibility, drawn.found))

    def mean(self, view: View) -> FloatArray:
        """(T, 33, 5) body heights: where each landmark is found on average."""
        return nearest(view) + np.tensordot(features(view), self.weights, axes=1)

    def save(self, path: Path) -> None:
        """Write the model's file atomically."""
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            values = {"weights": self.weights.astype(np.float32), "facts": np.array(json.dumps(self.facts))}
            np.savez_compressed(file, allow_pickle=False, **values, **self.replay.arrays())
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model's file; raises ModelCorrupt where it is none, or one of another format."""
        try:
            with np.load(path, allow_pickle=False) as file:
                values = {name: file[name] for name in file.files}
            facts = json.loads(str(values.pop("facts")))
            model = cls(values.pop("weights").astype(np.float64), Replay.of_arrays(values), facts)
        except (KeyError, ValueError, OSError, EOFError, TypeError) as error:
            raise ModelCorrupt(f"{path.name} is not an error model (made by 'train errors'): {error}.") from None
        if facts["format"] != _FORMAT:
            raise ModelCorrupt(
                f"{path.name} has format {facts['format']}, not {_FORMAT}: fit it again ('train errors')."
            )
        return model


def fit(pairs: Sequence[Pair]) -> ErrorModel:
    """Fit the model to pairs (of the train split) and to their mirror images.

    Raises InvalidMotion where they are too few or no person was found in them.
    """
    views = [of_pair(pair) for pair in pairs]
    if len(pairs) < FOLDS or not any(made.found.any() for _, made in views):
        raise InvalidMotion(f"An error model needs at least {FOLDS} clips with a person found, not {len(pairs)}.")
    swaps = [swapped(view, made) for view, made in views]
    right = [_put_right(made, swap) for (_, made), swap in zip(views, swaps, strict=True)]
    sums = [_Sums.of([(views[i][0], right[i]) for i in range(fold, len(pairs), FOLDS)]) for fold in range(FOLDS)]
    stiffness = min(_STIFFNESSES, key=lambda value: _held_out_error(sums, value))
    total = _Sums.total(sums)
    held_out = [total.without(own).solution(stiffness) for own in sums]
    tracks = [
        _track(view, made, swap, held_out[index % FOLDS])
        for index, ((view, _), made, swap) in enumerate(zip(views, right, swaps, strict=True))
    ]
    weights = total.solution(stiffness).reshape(-1, len(LANDMARKS), 5)
    return ErrorModel(weights, Replay.of(tracks), _facts(pairs, stiffness))


def features(view: View) -> FloatArray:
    """(T, F): 1 and the markers; all of it again times cosine and sine of the side that is seen."""
    flat = view.pose.reshape(len(view.pose), -1)
    base = np.concatenate([np.ones((len(flat), 1)), flat], axis=1)
    side = view.side()
    return np.concatenate([base, base * side[:, :1], base * side[:, 1:]], axis=1)


def _track(view: View, made: Detection, swap: NDArray[np.bool_], weights: FloatArray) -> Track:
    """Residuals of a detection with swaps corrected, for the weights (F, 165), ready to be replayed."""
    mean = nearest(view) + (features(view) @ weights).reshape(made.places.shape)
    residuals = (made.places - mean) * made.found[:, None, None]
    return Track(describe(view), describe(mirrored_view(view)), residuals, made.visibility, made.found, swap)


def _put_right(made: Detection, swap: NDArray[np.bool_]) -> Detection:
    return Detection(with_sides_swapped(made.places, swap), with_sides_swapped(made.visibility, swap), made.found)


@dataclass(frozen=True, eq=False)
class _Sums:
    """What a linear regression needs to know of its data: XᵀX (F, F), XᵀY (F, 165), YᵀY's trace, rows."""

    gram: FloatArray
    cross: FloatArray
    square: float
    rows: int

    @classmethod
    def of(cls, views: Sequence[tuple[View, Detection]]) -> Self:
        both = [*views, *((mirrored_view(view), mirrored_detection(made)) for view, made in views)]
        x = np.concatenate([features(view)[made.found] for view, made in both])
        y = np.concatenate([(made.places - nearest(view))[made.found] for view, made in both]).reshape(len(x), -1)
        return cls(x.T @ x, x.T @ y, float(np.square(y).sum()), len(x))

    @classmethod
    def total(cls, parts: Sequence[Self]) -> Self:
        gram = np.sum([part.gram for part in parts], axis=0)
        cross = np.sum([part.cross for part in parts], axis=0)
        return cls(gram, cross, sum(part.square for part in parts), sum(part.rows for part in parts))

    def without(self, part: Self) -> Self:
        return type(self)(
            self.gram - part.gram, self.cross - part.cross, self.square - part.square, self.rows - part.rows
        )

    def solution(self, stiffness: float) -> FloatArray:
        """(F, 165) ridge regression; each feature is held back in proportion to its own size."""
        size = np.diag(self.gram)
        return np.asarray(np.linalg.solve(self.gram + np.diag(stiffness * size + 1e-9 * size.mean()), self.cross))

    def error(self, weights: FloatArray) -> float:
        """Sum of squares that the weights leave of this data."""
        return float(self.square - 2 * np.sum(weights * self.cross) + np.sum(weights * (self.gram @ weights)))


def _held_out_error(folds: Sequence[_Sums], stiffness: float) -> float:
    total = _Sums.total(folds)
    return sum(part.error(total.without(part).solution(stiffness)) for part in folds)


def _facts(pairs: Sequence[Pair], stiffness: float) -> dict[str, JsonValue]:
    digest = hashlib.sha256()
    for pair in pairs:
        for values in (pair.landmarks.pixels, pair.landmarks.world, pair.markers.positions):
            digest.update(np.ascontiguousarray(values, dtype=np.float32).tobytes())
    return {
        "format": _FORMAT,
        "pairs": digest.hexdigest(),
        "seeds": [*sorted({int(str(pair.facts["seed"])) for pair in pairs if "seed" in pair.facts})],
        "clips": len(pairs),
        "frames": sum(len(pair.landmarks.times) for pair in pairs),
        "stiffness": stiffness,
    }
