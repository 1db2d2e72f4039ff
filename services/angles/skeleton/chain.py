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
class Chain:
    """The eliminated equations of T frames in P pairs: for any right-hand side, and for covariances.

    inverses  (P, 2n, 2n) of each pair's block once the pairs before it are eliminated.
    leads     (P, 2n, 2n): by what the next pair's values move this pair's, with the opposite sign.
    """

    frames: int
    inverses: FloatArray
    leads: FloatArray

    @classmethod
    def of(cls, matrix: FloatArray, smoothness: Smoothness) -> Self:
        """Of blocks (T, n, n) of `matrix` + smoothness; all blocks positive definite."""
        blocks, joins = _paired(matrix, smoothness)
        leads, n = np.empty_like(blocks), matrix.shape[1]
        for index, (block, lead, (far, near, later)) in enumerate(zip(blocks, leads, joins, strict=True)):
            block[:] = np.linalg.inv(block)
            np.multiply(block[:, :n], far, out=lead[:, :n])
            lead[:, :n] += block[:, n:] * near
            np.multiply(block[:, n:], later, out=lead[:, n:])
            if index + 1 < len(blocks):
                blocks[index + 1, :n] -= far[:, None] * lead[:n] + near[:, None] * lead[n:]
                blocks[index + 1, n:] -= later[:, None] * lead[n:]
        return cls(len(matrix), blocks, leads)

    def solve(self, right: FloatArray) -> FloatArray:
        """(T, n): the solution for a right-hand side (T, n)."""
        count = right.shape[1]
        sides = np.zeros(self.inverses.shape[:2])
        sides.reshape(-1, count)[: self.frames] = right
        for index in range(1, len(sides)):
            sides[index] -= sides[index - 1] @ self.leads[index - 1]
        values = (self.inverses @ sides[..., None])[..., 0]
        for index in range(len(sides) - 2, -1, -1):
            values[index] -= self.leads[index] @ values[index + 1]
        return values.reshape(-1, count)[: self.frames]

    def covariances(self) -> FloatArray:
        """(T, n, n) of each frame: the diagonal blocks of the inverse."""
        count = self.inverses.shape[1] // 2
        out = np.empty((len(self.inverses), 2, count, count))
        later: FloatArray | None = None
        for index in range(len(out) - 1, -1, -1):
            own, lead = self.inverses[index], self.leads[index]
            later = own if later is None else own + lead @ later @ lead.T
            out[index] = later[:count, :count], later[count:, count:]
        return out.reshape(-1, count, count)[: self.frames]


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
