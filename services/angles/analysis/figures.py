"""Summarises figures of single repetitions over all repetitions."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from humanpose3d.analysis import Parameter, Side
from humanpose3d.motion import FloatArray


def measured(
    name: str,
    value: float,
    unit: str,
    method: str,
    *,
    side: Side | None = None,
    repetition: int | None = None,
    sd: float | None = None,
    n: int | None = None,
) -> Iterator[Parameter]:
    """The figure, to five significant digits; none where the value is unknown."""
    if math.isfinite(value):
        yield Parameter(
            name=name,
            side=side,
            repetition=repetition,
            value=_rounded(value),
            sd=None if sd is None or not math.isfinite(sd) else _rounded(sd),
            n=n,
            unit=unit,
            method=method,
        )


def averaged(name: str, values: FloatArray, unit: str, method: str) -> Iterator[Parameter]:
    """The mean of some values with their standard deviation and number; none where there are none."""
    if values.size:
        sd = float(values.std(ddof=1)) if values.size > 1 else None
        yield from measured(name, float(values.mean()), unit, method, sd=sd, n=int(values.size))


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def over_all(single: Iterable[Parameter], symmetry: bool = False) -> list[Parameter]:
    """Mean, standard deviation and number of repetitions for each figure and side; of a single one its own. With
    `symmetry` also the difference between sides in percent of their mean."""
    grouped: dict[tuple[str, Side | None], list[Parameter]] = {}
    for figure in single:
        grouped.setdefault((figure.name, figure.side), []).append(figure)
    means = [_mean(figures) for figures in grouped.values()]
    return [*means, *(_asymmetries(means) if symmetry else ())]


def _mean(figures: list[Parameter]) -> Parameter:
    values = np.array([figure.value for figure in figures])
    sd = _rounded(float(values.std(ddof=1))) if len(values) > 1 else figures[0].sd
    mean = _rounded(float(values.mean()))
    return figures[0].model_copy(update={"repetition": None, "value": mean, "sd": sd, "n": len(values)})


def _asymmetries(means: list[Parameter]) -> Iterator[Parameter]:
    by_side = {(figure.name, figure.side): figure for figure in means}
    for (name, side), right in by_side.items():
        left = by_side.get((name, "left"))
        if side != "right" or left is None or abs(right.value + left.value) < 1e-9:
            continue
        yield from measured(
            f"{name}_asymmetry",
            200 * (right.value - left.value) / (right.value + left.value),
            "% of the mean",
            "(right − left) / mean of both (Robinson 1987)",
            n=min(right.n or 1, left.n or 1),
        )
