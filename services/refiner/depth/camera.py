"""Camera geometry: viewing rays of image points, and the person's position relative to the camera."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from humanpose3d.motion import CameraMotion, FloatArray, Landmarks, read_only
from humanpose3d.options import FOCAL_LENGTH
from humanpose3d.skeleton import LANDMARK_INDEX
from services.refiner.depth.smoothing import low_pass
from services.refiner.vectors import Seen, pieces

_TRUNK_AND_LIMBS: Final = [
    LANDMARK_INDEX[f"{side}_{joint}"]
    for joint in ("shoulder", "elbow", "hip", "knee", "ankle")
    for side in ("left", "right")
]

_LEAST_AHEAD: Final = 0.1
"""Minimum component of a unit ray along the optical axis: 84° from it, to keep slopes finite."""

_DISTANCE_HZ: Final = 1.0
"""Distance is estimated from the apparent size, whose jitter is a few per cent; a body's true distance is smooth."""


def rays(landmarks: Landmarks) -> FloatArray:
    """(T, 33, 2) slopes x/z and y/z of the viewing rays in the camera's frame (x right, y down, z away)."""
    size = np.array(landmarks.image_size, dtype=float)
    return np.asarray((landmarks.pixels - size / 2) / (FOCAL_LENGTH * size.max()))


def stabilised(landmarks: Landmarks, motion: CameraMotion) -> Landmarks:
    """The landmarks as seen by a camera that keeps the orientation and zoom of the first frame.

    Pixels are moved to where their viewing rays meet that image plane, also outside the image. The body, in the axes of
    a camera that faces it (`person_in_camera`), is rotated about the line of sight by the remaining rotation.
    """
    size = np.array(landmarks.image_size, dtype=float)
    longer, focal = size.max(), motion.focal_lengths
    slopes = (landmarks.pixels - size / 2) / (focal * longer)[:, None, None]
    turned = _turned(slopes, motion.rotations)
    hips = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
    before, after = _towards(slopes[:, hips].mean(axis=1)), _towards(turned[:, hips].mean(axis=1))
    about_sight = np.einsum("tji,tjk,tkl->til", after, motion.rotations, before)
    return Landmarks(
        times=landmarks.times,
        pixels=size / 2 + focal[0] * longer * turned,
        world=np.einsum("tij,tkj->tki", about_sight, landmarks.world),
        visibility=landmarks.visibility,
        image_size=landmarks.image_size,
    )


def _turned(slopes: FloatArray, rotations: FloatArray) -> FloatArray:
    """(T, N, 2) slopes of rays after rotations (T, 3, 3); those that leave the front half-space are clipped to its
    edge."""
    rays = np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=2)
    x, y, z = np.moveaxis(np.einsum("tij,tkj->tki", rotations, rays), 2, 0)
    return np.asarray(np.stack([x, y], axis=2) / np.maximum(z, _LEAST_AHEAD)[..., None])


def at_assumed_focal_length(landmarks: Landmarks, focal_length: float | None) -> Landmarks:
    """The landmarks as seen by a camera of the assumed focal length, given the true one (as a share of the image's
    longer side)."""
    if focal_length is None:
        return landmarks
    middle = np.array(landmarks.image_size) / 2
    pixels = landmarks.pixels - middle
    pixels *= FOCAL_LENGTH / focal_length
    pixels += middle
    return replace(landmarks, pixels=read_only(pixels))


@dataclass(frozen=True, eq=False)
class Person:
    """A person in the camera frame (x right, y down, z away), metres; evaluated for some frames at a time.

    body   the 33 landmarks (n, 33, 3) of some frames in the axes of the camera, up to translation.
    shift  (T, 3) translation that fits them to the image; NaN where no position in front of the camera fits.
    """

    body: Callable[[slice], FloatArray]
    shift: FloatArray

    def __call__(self, frames: slice) -> FloatArray:
        """(n, 33, 3) the landmarks of some frames."""
        return np.asarray(self.body(frames) + self.shift[frames, None])

    def pieces(self) -> Iterator[tuple[slice, FloatArray]]:
        """All frames, with the landmarks' positions."""
        return ((frames, self(frames)) for frames in pieces(len(self.shift)))


def person_in_camera(times: FloatArray, seen: Seen, scale: float) -> Person:
    """The landmarks, times `scale`, positioned in front of the camera.

    The pose network sees a crop around the person and does not know its position in the image, so its axes are those
    of a camera that faces the person (see Yu et al. 2021, PerspectiveCrop layers, CVPR): they are first rotated to the
    ray through the hips. The position is then the one from which the landmarks, times `scale`,
    fit their image coordinates, in the least-squares sense over shoulders, elbows, hips, knees and ankles.
    NaN where no person was detected, or where no position in front of the camera fits.
    """

    def body(frames: slice) -> FloatArray:
        landmarks = seen(frames)
        hips = rays(landmarks)[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1)
        return np.asarray(scale * np.einsum("tij,tkj->tki", _towards(hips), landmarks.world))

    return placed(times, seen, body)


def placed(times: FloatArray, seen: Seen, body: Callable[[slice], FloatArray]) -> Person:
    """A body in the axes of the camera, translated to fit the image."""
    positions = []
    for frames in pieces(len(times)):
        landmarks = seen(frames)
        limbs = body(frames)[:, _TRUNK_AND_LIMBS]
        positions.append(
            _position(limbs, rays(landmarks)[:, _TRUNK_AND_LIMBS], landmarks.visibility[:, _TRUNK_AND_LIMBS])
        )
    position = np.concatenate(positions)
    distance = np.where(position[:, 2:] > 0, position[:, 2:], np.nan)
    calm = np.exp(low_pass(times, np.log(distance), _DISTANCE_HZ))
    return Person(body, position * calm / distance)


def _towards(slopes: FloatArray) -> FloatArray:
    """(T, 3, 3) smallest rotations that take the optical axis (0, 0, 1) to rays with slopes (T, 2)."""
    ray = np.concatenate([slopes, np.ones_like(slopes[:, :1])], axis=1)
    x, y, z = (ray / np.linalg.norm(ray, axis=1, keepdims=True)).T
    k = 1 / (1 + z)
    rows = [[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]]
    return np.moveaxis(np.array(rows), 2, 0)


def _position(body: FloatArray, slopes: FloatArray, weights: FloatArray) -> FloatArray:
    """(T, 3) metres: the t that best solves slope · (body_z + t_z) = body_xy + t_xy over N weighted points.

    body (T, N, 3), slopes (T, N, 2), weights (T, N). Linear in t: the plain normal equations, frame by frame.
    """
    weights = np.maximum(weights, 1e-3)[..., None]
    rest = slopes * body[..., 2:] - body[..., :2]
    mean = (weights * np.concatenate([slopes, rest], axis=2)).sum(axis=1) / weights.sum(axis=1)
    slope_mean, rest_mean = mean[:, :2], mean[:, 2:]
    spread, together = slopes - slope_mean[:, None], rest - rest_mean[:, None]
    size = (weights * spread**2).sum(axis=(1, 2))
    distance = -(weights * spread * together).sum(axis=(1, 2)) / np.where(size > 0, size, np.nan)
    return np.concatenate([slope_mean * distance[:, None] + rest_mean, distance[:, None]], axis=1)
