"""A copy of an image to draw on, in the planes and at the size that the preview's encoder takes."""

from typing import Final, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame

from humanpose3d.motion import FloatArray
from services.detector.video.orientation import Image
from services.detector.video.planes import Colours, Plane, Planes

LONGEST_SIDE: Final = 960
"""Larger images are scaled down: encoding 1080p would take longer than detection."""


class Canvas:
    """An image with 4:2:0 colours, both sides even.

    size     (width, height), pixels.
    layers   luma (height, width), blue and red (half of each), to be changed in place.
    colours  what the values in them mean.
    """

    def __init__(self, size: tuple[int, int], colours: Colours) -> None:
        width, height = self.size = size
        self.colours = colours
        self._stored = np.empty((height * 3 // 2, width), np.uint8)
        luma, blue, red = np.split(self._stored.reshape(-1), [width * height, width * height * 5 // 4])
        half = height // 2, width // 2
        self.layers: tuple[Plane, Plane, Plane] = luma.reshape(height, width), blue.reshape(half), red.reshape(half)

    @classmethod
    def of(cls, image: Planes) -> Self:
        """The image at the preview's size, see `fitted`."""
        canvas = cls(fitted(image.size), image.colours)
        for layer, plane in zip(canvas.layers, image.scaled(canvas.size), strict=True):
            layer[:] = plane
        return canvas

    @property
    def frame(self) -> VideoFrame:
        """For the encoder; shares the canvas's memory."""
        return VideoFrame.from_numpy_buffer(self._stored, "yuv420p")

    @property
    def rgb(self) -> Image:
        """(height, width, 3) RGB."""
        luma, *chroma = self.layers
        blue, red = (np.asarray(cv2.resize(layer, self.size), np.uint8) for layer in chroma)
        return self.colours.rgb(luma, blue, red)

    def copy(self) -> "Canvas":
        """The same image on its own memory."""
        other = Canvas(self.size, self.colours)
        other._stored[:] = self._stored
        return other

    def fade(self, original: "Canvas", opacity: float) -> None:
        """Let what was drawn since `original` was copied shine through at this opacity."""
        cv2.addWeighted(self._stored, opacity, original._stored, 1 - opacity, 0, dst=self._stored)

    def on_layer(self, layer: Plane, points: FloatArray) -> FloatArray:
        """(…, 2) pixels of a layer, for points in pixels of the image."""
        step = self.size[0] // layer.shape[1]
        return np.asarray((points + 0.5) / step - 0.5)


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the preview: even, as 4:2:0 requires, and neither above the maximum."""
    scale = min(1.0, LONGEST_SIDE / max(size)) / 2
    width, height = (max(2, round(side * scale) * 2) for side in size)
    return width, height
