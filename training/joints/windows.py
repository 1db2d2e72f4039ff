"""Training data of the joint refiner: windows of clips, augmented when sampled."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.refiner.windows import WINDOW
from training.joints.data import ARRAYS, Clip
from training.joints.mirror import mirrored_angles, mirrored_seen
from training.joints.model import Seen


def draw_batch(clips: Sequence[Clip], size: int, rng: np.random.Generator) -> tuple[Seen, Tensor]:
    """Random windows of random clips, half of them mirrored, fast videos sometimes at half their rate; and the truth
    (B, T, 12, 3) degrees."""
    seen, truth = _stacked([_varied(clips[index], rng) for index in rng.integers(0, len(clips), size)])
    half = size // 2
    turned = mirrored_seen(Seen(*(part[:half] for part in seen))), mirrored_angles(truth[:half])
    seen = Seen(*(torch.cat([part, rest[half:]]) for part, rest in zip(turned[0], seen, strict=True)))
    return seen, torch.cat([turned[1], truth[half:]])


def in_windows(clip: Clip, indices: NDArray[np.int64]) -> tuple[Seen, Tensor]:
    """One clip as a batch of the windows with these frames (N, WINDOW)."""
    return _stacked([_cut(clip, row) for row in indices])


def _varied(clip: Clip, rng: np.random.Generator) -> Clip:
    fast = np.median(np.diff(clip.times)) < 1 / 45
    every = 2 if fast and rng.random() < 0.4 else 1
    span = min((WINDOW - 1) * every + 1, len(clip.times))
    start = int(rng.integers(0, len(clip.times) - span + 1))
    frames = np.minimum(start + np.arange(WINDOW) * every, start + span - 1)
    return _cut(clip, frames)


def _cut(clip: Clip, frames: NDArray[np.int64]) -> Clip:
    return replace(clip, **{name: getattr(clip, name)[frames] for name in ARRAYS})


def _stacked(windows: Sequence[Clip]) -> tuple[Seen, Tensor]:
    def tensor(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(window, name) for window in windows]).astype(np.float32))

    return Seen(*(tensor(name) for name in Seen._fields)), tensor("truth")
