"""Draws the landmarks over the image."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARK_SEGMENTS, LANDMARKS
from services.detector.pose.landmarker import Pose
from services.detector.video.canvas import Canvas

COLOURS: Final = {"left": (86, 180, 233), "right": (230, 159, 0), "centre": (240, 240, 240)}
"""RGB: sky blue and orange of Okabe & Ito's palette (2008), safe for colour blindness; the midline is white."""

FAINT: Final = 0.25
"""Opacity of what is less visible than requested."""

SHIFT: Final = 2
SUBPIXELS: Final = 1 << SHIFT
"""OpenCV draws at fractions of a pixel."""

CONNECTIONS: Final = tuple((LANDMARK_INDEX[start], LANDMARK_INDEX[end]) for start, end in LANDMARK_SEGMENTS)
"""The lines that join landmarks, as pairs of their indices."""


def draw(canvas: Canvas, pose: Pose | None, visibility_min: float) -> None:
    """Draw the pose; what is less visible than `visibility_min` is faint."""
    if pose is None:
        return
    visible = pose.visibility >= visibility_min
    if not visible.all():
        original = canvas.copy()
        _draw(canvas, pose, np.ones_like(visible))
        canvas.fade(original, FAINT)
    _draw(canvas, pose, visible)


def _draw(canvas: Canvas, pose: Pose, which: NDArray[np.bool_]) -> None:
    thickness = max(1, round(min(canvas.size) / 270))
    colours = {side: canvas.colours.stored(colour) for side, colour in COLOURS.items()}
    limit = 4 * max(canvas.size)  # OpenCV counts sub-pixels in 32 bits
    pixels = np.clip(np.rint(pose.pixels), -limit, limit)
    for channel, layer in enumerate(canvas.layers):
        values = {side: stored[channel] for side, stored in colours.items()}
        width = max(1, thickness * layer.shape[1] // canvas.size[0])
        points = np.rint(SUBPIXELS * canvas.on_layer(layer, pixels)).astype(int).tolist()
        for start, end in CONNECTIONS:
            if which[start] and which[end]:
                value = values[_side_of(start, end)]
                cv2.line(layer, points[start], points[end], (value,), width, cv2.LINE_AA, SHIFT)
        for index in np.flatnonzero(which).tolist():
            value = values[_side_of(index, index)]
            cv2.circle(layer, points[index], SUBPIXELS * (width + 1), (value,), cv2.FILLED, cv2.LINE_AA, SHIFT)


def _side_of(start: int, end: int) -> str:
    side = _side(LANDMARKS[start])
    return side if side == _side(LANDMARKS[end]) else "centre"


def _side(landmark: str) -> str:
    return next((side for side in ("left", "right") if side in landmark), "centre")
