"""A first guess of the coordinates, straight from the joint centres among the markers."""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from services.angles.rotations import zxy
from services.angles.skeleton.kinematics import cross
from services.angles.skeleton.model import Model

Points = dict[str, FloatArray]

_LIMBS: Final = {
    ("Hip", "Knee", "Ankle"): ("hip_flexion", "hip_adduction", "knee_angle"),
    ("Shoulder", "Elbow", "Wrist"): ("arm_flex", "arm_add", "elbow_flex"),
}

_TURNS: Final = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
"""What may go on beyond half a turn."""


def guess(model: Model, positions: FloatArray) -> FloatArray:
    """(T, n) from the model's markers (T, M, 3); NaN where the joint centres do not tell.

    Raises ValueError without hips.
    """
    points = {name: positions[:, index] for index, name in enumerate(model.markers)}
    found = _pelvis(points)
    pelvis, torso = _pelvis_axes(points), _torso_axes(points)
    lumbar = np.radians(zxy(np.swapaxes(pelvis, 1, 2) @ torso))
    found |= dict(zip(("lumbar_extension", "lumbar_bending", "lumbar_rotation"), lumbar.T, strict=True))
    for side, lead in (("R", 1.0), ("L", -1.0)):
        for (first, middle, last), names in _LIMBS.items():
            base = pelvis if first == "Hip" else torso
            angles = _limb(base, points[side + first], points[side + middle], points[side + last], lead)
            found |= {f"{name}_{side.lower()}": angle for name, angle in zip(names, angles, strict=True)}
    out = np.full((len(positions), len(model.coordinates)), np.nan)
    for name, values in found.items():
        out[:, model.coordinate(name)] = values
    return out


def bridged(model: Model, times: FloatArray, guesses: FloatArray) -> FloatArray:
    """The guesses (T, n) without gaps, and without jumps by whole turns; defaults where nothing tells. In place."""
    for index, coordinate in enumerate(model.coordinates):
        values = guesses[:, index]
        known = np.isfinite(values)
        if not known.any():
            values[:] = coordinate.default
            continue
        if coordinate.name in _TURNS:
            values[known] = np.unwrap(values[known])
        values[:] = np.interp(times, times[known], values[known])
    return guesses


def _pelvis(points: Points) -> Points:
    """Orientation, and the place where the model's hip centres come to be between the markers of the hips."""
    axes = _pelvis_axes(points)
    angles = np.radians(zxy(axes))
    hip = (points["RHip"] + points["LHip"]) / 2
    origin = hip - axes @ np.array([-0.064, -0.081, 0.0])
    return dict(
        zip((*_TURNS, "pelvis_tx", "pelvis_ty", "pelvis_tz"), np.concatenate([angles, origin], axis=1).T, strict=True)
    )


def _pelvis_axes(points: Points) -> FloatArray:
    """(T, 3, 3): z along the hips; forward from the iliac spines where they are there, else square to the trunk."""
    right = points["RHip"] - points["LHip"]
    up = points["Neck"] - (points["RHip"] + points["LHip"]) / 2
    forward = cross(up, right)
    if "r.ASIS_study" in points:
        spines = [points[f"{side}.{name}_study"] for name in ("ASIS", "PSIS") for side in ("r", "L")]
        front = (spines[0] + spines[1] - spines[2] - spines[3]) / 2
        forward = np.where(np.isfinite(front), front, forward)
    z = _unit(right)
    x = _unit(forward - (forward * z).sum(axis=1, keepdims=True) * z)
    return np.stack([x, cross(z, x), z], axis=2)


def _torso_axes(points: Points) -> FloatArray:
    y = _unit(points["Neck"] - (points["RHip"] + points["LHip"]) / 2)
    x = _unit(cross(y, points["RShoulder"] - points["LShoulder"]))
    return np.stack([x, y, cross(x, y)], axis=2)


def _limb(
    base: FloatArray, proximal: FloatArray, middle: FloatArray, distal: FloatArray, lead: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Flexion and adduction of the upper part seen from the base, and flexion of the lower part against it."""
    upper, lower = _unit(middle - proximal), _unit(distal - middle)
    seen = (np.swapaxes(base, 1, 2) @ upper[..., None])[..., 0]
    flexion = np.arctan2(seen[:, 0], -seen[:, 1])
    adduction = -lead * np.arcsin(np.clip(seen[:, 2], -1, 1))
    return flexion, adduction, np.arccos(np.clip((upper * lower).sum(axis=1), -1, 1))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, np.nan))
