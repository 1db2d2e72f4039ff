"""From the figures of single repetitions to those over all."""

from collections.abc import Iterable, Iterator

import numpy as np

from humanpose3d.analysis import Parameter, Side


def over_all(single: Iterable[Parameter], symmetry: bool = False) -> list[Parameter]:
    """Mean, standard deviation between repetitions and their number, of each figure and side; with `symmetry` also the
    difference of the sides in percent of their mean."""
    grouped: dict[tuple[str, Side | None], list[Parameter]] = {}
    for figure in single:
        if np.isfinite(figure.value):
            grouped.setdefault((figure.name, figure.side), []).append(figure)
    means = [_mean(figures) for figures in grouped.values()]
    return [*means, *(_asymmetries(means) if symmetry else ())]


def _mean(figures: list[Parameter]) -> Parameter:
    values = np.array([figure.value for figure in figures])
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return figures[0].model_copy(update={"repetition": None, "value": float(values.mean()), "sd": sd, "n": len(values)})


def _asymmetries(means: list[Parameter]) -> Iterator[Parameter]:
    by_side = {(figure.name, figure.side): figure for figure in means}
    for (name, side), right in by_side.items():
        left = by_side.get((name, "left"))
        if side != "right" or left is None or abs(right.value + left.value) < 1e-9:
            continue
        yield Parameter(
            name=f"{name}_asymmetry",
            value=200 * (right.value - left.value) / (right.value + left.value),
            n=min(right.n or 1, left.n or 1),
            unit="% of the mean",
            method="(right − left) / mean of both (Robinson 1987)",
        )
