import cv2
import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from services.detector.pose.roi import Region
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes

DEG = np.pi / 180


def with_dots(points: list[FloatArray], size: tuple[int, int] = (640, 480)) -> Planes:
    """A black image with a white dot, 7 pixels wide, at each point."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in np.round(np.stack(points)).astype(int).tolist():
        cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
    return Planes.of(image)


def brightest(crop: Image) -> FloatArray:
    rows, columns = np.nonzero(crop[..., 0] > 128)
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize(
    ("top", "turn_deg"), [((0, -100), 0), ((100, 0), 90), ((0, 100), 180), ((-100, 0), -90), ((50, -50), 45)]
)
def test_the_rotation_is_the_person_s_lean_to_the_right(top, turn_deg):
    region = Region.around(np.array([300.0, 200.0]), np.array([300.0, 200.0]) + top)
    assert abs(region.turn) == pytest.approx(abs(turn_deg * DEG))
    assert np.sin(region.turn) == pytest.approx(np.sin(turn_deg * DEG), abs=1e-9)
    assert region.side == pytest.approx(2.5 * np.hypot(*top)), "1.25 times the circle's diameter"


@pytest.mark.parametrize("turn_deg", [0, 30, 90, 180, -120])
def test_points_above_the_centre_along_the_spine_are_above_it_in_the_crop(turn_deg):
    centre = np.array([300.0, 250.0])
    top = centre + 100 * np.array([np.sin(turn_deg * DEG), -np.cos(turn_deg * DEG)])
    crop = Region.around(centre, top).crop(with_dots([top]), 256, cv2.BORDER_CONSTANT)
    # Over a side of 250 pixels, 100 pixels are 0.4 sides: from the middle, 128, up to 25.6.
    np.testing.assert_allclose(brightest(crop), np.array([128, 25.6]), atol=1.0)


def test_points_in_the_crop_are_mapped_back_to_the_image():
    region, point = Region(np.array([310.0, 220.0]), 333.0, 0.7), np.array([350.0, 260.0])
    found = brightest(region.crop(with_dots([point]), 256, cv2.BORDER_CONSTANT)) / 256
    np.testing.assert_allclose(region.to_image(found), point, atol=0.5)


def test_a_whole_image_is_not_stretched():
    image = Planes.of(np.full((300, 100, 3), 200, np.uint8))
    crop = Region.whole(image.size).crop(image, 90, cv2.BORDER_CONSTANT)
    np.testing.assert_array_equal(np.flatnonzero(crop[45, :, 0] > 100), np.arange(30, 60))
    assert (crop[:, 45] > 100).all()


def test_the_border_repeats_the_edge_where_that_is_requested():
    image = Planes.of(np.full((100, 100, 3), 200, np.uint8))
    region = Region(np.array([0.0, 0.0]), 100.0)
    assert (region.crop(image, 50, cv2.BORDER_REPLICATE) == 200).all()
    assert region.crop(image, 50, cv2.BORDER_CONSTANT).mean() < 100


def test_vectors_rotate_about_the_line_of_sight():
    vectors = np.array([[0.0, -1.0, 5.0], [1.0, 0.0, -2.0]])
    turned = Region(np.zeros(2), 1.0, np.pi / 2).turned(vectors)
    np.testing.assert_allclose(turned, [[1, 0, 5], [0, 1, -2]], atol=1e-12)
    np.testing.assert_array_equal(vectors[0], [0, -1, 5])


def test_a_region_without_size_or_position_is_not_usable():
    point = np.array([10.0, 10.0])
    assert Region.around(point, point + 1).usable
    assert not Region.around(point, point).usable
    assert not Region.around(point, np.array([np.nan, 0.0])).usable
