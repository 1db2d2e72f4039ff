"""Joint angles over time as small inline SVG charts, right and left of a joint in one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.language import Said, Translator, text
from humanpose3d.motion import AngleSd, FloatArray, JointAngles
from shared.results.curves import curve
from shared.results.labels import JOINTS, ROWS, SMALLEST_SPAN, by_side
from shared.results.report.markup import Html, element, joined

WIDTH, HEIGHT = 236.0, 112.0
LEFT, RIGHT, TOP, BOTTOM = 31.0, 4.0, 5.0, 17.0
_STRETCHES: Final = 200
_KINDS: Final = {"r": "right", "l": "left", "": "middle", "norm": "norm"}
_SIDES: Final = {"r": text("right"), "l": text("left"), "": text("pelvis, trunk"), "norm": text("norm")}


def angle_charts(angles: JointAngles, spread: AngleSd | None, t: Translator) -> Html:
    """A row of three charts for every joint; with a band of ± one standard deviation where it is known."""
    return joined(*(_row(angles, spread, row, t) for row in ROWS))


def legend(with_band: bool, t: Translator) -> Html:
    """Legend of the line styles."""
    kinds = (("right", t("right")), ("left", t("left")), ("middle", t("pelvis, trunk")))
    entries = [
        element("span", element("svg", element("path", d="M0 4H30", class_=f"curve {kind}"), viewBox="0 0 30 8"), words)
        for kind, words in kinds
    ]
    band = t("band: ± one standard deviation") if with_band else None
    return element("p", *entries, band and element("span", band), class_="legend")


def chart_over_time(angles: JointAngles, spread: AngleSd | None, row: str, angle: int, t: Translator) -> Html:
    """One angle of a row, right and left together."""
    curves = [
        Curve(side, angles.times, values, band)
        for (side, values), band in zip(by_side(angles.values, row, angle), _bands(spread, row, angle), strict=False)
    ]
    words = t(ROWS[row][angle])
    return element("figure", element("figcaption", words), chart(f"{t(JOINTS[row])}, {words}", curves, t))


def _row(angles: JointAngles, spread: AngleSd | None, row: str, t: Translator) -> Html:
    figures = [chart_over_time(angles, spread, row, angle, t) for angle in range(3)]
    return element("section", element("h3", t(JOINTS[row])), element("div", *figures, class_="charts"), class_="row")


def _bands(spread: AngleSd | None, row: str, angle: int) -> list[FloatArray | None]:
    return [None, None] if spread is None else [band for _, band in by_side(spread.values, row, angle)]


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve: of a side ("r", "l", "" for the midline), or of norms."""

    side: str
    times: FloatArray
    """(T,) seconds, or percent of a cycle."""
    values: FloatArray
    """(T,) degrees."""
    spread: FloatArray | None
    """(T,) degrees."""


@dataclass(frozen=True)
class _Scale:
    """Transforms seconds and degrees to drawing coordinates."""

    start: float
    end: float
    low: float
    high: float

    def x(self, time: FloatArray | float) -> FloatArray:
        share = (np.asarray(time) - self.start) / max(self.end - self.start, 1e-9)
        return np.asarray(LEFT + share * (WIDTH - LEFT - RIGHT))

    def y(self, value: FloatArray | float) -> FloatArray:
        share = (np.asarray(value) - self.low) / (self.high - self.low)
        return np.asarray(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))


def chart(name: str, curves: list[Curve], t: Translator) -> Html:
    """Curves in one chart; `name` and the curves' ranges are read out."""
    scale = _scale(curves)
    spoken = t.listed(
        [
            Said(text("{side} {extent}"), {"side": (_SIDES[each.side],), "extent": (_extent(each.values),)})
            for each in curves
        ]
    )
    return element(
        "svg",
        *_grid(scale, t),
        *(_band(scale, each, each.spread) for each in curves if each.spread is not None),
        *(element("path", d=_path(scale, each), class_=f"curve {_KINDS[each.side]}") for each in curves),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_label=f"{name}: {spoken}",
    )


def _extent(values: FloatArray) -> Said:
    known = values[np.isfinite(values)]
    if not known.size:
        return Said(text("not measured"), {})
    return Said(text("from {low:.0f}° to {high:.0f}°"), {"low": float(known.min()), "high": float(known.max())})


def _scale(curves: list[Curve]) -> _Scale:
    reach = [each.values + sign * (0 if each.spread is None else each.spread) for each in curves for sign in (-1, 1)]
    values = np.concatenate([*reach, *(each.values for each in curves)])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    middle, span = (low + high) / 2, max(1.1 * (high - low), SMALLEST_SPAN)
    times = curves[0].times
    start, end = (float(times[0]), float(times[-1])) if times.size else (0.0, 1.0)
    return _Scale(start, end, middle - span / 2, middle + span / 2)


def _grid(scale: _Scale, t: Translator) -> Iterator[Html]:
    left, right = LEFT, WIDTH - RIGHT
    for value in ticks(scale.low, scale.high, 4):
        y = float(scale.y(value))
        yield element("path", d=f"M{left:.1f} {y:.1f}H{right:.1f}", class_="zero" if value == 0 else "grid")
        yield element("text", t.number(value).replace("-", "−"), x=left - 3, y=y + 3, class_="degrees")
    for time in ticks(scale.start, scale.end, 5):
        x = float(scale.x(time))
        yield element("path", d=f"M{x:.1f} {HEIGHT - BOTTOM:.1f}V{TOP:.1f}", class_="grid")
        yield element("text", t.number(time), x=x, y=HEIGHT - 5, class_="seconds")


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers between the two limits.

    >>> ticks(-12.0, 61.0, 4), ticks(0.0, 1.65, 5)
    ([0.0, 20.0, 40.0, 60.0], [0.0, 0.5, 1.0, 1.5])
    """
    if not high > low:
        return []
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(step * index, 10) + 0.0 for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _path(scale: _Scale, drawn: Curve) -> str:
    """The curve; a new subpath after every gap, a dot for an isolated frame."""
    times, values = curve(drawn.times, drawn.values, _STRETCHES)
    known = np.isfinite(values)
    begins = known & ~np.concatenate([[False], known[:-1]])
    x, y = scale.x(times), scale.y(values)
    return "".join(
        f"M{x[index]:.1f} {y[index]:.1f}h0" if begins[index] else f"L{x[index]:.1f} {y[index]:.1f}"
        for index in np.flatnonzero(known)
    )


def _band(scale: _Scale, drawn: Curve, spread: FloatArray) -> Html:
    """± one standard deviation, as one area for each stretch without a gap; frames thinned evenly."""
    at = np.unique(np.linspace(0, drawn.times.size - 1, min(drawn.times.size, 2 * _STRETCHES)).round().astype(int))
    known = np.isfinite(drawn.values[at]) & np.isfinite(spread[at])
    edges = np.flatnonzero(np.diff(known.astype(int))) + 1
    stretches = zip(np.split(at, edges), np.split(known, edges), strict=True)
    shapes = [_area(scale, drawn, spread, part) for part, there in stretches if there.any()]
    return element("path", d="".join(shapes), class_=f"band {_KINDS[drawn.side]}")


def _area(scale: _Scale, drawn: Curve, spread: FloatArray, part: NDArray[np.intp]) -> str:
    x = scale.x(drawn.times[part])
    upper, lower = (scale.y(drawn.values[part] + sign * spread[part]) for sign in (1, -1))
    there = [f"{a:.1f} {b:.1f}" for a, b in zip(x, upper, strict=True)]
    back = [f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1], lower[::-1], strict=True)]
    return "M" + "L".join(there + back) + "Z"
