"""Refining markers of which there is no image: any TRC file that names joints as this project does."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray, Landmarks, Markers, MarkerSpread
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, MARKERS
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.neural import ask
from services.refiner.depth.scale import estimate_scale
from services.refiner.vectors import pair
from shared.networks import Refiner

_TO_CAMERA_AXES: Final = np.array([1.0, -1.0, -1.0])
"""From x right, y up, z towards the camera to the detector's x right, y down, z away."""

_NEEDED: Final = ("LHip", "RHip", "LShoulder", "RShoulder", "LKnee", "RKnee", "LAnkle", "RAnkle")
"""Without these, neither the body's size nor its heading is known."""


@dataclass(frozen=True)
class Refinement:
    """What came of it.

    markers   the 22 of `humanpose3d.skeleton.MARKERS`, in the frame of the given ones; the middle of the hips
              stays where it was.
    spread    their standard deviation along each axis.
    height    metres: the stature that was given, or the one that trunk and legs imply.
    """

    markers: Markers
    spread: MarkerSpread
    height: float


def refine_markers(network: Refiner, markers: Markers, height: float | None = None) -> Refinement:
    """Refine markers in a world with Y up (metres), Z along the line of sight of the camera they come from, toward it.

    That is the frame of this project's own files. The network sees how the torso is turned against that line, 48 frames
    at a time, and so knows which errors to expect. Frames without both hips stay empty.

    Raises InvalidMotion where hips, shoulders, knees or ankles are not among the markers, or are nowhere seen.
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
        raise InvalidMotion("Trunk and a whole leg are never seen together, so the size is unknown: give the height.")
    answer = ask(network, landmarks, height)
    return Refinement(
        Markers(markers.times, MARKERS, answer.markers + hips[:, None]),
        MarkerSpread(markers.times, MARKERS, answer.spread),
        height,
    )


def _as_landmarks(markers: Markers) -> tuple[Landmarks, FloatArray]:
    """The markers as a detector's landmarks without an image, and where the middle of the hips was (T, 3)."""
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
