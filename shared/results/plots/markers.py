"""Figure of the markers: the body at a few moments, from the side and from the front."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from humanpose3d.mapped import missing
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import MARKERS, SEGMENTS
from shared.results.plots.page import LOOK, STYLES, add_legend, new_page, save_page, sides_legend
from shared.results.plots.scales import Scales, name_left

MOMENTS: Final = 5
VIEWS: Final = ("from the person's right", "from the front")


@rc_context(LOOK)
def save_markers(path: Path, markers: Markers, title: str, show_all: bool) -> None:
    """The skeleton of the 22 markers at evenly spaced moments; with `show_all` every other marker as a dot.

    The body is centred on its hips and turned to face the viewer or to the right; heights are the world's. Raises
    OutputNotWritable; InvalidMotion where one of the 22 markers is not among them.
    """
    figure = new_page(
        title, "Markers in metres at five moments, seen from the right and from the front", landscape=True
    )
    moments = _moments(markers)
    grid = figure.add_gridspec(2, MOMENTS, left=0.05, right=0.985, top=0.86, bottom=0.06, hspace=0.22, wspace=0.12)
    views = [_views(markers, moment) for moment in moments]
    limits = _limits(np.array(views).reshape(-1, 2))
    for column, moment in enumerate(moments):
        for row, flat in enumerate(views[column]):
            axes = figure.add_subplot(grid[row, column])
            _draw(axes, flat, markers.names, show_all)
            axes.set(xlim=limits[0], ylim=limits[1], aspect="equal")
            axes.apply_aspect()
            Scales(axes, ("bottom", "left") if column == 0 else ("bottom",))
            axes.set_title(f"{markers.times[moment]:.2f} s", fontsize=8, loc="left", pad=3)
            if column == 0:
                name_left(axes, f"{VIEWS[row]} (m)", fontsize=8)
    legend = sides_legend()
    legend["midline"] = legend.pop("pelvis, trunk")
    if show_all:
        legend["augmented marker"] = Line2D([], [], marker="o", linestyle="", markersize=3, color="#555555")
    add_legend(figure, legend)
    save_page(figure, path)


def _moments(markers: Markers) -> NDArray[np.intp]:
    """Frames to draw: evenly spaced over those with most markers."""
    columns = [markers.names.index(name) for name in MARKERS]
    present = (~missing(markers.positions)[:, columns]).sum(axis=1)
    whole = np.flatnonzero(present == present.max(initial=0))
    return whole[np.linspace(0, whole.size - 1, min(MOMENTS, whole.size)).round().astype(int)] if whole.size else whole


def _limits(points: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Horizontal and vertical limits of all panels; `points` has shape (any, 2)."""
    seen = points[np.isfinite(points).all(axis=1)]
    if seen.size == 0:
        return (-1.0, 1.0), (0.0, 2.0)
    half = float(np.abs(seen[:, 0]).max()) + 0.1
    return (-half, half), (float(seen[:, 1].min()) - 0.1, float(seen[:, 1].max()) + 0.1)


def _views(markers: Markers, moment: np.intp) -> tuple[FloatArray, FloatArray]:
    """(M, 2) horizontal and height, from the right (facing the image's right) and from the front."""
    points = markers.positions[moment]
    hips = points[[markers.names.index("RHip"), markers.names.index("LHip")]]
    to_left = (hips[1] - hips[0])[[0, 2]]
    length = np.linalg.norm(to_left)
    to_left = to_left / length if np.isfinite(length) and length > 0 else np.array([0.0, -1.0])
    forward = np.array([-to_left[1], to_left[0]])
    centred = (points - np.nan_to_num(hips.mean(axis=0)))[:, [0, 2]]
    height = points[:, 1]
    return np.stack([centred @ forward, height], axis=1), np.stack([centred @ to_left, height], axis=1)


def _draw(axes: Axes, points: FloatArray, names: tuple[str, ...], show_all: bool) -> None:
    place = dict(zip(names, points, strict=True))
    for first, second in SEGMENTS:
        line = np.array([place[first], place[second]])
        colour, style = STYLES[_side(second)]
        axes.plot(*line.T, color=colour, linestyle=style, linewidth=1.4, marker="o", markersize=2.2)
    if show_all:
        extra = np.array([place[name] for name in names if name not in MARKERS]).reshape(-1, 2)
        axes.plot(*extra.T, marker="o", linestyle="", markersize=1.8, color="#555555", zorder=3)


def _side(distal: str) -> str:
    """Side of a segment, from the name of its distal end."""
    for side in "RL":
        if distal.startswith(side) and distal[1:2].isupper():
            return side.lower()
    return ""
