"""Evidence of upright lines against the tilt that is known without them."""

import numpy as np
import pytest

from humanpose3d.options import FOCAL_LENGTH, Verticals
from services.refiner.depth.gravity import Gravity
from services.refiner.depth.upright import doubted, probability_upright, tilt_by_lines


def by_body(pitch: float, roll: float = 0.0, sd: float = 5.0) -> Gravity:
    return Gravity(np.array([0.0, -1.0, 0.0]), pitch, roll, sd, sd, estimated=True)


def by_lines(pitch: float, roll: float = 0.0, focal_length: float | None = FOCAL_LENGTH) -> Gravity:
    """Lines of a camera that looks down by `pitch`, whose upright things lean right by `roll`, degrees."""
    slopes = np.tan(np.radians(roll)), -np.tan(np.radians(pitch)) / np.cos(np.radians(roll))
    ratio = 1.0 if focal_length is None else focal_length / FOCAL_LENGTH
    verticals = Verticals(lateral_slope=slopes[0], forward_slope=slopes[1] / ratio, forward_slope_sd_deg=1.0, looks=3)
    return tilt_by_lines(verticals, focal_length)


@pytest.mark.parametrize("focal_length", [0.6, FOCAL_LENGTH, 1.2])
def test_the_tilt_of_lines_takes_the_focal_length_into_account(focal_length):
    found = by_lines(12, -5, focal_length)
    assert (found.pitch_deg, found.roll_deg) == pytest.approx((12, -5), abs=0.01)


def test_an_unknown_focal_length_leaves_a_steep_pitch_less_certain():
    assert by_lines(20, 0, None).pitch_sd_deg > 2 * by_lines(20).pitch_sd_deg
    assert by_lines(0, 0, None).pitch_sd_deg == by_lines(0).pitch_sd_deg


def test_lines_are_believed_the_less_the_farther_they_are():
    shares = [probability_upright(by_lines(pitch), by_body(0, sd=3.0)) for pitch in (0, 10, 20, 30, 40)]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] > 0.9
    assert shares[-1] < 0.5
    assert probability_upright(by_lines(0, 40), by_body(0, sd=3.0)) < 0.5


def test_lines_that_contradict_both_pitch_and_roll_are_believed_less():
    assert probability_upright(by_lines(15, 15), by_body(0, sd=3.0)) < 0.5
    assert min(probability_upright(by_lines(*off), by_body(0, sd=3.0)) for off in ((15, 0), (0, 15))) > 0.8


def test_what_is_doubted_is_less_certain_by_the_distance_of_the_alternative():
    same = by_body(10, sd=3.0)
    assert doubted(same, by_body(25), 0.0).pitch_sd_deg == 3.0
    even = doubted(same, by_body(18), 0.25)
    assert (even.pitch_sd_deg, even.roll_sd_deg) == pytest.approx((5.0, 3.0))
