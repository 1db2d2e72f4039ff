"""Grid, ticks and tick labels of axes, drawn at once: matplotlib's own take most of the time of a figure."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

FONT: Final = "DejaVu Sans"
"""The font that ships with matplotlib."""

LABEL_PT: Final = 6.5
TICK_PT: Final = 2.0
PAD_PT: Final = 2.0
"""Size of tick labels, length of ticks, and distance between both."""

_NAME_LEFT_PT: Final = 25.0
_NAME_BELOW_PT: Final = 11.0
_LINE_PT: Final = 0.8
_GRID_PT: Final = 0.4
_GRID: Final = "#DDDDDD"
_PIXELS: Final = IdentityTransform()


class Scales(Artist):
    """The bottom and the left scale of axes, which are linear, in place of the axes' own and of their frame.

    labels  at which sides there are tick labels, of "bottom" and "left".
    grid    whether lines cross the axes at the ticks.
    """

    zorder = 0.5

    def __init__(self, axes: Axes, labels: tuple[str, ...] = ("bottom", "left"), grid: bool = True) -> None:
        super().__init__()
        self._labels, self._grid = labels, grid
        for own in (axes.xaxis, axes.yaxis, *axes.spines.values()):
            own.set_visible(False)
        axes.add_artist(self)

    def draw(self, renderer: RendererBase) -> None:
        """As every artist."""
        assert isinstance(self.axes, Axes)
        box = self.axes.bbox
        left, bottom, right, top = box.x0, box.y0, box.x1, box.y1
        (x, x_labels), (y, y_labels) = _ticks(self.axes.xaxis, left, right), _ticks(self.axes.yaxis, bottom, top)
        if self._grid:
            grid = [*(((at, bottom), (at, top)) for at in x), *(((left, at), (right, at)) for at in y)]
            _draw_lines(renderer, grid, _GRID, _GRID_PT)
        per_point = float(np.asarray(renderer.points_to_pixels(1.0)))
        length, gap = TICK_PT * per_point, (TICK_PT + PAD_PT) * per_point
        ticks = [*(((at, bottom), (at, bottom - length)) for at in x), *(((left, at), (left - length, at)) for at in y)]
        _draw_lines(renderer, [((left, top), (left, bottom), (right, bottom)), *ticks], "black", _LINE_PT)
        text = _Text(renderer)
        if "bottom" in self._labels:
            for at, label in zip(x, x_labels, strict=True):
                text.draw(at - text.width(label) / 2, bottom - gap - text.ascent, label)
        if "left" in self._labels:
            for at, label in zip(y, y_labels, strict=True):
                text.draw(left - gap - text.width(label), at - text.ascent / 2, label)


def name_left(axes: Axes, name: str, **style: Any) -> None:  # noqa: ANN401 -- matplotlib's, of a text
    """Name of the vertical scale, beside its labels."""
    axes.annotate(
        name,
        (0, 0.5),
        (-_NAME_LEFT_PT, 0),
        "axes fraction",
        "offset points",
        rotation=90,
        ha="right",
        va="center",
        **style,
    )


def name_below(axes: Axes, name: str, right: bool = False, **style: Any) -> None:  # noqa: ANN401 -- as above
    """Name of the horizontal scale, in the middle below its labels, or on the right."""
    at, align = (1.0, "right") if right else (0.5, "center")
    axes.annotate(name, (at, 0), (0, -_NAME_BELOW_PT), "axes fraction", "offset points", ha=align, va="top", **style)


class _Text:
    """Draws tick labels, at pixels from the lower left."""

    def __init__(self, renderer: RendererBase) -> None:
        self._renderer, self._font = renderer, FontProperties(family=FONT, size=LABEL_PT)
        self._height = renderer.get_canvas_width_height()[1]
        self._context = renderer.new_gc()
        _, height, descent = self._measured("lp")
        self.ascent = height - descent

    def width(self, text: str) -> float:
        return self._measured(text)[0]

    def draw(self, x: float, y: float, text: str) -> None:
        self._renderer.draw_text(self._context, x, self._height - y, text, self._font, 0)

    def _measured(self, text: str) -> tuple[float, float, float]:
        return self._renderer.get_text_width_height_descent(text, self._font, False)


def _ticks(axis: Axis, low: float, high: float) -> tuple[list[float], list[str]]:
    """Positions in pixels, between those of the axis' two ends, and labels of its ticks."""
    first, last = axis.get_view_interval()
    ticks = np.asarray(axis.get_majorticklocs(), dtype=float)
    labels = axis.get_major_formatter().format_ticks(ticks.tolist())
    shares = (ticks - first) / (last - first)
    seen = (shares > -1e-9) & (shares < 1 + 1e-9)
    positions = (low + (high - low) * shares[seen]).tolist()
    return positions, [label for label, kept in zip(labels, seen, strict=True) if kept]


def _draw_lines(
    renderer: RendererBase, lines: Sequence[Sequence[tuple[float, float]]], colour: str, points: float
) -> None:
    context: GraphicsContextBase = renderer.new_gc()
    context.set_foreground(colour)
    context.set_linewidth(points)
    context.set_snap(True)
    whole = Path.make_compound_path(*(Path(line) for line in lines))
    renderer.draw_path(context, whole, _PIXELS)
    context.restore()
