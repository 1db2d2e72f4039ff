import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refiner.depth.gaps import Gaps, fill_gaps
from tests.services.refiner.synthetic import clock


def path(times: np.ndarray) -> np.ndarray:
    """(T, 1, 3) one marker that swings at 1 Hz by 0.3 m."""
    swing = 2 * np.pi * times
    return np.stack([0.3 * np.sin(swing), 0.3 * np.cos(swing), times], axis=1)[:, None]


def with_gap(times: np.ndarray, start: float, stop: float) -> np.ndarray:
    positions = path(times)
    positions[(times > start) & (times < stop)] = np.nan
    return positions


def fill(times: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, Gaps]:
    """The motion with gaps filled; asserts that the input is unchanged."""
    filled = positions.copy()
    return filled, fill_gaps(times, filled)


def test_a_short_gap_is_filled_close_to_the_truth():
    """0.2 s of a 1 Hz swing of 0.3 m: measured at most 9 mm from the truth."""
    times = clock(2, fps=50)
    filled, gaps = fill(times, with_gap(times, 0.79, 0.97))
    np.testing.assert_allclose(filled, path(times), atol=0.012)
    assert gaps.filled.sum() == gaps.missing.sum() == 9
    assert gaps.count[0] == 1
    assert gaps.longest_s[0] == pytest.approx(0.2)


def test_a_gap_longer_than_the_limit_stays():
    times = clock(2, fps=50)
    filled, gaps = fill(times, with_gap(times, 0.79, 0.99))
    assert np.isnan(filled[gaps.missing]).all()
    assert not gaps.filled.any()


@pytest.mark.parametrize(("interval", "fills"), [(0.06, True), (0.11, False)])
def test_gap_length_is_measured_in_time_and_not_in_frames(interval, fills):
    """Two frames missing: 0.18 s between their neighbours at one frame interval, 0.33 s at the other."""
    times = np.cumsum(np.full(12, interval))
    positions = path(times)
    positions[5:7] = np.nan
    assert fill(times, positions)[1].filled.any() == fills


def test_interpolation_follows_irregular_timestamps():
    """A marker at constant speed seen at a variable frame rate stays at constant speed."""
    times = np.array([0.0, 0.03, 0.04, 0.10, 0.11, 0.19, 0.20, 0.25])
    positions = np.stack([times, 2 * times, -times], axis=1)[:, None]
    gone = positions.copy()
    gone[[3, 4]] = np.nan
    np.testing.assert_allclose(fill(times, gone)[0], positions, atol=1e-12)


@pytest.mark.parametrize("ends", [slice(0, 2), slice(-2, None)])
def test_nothing_is_extrapolated(ends):
    times = clock(1)
    positions = path(times)
    positions[ends] = np.nan
    filled, gaps = fill(times, positions)
    assert np.isnan(filled[ends]).all()
    assert np.isfinite(filled).all(axis=(1, 2)).sum() == len(times) - 2
    assert gaps.count[0] == 1


@pytest.mark.parametrize("seen", [[], [4]])
def test_a_marker_with_hardly_any_frames_is_unchanged(seen):
    times = clock(0.5)
    positions = np.full((len(times), 1, 3), np.nan)
    positions[seen] = 1.0
    filled, gaps = fill(times, positions)
    np.testing.assert_array_equal(filled, positions)
    assert gaps.longest_s[0] > 0.2


def test_a_partly_missing_position_is_missing():
    times = clock(0.5)
    positions = path(times)
    positions[5, 0, 1] = np.nan
    filled, gaps = fill(times, positions)
    assert gaps.missing[5, 0]
    assert gaps.filled[5, 0]
    assert np.isfinite(filled).all()


@given(missing=st.sets(st.integers(0, 29)), shift=st.floats(-1000, 1000))
def test_what_was_seen_never_changes_and_only_time_differences_matter(missing, shift):
    times = clock(1)
    positions = path(times)
    positions[sorted(missing)] = np.nan
    filled, gaps = fill(times, positions)
    np.testing.assert_array_equal(filled[~gaps.missing], positions[~gaps.missing])
    assert (np.isfinite(filled).all(axis=2) == (~gaps.missing | gaps.filled)).all()
    later, _ = fill(times + shift, positions)
    np.testing.assert_allclose(later, filled, atol=1e-9)
