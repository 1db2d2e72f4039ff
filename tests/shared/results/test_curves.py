import numpy as np

from shared.results.curves import curve


def test_gaps_and_turns_past_180_degrees_break_a_curve():
    times, values = curve(np.arange(6.0), np.array([170, 179, -179, -170, np.nan, 0.0]))
    np.testing.assert_array_equal(values, [170, 179, np.nan, -179, -170, np.nan, 0])
    np.testing.assert_array_equal(times, [0, 1, 2, 2, 3, 4, 5])


def test_long_curves_are_thinned_but_keep_peaks_and_gaps():
    path = np.sin(np.arange(200_000) / 5000)
    path[123_456], path[77_777], path[50_000:50_040] = 9, -9, np.nan
    times, values = curve(np.arange(200_000.0), path)
    assert times.size < 6000
    assert (values[times == 123_456], values[times == 77_777]) == (9, -9)
    assert np.isnan(values[(times >= 50_000) & (times < 50_040)]).any()
    assert np.all(np.diff(times) >= 0)
