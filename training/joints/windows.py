"""What the joint refiner learns from: windows of clips, varied as they are drawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.refiner.windows import WINDOW
from shared.motion import FloatArray
from shared.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, LANDMARKS, MARKERS, RESPONSE_MARKERS, mirrored
from training.joints.data import Clip
from training.joints.model import Seen

_GROUPS: Final = [JOINT_GROUP_INDEX[mirrored(group.name)] for group in JOINT_GROUPS]
_LANDMARKS: Final = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]
_MARKERS: Final = [MARKERS.index(mirrored(name)) for name in MARKERS]
_RESPONSES: Final = [RESPONSE_MARKERS.index(mirrored(name)) for name in RESPONSE_MARKERS]
_PELVIS, _TRUNK = JOINT_GROUP_INDEX["pelvis"], JOINT_GROUP_INDEX["trunk"]


def mirrored_clip(clip: Clip) -> Clip:
    """The same motion in a mirror: sides exchanged, and what has no side turned the other way."""
    return replace(
        clip,
        angles=mirrored_angles(clip.angles),
        visibility=clip.visibility[:, _LANDMARKS],
        depth_spread=clip.depth_spread[:, _MARKERS],
        marker_spread=clip.marker_spread[:, _RESPONSES],
        truth=mirrored_angles(clip.truth),
    )


def mirrored_angles(angles: FloatArray) -> FloatArray:
    """(..., 12, 3) degrees in a mirror that faces the world's x axis.

    The joints' angles mean the same on both sides. Pelvis and trunk tilt alike and lean and turn the other way; the
    pelvis' rotation is counted from the x axis, which the mirror turns round.
    """
    out = angles[..., _GROUPS, :].copy()
    out[..., [_PELVIS, _TRUNK], 1:] *= -1
    out[..., _PELVIS, 2] += 180
    return out


def draw_batch(clips: Sequence[Clip], size: int, rng: np.random.Generator) -> tuple[Seen, Tensor]:
    """Random windows of random clips, half of them mirrored, fast videos sometimes at half their rate; and the truth
    (B, T, 12, 3) degrees."""
    return _stacked([_varied(clips[index], rng) for index in rng.integers(0, len(clips), size)])


def in_windows(clip: Clip, indices: NDArray[np.int64]) -> tuple[Seen, Tensor]:
    """One clip as a batch of the windows with these frames (N, WINDOW)."""
    return _stacked([_cut(clip, row) for row in indices])


def _varied(clip: Clip, rng: np.random.Generator) -> Clip:
    fast = np.median(np.diff(clip.times)) < 1 / 45
    every = 2 if fast and rng.random() < 0.4 else 1
    span = min((WINDOW - 1) * every + 1, len(clip.times))
    start = int(rng.integers(0, len(clip.times) - span + 1))
    frames = np.minimum(start + np.arange(WINDOW) * every, start + span - 1)
    cut = _cut(clip, frames)
    return mirrored_clip(cut) if rng.random() < 0.5 else cut


def _cut(clip: Clip, frames: NDArray[np.int64]) -> Clip:
    names = ("times", "angles", "visibility", "depth_spread", "marker_spread", "truth")
    return replace(clip, **{name: getattr(clip, name)[frames] for name in names})


def _stacked(windows: Sequence[Clip]) -> tuple[Seen, Tensor]:
    def tensor(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(window, name) for window in windows]).astype(np.float32))

    return Seen(*(tensor(name) for name in Seen._fields)), tensor("truth")
