"""Windows cover every frame, and blending reproduces the input."""

import numpy as np
import pytest

from services.refiner.windows import WINDOW, blended, window_indices


@pytest.mark.parametrize("frames", [10, WINDOW, WINDOW + 1, 73, 500])
def test_cutting_and_blending_is_the_identity(frames):
    values = np.random.default_rng(0).random((frames, 3, 2))
    indices = window_indices(frames)
    assert indices.shape[1] == WINDOW
    assert set(indices.ravel()) == set(range(frames))
    assert blended(values[indices], indices, frames) == pytest.approx(values)


def test_the_middle_of_a_window_counts_most():
    indices = window_indices(72)
    answers = np.stack([np.zeros(WINDOW), np.ones(WINDOW)])
    between = blended(answers, indices, 72)
    assert between[30] < 0.5 < between[42]
    assert (np.diff(between) >= 0).all()
