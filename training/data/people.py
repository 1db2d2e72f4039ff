"""Bodies by number: the same number is the same person, and no two splits share people."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from training.human.body import DETAIL_TARGETS, Body, BodyShape, make_body
from training.mocap.library import Split

PEOPLE: Final[dict[Split, range]] = {
    "train": range(1000, 1400),
    "validation": range(500, 508),
    "test": range(100, 102),
}
BACKDROPS: Final[dict[Split, range]] = {
    "train": range(1000, 1300),
    "validation": range(500, 506),
    "test": range(100, 102),
}
"""Numbers of the people and scenes of each split; no two splits share one."""

_STATURE: Final = {0.0: (1.63, 0.07), 1.0: (1.76, 0.075)}
"""Mean and standard deviation of standing height in metres, women and men (NCD-RisC 2016, eLife 5:e13410: the means of
countries lie between 1.50 and 1.70, 1.60 and 1.83)."""


_MASS_INDEX: Final = (17.0, 36.0)
"""Range of body mass index, kg/m²; MakeHuman's sliders reach further."""


@lru_cache(maxsize=2)
def person(number: int) -> Body:
    """The person with that number."""
    rng = np.random.default_rng([number, 0xB0D7])
    gender = float(number % 2)
    mean, deviation = _STATURE[gender]
    height = float(np.clip(rng.normal(mean, deviation), mean - 0.16, mean + 0.16))
    while True:
        body = _of_height(_random_shape(rng, gender), height)
        if _MASS_INDEX[0] < body.mass / body.height**2 < _MASS_INDEX[1]:
            return body


def _random_shape(rng: np.random.Generator, gender: float) -> BodyShape:
    return BodyShape(
        gender=float(np.clip(abs(gender - rng.exponential(0.08)), 0, 1)),
        age=float(
            rng.choice([rng.uniform(0.38, 0.5), rng.uniform(0.5, 0.7), rng.uniform(0.7, 1.0)], p=[0.1, 0.6, 0.3])
        ),
        muscle=float(rng.beta(0.8, 0.8)),  # MakeHuman's weight changes little at average muscle
        weight=float(rng.beta(2.2, 1.7)),
        proportions=float(rng.beta(2, 2)),
        cup=float(rng.beta(2, 2)),
        firmness=float(rng.beta(3, 2)),
        race=tuple(float(share) for share in rng.dirichlet([0.35] * 3)),  # type: ignore[arg-type]  # three of them
        details={name: float(rng.uniform(-0.6, 0.6)) for name in DETAIL_TARGETS},
    )


def _of_height(shape: BodyShape, height: float) -> Body:
    """Find the slider that gives the height, by bisection to a few millimetres."""
    low, high = 0.0, 1.0
    for _ in range(8):
        middle = (low + high) / 2
        body = make_body(replace(shape, height=middle))
        low, high = (middle, high) if body.height < height else (low, middle)
    return body
