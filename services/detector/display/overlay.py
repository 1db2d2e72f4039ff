"""Draws the landmarks over the image."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARK_SEGMENTS, LANDMARKS
from services.detector.pose.landmarker import Pose
from services.detector.video.orientation import Image

COLOURS: Final = {"left": (86, 180, 233), "right": (230, 159, 0), "centre": (240, 240, 240)}
"""RGB: sky blue and orange of Okabe & Ito's palette (2008), safe for colour blindness; the midline is white."""

FAINT: Final = 0.25
"""Opacity of what is less visible than requested."""

CONNECTIONS: Final = tuple((LANDMARK_INDEX[start], LANDMARK_INDEX[end]) for start, end in LANDMARK_SEGMENTS)
"""The lines that join landmarks, as pairs of their indices."""


def draw(image: Image, pose: Pose | None, visibility_min: float) -> Image:
    """A copy of the image with the pose on it; what is less visible than `visibility_min` is faint."""
    drawn = image.copy()
    if pose is None:
        return drawn
    visible = pose.visibility >= visibility_min
    if not visible.all():
        _draw(drawn, pose, np.ones_like(visible))
        drawn = cv2.addWeighted(drawn, FAINT, image, 1 - FAINT, 0).astype(np.uint8, copy=False)
    _draw(drawn, pose, visible)
    return drawn


def _draw(image: Image, pose: Pose, which: NDArray[np.bool_]) -> None:
    height, width, _ = image.shape
    thickness = max(1, round(min(height, width) / 270))
    limit = 4 * max(height, width)  # OpenCV counts sub-pixels in 32 bits
    points = [(int(x), int(y)) for x, y in np.clip(np.rint(pose.pixels), -limit, limit)]
    for start, end in CONNECTIONS:
        if which[start] and which[end]:
            cv2.line(image, points[start], points[end], _colour(start, end), thickness, cv2.LINE_AA)
    for index in np.flatnonzero(which).tolist():
        cv2.circle(image, points[index], thickness + 1, _colour(index, index), cv2.FILLED, cv2.LINE_AA)


def _colour(start: int, end: int) -> tuple[int, int, int]:
    side = _side(LANDMARKS[start])
    return COLOURS[side if side == _side(LANDMARKS[end]) else "centre"]


def _side(landmark: str) -> str:
    return next((side for side in ("left", "right") if side in landmark), "centre")
