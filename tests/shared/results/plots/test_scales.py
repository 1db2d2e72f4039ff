"""The scales are where matplotlib draws its own."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from shared.results.plots.page import LOOK
from shared.results.plots.scales import Scales

LIKE_OURS = {"axes.grid": True, "axes.axisbelow": True, "grid.color": "#DDDDDD", "grid.linewidth": 0.4} | {
    f"axes.spines.{side}": False for side in ("right", "top")
}


def drawn(limits: tuple[float, float, float, float], scales: Callable[[Axes], object]) -> np.ndarray:
    """Grey values of axes with these limits (left, right, bottom, top)."""
    figure = Figure(figsize=(3, 2), dpi=200)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlim=limits[:2], ylim=limits[2:])
    scales(axes)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.asarray(rgba[..., :3].mean(axis=2))


@pytest.mark.parametrize("limits", [(0, 13.3, -21, 83), (0, 0.4, -0.5, 0.2), (0, 480, 854, 0), (3, 3604, -180, 180)])
def test_grid_ticks_and_labels_are_matplotlibs(limits: tuple[float, float, float, float]):
    ours = rc_context(LOOK)(drawn)(limits, Scales)
    theirs = rc_context(LOOK | LIKE_OURS)(drawn)(limits, lambda axes: None)
    blurred = [cv2.blur(image, (9, 9)) for image in (ours, theirs)]  # lines are snapped to pixels, theirs otherwise
    assert np.abs(blurred[0] - blurred[1]).max() < 15  # a label by 2 points elsewhere: 90
    grid = [int((np.abs(image - 0xDD) < 1).sum()) for image in (ours, theirs)]
    assert grid[1] > 300
    assert grid[0] == pytest.approx(grid[1], rel=0.2)


def test_labels_are_only_at_the_sides_that_are_named():
    image = drawn((0, 10, 0, 10), lambda axes: Scales(axes, ("left",), grid=False))
    rows, columns = np.nonzero(image < 128)
    height, width = image.shape
    assert rows.max() < 0.89 * height + 10  # the axes end there, and their ticks are 6 pixels long
    assert columns.min() < 0.125 * width - 10


def test_names_can_be_labels():
    def named(axes: Axes) -> None:
        axes.yaxis.set_major_locator(FixedLocator([1, 2]))
        axes.yaxis.set_major_formatter(FixedFormatter(["one", "one and a half"]))
        Scales(axes)

    _, columns = np.nonzero(drawn((0, 10, 0, 3), named) < 128)
    _, usual = np.nonzero(drawn((0, 10, 0, 3), Scales) < 128)
    assert columns.min() < usual.min() - 20
