"""Error metrics of markers and angles, without torch or files.

Positions are relative to the midpoint of the hips, in the camera's upright azimuth frame: x to the
image's right, y up (true gravity), z toward the camera along the ground, so that z is the depth.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import MARKER_INDEX
from services.refiner.depth.markers import MARKER_LANDMARKS, to_markers
from services.refiner.depth.report import BONES
from training.scene.camera import Camera, azimuth_frame

COMPARED: Final = tuple(MARKER_LANDMARKS)
"""Markers that are also landmarks of the detector: all metrics use these."""

COMPARED_COLUMNS: Final = [MARKER_INDEX[name] for name in COMPARED]

_HIPS: Final = [MARKER_INDEX["RHip"], MARKER_INDEX["LHip"]]
_UP: Final = np.array([0.0, 1.0, 0.0])
_LEVEL: Final = np.array([1.0, 0.0, 1.0])
_TURNED_OVER: Final = np.array([1.0, -1.0, -1.0])
"""From the camera's axes (x right, y down, z away) to x right, y up, z toward the camera."""

_LEAST_POINTS: Final = 4
"""Minimum number of points that determine a rotation."""


def raw_markers(landmarks: Landmarks, stature: float) -> FloatArray:
    """(T, 22, 3) metres: the detector's own 3D landmarks, assuming a level camera; not scaled or corrected."""
    return to_markers(landmarks.world * _TURNED_OVER, stature)


def upright(points: FloatArray, camera: Camera) -> FloatArray:
    """Points (T, N, 3) of the world rotated to the camera's upright azimuth frame, frame by frame."""
    return np.asarray(points @ np.swapaxes(azimuth_frame(camera), 1, 2))


def from_hips(markers: FloatArray) -> FloatArray:
    """(T, 22, 3) from the middle of the hips; NaN where a hip is missing."""
    return np.asarray(markers - markers[:, _HIPS].mean(axis=1, keepdims=True))


def aligned_distance(got: FloatArray, truth: FloatArray) -> FloatArray:
    """(T,) mean distance of points (T, N, 3) after the best rotation, shift and scale of every frame (Procrustes).

    Over the points present in both; NaN where these are fewer than four.
    """
    both = np.asarray(np.isfinite(got + truth).all(axis=-1))
    count = both.sum(axis=1)
    share = both / np.maximum(count, 1)[:, None]
    a, b = (_centred(points, both, share) for points in (got, truth))
    u, values, v = np.linalg.svd(np.einsum("tni,tnj->tij", a, b))
    sign = np.ones((len(a), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ v))
    size = (a**2).sum(axis=(1, 2))
    scale = (values * sign).sum(axis=1) / np.where(size > 0, size, np.nan)
    fitted = scale[:, None, None] * a @ (u * sign[:, None]) @ v
    distance = (np.linalg.norm(fitted - b, axis=-1) * share).sum(axis=1)
    return np.where(count >= _LEAST_POINTS, distance, np.nan)


def acceleration(times: FloatArray, points: FloatArray) -> FloatArray:
    """(T, N, 3) second difference of points (T, N, 3) on the frames' own times; NaN in the first and the last frame."""
    out = np.full(points.shape, np.nan)
    before, after = (step[:, None, None] for step in (np.diff(times)[:-1], np.diff(times)[1:]))
    steps = np.diff(points, axis=0)
    out[1:-1] = 2 * (steps[1:] / after - steps[:-1] / before) / (before + after)
    return out


def bone_variation(markers: FloatArray) -> FloatArray:
    """(B,) standard deviation over mean of the length of every bone in `BONES`, of markers (T, 22, 3); NaN: never seen.

    Bones are rigid, so all variation is error.
    """
    ends = [[MARKER_INDEX[name] for name in names] for names in zip(*BONES.values(), strict=True)]
    lengths = np.linalg.norm(markers[:, ends[1]] - markers[:, ends[0]], axis=-1)
    return np.array([np.std(one) / np.mean(one) if one.size else np.nan for one in map(_finite, lengths.T)])


def camera_up(camera: Camera) -> FloatArray:
    """(T, 3) the world's up in the camera's axes: x right, y down, z away."""
    return np.asarray(camera.rotations @ _UP)


def stated_up(pitch_deg: float, roll_deg: float) -> FloatArray:
    """(3,) up in the camera's axes, from a run's `camera_pitch_deg` (positive: it looks down) and `camera_roll_deg`
    (positive: upright things lean to the right of the image), as in `services.refiner.depth.gravity.Gravity`."""
    pitch, roll = np.radians([pitch_deg, roll_deg])
    return np.array([np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), -np.sin(pitch)])


def between(first: FloatArray, second: FloatArray) -> FloatArray:
    """(...,) degrees between directions (..., 3)."""
    sine = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, (first * second).sum(axis=-1))))


def wrapped(degrees: FloatArray) -> FloatArray:
    """The same angles within [-180, 180)."""
    return np.asarray((degrees + 180) % 360 - 180)


def seen_from(markers: FloatArray, camera: Camera) -> FloatArray:
    """(T,) degrees: the side from which the camera sees the pelvis of markers (T, 22, 3) in the world.

    0 from the front, 90 from the person's left, ±180 from behind, -90 from the right.
    """
    across = (markers[:, MARKER_INDEX["LHip"]] - markers[:, MARKER_INDEX["RHip"]]) * _LEVEL
    toward = camera.centres - markers[:, _HIPS].mean(axis=1)
    ahead = np.cross(across, _UP)
    return np.asarray(np.degrees(np.arctan2((toward * across).sum(axis=1), (toward * ahead).sum(axis=1))))


def _centred(points: FloatArray, both: NDArray[np.bool_], share: FloatArray) -> FloatArray:
    known = np.where(both[..., None], points, 0.0)
    return np.asarray(np.where(both[..., None], known - np.einsum("tn,tni->ti", share, known)[:, None], 0.0))


def _finite(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]
