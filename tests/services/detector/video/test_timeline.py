from fractions import Fraction

import numpy as np
import pytest

from services.detector.video.timeline import Timeline, intervals, is_variable


def timeline(ticks, time_base=Fraction(1, 1000), interval_s=0.04) -> Timeline:
    line = Timeline(time_base, interval_s)
    for tick in ticks:
        line.place(tick)
    return line


def test_timestamps_are_kept_as_they_are():
    line = timeline([500, 540, 590])
    np.testing.assert_array_equal(line.times, [0.5, 0.54, 0.59])
    assert (line.missing, line.repeated, line.resets) == (0, 0, 0)


def test_a_repeated_timestamp_drops_its_frame():
    line = Timeline(Fraction(1, 1000), 0.04)
    assert [line.place(tick) for tick in (0, 40, 40, 30, 80)] == [0.0, 0.04, None, None, 0.08]
    assert line.repeated == 2


def test_a_missing_timestamp_follows_by_the_nominal_interval():
    line = timeline([None, None, 80, None])
    np.testing.assert_allclose(line.times, [0.0, 0.04, 0.08, 0.12], atol=1e-12)
    assert line.missing == 3


def test_time_continues_after_a_clock_that_was_set_back():
    line = timeline([5000, 5040, 0, 40, 80])
    np.testing.assert_allclose(line.times, [5.0, 5.04, 5.08, 5.12, 5.16], atol=1e-12)
    assert line.resets == 1


@pytest.mark.parametrize(
    ("ticks", "time_base", "variable"),
    [
        (range(0, 1000, 40), Fraction(1, 1000), False),
        ([round(index * 1001 / 60) for index in range(100)], Fraction(1, 1000), False),  # 59.94 Hz in milliseconds
        ([round(index * 1000 / 240) for index in range(100)], Fraction(1, 1000), False),  # 240 Hz in milliseconds
        ([0, 20, 40, 61, 80, 100], Fraction(1, 600), False),  # a telephone's jitter
        ([0, 20, 40, 80, 100], Fraction(1, 600), True),  # one frame was dropped
        ([0, 30, 80, 110, 160], Fraction(1, 1000), True),
    ],
)
def test_variable_means_more_than_rounding_and_jitter(ticks, time_base, variable):
    between = intervals(timeline(ticks, time_base).times, 0.04)
    assert is_variable(between, float(time_base)) is variable
