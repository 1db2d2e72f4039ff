"""Crops and grey images from the planes, compared with the same from the whole image in RGB."""

from itertools import product

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from services.detector.pose.roi import Region
from services.detector.video.orientation import Image, Orientation
from services.detector.video.planes import Colours, Planes

FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le", "gray", "gbrp", "rgb24")
MEANINGS = {
    "not stated": (None, None),
    "BT.709": (Colorspace.ITU709, ColorRange.MPEG),
    "BT.601, full range": (Colorspace.ITU601, ColorRange.JPEG),
    "BT.2020": (Colorspace.BT2020, ColorRange.MPEG),
}
UPRIGHT = Orientation()


@pytest.fixture(scope="module")
def shapes() -> Image:
    """Smooth shapes in moderate colours, of odd size: 8-bit YUV holds less than all of RGB."""
    small = np.random.default_rng(3).integers(60, 190, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(small, (203, 151), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def decoded(image: Image, pixel_format: str, meaning: str = "not stated") -> av.VideoFrame:
    """As a decoder returns it."""
    space, full = MEANINGS[meaning]
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    return frame.reformat(format=pixel_format, dst_colorspace=space, dst_color_range=full)


def from_rgb(region: Region, image: Image, side: int, border: int) -> Image:
    """The region's corners in the image, by OpenCV."""
    corners = region.to_image(np.array([[0, 0], [1, 0], [0, 1]])).astype(np.float32)
    target = np.array([[0, 0], [side, 0], [0, side]], np.float32)
    return cv2.warpAffine(image, cv2.getAffineTransform(corners, target), (side, side), borderMode=border).astype(
        np.uint8
    )


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_a_crop_is_that_of_the_image_in_rgb(shapes, pixel_format, meaning):
    planes = Planes(decoded(shapes, pixel_format, meaning), UPRIGHT)
    for region, border in product(
        (Region(np.array([100.0, 70.0]), 120.0, 0.4), Region(np.array([10.0, 140.0]), 160.0, -2.0)),
        (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT),
    ):
        difference = np.abs(region.crop(planes, 64, border) - from_rgb(region, planes.rgb, 64, border).astype(float))
        assert difference.mean() < 2.5, "FFmpeg rounds down where it converts whole images"
        assert np.percentile(difference, 98) <= 6


@pytest.mark.parametrize(("transpose", "flip_x", "flip_y"), [*product((False, True), repeat=3)])
def test_a_crop_is_upright(shapes, transpose, flip_x, flip_y):
    planes = Planes(decoded(shapes, "yuv420p"), Orientation(transpose, flip_x, flip_y))
    region = Region(np.array([60.0, 90.0]), 100.0, 0.3)
    difference = region.crop(planes, 64, cv2.BORDER_REPLICATE) - from_rgb(
        region, planes.rgb, 64, cv2.BORDER_REPLICATE
    ).astype(float)
    assert np.abs(difference).mean() < 2
    assert planes.rgb.shape[1::-1] == planes.size
    assert planes.luma.shape[::-1] == planes.size


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("longest", [1000, 60])
def test_grey_images_span_all_levels(shapes, pixel_format, longest):
    planes = Planes(decoded(shapes, pixel_format, "BT.601, full range"), Orientation(transpose=True, flip_x=True))
    gray = planes.gray(longest)
    same = cv2.resize(cv2.cvtColor(planes.rgb, cv2.COLOR_RGB2GRAY), gray.shape[::-1], interpolation=cv2.INTER_AREA)
    assert max(gray.shape) == min(longest, 203)
    np.testing.assert_allclose(gray, same, atol=5)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_reduced_and_turned_image(shapes, degrees):
    planes = Planes(decoded(shapes, "yuv420p"), UPRIGHT).reduced(100).turned(degrees)
    assert max(planes.size) == 100
    assert planes.rgb.shape[1::-1] == planes.size
    same = cv2.resize(np.rot90(shapes, -degrees // 90), planes.size, interpolation=cv2.INTER_AREA)
    assert np.abs(planes.rgb - same.astype(float)).mean() < 3


def test_pixels_become_square(shapes):
    planes = Planes(decoded(shapes, "yuv420p"), UPRIGHT, (270, 151))
    assert planes.size == planes.luma.shape[::-1] == planes.rgb.shape[1::-1] == (270, 151)


@pytest.mark.parametrize("space", [1, 2, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_stored_as_they_are_read(space, full):
    colours = Colours(space, full)
    for colour in ((86, 180, 233), (230, 159, 0), (240, 240, 240), (0, 0, 0)):
        planes = [np.full((1, 1), value, np.uint8) for value in colours.stored(colour)]
        np.testing.assert_allclose(colours.rgb(*planes)[0, 0], colour, atol=2)
