import numpy as np
import pytest
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.detector.pose.landmark_network import POINTS, refined

COLD, HOT = -20.0, 20.0


def heat_with(*cells: tuple[int, int], channel: int = 0, size: int = 64) -> NDArray[np.float32]:
    """Logits of a heat map (1, size, size, 39), low except at these (column, row) of one channel."""
    heat = np.full((1, size, size, POINTS), COLD, np.float32)
    for column, row in cells:
        heat[0, row, column, channel] = HOT
    return heat


def points_at(x: float, y: float) -> FloatArray:
    return np.full((1, POINTS, 2), (x, y), dtype=np.float64)


def test_a_point_moves_to_the_centre_of_gravity_of_the_heat():
    moved = refined(points_at(20.4 / 64, 30.9 / 64), heat_with((21, 31), (22, 31), (21, 29), (22, 29)))
    np.testing.assert_allclose(moved[0, 0], np.array([21.5, 30.0]) / 64, atol=1e-6)
    np.testing.assert_array_equal(moved[0, 1:], points_at(20.4 / 64, 30.9 / 64)[0, 1:], err_msg="the others stay")


@pytest.mark.parametrize(("distance", "moves"), [(3, True), (4, False)])
def test_heat_further_than_three_cells_away_does_not_count(distance, moves):
    before = points_at(20.5 / 64, 30.5 / 64)
    after = refined(before, heat_with((20 + distance, 30)))
    assert (after[0, 0, 0] != before[0, 0, 0]) == moves


def test_heat_below_a_half_does_not_count():
    heat = heat_with((21, 31))
    before = points_at(20.5 / 64, 30.5 / 64)
    heat[heat == HOT] = -0.01
    np.testing.assert_array_equal(refined(before, heat), before)
    heat[0, 31, 21, 0] = 0.01
    assert refined(before, heat)[0, 0, 0] == pytest.approx(21 / 64, abs=1e-6)


@pytest.mark.parametrize("place", [-0.05, 1.01, np.nextafter(1.0, 2.0)])
def test_a_point_outside_of_the_map_stays(place):
    before = points_at(place, 0.5)
    np.testing.assert_array_equal(refined(before, np.full((1, 64, 64, POINTS), HOT)), before)


def test_nothing_counts_beyond_the_edge():
    moved = refined(points_at(0.0, 63.9 / 64), np.full((1, 64, 64, POINTS), HOT))
    np.testing.assert_allclose(moved, np.broadcast_to(np.array([1.5, 61.5]) / 64, moved.shape), atol=1e-9)


def test_every_image_and_point_has_its_own_heat():
    heat = np.concatenate([heat_with((10, 10), channel=3), heat_with((12, 11), channel=5)])
    points = np.concatenate([points_at(10.5 / 64, 10.5 / 64)] * 2)
    moved = refined(points, heat)
    np.testing.assert_allclose(moved[0, 3], np.array([10, 10]) / 64, atol=1e-6)
    np.testing.assert_allclose(moved[1, 5], np.array([12, 11]) / 64, atol=1e-6)
    assert (moved != points).any(axis=-1).sum() == 2
