"""Refines markers without images, from any TRC file with this project's joint names."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray, Landmarks, Markers, MarkerSd
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, MARKERS
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.neural import ask
from services.refiner.depth.scale import estimate_scale
from services.refiner.vectors import pair
from shared.networks import Refiner

_TO_CAMERA_AXES: Final = np.array([1.0, -1.0, -1.0])
"""From x right, y up, z towards the camera to the detector's x right, y down, z away."""

_NEEDED: Final = ("LHip", "RHip", "LShoulder", "RShoulder", "LKnee", "RKnee", "LAnkle", "RAnkle")
"""Required markers: without these, neither body size nor heading is known."""


@dataclass(frozen=True)
class Refinement:
    """The refined markers.

    markers   the 22 of `humanpose3d.skeleton.MARKERS`, in the frame of the input; the mid-hip position is
              unchanged.
    spread    their standard deviation along each axis.
    height    metres: the given stature, or the one implied by trunk and legs.
    """

    markers: Markers
    spread: MarkerSd
    height: float


def refine_markers(network: Refiner, markers: Markers, height: float | None = None) -> Refinement:
    """Refine markers in a world with Y up (metres) and Z along the line of sight, towards the recording camera.

    That is the frame of this project's own files. From windows of 48 frames the network infers the torso's orientation
    relative to the line of sight, which determines the expected errors. Frames without both hips stay empty.

    Raises InvalidMotion where hips, shoulders, knees or ankles are not among the markers, or have no values.
    """
    lacking = [name for name in _NEEDED if name not in markers.names]
    if lacking:
        raise InvalidMotion(
            f"Markers named {', '.join(lacking)} are needed to refine a pose; the file has {', '.join(markers.names)}. "
            "Rename its columns to these names (those of OpenPose and HALPE_26)."
        )
    landmarks, hips = _as_landmarks(markers)
    if height is None:
        height = estimate_scale(landmarks, 1.0, 0.5).implied_stature_m
    if not np.isfinite(height):
        raise InvalidMotion("Trunk and a whole leg are never seen together, so the size is unknown: state the height.")
    answer = ask(network, landmarks, height)
    return Refinement(
        Markers(markers.times, MARKERS, answer.markers + hips[:, None]),
        MarkerSd(markers.times, MARKERS, answer.spread),
        height,
    )


def _as_landmarks(markers: Markers) -> tuple[Landmarks, FloatArray]:
    """The markers as detector landmarks without an image, and the mid-hip positions (T, 3)."""
    known = [name for name in MARKER_LANDMARKS if name in markers.names]
    columns = [LANDMARK_INDEX[MARKER_LANDMARKS[name]] for name in known]
    points = np.full((len(markers.times), len(LANDMARKS), 3), np.nan)
    points[:, columns] = markers.select(tuple(known)).positions
    hips = pair(points, "hip").mean(axis=1)
    world = (points - hips[:, None]) * _TO_CAMERA_AXES
    there = np.isfinite(world).all(axis=2)
    someone = np.isfinite(hips).all(axis=1)
    world = np.where(someone[:, None, None], np.nan_to_num(world), np.nan)
    no_image = np.full((*world.shape[:2], 2), np.nan)
    return Landmarks(markers.times, no_image, world, there.astype(float), (1, 1)), hips
