"""Scale of the person relative to the detector's world landmarks: one factor per clip."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray, Landmarks
from services.refiner.vectors import at, length, pair

SHARE_OF_STATURE: Final = {"trunk": 0.2916, "thigh": 0.2275, "shank": 0.2493}
"""Length over stature, the mean of women (1.735 m) and men (1.741 m) in de Leva (1996), J. Biomech. 29:1223, table 4:
mid-shoulder to mid-hip 0.498 and 0.516 m, hip to knee 0.369 and 0.422 m, knee to ankle 0.432 and 0.434 m.

Their sum varies far less between people than each of them, since a lower hip joint centre means a longer trunk and a
shorter thigh. Feet are omitted because the detector underestimates them strongly, arms because they are seldom
straight.
"""


@dataclass(frozen=True)
class Scale:
    """The factor from world landmarks to the subject's metres.

    factor              stated stature over implied stature.
    implied_stature_m   stature implied by the landmarks' trunk, thigh and shank; NaN where never clearly visible.
    implied_spread_m    its interquartile range over the frames.
    frames              number of frames used.
    """

    factor: float
    implied_stature_m: float
    implied_spread_m: float
    frames: int


def estimate_scale(landmarks: Landmarks, stature: float, visibility_min: float) -> Scale:
    """Compare the summed lengths of trunk, thigh and shank with the subject's stature (metres).

    The median over the frames in which the trunk and a whole leg are visible; the scale is 1 where there are none.
    """
    return scale_of(visible_lengths(landmarks, visibility_min), stature)


def scale_of(lengths: FloatArray, stature: float) -> Scale:
    """The same from `visible_lengths` (T,)."""
    implied = lengths[lengths > 0] / sum(SHARE_OF_STATURE.values())
    if implied.size == 0:
        return Scale(1.0, float("nan"), float("nan"), 0)
    low, middle, high = np.percentile(implied, [25, 50, 75])
    return Scale(float(stature / middle), float(middle), float(high - low), implied.size)


def visible_lengths(landmarks: Landmarks, visibility_min: float) -> FloatArray:
    """(T,) trunk + thigh + shank of the world landmarks; NaN where the trunk or both legs are occluded."""
    seen = np.where(landmarks.visibility >= visibility_min, 1.0, np.nan)[..., None]
    return segment_lengths(landmarks.world * seen)


def segment_lengths(points: FloatArray) -> FloatArray:
    """(T,) trunk + thigh + shank in the units of `points` (T, 33, 3), mean of the visible legs."""
    trunk = length(at(points, "left_shoulder", "right_shoulder") - at(points, "left_hip", "right_hip"))
    hip, knee, ankle = (pair(points, joint) for joint in ("hip", "knee", "ankle"))
    legs = length(hip - knee) + length(knee - ankle)
    there = np.isfinite(legs)
    leg = np.where(there, legs, 0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan)
    return np.asarray(trunk + leg)
