"""The world's origin: the floor under the feet, at the pelvis's first position."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.errors import NoPersonDetected
from humanpose3d.motion import FloatArray
from services.refiner.depth.floor import FLOOR_QUANTILE, TRAVELLED_M, feet_of, regressed
from services.refiner.depth.gravity import Gravity, world_axes
from services.refiner.vectors import length, pair

_STEADY_M: Final = 0.3
"""Extent of the path below which its slope is shrunk to zero."""


@dataclass(frozen=True)
class Placement:
    """Transform from the camera frame to the world.

    axes        (3, 3) rotation from camera to world.
    origin      (3,) metres, in rotated axes: the first pelvis on the floor.
    slope       (2,) residual slope of the floor along x and z, removed by shifting whole frames vertically.
    """

    axes: FloatArray
    origin: FloatArray
    slope: FloatArray

    def to_world(self, body: FloatArray) -> FloatArray:
        """(T, 33, 3) metres: the landmarks in the world frame, right-handed, Y up, the floor at Y = 0."""
        points = body @ self.axes.T - self.origin
        points[..., 1] -= (pair(points, "hip").mean(axis=1)[:, [0, 2]] @ self.slope)[:, None]
        return np.asarray(points)


def place(body: Iterable[FloatArray], gravity: Gravity) -> Placement:
    """Put the floor under the lowest foot and the origin under the first pelvis.

    body: pieces (n, 33, 3), metres in the camera frame. The floor is level unless the person travels: residual tilt
    then appears as a floor that slopes along the path, which is levelled within the tilt's uncertainty (2 sd).
    Jumps and steps keep their height, which is determined by the image. Raises NoPersonDetected where every frame is
    NaN.
    """
    axes = world_axes(gravity.up)
    paths = [_pelvis_and_lowest((each @ axes.T)[np.isfinite(each).all(axis=(1, 2))]) for each in body]
    pelvis, lowest = (np.concatenate(values) for values in zip(*paths, strict=True))
    if not len(pelvis):
        raise NoPersonDetected("No person was found in the video. Record the whole person, in good light and alone.")
    origin = pelvis[0]
    path = (pelvis - origin)[:, [0, 2]]
    slope = np.zeros(2)
    if np.ptp(path, axis=0).max() > TRAVELLED_M:
        limit = np.tan(np.radians(2 * max(gravity.pitch_sd_deg, gravity.roll_sd_deg)))
        slope, _ = regressed(path, lowest, np.eye(2) * _STEADY_M**2)
        slope *= min(1.0, limit / max(float(length(slope)), 1e-9))
    floor = np.quantile(lowest - path @ slope, FLOOR_QUANTILE)
    return Placement(axes, np.array([origin[0], floor, origin[2]]), slope)


def _pelvis_and_lowest(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n, 3) the middle of the hips, and (n,) the height of the lowest foot point."""
    return pair(points, "hip").mean(axis=1), feet_of(points)[..., 1].min(axis=1)
