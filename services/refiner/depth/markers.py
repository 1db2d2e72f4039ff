"""From the detector's 33 landmarks to the 22 markers of `humanpose3d.skeleton.MARKERS`."""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKER_INDEX, MARKERS
from services.refiner.vectors import at, length, pair, unit

_COPIED: Final = {
    "Hip": ("left_hip", "right_hip"),
    "Neck": ("left_shoulder", "right_shoulder"),
    "Nose": ("nose",),
} | {
    f"{side[0].upper()}{marker}": (f"{side}_{landmark}",)
    for side in ("right", "left")
    for marker, landmark in (
        ("Hip", "hip"),
        ("Knee", "knee"),
        ("Ankle", "ankle"),
        ("BigToe", "foot_index"),
        ("Heel", "heel"),
        ("Shoulder", "shoulder"),
        ("Elbow", "elbow"),
        ("Wrist", "wrist"),
    )
}
"""Marker → the landmarks whose mean it is. The neck is the middle of the shoulders as in OpenPose's BODY_25, on which
the augmentation LSTM was trained (Uhlrich et al. 2023, PLoS Comput. Biol. 19:e1011462). `foot_index` is taken for the
tip of the big toe, as Pose2Sim's BLAZEPOSE skeleton does; BlazePose's authors do not state which toe it is."""

MARKER_LANDMARKS: Final = {marker: names[0] for marker, names in _COPIED.items() if len(names) == 1}
"""Marker → landmark, for markers that equal one landmark."""

_SMALL_TOE_FORWARD: Final = 0.83
_SMALL_TOE_LATERAL: Final = 0.18
_FOOT_OF_STATURE: Final = 0.136
"""The small toe: 0.83 of the way from heel to big toe and 0.18 of that distance to the outside; heel to big toe is
0.136 of stature. From the marker positions on the foot of the 1.70 m model in Pose2Sim 0.10.49, `Markers_Halpe26.xml`:
from the heel, the big toe is 0.230 m anterior and 0.012 m medial, the small toe 0.192 m anterior and 0.032 m
lateral."""

_LEAST_ANGLE: Final = 0.5
"""Sine of the angle between foot and shank (30°) below which their plane does not determine the lateral side."""

_VERTEX_ABOVE_EARS: Final = 0.075
"""Of stature: tragion to top of head, about 0.13 m of 1.75 m (ANSUR, Gordon et al. 1989)."""


def to_markers(points: FloatArray, stature: float) -> FloatArray:
    """(T, 22, 3) metres: the markers, from landmarks (T, 33, 3) in a right-handed frame, NaN where missing.

    The head is the top of the head (HALPE_26): above the midpoint of the ears, perpendicular to the line between them,
    in the direction from mouth to eyes. BlazePose has no small toe: it is placed from heel and big toe, see
    `_small_toe`.
    """
    markers = np.empty((len(points), len(MARKERS), 3))
    for marker, landmarks in _COPIED.items():
        markers[:, MARKER_INDEX[marker]] = at(points, *landmarks)
    markers[:, MARKER_INDEX["Head"]] = _vertex(points, stature)
    toes = _small_toe(points, stature)
    markers[:, [MARKER_INDEX["LSmallToe"], MARKER_INDEX["RSmallToe"]]] = toes
    return markers


def _vertex(points: FloatArray, stature: float) -> FloatArray:
    """(T, 3) metres: the top of the head."""
    across = unit(at(points, "right_ear") - at(points, "left_ear"))
    rise = at(points, "left_eye", "right_eye") - at(points, "mouth_left", "mouth_right")
    upward = unit(rise - (rise * across).sum(axis=-1, keepdims=True) * across)
    return np.asarray(at(points, "left_ear", "right_ear") + _VERTEX_ABOVE_EARS * stature * upward)


def _small_toe(points: FloatArray, stature: float) -> FloatArray:
    """(T, 2, 3) metres: left and right.

    Lateral is perpendicular to foot and shank. Where the foot is nearly parallel to the shank (on tiptoe, or due to
    noise in a foot seen end-on), the line between the hips gradually replaces it.
    """
    heel, toe = pair(points, "heel"), pair(points, "foot_index")
    foot = unit(toe - heel)
    shank = unit(pair(points, "knee") - pair(points, "ankle"))
    rightwards = np.cross(foot, shank)
    across = (at(points, "right_hip") - at(points, "left_hip"))[:, None]
    across = unit(across - (across * foot).sum(axis=-1, keepdims=True) * foot)
    trust = np.nan_to_num(np.clip(length(rightwards) / _LEAST_ANGLE, 0, 1))[..., None]
    lateral = unit(np.nan_to_num(trust * unit(rightwards)) + np.nan_to_num((1 - trust) * across))
    outwards = lateral * np.array([-1.0, 1.0])[:, None]
    width = _SMALL_TOE_LATERAL * _FOOT_OF_STATURE * stature
    return np.asarray(heel + _SMALL_TOE_FORWARD * (toe - heel) + width * outwards)
