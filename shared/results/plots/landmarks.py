"""Figure of the detector's output: paths of the landmarks in the image, and their visibility."""

from pathlib import Path
from typing import Final, TypedDict

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS
from shared.results.curves import curve, evenly
from shared.results.plots.page import (
    DASHED,
    LEFT,
    LOOK,
    MIDLINE,
    RIGHT,
    LineStyle,
    add_legend,
    new_page,
    save_page,
)
from shared.results.plots.scales import Scales, name_below, name_left

_SIGNS: Final = 8


class Style(TypedDict):
    """Style of a curve, as matplotlib's keyword arguments."""

    color: str
    linestyle: LineStyle
    marker: str


FOLLOWED: Final[dict[str, Style]] = {
    "nose": {"color": MIDLINE, "linestyle": "-", "marker": ""},
    "right_wrist": {"color": RIGHT, "linestyle": "-", "marker": "o"},
    "left_wrist": {"color": LEFT, "linestyle": DASHED, "marker": "o"},
    "right_hip": {"color": "#E69F00", "linestyle": "-", "marker": "s"},
    "left_hip": {"color": "#56B4E9", "linestyle": DASHED, "marker": "s"},
    "right_ankle": {"color": "#CC79A7", "linestyle": "-", "marker": "^"},
    "left_ankle": {"color": "#009E73", "linestyle": DASHED, "marker": "^"},
}
"""Landmarks whose paths are drawn. Colours (Okabe & Ito 2008) distinguish them; in greyscale, left is dashed and every
joint has its own marker symbol."""

_COLUMNS: Final = 1200


@rc_context(LOOK)
def save_landmarks(path: Path, landmarks: Landmarks, title: str) -> None:
    """Paths in the image, coordinates over time, and visibility of all 33 landmarks. Raises OutputNotWritable."""
    seen = landmarks.detected.mean() if landmarks.times.size else 0.0
    figure = new_page(
        title, f"Landmarks as detected; a person was found in {100 * seen:.1f} % of the frames", landscape=True
    )
    grid = figure.add_gridspec(
        2, 2, left=0.07, right=0.98, top=0.87, bottom=0.07, hspace=0.15, wspace=0.28, height_ratios=(1.2, 1)
    )
    _draw_paths(figure.add_subplot(grid[0, 0]), landmarks)
    _draw_visibility(figure.add_subplot(grid[:, 1]), landmarks)
    coordinates = grid[1, 0].subgridspec(2, 1, hspace=0.12)
    for index, name in enumerate(("x, to the right (px)", "y, down (px)")):
        axes = figure.add_subplot(coordinates[index])
        _draw_coordinate(axes, landmarks, index)
        name_left(axes, name, fontsize=7)
        Scales(axes, ("left",) if index == 0 else ("bottom", "left"))
    name_below(axes, "time (s)", fontsize=7)
    add_legend(
        figure, {name.replace("_", " "): Line2D([], [], markersize=3.5, **style) for name, style in FOLLOWED.items()}
    )
    save_page(figure, path)


def _draw_paths(axes: Axes, landmarks: Landmarks) -> None:
    image = landmarks.pixels[evenly(landmarks.times.size)]
    for name, style in FOLLOWED.items():
        x, y = image[:, LANDMARK_INDEX[name]].T
        _draw_curve(axes, x, y, style)
    width, height = landmarks.image_size
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_title("Paths in the image (px)", fontsize=8, loc="left", pad=3)
    Scales(axes)


def _draw_coordinate(axes: Axes, landmarks: Landmarks, index: int) -> None:
    for name, style in FOLLOWED.items():
        times, values = curve(landmarks.times, landmarks.pixels[:, LANDMARK_INDEX[name], index])
        _draw_curve(axes, times, values, style)
    if landmarks.times.size > 1:
        axes.set_xlim(landmarks.times[0], landmarks.times[-1])
    if index == 1:
        axes.invert_yaxis()


def _draw_curve(axes: Axes, x: FloatArray, y: FloatArray, style: Style) -> None:
    axes.plot(x, y, linewidth=0.9, markersize=3, markevery=max(1, x.size // _SIGNS), **style)


def _draw_visibility(axes: Axes, landmarks: Landmarks) -> None:
    """Landmarks × time as shades; in a long clip, frames that share a column show the least visible of them."""
    count = landmarks.times.size
    axes.set_title("Visibility (hatched: no person found)", fontsize=8, loc="left", pad=3)
    axes.yaxis.set_major_locator(FixedLocator(range(len(LANDMARKS))))
    axes.yaxis.set_major_formatter(FixedFormatter([name.replace("_", " ") for name in LANDMARKS]))
    axes.set_ylim(len(LANDMARKS) - 0.5, -0.5)
    Scales(axes, grid=False)
    if count == 0:
        return
    starts = np.unique(np.linspace(0, count, min(count, _COLUMNS), endpoint=False).astype(int))
    shades = np.where(landmarks.detected[:, None], landmarks.visibility, np.nan)
    least = np.fmin.reduceat(shades, starts, axis=0)
    edges = np.append(landmarks.times[starts], landmarks.times[-1] + _last_interval(landmarks))
    axes.patch.set(hatch="////", edgecolor="#888888")
    mesh = axes.pcolormesh(
        edges, np.arange(-0.5, len(LANDMARKS)), least.T, cmap="cividis", vmin=0, vmax=1, rasterized=True
    )
    name_below(axes, "time (s)", fontsize=7)
    bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.03, pad=0.02, aspect=45)
    bar.ax.tick_params(pad=3.5)


def _last_interval(landmarks: Landmarks) -> float:
    return float(np.median(np.diff(landmarks.times))) if landmarks.times.size > 1 else 1.0
