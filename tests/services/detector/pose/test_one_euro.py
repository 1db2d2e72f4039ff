import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from services.detector.pose.one_euro import IMAGE, WORLD, LowPass, OneEuroFilter, Smoothness


def one_euro(times: FloatArray, values: FloatArray, cutoff_hz: float, slope: float) -> FloatArray:
    """Value by value, as published by Casiez, Roussel and Vogel (2012)."""
    smooth, speed = [values[0]], 0.0
    for index in range(1, len(values)):
        interval = times[index] - times[index - 1]

        def weight(cutoff: float, interval: float = interval) -> float:
            return 1 / (1 + 1 / (2 * np.pi * cutoff) / interval)

        rise = (values[index] - values[index - 1]) / interval
        speed = weight(1.0) * rise + (1 - weight(1.0)) * speed
        now = weight(cutoff_hz + slope * abs(speed))
        smooth.append(now * values[index] + (1 - now) * smooth[-1])
    return np.array(smooth)


@pytest.mark.parametrize("smoothness", [IMAGE, WORLD])
def test_every_value_is_smoothed_as_in_the_paper(smoothness):
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.05, 60))
    values = np.cumsum(np.random.default_rng(1).normal(0, 0.01, (60, 33, 2)), axis=0)
    smooth_out = OneEuroFilter(smoothness)
    smooth = np.stack([smooth_out(time, value) for time, value in zip(times, values, strict=True)])
    for index in np.ndindex(33, 2):
        expected = one_euro(times, values[:, *index], smoothness.cutoff_hz, smoothness.slope)
        np.testing.assert_allclose(smooth[:, *index], expected, rtol=1e-9)


def test_pixels_of_a_large_region_are_smoothed_as_those_of_a_small_one():
    values = np.random.default_rng(2).normal(size=(20, 5))
    small, large = OneEuroFilter(IMAGE), OneEuroFilter(IMAGE)
    for time, value in enumerate(values):
        np.testing.assert_allclose(large(time / 30, 100 * value, unit=100), 100 * small(time / 30, value), rtol=1e-9)


def test_jitter_is_suppressed_and_movement_is_followed():
    still, moving = OneEuroFilter(WORLD), OneEuroFilter(WORLD)
    jitter = 0.001 * np.random.default_rng(3).normal(size=300)
    held = [still(index / 60, value) for index, value in enumerate(jitter)]
    assert np.std(held[60:]) < 0.4 * np.std(jitter), "1 mm of noise is reduced by more than half"
    for index in range(60):
        followed = moving(index / 60, np.array(index / 60))
    assert abs(followed - 59 / 60) < 0.005, "at one metre a second it lags by less than 5 mm"


def test_the_first_interval_may_be_given():
    given, measured = OneEuroFilter(IMAGE, first_interval_s=1 / 30), OneEuroFilter(IMAGE)
    values = np.random.default_rng(4).normal(size=(3, 4))
    for smooth_out, second in ((given, 1 / 60), (measured, 1 / 30)):
        smooth_out(0.0, values[0])
        smooth_out(second, values[1])
    np.testing.assert_allclose(given(1 / 60 + 0.1, values[2]), measured(1 / 30 + 0.1, values[2]))


def test_a_value_that_is_not_later_passes_unchanged_without_effect():
    smooth_out, other = OneEuroFilter(Smoothness(1.0, 0.0)), OneEuroFilter(Smoothness(1.0, 0.0))
    for one in (smooth_out, other):
        one(1.0, np.array([0.0]))
    assert smooth_out(1.0, np.array([7.0])) == 7.0
    assert smooth_out(2.0, np.array([1.0])) == other(2.0, np.array([1.0]))


def test_the_low_pass_has_a_fixed_weight():
    smooth_out = LowPass(0.1)
    assert [smooth_out(np.array(value)).round(12).item() for value in (1.0, 0.0, 0.0)] == [1.0, 0.9, 0.81]
