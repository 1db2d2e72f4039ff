"""Figure of mean gait cycles."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from humanpose3d.analysis import CYCLE_POINTS, Analysis, MeanCurve
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from shared.results.labels import ROWS
from shared.results.plots.page import LOOK, STYLES, add_legend, new_page, save_page, sides_legend
from shared.results.plots.panels import finish, panels

_PERCENT: Final = np.arange(CYCLE_POINTS)
_NORM: Final = "#BBBBBB"


@rc_context(LOOK)
def save_cycles(path: Path, analysis: Analysis, title: str) -> None:
    """Every angle over the mean cycle ±1 standard deviation, right and left in one panel, before the norm's band.

    Raises OutputNotWritable.
    """
    strides = {curve.side: curve.n for curve in analysis.curves}
    counts = ", ".join(f"{count} of the {side}" for side, count in strides.items())
    figure = new_page(title, f"Joint angles in degrees over the gait cycle, mean ± 1 SD of strides ({counts})")
    for row, angle, axes in panels(figure, tuple(ROWS), "gait cycle (%)"):
        group = JOINT_GROUPS[JOINT_GROUP_INDEX[row if row in JOINT_GROUP_INDEX else f"{row}_r"]]
        name = group.angles[angle]
        for curve in analysis.curves:
            if curve.sideless == (row, name):
                _draw(axes, curve)
        finish(axes, 0, 100)
    legend = sides_legend()
    legend.pop("pelvis, trunk")
    if analysis.norms is not None:
        legend["norm ± 1 SD"] = Line2D([], [], color=_NORM, linewidth=6)
    add_legend(figure, legend)
    save_page(figure, path)


def _draw(axes: Axes, curve: MeanCurve) -> None:
    colour, style = STYLES[curve.side[0]]
    mean = np.array(curve.mean)
    if curve.norm_mean is not None and curve.norm_sd is not None and curve.side == "right":
        norm, sd = np.array(curve.norm_mean), np.array(curve.norm_sd)
        axes.fill_between(_PERCENT, norm - sd, norm + sd, color=_NORM, alpha=0.6, linewidth=0)
    if curve.sd is not None:
        sd = np.array(curve.sd)
        axes.fill_between(_PERCENT, mean - sd, mean + sd, color=colour, alpha=0.15, linewidth=0)
    axes.plot(_PERCENT, mean, color=colour, linestyle=style, linewidth=1.1, solid_capstyle="round")
