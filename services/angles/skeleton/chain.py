"""A least-squares problem over time: what each frame says of n unknowns, and that they change smoothly.

Smooth means: with accelerations that are white noise (an integrated Wiener process), each unknown by itself. That is
the prior under which the answer does not depend on the frame rate (Wahba 1978, J R Stat Soc B 40:364). The normal
equations are block-pentadiagonal in time; taken in pairs of frames they are block-tridiagonal and are solved by
elimination from the first frame to the last and back, which also gives the covariance of every frame (as in the
smoother of Rauch, Tung & Striebel 1965).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from humanpose3d.motion import FloatArray


@dataclass(frozen=True, eq=False)
class Smoothness:
    """Sum over time of acceleration² × seconds / `densities`, as a quadratic form that couples up to three frames.

    bands      (3, T): on the diagonal, and one and two frames off it; zero for fewer than three frames.
    densities  (n,) of white-noise acceleration: unit²/s³.
    """

    bands: FloatArray
    precisions: FloatArray

    @classmethod
    def of(cls, times: FloatArray, densities: FloatArray) -> Self:
        """For increasing times (T,) in seconds."""
        bands = np.zeros((3, len(times)))
        if len(times) > 2:
            before, after = np.diff(times)[:-1], np.diff(times)[1:]
            span = (before + after) / 2
            row = np.stack([1 / before, -1 / before - 1 / after, 1 / after]) / np.sqrt(span)
            for first in range(3):
                for last in range(first, 3):
                    bands[last - first, first : first + len(span)] += row[first] * row[last]
        return cls(bands, 1 / densities)

    def times(self, values: FloatArray) -> FloatArray:
        """(T, n) the form's matrix times values (T, n)."""
        out = self.bands[0][:, None] * values
        for off in (1, 2):
            band = self.bands[off, : len(values) - off, None]
            out[:-off] += band * values[off:]
            out[off:] += band * values[:-off]
        return np.asarray(out * self.precisions)


@dataclass(frozen=True, eq=False)
class Solution:
    """The unknowns (T, n), and how uncertain they are where that was asked for: covariance (T, n, n) of each frame."""

    values: FloatArray
    covariances: FloatArray | None = None


def solve(matrix: FloatArray, right: FloatArray, smoothness: Smoothness, *, covariances: bool = False) -> Solution:
    """Solve (blocks of `matrix` (T, n, n) + smoothness) x = `right` (T, n); all blocks positive definite."""
    frames, count = right.shape
    if frames < 3:
        inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
        return Solution((inverse @ right[..., None])[..., 0], inverse if covariances else None)
    blocks, joins = _paired(matrix, smoothness)
    sides = np.zeros((len(blocks), 2 * count))
    sides.reshape(-1, count)[:frames] = right
    inverses, leads = np.empty_like(blocks), np.empty_like(blocks)
    for index, block in enumerate(blocks):
        if index:
            block -= _join(joins[index - 1], leads[index - 1].T).T  # noqa: PLW2901 -- in place
            sides[index] -= leads[index - 1].T @ sides[index - 1]
        inverses[index] = np.linalg.inv(block)
        leads[index] = _join(joins[index], inverses[index])
    values = np.empty_like(sides)
    spread = np.empty_like(blocks) if covariances else None
    for index in range(len(blocks) - 1, -1, -1):
        values[index] = inverses[index] @ sides[index]
        if spread is not None:
            spread[index] = inverses[index]
        if index + 1 < len(blocks):
            values[index] -= leads[index] @ values[index + 1]
            if spread is not None:
                spread[index] += leads[index] @ spread[index + 1] @ leads[index].T
    return Solution(values.reshape(-1, count)[:frames], None if spread is None else _of_frames(spread, count)[:frames])


def _paired(matrix: FloatArray, smoothness: Smoothness) -> tuple[FloatArray, FloatArray]:
    """Pairs of frames: the blocks (P, 2n, 2n), and what joins each to the next, (P, 3, n).

    The joining block is [[a, 0], [b, c]], each of the three diagonal.
    """
    frames, count = len(matrix), len(smoothness.precisions)
    pairs = (frames + 1) // 2
    bands = np.zeros((3, 2 * pairs + 2))
    bands[:, :frames] = smoothness.bands
    blocks = np.zeros((pairs, 2, count, 2, count))
    blocks[:, 0, :, 0], blocks[: frames // 2, 1, :, 1] = matrix[0::2], matrix[1::2]
    if frames % 2:
        blocks[-1, 1, :, 1] = np.eye(count)
    every = np.arange(count)
    weighted = bands[:, :, None] * smoothness.precisions
    even, odd = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    blocks[:, 0, every, 0, every] += weighted[0, even]
    blocks[:, 1, every, 1, every] += weighted[0, odd]
    blocks[:, 0, every, 1, every] += weighted[1, even]
    blocks[:, 1, every, 0, every] += weighted[1, even]
    joins = np.stack([weighted[2, even], weighted[1, odd], weighted[2, odd]], axis=1)
    return blocks.reshape(pairs, 2 * count, 2 * count), joins


def _join(join: FloatArray, left: FloatArray) -> FloatArray:
    """`left` (2n, 2n) times the joining block, whose parts are diagonal."""
    count = join.shape[1]
    out = np.empty_like(left)
    out[:, :count] = left[:, :count] * join[0] + left[:, count:] * join[1]
    out[:, count:] = left[:, count:] * join[2]
    return out


def _of_frames(pairs: FloatArray, count: int) -> FloatArray:
    """(2P, n, n): the diagonal blocks of (P, 2n, 2n)."""
    split = pairs.reshape(-1, 2, count, 2, count)
    return np.stack([split[:, 0, :, 0], split[:, 1, :, 1]], axis=1).reshape(-1, count, count)
