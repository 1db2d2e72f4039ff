"""Figures over clips with confidence intervals.

A clip's frames are not independent, so an interval is that of whole clips drawn again with replacement (bootstrap,
percentiles, 2000 draws, all figures from the same ones). Fewer than `LEAST_CLIPS` clips have none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray

DRAWS: Final = 2000
SEED: Final = 0
LEAST_CLIPS: Final = 5
"""Fewer clips say nothing about how clips differ: no interval is given."""


@dataclass(frozen=True)
class Figure:
    """A value with the ends of its 95 % interval; None where there is nothing to measure, or too little."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, draws: FloatArray, clips: int) -> "Figure":
        """From (1 + DRAWS,) values, the first of them of the clips as they are."""
        if not np.isfinite(draws[0]):
            return cls(None)
        if clips < LEAST_CLIPS:
            return cls(_rounded(draws[0]))
        low, high = np.nanpercentile(draws[1:], [2.5, 97.5])
        return cls(_rounded(draws[0]), _rounded(low), _rounded(high))

    @classmethod
    def alone(cls, value: float) -> "Figure":
        """A value without an interval; None where it is not finite."""
        return cls(_rounded(value) if np.isfinite(value) else None)


Figures = dict[str, Figure]


def clip_weights(clips: int) -> FloatArray:
    """(1 + DRAWS, C) how often each clip counts: once in the first row, then as drawn."""
    drawn = np.random.default_rng(SEED).multinomial(clips, np.full(clips, 1 / clips), DRAWS)
    return np.vstack([np.ones(clips), drawn])


def ratio(weights: FloatArray, sums: FloatArray) -> FloatArray:
    """(1 + DRAWS, ...) from sums and counts (C, 2, ...); NaN where nothing was counted."""
    total, count = (weights @ sums[:, index] for index in range(2))
    return np.asarray(total / np.where(count > 0, count, np.nan))


def _rounded(value: float) -> float:
    return round(float(value), 4)
