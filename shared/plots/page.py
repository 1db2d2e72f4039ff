"""What every picture shares: the page, its title and legend, colours, and curves that stay honest when drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from shared.formats.files import write_atomic
from shared.motion import FloatArray

A4: Final = (8.27, 11.69)
DPI: Final = 200
FONT: Final = "DejaVu Sans"
"""The font that matplotlib brings along."""

RIGHT: Final = "#D55E00"
LEFT: Final = "#0072B2"
MIDLINE: Final = "#000000"
"""Vermillion, blue and black of the palette of Okabe & Ito (2008), which no colour blindness confuses."""

LineStyle = Literal["-", ":"] | tuple[float, Sequence[float]]
DASHED: Final = (0.0, (4.0, 1.5))

STYLES: Final[dict[str, tuple[str, LineStyle]]] = {"r": (RIGHT, "-"), "l": (LEFT, DASHED), "": (MIDLINE, "-")}
"""Colour and line style by side: right, left, neither."""

_POINTS_PER_CURVE: Final = 1500
_TITLE_LENGTH: Final = 70


def new_page(title: str, subtitle: str, landscape: bool = False) -> Figure:
    """An empty page with its headings."""
    figure = Figure(figsize=A4[::-1] if landscape else A4, dpi=DPI)
    FigureCanvasAgg(figure)
    _write_line(figure, 0.3, _shortened(printable(title)), size=13, weight="bold")
    _write_line(figure, 0.53, subtitle, size=8, weight="normal")
    return figure


def _write_line(figure: Figure, inches_down: float, text: str, size: int, weight: str) -> None:
    """Text at the left margin, as it stands: a dollar sign in the name of a video starts no formula."""
    y = 1 - inches_down / figure.get_figheight()
    figure.text(0.07, y, text, va="center", family=FONT, parse_math=False, fontsize=size, fontweight=weight)


def _shortened(text: str) -> str:
    return text if len(text) <= _TITLE_LENGTH else text[: _TITLE_LENGTH - 1] + "…"


def add_legend(figure: Figure, entries: dict[str, Line2D]) -> None:
    """Legend in one line under the headings."""
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="center left",
        bbox_to_anchor=(0.06, 1 - 0.74 / figure.get_figheight()),
        ncols=len(entries),
        frameon=False,
        fontsize=8,
        handlelength=3.2,
    )


def sides_legend() -> dict[str, Line2D]:
    """Legend entries of the two sides and the midline."""
    names = {"right": "r", "left": "l", "pelvis, trunk": ""}
    return {name: Line2D([], [], color=STYLES[side][0], linestyle=STYLES[side][1]) for name, side in names.items()}


def save_page(figure: Figure, path: Path) -> None:
    """Write the page as PNG: the same bytes for the same picture and matplotlib. Raises OutputNotWritable."""
    with write_atomic(path) as file:
        figure.savefig(file, format="png", metadata={"Software": "HumanPose3D"})


def printable(text: str) -> str:
    """Text in which what the font cannot draw is a question mark."""
    font = get_font(findfont(FONT))
    return "".join(character if font.get_char_index(ord(character)) else "?" for character in text)


def tidy(axes: Axes) -> None:
    """Light frame, small ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5, length=2, pad=2)
    axes.grid(visible=True, linewidth=0.4, color="#DDDDDD")
    axes.set_axisbelow(True)


def curve(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What to draw of a curve (T,): gaps and turns past ±180° break it, and a long one is thinned to its extremes."""
    keep = _extremes(values)
    times, values = times[keep], values[keep]
    jumps = np.flatnonzero(np.abs(np.diff(values)) > 180) + 1
    return np.insert(times, jumps, times[jumps]), np.insert(values, jumps, np.nan)


def evenly(count: int) -> NDArray[np.intp]:
    """Indices of as many frames as a picture can show, evenly spread over `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS_PER_CURVE)).round().astype(np.intp))


def _extremes(values: FloatArray) -> NDArray[np.intp]:
    """Indices of the least, the greatest and, where there is one, a missing value in each of many short stretches."""
    if values.size <= 3 * _POINTS_PER_CURVE:
        return np.arange(values.size)
    kept: list[int] = []
    for stretch in np.array_split(np.arange(values.size), _POINTS_PER_CURVE):
        piece = values[stretch]
        missing = np.isnan(piece)
        extremes = {int(np.where(missing, np.inf, piece).argmin()), int(np.where(missing, -np.inf, piece).argmax())}
        if missing.any():
            extremes.add(int(missing.argmax()))
        kept.extend(stretch[sorted(extremes)])
    return np.array(kept, dtype=np.intp)
