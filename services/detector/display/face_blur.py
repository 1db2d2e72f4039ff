"""Blurs the face of the analysed person in everything that is shown: preview and window.

A disc around the head, larger than the head, is blurred. It fails safe: while the head is not detected, or jumps,
the last position stays blurred and grows as fast as a person can move; before the first detection the whole image is
blurred. Limitation: only the tracked person is covered; the faces of other people in view stay visible.
"""

from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.pose.landmarker import Pose
from services.detector.video.canvas import Canvas
from services.detector.video.planes import Plane

HEAD: Final = slice(LANDMARK_INDEX["nose"], LANDMARK_INDEX["mouth_right"] + 1)
"""Nose, eyes, ears and mouth: the first eleven landmarks."""

HEAD_RADIUS_M: Final = 0.2
"""From the centre of the face to beyond chin and crown: half a head's height (0.12 m) plus a margin for error."""

HEAD_MARGIN: Final = 1.6
"""The disc reaches this far beyond the outermost head landmark, where that is further."""

TRUSTED_VISIBILITY: Final = 0.5
SPEED_M_S: Final = 3.0
"""Growth of the blurred disc while the head is not detected: faster than walking, about jogging speed."""

TILES: Final = 3
"""A blurred square keeps one mean colour for each of 3 × 3 cells: no eye or outline is recognisable."""


@dataclass(frozen=True, eq=False)
class Region:
    """A disc in the image.

    centre     (x, y) pixels.
    radius     pixels.
    px_per_m   pixels per metre at the person's depth.
    """

    centre: FloatArray
    radius: float
    px_per_m: float

    @classmethod
    def of(cls, pose: Pose) -> Self:
        """The disc around a person's head."""
        head = pose.pixels[HEAD]
        centre = head.mean(axis=0)
        scale = float(np.sqrt(pose.pixels.var(axis=0).sum() / max(pose.world[:, :2].var(axis=0).sum(), 1e-6)))
        reach = float(np.linalg.norm(head - centre, axis=1).max())
        return cls(centre, max(HEAD_RADIUS_M * scale, HEAD_MARGIN * reach), scale)

    def grown(self, seconds: float) -> Self:
        """Where the head can be after this time."""
        return type(self)(self.centre, self.radius + SPEED_M_S * self.px_per_m * seconds, self.px_per_m)

    def on_layer(self, canvas: Canvas, layer: Plane) -> Self:
        """The same disc in pixels of one of the canvas's layers."""
        step = canvas.size[0] / layer.shape[1]
        return type(self)(canvas.on_layer(layer, self.centre), self.radius / step, self.px_per_m / step)

    def holds(self, point: FloatArray) -> bool:
        """Whether the point is within the disc."""
        return bool(np.linalg.norm(point - self.centre) <= self.radius)


class FaceHider:
    """Blurs one person's face in the frames of a video, in order.

    frames_carried  number of frames in which the head was not clearly seen and its last position was blurred.
    frames_whole    number of frames blurred whole, since no position was known.
    """

    def __init__(self) -> None:
        self._last: Region | None = None
        self._time = 0.0
        self.frames_carried = 0
        self.frames_whole = 0

    def follow(self, time: float, pose: Pose | None) -> None:
        """Update from a frame that is not shown."""
        self._regions(time, pose)

    def hide(self, canvas: Canvas, time: float, pose: Pose | None) -> None:
        """Make the face in the image at this time unrecognisable; the rest is untouched."""
        regions, carried = self._regions(time, pose)
        self.frames_carried += carried
        self.frames_whole += not regions
        for layer in canvas.layers:
            if not regions:
                height, width = layer.shape
                layer[:] = _smeared(layer, width, height)
            for region in regions:
                _hide(layer, region.on_layer(canvas, layer))

    def _regions(self, time: float, pose: Pose | None) -> tuple[list[Region], bool]:
        """The disc to blur, None where no position is known; and whether it is carried over from an earlier frame."""
        seen = Region.of(pose) if pose is not None else None
        trusted = pose is not None and float(pose.visibility[HEAD].mean()) >= TRUSTED_VISIBILITY
        carried = self._last.grown(time - self._time) if self._last is not None else None
        if seen is not None and trusted and (carried is None or carried.holds(seen.centre)):
            self._last, self._time = seen, time
            return [seen], False
        if carried is None:
            return [], False
        return ([carried] if seen is None else [carried, seen]), True


def _hide(layer: Plane, region: Region) -> None:
    """Blur a disc, in place."""
    height, width = layer.shape
    low = np.clip(np.floor(region.centre - region.radius), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(region.centre + region.radius) + 1, 0, (width, height)).astype(int)
    if np.any(high <= low):
        return  # the head is outside the image
    (left, top), (right, bottom) = low, high
    part = layer[top:bottom, left:right]
    y, x = np.ogrid[top:bottom, left:right]
    inside = (x - region.centre[0]) ** 2 + (y - region.centre[1]) ** 2 <= region.radius**2
    part[inside] = _smeared(part, right - left, bottom - top)[inside]


def _smeared(part: Plane, width: int, height: int) -> Plane:
    """Means of a few large cells, interpolated."""
    coarse = cv2.resize(part, (TILES, TILES), interpolation=cv2.INTER_AREA)
    return cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
