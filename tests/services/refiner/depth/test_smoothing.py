import numpy as np
import pytest

from services.refiner.depth.smoothing import can_filter, low_pass
from tests.services.refiner.synthetic import clock


def gain(frequency: float, times: np.ndarray) -> float:
    """Output over input amplitude, in the middle of the clip and in phase with the input."""
    wave = np.sin(2 * np.pi * frequency * times)
    middle = slice(len(times) // 4, -len(times) // 4)
    return float((low_pass(times, wave) * wave)[middle].sum() / (wave**2)[middle].sum())


@pytest.mark.parametrize("frequency", [1.0, 3.0, 6.0, 12.0])
def test_the_filter_has_the_stated_cutoff_and_no_lag(frequency):
    """Second-order Butterworth run twice: 1 / (1 + 0.414 (tan πf/fs / tan π6/fs)⁴), 0.707 (-3 dB) at 6 Hz."""
    warped = np.tan(np.pi * frequency / 60) / np.tan(np.pi * 6 / 60)
    assert gain(frequency, clock(10, fps=60)) == pytest.approx(1 / (1 + 0.4142 * warped**4), abs=0.003)


def test_irregular_timestamps_are_filtered_on_time():
    """At a frame rate alternating between 20 and 60 Hz a 1 Hz swing passes unchanged; 6 Hz is roughly halved."""
    times = np.cumsum(np.tile([1 / 20, 1 / 60], 150))
    assert gain(1.0, times) == pytest.approx(1.0, abs=0.01)
    assert gain(6.0, times) == pytest.approx(0.65, abs=0.1)


def test_gaps_stay_and_nothing_leaks_across_them():
    times = clock(4)
    values = np.sin(times)
    values[60:] += 100
    values[50:60] = np.nan
    smooth = low_pass(times, values)
    assert np.isnan(smooth[50:60]).all()
    np.testing.assert_allclose(smooth[:50], np.sin(times[:50]), atol=0.01)
    np.testing.assert_allclose(smooth[60:], 100 + np.sin(times[60:]), atol=0.01)


def test_a_straight_line_is_unchanged_however_short():
    for frames in (3, 5, 10, 40):
        times = clock(frames / 30)
        np.testing.assert_allclose(low_pass(times, 2 * times + 1), 2 * times + 1, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_are_returned_unchanged(frames):
    values = np.arange(float(frames))
    np.testing.assert_array_equal(low_pass(clock(frames / 30), values), values)


def test_a_frame_rate_below_the_cutoff_is_not_filtered():
    times = clock(3, fps=12)
    assert not can_filter(times)
    values = np.random.default_rng(0).normal(size=(len(times), 2, 3))
    np.testing.assert_array_equal(low_pass(times, values), values)
