"""Common parts of all figures: page, title, legend, colours, and output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D

from humanpose3d.formats.files import write_atomic
from shared.results.plots.scales import FONT, LABEL_PT, PAD_PT, TICK_PT

A4: Final = (8.27, 11.69)
DPI: Final = 200
_COMPRESSION: Final = {"compress_level": 2}
"""Of the PNG: takes half the time of zlib's usual level 6, for files a tenth larger."""

RIGHT: Final = "#D55E00"
LEFT: Final = "#0072B2"
MIDLINE: Final = "#000000"
"""Vermillion, blue and black of the colour-blind-safe palette of Okabe & Ito (2008)."""

LineStyle = Literal["-", ":"] | tuple[float, Sequence[float]]
DASHED: Final = (0.0, (4.0, 1.5))

STYLES: Final[dict[str, tuple[str, LineStyle]]] = {"r": (RIGHT, "-"), "l": (LEFT, DASHED), "": (MIDLINE, "-")}
"""Colour and line style by side: right, left, neither."""

LOOK: Final[dict[Any, Any]] = {
    "axes.titley": 1.0,  # the default position, set explicitly to avoid measuring all tick labels first
    **{
        f"{axis}tick.{what}": size for axis in "xy" for what, size in (("labelsize", LABEL_PT), ("major.size", TICK_PT))
    },
    **{f"{axis}tick.major.pad": PAD_PT for axis in "xy"},
}
"""Small ticks, as matplotlib settings: of a colour bar, and for the number of ticks of our own scales; active while a
page is created and drawn, which takes half the time of changing an axis afterwards."""

_TITLE_LENGTH: Final = 70
_SVG: Final[dict[Any, str]] = {"svg.hashsalt": "HumanPose3D", "svg.fonttype": "path"}
"""Makes identifiers within the SVG reproducible."""


def new_page(title: str, subtitle: str, landscape: bool = False) -> Figure:
    """An empty page with its headings."""
    figure = Figure(figsize=A4[::-1] if landscape else A4, dpi=DPI)
    FigureCanvasAgg(figure)
    _write_line(figure, 0.3, _shortened(printable(title)), size=13, weight="bold")
    _write_line(figure, 0.53, subtitle, size=8, weight="normal")
    return figure


def _write_line(figure: Figure, inches_down: float, text: str, size: int, weight: str) -> None:
    """Literal text at the left margin: a dollar sign in a video's name does not start a formula."""
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
    """Write the page as PNG and as SVG, with text as outlines so that it looks the same everywhere.

    The same figure and matplotlib version produce the same bytes. Raises OutputNotWritable.
    """
    with write_atomic(path) as file:
        figure.savefig(file, format="png", metadata={"Software": "HumanPose3D"}, pil_kwargs=_COMPRESSION)
    with write_atomic(path.with_suffix(".svg")) as file, rc_context(_SVG):
        figure.savefig(file, format="svg", metadata={"Creator": "HumanPose3D", "Date": None})


def printable(text: str) -> str:
    """Text with a question mark for every character that the font lacks."""
    font = get_font(findfont(FONT))
    return "".join(character if font.get_char_index(ord(character)) else "?" for character in text)
