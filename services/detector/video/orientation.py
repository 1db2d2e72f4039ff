"""Converts the image as stored to the image as displayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray

Image = NDArray[np.uint8]
"""(height, width, 3) RGB."""


@dataclass(frozen=True)
class Orientation:
    """How a stored image becomes upright: transpose first, then flip. Angles between quarter turns are rounded.

    rotation_deg  0, 90, 180 or 270: where the stored image's rightward direction points, in degrees clockwise.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False
    rotation_deg: int = 0

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """From the frame's display matrix: (x', y') = (a x + c y, b x + d y), y down (libavutil/display.h)."""
        side_data: Mapping[str, Any] = frame.side_data  # PyAV's stub has only motion vectors
        matrix = side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = (int(value) for value in np.frombuffer(bytes(matrix), dtype=np.int32))
        transpose = abs(b) > abs(a)
        x, y = (c, b) if transpose else (a, d)
        turn = round(float(np.degrees(np.arctan2(b, a))) / 90) * 90 % 360
        return cls(transpose, x < 0, y < 0, turn)

    def turned(self, degrees: int) -> Self:
        """This orientation followed by a clockwise turn by a multiple of 90 degrees."""
        result = self
        for _ in range(degrees // 90 % 4):
            result = type(self)(
                not result.transpose, not result.flip_y, result.flip_x, (result.rotation_deg + 90) % 360
            )
        return result

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) once upright."""
        return (height, width) if self.transpose else (width, height)

    def matrix(self, width: int, height: int) -> FloatArray:
        """(3, 3) from pixels of the stored image, of this size, to those of the upright one."""
        upright = np.eye(3)[[1, 0, 2]] if self.transpose else np.eye(3)
        right, bottom = np.subtract(self.size(width, height), 1)
        mirror = np.diag([-1.0 if self.flip_x else 1.0, -1.0 if self.flip_y else 1.0, 1.0])
        mirror[:2, 2] = right * self.flip_x, bottom * self.flip_y
        return mirror @ upright

    def view(self, stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The upright image (height, width, …), as a view of the stored one."""
        upright = stored.swapaxes(0, 1) if self.transpose else stored
        return upright[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def apply(self, stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The upright image, C-contiguous: MediaPipe silently misreads any other memory layout."""
        return np.ascontiguousarray(self.view(stored))


def turned(image: Image, degrees: int) -> Image:
    """The image turned clockwise by a multiple of 90 degrees."""
    return Orientation().turned(degrees).apply(image)


def shrunk(image: Image, longest: int) -> Image:
    """The image scaled so that no side exceeds this number of pixels; unchanged where it fits."""
    height, width, _ = image.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
