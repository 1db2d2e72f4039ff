import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import Markers
from humanpose3d.resampling import resample, uniform_rate
from tests.humanpose3d.motions import RATES, markers


def one(times: np.ndarray, path: np.ndarray) -> Markers:
    return Markers(times, ("a",), np.asarray(path, dtype=float).reshape(-1, 1, 1) * np.ones(3))


@pytest.mark.parametrize("tick", [0, 1e-3, 1 / 90000, 1 / 15360], ids=["exact", "Matroska", "MPEG-TS", "MP4"])
@pytest.mark.parametrize("rate", [24000 / 1001, 25.0, 30000 / 1001, 30.0, 60000 / 1001, 120.0, 240.0])
def test_a_uniform_rate_is_found_despite_timestamp_rounding(rate, tick):
    times = 0.2 + np.arange(300) / rate
    assert uniform_rate(np.round(times / tick) * tick if tick else times) == pytest.approx(rate, rel=1e-12)
    assert uniform_rate(np.floor(times / tick) * tick if tick else times) == pytest.approx(rate, rel=1e-12)


def test_a_non_standard_rate_is_kept():
    assert uniform_rate(np.arange(200) / 29.5) == pytest.approx(29.5, rel=1e-12)
    assert uniform_rate(np.arange(100) / 29.98) == pytest.approx(29.98, rel=1e-12)


@given(RATES, st.integers(2, 50), st.floats(0, 1e4))
def test_uniform_motion_keeps_its_values_and_start(rate, count, start):
    given_markers = one(start + np.arange(count) / rate, np.arange(count))
    uniform, found = resample(given_markers)
    assert found == pytest.approx(rate, rel=1e-6)
    assert uniform.times[0] == start
    np.testing.assert_array_equal(uniform.positions, given_markers.positions)


def test_millisecond_timestamps_are_corrected_and_values_kept():
    exact = np.arange(300) * 1001 / 30000
    uniform, rate = resample(one(np.round(exact, 3), np.sin(exact)))
    assert rate == 30000 / 1001
    np.testing.assert_allclose(uniform.times, exact, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(uniform.positions[:, 0, 0], np.sin(exact))


def test_dropped_frames_do_not_change_the_rate_and_are_filled_in():
    exact = np.arange(300) / 30
    kept = np.delete(np.arange(300), [50, 51, 120, 200])
    uniform, rate = resample(one(np.round(exact[kept], 3), np.sin(2 * np.pi * exact[kept])))
    assert rate == 30
    assert uniform.times.size == 300
    # Timestamps are off by up to 0.5 ms, which at 2π/s is 3.1e-3; the interpolation adds less than 5e-3 here.
    np.testing.assert_allclose(uniform.positions[:, 0, 0], np.sin(2 * np.pi * exact), rtol=0, atol=8e-3)


def test_interpolation_follows_a_smooth_path_closer_than_a_straight_line():
    times = np.sort(np.random.default_rng(1).uniform(0, 4, 120))
    uniform, rate = resample(one(times, np.sin(2 * np.pi * times)), 50.0)
    truth = np.sin(2 * np.pi * uniform.times)
    straight = np.abs(np.interp(uniform.times, times, np.sin(2 * np.pi * times)) - truth)
    assert rate == 50
    assert np.nanmean(np.abs(uniform.positions[:, 0, 0] - truth)) < 0.5 * straight.mean()


def test_nothing_is_interpolated_in_gaps():
    times = np.arange(20) / 10
    path = np.arange(20.0)
    path[8:12] = np.nan
    uniform, _ = resample(one(times, path), 40.0)
    inside = (uniform.times > times[7] + 1e-3) & (uniform.times < times[12] - 1e-3)
    assert np.isnan(uniform.positions[inside]).all()
    np.testing.assert_allclose(uniform.positions[~inside, 0, 0], uniform.times[~inside] * 10, atol=1e-9)


def test_nothing_is_interpolated_where_frames_are_missing():
    times = np.concatenate((np.arange(30) / 30, 3 + np.arange(30) / 30))
    uniform, rate = resample(one(times, times))
    hole = (uniform.times > 29 / 30 + 1e-3) & (uniform.times < 3 - 1e-3)
    assert rate == 30
    assert np.isnan(uniform.positions[hole]).all()
    assert np.isfinite(uniform.positions[~hole]).all()


def test_timestamp_jumps_do_not_fill_the_memory():
    times = np.concatenate((np.arange(30) / 30, 1e7 + np.arange(30) / 30))
    uniform, rate = resample(one(times, times))
    assert uniform.times.size <= 61
    assert rate == pytest.approx(59 / (1e7 + 29 / 30))


def test_a_marker_seen_once_does_not_stop_the_others():
    times = np.array([0, 0.1, 0.25, 0.3, 0.4])
    positions = np.stack([times, [np.nan, 1, np.nan, np.nan, np.nan]], axis=1)[..., None] * np.ones(3)
    uniform, _ = resample(Markers(times, ("always", "once"), positions), 10.0)
    np.testing.assert_allclose(uniform.position("always")[:, 0], uniform.times, atol=1e-12)


@given(markers())
def test_any_timestamps_give_a_uniform_grid_within_the_clip(motion):
    uniform, rate = resample(motion)
    assert rate > 0
    assert uniform.times[0] == motion.times[0]
    assert uniform.times[-1] <= motion.times[-1] + 1.001e-3 + 1e-3
    assert uniform.times.size <= 100_001
    np.testing.assert_allclose(np.diff(uniform.times), 1 / rate, rtol=0, atol=1e-9)
    bounds = np.nanmax(np.abs(motion.positions), initial=0)
    assert np.nanmax(np.abs(uniform.positions), initial=0) <= bounds * (1 + 1e-9)


@pytest.mark.parametrize("rate", [0.0, -30.0, np.inf, np.nan])
def test_an_invalid_rate_is_refused(rate):
    with pytest.raises(InvalidMotion, match="positive number of frames per second"):
        resample(one(np.arange(3.0), np.arange(3)), rate)


@pytest.mark.parametrize("count", [0, 1])
def test_no_rate_without_two_frames(count):
    assert uniform_rate(np.arange(count)) is None
    with pytest.raises(InvalidMotion, match="two frames"):
        resample(one(np.arange(count), np.arange(count)))
