"""Picture of what the detector saw: where the landmarks went in the picture, and how visible they were."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from shared.curves import curve, evenly
from shared.motion import Landmarks
from shared.plots.page import (
    DASHED,
    LEFT,
    MIDLINE,
    RIGHT,
    LineStyle,
    add_legend,
    new_page,
    save_page,
    tidy,
)
from shared.skeleton import LANDMARK_INDEX, LANDMARKS

FOLLOWED: Final[dict[str, tuple[str, str, LineStyle]]] = {
    "nose": ("nose", MIDLINE, "-"),
    "right_wrist": ("right wrist", RIGHT, "-"),
    "left_wrist": ("left wrist", LEFT, DASHED),
    "right_hip": ("right hip", "#E69F00", "-"),
    "left_hip": ("left hip", "#56B4E9", DASHED),
    "right_ankle": ("right ankle", "#CC79A7", "-"),
    "left_ankle": ("left ankle", "#009E73", DASHED),
}
"""Landmarks whose paths are drawn: legend, colour (Okabe & Ito 2008), line style. Left is dashed."""

_COLUMNS: Final = 1200


def save_landmarks(path: Path, landmarks: Landmarks, title: str) -> None:
    """Paths in the picture, coordinates over time, and visibility of all 33 landmarks. Raises OutputNotWritable."""
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
        axes.set_ylabel(name, fontsize=7)
        axes.tick_params(labelbottom=index == 1)
    axes.set_xlabel("time (s)", fontsize=7)
    add_legend(
        figure, {name: Line2D([], [], color=colour, linestyle=style) for name, colour, style in FOLLOWED.values()}
    )
    save_page(figure, path)


def _draw_paths(axes: Axes, landmarks: Landmarks) -> None:
    image = landmarks.image[evenly(landmarks.times.size)]
    for name, (_, colour, style) in FOLLOWED.items():
        x, y = image[:, LANDMARK_INDEX[name]].T
        axes.plot(x, y, color=colour, linestyle=style, linewidth=0.9)
    width, height = landmarks.image_size
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_title("Paths in the picture (px)", fontsize=8, loc="left", pad=3)
    tidy(axes)


def _draw_coordinate(axes: Axes, landmarks: Landmarks, index: int) -> None:
    for name, (_, colour, style) in FOLLOWED.items():
        axes.plot(
            *curve(landmarks.times, landmarks.image[:, LANDMARK_INDEX[name], index]),
            color=colour,
            linestyle=style,
            linewidth=0.9,
        )
    if landmarks.times.size > 1:
        axes.set_xlim(landmarks.times[0], landmarks.times[-1])
    if index == 1:
        axes.invert_yaxis()
    tidy(axes)


def _draw_visibility(axes: Axes, landmarks: Landmarks) -> None:
    """Landmarks × time as shades; in a long clip, frames that share a column show the least visible of them."""
    count = landmarks.times.size
    axes.set_title("Visibility (hatched: nobody found)", fontsize=8, loc="left", pad=3)
    axes.set_yticks(range(len(LANDMARKS)), [name.replace("_", " ") for name in LANDMARKS])
    axes.set_facecolor("#FFFFFF")
    tidy(axes)
    axes.grid(visible=False)
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
    axes.set_ylim(len(LANDMARKS) - 0.5, -0.5)
    axes.set_xlabel("time (s)", fontsize=7)
    bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.03, pad=0.02, aspect=45)
    bar.ax.tick_params(labelsize=6.5, length=2)


def _last_interval(landmarks: Landmarks) -> float:
    return float(np.median(np.diff(landmarks.times))) if landmarks.times.size > 1 else 1.0
