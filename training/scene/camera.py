"""Cameras with tilt and shake, and their projection of points."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray

WORLD_TO_CAMERA_AXES = np.diag([1.0, -1.0, -1.0])
"""Of a camera that looks along −z of a y-up world: camera axes are x right, y down, z away from it."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera over time.

    size       (width, height) of the image, pixels; the principal point is its middle.
    focal      focal length, pixels.
    rotations  (T, 3, 3) world (y up) to camera axes (x right, y down, z away).
    centres    (T, 3) metres, its position in the world.
    """

    size: tuple[int, int]
    focal: float
    rotations: FloatArray
    centres: FloatArray

    def to_camera(self, points: FloatArray) -> FloatArray:
        """World points (T, N, 3) in camera axes, metres."""
        return (points - self.centres[:, None]) @ np.swapaxes(self.rotations, 1, 2)

    def project(self, points: FloatArray) -> FloatArray:
        """World points (T, N, 3) to pixels (T, N, 2); NaN behind the camera."""
        x, y, z = np.moveaxis(self.to_camera(points), -1, 0)
        depth = np.where(z > 1e-3, z, np.nan)
        return np.stack([self.focal * x / depth + self.size[0] / 2, self.focal * y / depth + self.size[1] / 2], axis=-1)


def look(azimuth: float, pitch: float, roll: float) -> FloatArray:
    """(3, 3) world to camera of a camera that looks along −z turned left by the azimuth, then tilted up by the pitch,
    then rolled; radians. A positive roll turns the camera clockwise as seen from behind it."""
    turn = Rotation.from_euler("YXZ", [azimuth, pitch, -roll]).as_matrix()
    return np.asarray(WORLD_TO_CAMERA_AXES @ turn.T)


def camera_angles(rotations: FloatArray) -> FloatArray:
    """(T, 3) azimuth, pitch and roll, radians: what `look` made the rotations (T, 3, 3) from."""
    turns = np.swapaxes(WORLD_TO_CAMERA_AXES @ rotations, 1, 2)
    return np.asarray(Rotation.from_matrix(turns).as_euler("YXZ") * np.array([1.0, 1.0, -1.0]))


def azimuth_frame(camera: Camera) -> FloatArray:
    """(T, 3, 3) world to the frame that looks where the camera looks but stays upright: x right, y up, z toward it."""
    azimuth = camera_angles(camera.rotations)[:, :1]
    return np.asarray(np.swapaxes(Rotation.from_euler("Y", azimuth).as_matrix().reshape(-1, 3, 3), 1, 2))
