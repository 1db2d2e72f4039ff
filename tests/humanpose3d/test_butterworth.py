"""The filter is scipy's, which the tests may import."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from humanpose3d.butterworth import forth_and_back


@pytest.mark.parametrize(("frames", "cutoff", "padding"), [(3, 0.1, 2), (50, 0.2, 20), (40_000, 0.005, 600)])
def test_forward_and_backward_filtering_equals_scipy(frames: int, cutoff: float, padding: int):
    path = np.cumsum(np.random.default_rng(0).normal(size=frames))
    theirs = sosfiltfilt(butter(2, cutoff, fs=1, output="sos"), path, padlen=padding)
    np.testing.assert_allclose(forth_and_back(path, cutoff, padding), theirs, atol=1e-10 * np.ptp(path))
