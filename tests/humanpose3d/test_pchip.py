"""The interpolation is scipy's, which the tests may import."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from humanpose3d.pchip import pchip


@given(seed=st.integers(0, 10_000), frames=st.integers(2, 30))
def test_equal_to_scipy(seed: int, frames: int):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(0.01, 0.2, frames))
    values = np.round(random.normal(size=(frames, 3)), 1)  # rounded, so that neighbours are often equal
    at = np.sort(random.uniform(times[0], times[-1], 50))
    at[0], at[-1] = times[0], times[-1]
    np.testing.assert_allclose(pchip(times, values, at), PchipInterpolator(times, values)(at), rtol=0, atol=1e-13)


def test_shapes_and_knots():
    times, values = np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.0])
    assert pchip(times, values, times) == pytest.approx(values, abs=1e-15)
    assert pchip(times, values, np.empty(0)).shape == (0,)
