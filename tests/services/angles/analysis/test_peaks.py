"""The peaks are scipy's, which the tests may import."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from humanpose3d.motion import FloatArray
from services.angles.analysis.peaks import find_peaks


def theirs(values: np.ndarray, prominence: float, distance: int) -> list[tuple[int, int, int]]:
    peaks, about = signal.find_peaks(values, prominence=prominence, distance=distance)
    return list(zip(peaks.tolist(), about["left_bases"].tolist(), about["right_bases"].tolist(), strict=True))


@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(0, 700),
    digits=st.integers(0, 2),  # few: equal neighbours and equal peaks
    prominence=st.sampled_from([0.0, 1.0, 4.0]),
    distance=st.integers(1, 40),
)
def test_equal_to_scipy(seed: int, frames: int, digits: int, prominence: float, distance: int):
    values: FloatArray = np.cumsum(np.random.default_rng(seed).normal(size=frames)).round(digits)
    assert find_peaks(values, prominence, distance) == theirs(values, prominence, distance)


@pytest.mark.parametrize("values", [[0, 1, 1, 1, 1, 0], [1, 1, 0, 2, 2], [0, 0, 0], [0, 1, 0], [1]])
def test_plateaus_and_ends(values: list[float]):
    assert find_peaks(np.array(values, dtype=float), 0, 1) == theirs(np.array(values, dtype=float), 0, 1)
