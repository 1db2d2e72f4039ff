"""An image as a decoder stores it: brightness (luma) and colour (chroma) in separate planes, converted only as needed.

Converting a whole image to RGB takes longer than anything but decoding it and the landmark network, which sees
256 × 256 pixels of it.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.detector.video.orientation import Image, Orientation

Plane = NDArray[np.uint8]
"""(height, width)."""

_USABLE: Final = {f"{name}{chroma}p" for name in ("yuv", "yuvj") for chroma in (420, 422, 444)}
"""Pixel formats whose planes are used as they are: 8 bits a value."""

_UNSTATED: Final = 2
_WEIGHTS: Final = {
    1: (0.2126, 0.0722),  # ITU-R BT.709
    _UNSTATED: (0.299, 0.114),  # FFmpeg assumes BT.601
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
"""Share of red and of blue in luma, by FFmpeg's number of the colour space."""


@dataclass(frozen=True)
class Colours:
    """What the stored values mean.

    space  FFmpeg's number of the colour space.
    full   whether luma spans 0 to 255, rather than 16 to 235.
    """

    space: int
    full: bool

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """As the frame states."""
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        return cls(int(frame.colorspace) if frame.colorspace in _WEIGHTS else _UNSTATED, full)

    def rgb(self, luma: Plane, blue: Plane, red: Plane) -> Image:
        """The image of three planes of one size."""
        return np.asarray(cv2.transform(cv2.merge([luma, blue, red]), _to_rgb(self)), np.uint8)

    def stored(self, colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """The values (luma, blue, red) of an RGB colour."""
        return _of_rgb(self, colour)

    @property
    def gain(self) -> float:
        """Grey levels per step of luma."""
        return 1.0 if self.full else 255 / 219

    def gray(self, luma: Plane) -> Plane:
        """Luma in grey levels from 0 to 255."""
        if self.full:
            return luma
        return np.asarray(cv2.addWeighted(luma, self.gain, luma, 0.0, -16 * self.gain), np.uint8)


@cache
def _to_rgb(colours: Colours) -> NDArray[np.float32]:
    """(3, 4) linear map from (luma, blue, red, 1) to RGB."""
    red, blue = _WEIGHTS[colours.space]
    green = 1 - red - blue
    chroma = 1.0 if colours.full else 255 / 224
    by_blue = 2 * (1 - blue) * chroma * np.array([0.0, -blue / green, 1.0])
    by_red = 2 * (1 - red) * chroma * np.array([1.0, -red / green, 0.0])
    offset = -(0 if colours.full else 16) * colours.gain - 128 * (by_blue + by_red)
    return np.column_stack([np.full(3, colours.gain), by_blue, by_red, offset]).astype(np.float32)


@cache
def _of_rgb(colours: Colours, colour: tuple[int, int, int]) -> tuple[int, int, int]:
    matrix = _to_rgb(colours).astype(np.float64)
    luma, blue, red = np.linalg.solve(matrix[:, :3], colour - matrix[:, 3]).round().clip(0, 255).astype(int)
    return int(luma), int(blue), int(red)


class Planes:
    """One decoded image, with square pixels.

    size     (width, height) upright, pixels.
    colours  what the values in the planes mean.
    """

    def __init__(self, decoded: VideoFrame, orientation: Orientation, size: tuple[int, int] | None = None) -> None:
        """size: (width, height) of the stored image with square pixels, where that is not the decoded one."""
        self._decoded, self._orientation = decoded, orientation
        self._stored_size = size or (decoded.width, decoded.height)
        self.size = orientation.size(*self._stored_size)
        self._frame = _planar(decoded, self._stored_size)
        self.colours = Colours.of(self._frame)

    @classmethod
    def of(cls, image: Image) -> Self:
        """From an upright image (height, width, 3) RGB."""
        return cls(VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"), Orientation())

    @cached_property
    def rgb(self) -> Image:
        """(height, width, 3) upright RGB, C-contiguous."""
        stored = _reformatted(self._decoded, self._stored_size, "rgb24").to_ndarray()
        return self._orientation.apply(np.asarray(stored, dtype=np.uint8))

    @property
    def luma(self) -> Plane:
        """Brightness (height, width), upright, in steps of `colours.gain` grey levels; a view of the decoded frame."""
        return self._orientation.view(self._stored[0])

    def turned(self, degrees: int) -> "Planes":
        """The same image turned clockwise by a multiple of 90 degrees."""
        return Planes(self._decoded, self._orientation.turned(degrees), self._stored_size)

    def reduced(self, longest: int) -> "Planes":
        """The image scaled so that no side exceeds this number of pixels; itself where it fits."""
        scale = longest / max(self.size)
        if scale >= 1:
            return self
        width, height = (max(1, round(side * scale)) for side in self._stored_size)
        return Planes(_reformatted(self._frame, (width, height), self._frame.format.name), self._orientation)

    def gray(self, longest: int) -> Plane:
        """(height, width) upright, 0 to 255, scaled so that no side exceeds this number of pixels."""
        scale = min(1.0, longest / max(self.size))
        luma, (width, height) = self._stored[0], (max(1, round(side * scale)) for side in self._stored_size)
        small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else luma
        return self._orientation.apply(self.colours.gray(np.asarray(small, np.uint8)))

    def scaled(self, size: tuple[int, int]) -> tuple[Plane, Plane, Plane]:
        """Upright planes for this (width, height), both even: luma, and chroma of half the width and height."""
        width, height = self._orientation.size(*size)
        smooth = cv2.INTER_AREA if 2 * width <= self._stored_size[0] else cv2.INTER_LINEAR
        luma, blue, red = (
            self._orientation.apply(np.asarray(cv2.resize(plane, part, interpolation=smooth), np.uint8))
            for plane, part in zip(self._stored, ((width, height), *[(width // 2, height // 2)] * 2), strict=True)
        )
        return luma, blue, red

    def warped(self, to_crop: FloatArray, side: int, border: int) -> Image:
        """(side, side, 3) RGB: the image after an affine map (2, 3) from its pixels to those of the result.

        `border` (of cv2): how to fill outside the image.
        """
        if self._decoded.format.is_rgb:
            return np.asarray(cv2.warpAffine(self.rgb, to_crop, (side, side), borderMode=border), np.uint8)
        upright = np.vstack([to_crop, [0, 0, 1]]) @ self._orientation.matrix(*self._stored_size)
        planes = [
            cv2.warpAffine(
                plane, (upright @ self._from_plane(plane))[:2], (side, side), borderMode=border, borderValue=(black,)
            )
            for plane, black in zip(self._stored, self.colours.stored((0, 0, 0)), strict=True)
        ]
        return self.colours.rgb(*(np.asarray(plane, np.uint8) for plane in planes))

    def _from_plane(self, plane: Plane) -> FloatArray:
        """(3, 3) from pixels of a plane to those of the stored image: each value is that of a whole block of them."""
        across, down = (round(whole / part) for whole, part in zip(self._stored_size, plane.shape[::-1], strict=True))
        return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])

    @cached_property
    def _stored(self) -> tuple[Plane, Plane, Plane]:
        """Views of luma, blue and red as stored."""
        luma, blue, red = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in self._frame.planes
        )
        return luma, blue, red


def _planar(decoded: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """The image at this size in one of the usable formats."""
    stored = decoded.format
    if stored.name in _USABLE:
        return _reformatted(decoded, size, stored.name)
    if stored.is_rgb or stored.has_palette:
        return _reformatted(decoded, size, "yuv444p", Colorspace.ITU601, ColorRange.JPEG)
    return _reformatted(decoded, size, "yuv420p" if stored.chroma_height(2) == 1 else "yuv444p")


def _reformatted(
    frame: VideoFrame,
    size: tuple[int, int],
    pixel_format: str,
    space: Colorspace | None = None,
    colour_range: ColorRange | None = None,
) -> VideoFrame:
    """The frame itself where there is nothing to convert."""
    if (frame.width, frame.height, frame.format.name) == (*size, pixel_format):
        return frame
    return VideoReformatter().reformat(
        frame, *size, pixel_format, dst_colorspace=space, dst_color_range=colour_range, threads=1
    )
