"""Compares a network's markers with the detector's left and right and with its view of the person."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, MARKER_INDEX
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.side_evidence import facing, facing_agreement
from services.refiner.vectors import columns, length, pieces

_PARTS: Final = (("knee", "ankle", "heel", "foot_index"), ("elbow", "wrist"), ("shoulder", "hip"))
_CLEARLY_M: Final = 0.03
"""How much nearer limbs must be to the detector's other side, on average, to count as swapped."""

_AGREES: Final = 0.3
"""Agreement of trunk and feet from which the detector's heading is considered unambiguous."""

_TURNED_SHARE: Final = 0.5


@dataclass(frozen=True)
class Sides:
    """A network's markers against the detector's landmarks, frame by frame.

    swapped  (T,) True where legs, arms or trunk have the labels of the detector's other side.
    turned   (T,) True where the trunk faces the opposite way, though the detector's trunk and feet agree.
    """

    swapped: NDArray[np.bool_]
    turned: NDArray[np.bool_]

    @property
    def contradicted(self) -> bool:
        """Whether the heading is reversed for most of the clip: not a local correction, but a misinterpretation."""
        return bool(self.turned.mean() > _TURNED_SHARE)


def compared(landmarks: Landmarks, markers: FloatArray, axes: FloatArray) -> Sides:
    """markers (T, 22, 3) in the world frame, axes (3, 3) from the camera frame to the world."""
    swapped, turned = (np.zeros(len(markers), dtype=bool) for _ in range(2))
    for piece in pieces(len(markers)):
        release(landmarks.world)
        seen, made = landmarks.world[piece], _as_landmarks(markers[piece] @ axes)
        swapped[piece] = np.any([_other_side(seen, made, part) for part in _PARTS], axis=0)
        opposed = (facing(seen) * facing(made)).sum(axis=1) < -_AGREES
        turned[piece] = opposed & (facing_agreement(seen) > _AGREES)
    return Sides(swapped, turned)


def _other_side(seen: FloatArray, made: FloatArray, joints: tuple[str, ...]) -> NDArray[np.bool_]:
    """(T,) whether the joints in the image plane are clearly nearer to those of the other side."""
    paired = [columns(joint) for joint in joints]
    here, there = (made[:, paired, :2] - _about_hips(seen)[:, each, :2] for each in (paired, np.flip(paired, axis=1)))
    return np.asarray(length(here).mean(axis=(1, 2)) > length(there).mean(axis=(1, 2)) + _CLEARLY_M)


def _as_landmarks(markers: FloatArray) -> FloatArray:
    """(T, 33, 3) from the middle of the hips; NaN where there is no marker for a landmark."""
    points = np.full((len(markers), len(LANDMARKS), 3), np.nan)
    points[:, [LANDMARK_INDEX[landmark] for landmark in MARKER_LANDMARKS.values()]] = markers[
        :, [MARKER_INDEX[marker] for marker in MARKER_LANDMARKS]
    ]
    return _about_hips(points)


def _about_hips(points: FloatArray) -> FloatArray:
    return np.asarray(points - points[:, columns("hip")].mean(axis=1, keepdims=True))
