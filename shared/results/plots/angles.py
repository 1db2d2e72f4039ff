"""Figures of joint angles over time."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from humanpose3d.motion import AngleSd, FloatArray, JointAngles
from humanpose3d.skeleton import JOINT_GROUP_INDEX
from shared.results.curves import curve, evenly
from shared.results.labels import ROWS, by_side
from shared.results.plots.page import LOOK, STYLES, add_legend, new_page, save_page, sides_legend
from shared.results.plots.panels import finish, panels
from shared.results.plots.scales import name_below

_STRETCHES: Final = 500
"""Stretches of a panel's curve: it is 6 cm wide, which is 480 pixels of the figure."""

_BAND_POINTS: Final = 500
"""Points of a band's edge, which changes more slowly than the curve."""


@rc_context(LOOK)
def save_joint_angles(
    path: Path, angles: JointAngles, title: str, note: str = "", spread: AngleSd | None = None
) -> None:
    """All angles of all joints, right and left of a joint in one panel, within ±1 standard deviation where it is known.

    Raises OutputNotWritable.
    """
    figure = new_page(
        title, " · ".join(filter(None, ("Joint angles in degrees over seconds; gaps were not measured", note)))
    )
    for row, angle, axes in panels(figure, tuple(ROWS)):
        for side, values in by_side(angles.values, row, angle):
            _draw(axes, angles.times, values, side)
        for side, sd in by_side(spread.values, row, angle) if spread else ():
            _draw_band(axes, angles.times, dict(by_side(angles.values, row, angle))[side], sd, side)
        finish(axes, *angles.times[[0, -1]])
    add_legend(figure, sides_legend())
    save_page(figure, path)


@rc_context(LOOK)
def save_angle_comparison(path: Path, angles: JointAngles, refined: JointAngles | None, title: str) -> None:
    """Right against left with ranges and mean difference or, where there are refined angles, before against after.

    Raises OutputNotWritable.
    """
    if refined is None:
        _save_right_against_left(path, angles, title)
    else:
        _save_before_against_after(path, angles, refined, title)


def _save_right_against_left(path: Path, angles: JointAngles, title: str) -> None:
    figure = new_page(title, "Right against left, degrees over seconds; range = greatest − least")
    bilateral = tuple(row for row in ROWS if row not in JOINT_GROUP_INDEX)
    for row, angle, axes in panels(figure, bilateral):
        right, left = (values for _, values in by_side(angles.values, row, angle))
        both = np.isfinite(right) & np.isfinite(left)
        at = evenly(angles.times.size)
        axes.fill_between(angles.times[at], right[at], left[at], where=both[at].tolist(), color="#DDDDDD", linewidth=0)
        _draw(axes, angles.times, right, "r")
        _draw(axes, angles.times, left, "l")
        finish(axes, *angles.times[[0, -1]])
        _annotate(axes, f"range R {_range(right)}  L {_range(left)}   mean R−L {_mean(right[both] - left[both])}")
    legend = sides_legend()
    legend.pop("pelvis, trunk")
    add_legend(figure, legend)
    save_page(figure, path)


def _save_before_against_after(path: Path, angles: JointAngles, refined: JointAngles, title: str) -> None:
    figure = new_page(title, "Joint angles before (thin, dotted) and after refinement, degrees over seconds")
    for row, angle, axes in panels(figure, tuple(ROWS)):
        changes = []
        before, after = by_side(angles.values, row, angle), by_side(refined.values, row, angle)
        for (side, old), (_, new) in zip(before, after, strict=True):
            axes.plot(
                *curve(angles.times, old, _STRETCHES), color=STYLES[side][0], linestyle=":", linewidth=0.7, alpha=0.9
            )
            _draw(axes, refined.times, new, side)
            changes.append(f"{side.upper()} {_mean(np.abs(new - old))}".strip())
        finish(axes, *angles.times[[0, -1]])
        _annotate(axes, "mean change " + "  ".join(changes))
    add_legend(figure, sides_legend() | {"before": Line2D([], [], color="#444444", linestyle=":", linewidth=0.7)})
    save_page(figure, path)


def _draw(axes: Axes, times: FloatArray, values: FloatArray, side: str) -> None:
    colour, style = STYLES[side]
    axes.plot(*curve(times, values, _STRETCHES), color=colour, linestyle=style, linewidth=1.1, solid_capstyle="round")


def _draw_band(axes: Axes, times: FloatArray, values: FloatArray, sd: FloatArray, side: str) -> None:
    """Band of ±1 standard deviation, interrupted like the curve where the angle wraps at ±180°."""
    at = evenly(times.size, _BAND_POINTS)
    middle = np.where(np.abs(np.diff(values[at], prepend=values[at][:1])) > 180, np.nan, values[at])
    low, high = middle - sd[at], middle + sd[at]
    axes.fill_between(times[at], low, high, color=STYLES[side][0], alpha=0.15, linewidth=0)


def _annotate(axes: Axes, text: str) -> None:
    name_below(axes, text, right=True, fontsize=6, color="#333333")


def _range(values: FloatArray) -> str:
    return f"{np.nanmax(values) - np.nanmin(values):.0f}°" if np.isfinite(values).any() else "–"


def _mean(values: FloatArray) -> str:
    return f"{np.nanmean(values):z.1f}°".replace("-", "−") if np.isfinite(values).any() else "–"
