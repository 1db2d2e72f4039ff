"""Estimates missing markers from the rest of the body."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKER_INDEX, mirrored
from services.refiner.depth.smoothing import stretches
from services.refiner.vectors import unit

LIMB_MARKERS: Final = tuple(
    side + joint for side in "RL" for joint in ("Knee", "Ankle", "BigToe", "SmallToe", "Heel", "Elbow", "Wrist")
)

_HEAD: Final = {"Head": (0.0, 0.182, 0.0), "Nose": (0.07, 0.10, 0.0)}
"""Nose offset from the neck (forward, up, right) over stature, for a head that was never seen: shoulders at 0.818 and
eyes at 0.936 of stature (Drillis and Contini 1966, in Winter 2009, fig. 4.1), the nose two fingers below the eyes."""

_FORGET_S: Final = 0.2
"""Time constant of the transition between an estimate and the marker's last or next observed position."""


def estimate_missing(times: FloatArray, positions: FloatArray, stature: float) -> NDArray[np.bool_]:
    """Mirror occluded limbs from the other side and move the head with the trunk.

    times (T,) seconds; positions (T, 22, 3) metres, NaN where missing, right-handed, are completed in place. Returns a
    (T, 22) mask of the estimated values.

    A limb is mirrored through the body's sagittal plane, which assumes symmetric movement: valid for squats,
    sit-to-stand and landings, invalid for walking. The plane contains neck and hip and is perpendicular to the line of
    hips and shoulders; without all four of these in a frame, nothing is estimated there. Head and nose keep their
    median position on the trunk.
    """
    missing = np.asarray(np.isnan(positions).any(axis=2))
    trunk, hip = _trunk_axes(positions), _column(positions, "Hip")
    for name in LIMB_MARKERS:
        if name.startswith("R"):
            right, left = _column(positions, name).copy(), _column(positions, mirrored(name)).copy()
            _column(positions, name)[:] = _completed(times, right, _through_sagittal_plane(trunk, hip, left))
            _column(positions, mirrored(name))[:] = _completed(times, left, _through_sagittal_plane(trunk, hip, right))
    for name, default in _HEAD.items():
        carried = _carried_by_trunk(
            trunk, positions[:, MARKER_INDEX["Neck"]], _column(positions, name), default, stature
        )
        _column(positions, name)[:] = _completed(times, _column(positions, name), carried)
    return np.asarray(missing & np.isfinite(positions).all(axis=2))


def _column(positions: FloatArray, name: str) -> FloatArray:
    return positions[:, MARKER_INDEX[name]]


def _trunk_axes(positions: FloatArray) -> FloatArray:
    """(T, 3, 3) rows: forward, upward, to the right; NaN where hips or shoulders are missing."""
    upward = unit(_column(positions, "Neck") - _column(positions, "Hip"))
    pelvis = unit(_column(positions, "RHip") - _column(positions, "LHip"))
    shoulders = unit(_column(positions, "RShoulder") - _column(positions, "LShoulder"))
    across = pelvis + shoulders
    right = unit(across - (across * upward).sum(axis=1, keepdims=True) * upward)
    return np.stack([np.cross(upward, right), upward, right], axis=1)


def _through_sagittal_plane(trunk: FloatArray, origin: FloatArray, points: FloatArray) -> FloatArray:
    """(T, 3) the mirror image of points (T, 3) in the plane through `origin`, perpendicular to the trunk's right."""
    right = trunk[:, 2]
    return np.asarray(points - 2 * ((points - origin) * right).sum(axis=1, keepdims=True) * right)


def _carried_by_trunk(
    trunk: FloatArray, neck: FloatArray, seen: FloatArray, default: tuple[float, float, float], stature: float
) -> FloatArray:
    """(T, 3) the median position of `seen` (T, 3) on the trunk, or the `default` one, moving with the trunk."""
    local = np.einsum("tij,tj->ti", trunk, seen - neck)
    local = local[np.isfinite(local).all(axis=1)]
    place = np.median(local, axis=0) if len(local) else stature * np.array(default)
    return np.asarray(neck + np.einsum("tij,i->tj", trunk, place))


def _completed(times: FloatArray, seen: FloatArray, estimate: FloatArray) -> FloatArray:
    """(T, 3) `seen` where available, elsewhere `estimate`, blended into the values before and after without a jump."""
    gone = np.asarray(np.isnan(seen).any(axis=1))
    completed = np.where(gone[:, None], estimate, seen)
    offset = seen - estimate
    for gap in stretches(gone):
        edges = [edge for edge in (gap.start - 1, gap.stop) if _is_known(offset, edge)]
        away = np.full((2, gap.stop - gap.start), np.inf)
        for index, edge in enumerate(edges):
            away[index] = np.abs(times[gap] - times[edge]) / _FORGET_S
        for index, edge in enumerate(edges):
            completed[gap] += _hold(away[index], away[1 - index])[:, None] * offset[edge]
    return completed


def _is_known(offset: FloatArray, frame: int) -> bool:
    return 0 <= frame < len(offset) and bool(np.isfinite(offset[frame]).all())


def _hold(near: FloatArray, far: FloatArray) -> FloatArray:
    """Weight of one edge's offset: 1 there, decaying exponentially, 0 at the other edge."""
    return np.asarray((np.exp(-near) - np.exp(-near - 2 * far)) / -np.expm1(-2 * (near + far)))
