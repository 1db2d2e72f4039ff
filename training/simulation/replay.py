"""Replay of residuals of real detections for similar posture and motion relative to the camera."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKER_INDEX
from training.simulation.view import (
    FLIP,
    MIRRORED_LANDMARKS,
    View,
)

AnyArray = NDArray[Any]

BLOCK: Final = 40
"""Consecutive frames that are replayed."""

FADE: Final = 8
"""Further frames over which one block fades into the next."""

_STEP: Final = 5
_MOMENTS: Final = np.array([0, (BLOCK + FADE) // 2, BLOCK + FADE - 1])
_ALIKE: Final = 6
"""One of this number of most similar blocks is replayed."""

_DESCRIBED: Final = [
    MARKER_INDEX[name]
    for name in ("Neck", "Head", "Nose")
    + tuple(side + part for side in "LR" for part in ("Shoulder", "Elbow", "Wrist", "Knee", "Ankle", "BigToe"))
]
_RATE_COUNTS: Final = 1.5
"""Body heights that twice the frame rate counts for, so that 30 is taken for 25 but not for 60."""


@dataclass(frozen=True, eq=False)
class Track:
    """One clip, frame by frame: what the mean left of a detection, and what goes with it.

    description (T, D) how the person stood before the camera, `mirrored` (T, D) the same in a mirror; residuals
    (T, 33, 5) body heights, 0 where no person was found; visibility (T, 33), both as without swaps; found (T,);
    swapped (T, 2) whether arms and legs bore the names of the other side.
    """

    description: FloatArray
    mirrored: FloatArray
    residuals: FloatArray
    visibility: FloatArray
    found: NDArray[np.bool_]
    swapped: NDArray[np.bool_]

    @classmethod
    def gathered(cls, array: Callable[[str], AnyArray]) -> Self:
        """Each array by its name."""
        return cls(**{name: array(name) for name in cls.__dataclass_fields__})

    def frames(self, span: slice) -> Self:
        """Some of the frames."""
        return self.gathered(lambda name: getattr(self, name)[span])

    def in_the_mirror(self) -> "Track":
        """Left and right swapped."""
        residuals = self.residuals[:, MIRRORED_LANDMARKS] * FLIP
        visibility = self.visibility[:, MIRRORED_LANDMARKS]
        return Track(self.mirrored, self.description, residuals, visibility, self.found, self.swapped)


def describe(view: View) -> FloatArray:
    """(T, D) the person's joints in the camera's axes, how far ends of it lie outside the image, the frame rate."""
    joints = view.pose[:, _DESCRIBED]
    depth = np.maximum(joints[..., 2] * view.height + view.middle[:, None, 2], 0.1)
    side = joints[..., :2] * view.height + view.middle[:, None, :2]
    beyond = np.abs(side) * view.focal / depth[..., None] - np.array(view.size) / 2
    outside = np.clip(beyond * depth[..., None] / view.focal / view.height, 0, 0.3).max(axis=-1)
    rate = np.full((len(joints), 1), -np.log2(np.median(np.diff(view.times))) * _RATE_COUNTS)
    return np.concatenate([joints.reshape(len(joints), -1), outside, rate], axis=1)


@dataclass(frozen=True, eq=False)
class Replay:
    """Clips to replay, laid end to end.

    clips   what `Track` holds of them. ends: (clips,) one past each clip's last frame.
    starts  (N,) frames from which a whole stretch can be played; looks (2 N, 3 D) how it looks, then all in the mirror.
    """

    clips: Track
    ends: NDArray[np.int64]
    starts: NDArray[np.int64]
    looks: NDArray[np.float32]

    @classmethod
    def of(cls, clips: Sequence[Track]) -> Self:
        """Raises InvalidMotion where no clip is as long as a stretch."""
        laid = Track.gathered(lambda name: np.concatenate([getattr(clip, name) for clip in clips]))
        return cls._indexed(laid, np.cumsum([len(clip.found) for clip in clips]))

    @classmethod
    def _indexed(cls, clips: Track, ends: NDArray[np.int64]) -> Self:
        begins = np.append(0, ends[:-1])
        starts = np.concatenate(
            [np.arange(b, e - BLOCK - FADE + 1, _STEP) for b, e in zip(begins, ends, strict=True)]
        ).astype(np.int64)
        if not len(starts):
            raise InvalidMotion(f"An error model needs clips of at least {BLOCK + FADE} frames.")
        looks = np.concatenate([_looks(clips.description, starts), _looks(clips.mirrored, starts)])
        return cls(clips, ends, starts, looks.astype(np.float32))

    def draw(self, view: View, rng: np.random.Generator) -> Track:
        """Residuals for a view, block by block from similar ones."""
        firsts = np.arange(0, len(view.times), BLOCK)
        pieces = [self._stretch(choice) for choice in self._choose(_looks(describe(view), firsts), rng)]
        joined = Track.gathered(lambda name: _joined([getattr(piece, name) for piece in pieces], name == "residuals"))
        return joined.frames(slice(len(view.times)))

    def _choose(self, wanted: FloatArray, rng: np.random.Generator) -> list[int]:
        """For each look (B, 3 D) one of the most similar."""
        looks = wanted.astype(np.float32)
        far = np.square(self.looks).sum(axis=1) - 2 * looks @ self.looks.T
        count = min(_ALIKE, far.shape[1])
        nearest = np.argpartition(far, count - 1, axis=1)[:, :count]
        return [int(row[rng.integers(count)]) for row in nearest]

    def _stretch(self, choice: int) -> Track:
        mirror, index = divmod(choice, len(self.starts))
        span = slice(self.starts[index], self.starts[index] + BLOCK + FADE)
        cut = self.clips.frames(span)
        return cut.in_the_mirror() if mirror else cut

    def arrays(self) -> dict[str, AnyArray]:
        """What `of_arrays` makes it again from, stored compactly at the accuracy needed (0.1 mm, 0.001)."""
        kept: dict[str, AnyArray] = {name: getattr(self.clips, name) for name in Track.__dataclass_fields__}
        return {n: v if v.dtype == np.bool_ else v.astype(np.float16) for n, v in kept.items()} | {"ends": self.ends}

    @classmethod
    def of_arrays(cls, values: dict[str, AnyArray]) -> Self:
        """The inverse of `arrays`."""
        wide = {name: v if v.dtype == np.bool_ else v.astype(np.float64) for name, v in values.items()}
        return cls._indexed(Track.gathered(wide.__getitem__), values["ends"].astype(np.int64))


def _looks(description: FloatArray, firsts: NDArray[np.int64]) -> FloatArray:
    """(N, 3 D) the description at the start, the middle and the end of stretches, held at the last frame."""
    frames = np.minimum(firsts[:, None] + _MOMENTS, len(description) - 1)
    return np.asarray(description[frames].reshape(len(firsts), -1))


def _joined(pieces: Sequence[AnyArray], faded: bool) -> AnyArray:
    """Stretches (BLOCK + FADE, ...) end to end: over FADE frames one fades into the next, or gives way half-way."""
    share = (np.arange(FADE) + 1) / (FADE + 1)
    share = (share if faded else np.round(share)).reshape(-1, *[1] * (pieces[0].ndim - 1))
    out = [pieces[0][:BLOCK]]
    for last, piece in pairwise(pieces):
        over = last[BLOCK:] * (1 - share) + piece[:FADE] * share
        out += [over.astype(piece.dtype), piece[FADE:BLOCK]]
    return np.concatenate([*out, pieces[-1][BLOCK:]])
