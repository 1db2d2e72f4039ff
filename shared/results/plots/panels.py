"""A page's grid of panels: one row per joint, one column per angle."""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.results.labels import ROWS, SMALLEST_SPAN
from shared.results.plots.scales import Scales, name_left


def panels(figure: Figure, rows: tuple[str, ...], across: str = "time (s)") -> Iterator[tuple[str, int, Axes]]:
    """(row, index of the angle, axes) of each panel; `across`: what the horizontal axis is."""
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        len(rows), 3, left=0.075, right=0.985, top=1 - 1.12 / height, bottom=0.55 / height, hspace=0.42, wspace=0.2
    )
    figure.text(0.53, 0.13 / height, across, fontsize=8, ha="center")
    for index, row in enumerate(rows):
        for angle in range(3):
            axes = figure.add_subplot(grid[index, angle])
            axes.set_title(ROWS[row][angle], fontsize=7, loc="left", pad=3)
            if angle == 0:
                name_left(axes, row.capitalize(), fontsize=9, fontweight="bold")
            yield row, angle, axes


def finish(axes: Axes, first: float, last: float) -> None:
    """Limits of a drawn panel, its scales, and its line at zero."""
    if last > first:
        axes.set_xlim(first, last)
    low, high = axes.get_ylim()
    if high - low < SMALLEST_SPAN:
        middle = (low + high) / 2
        axes.set_ylim(middle - SMALLEST_SPAN / 2, middle + SMALLEST_SPAN / 2)
    axes.axhline(0, color="#999999", linewidth=0.6, zorder=1)
    Scales(axes)
