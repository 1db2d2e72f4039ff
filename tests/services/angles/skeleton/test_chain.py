import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from services.angles.skeleton.chain import Chain, Smoothness


def _dense(matrix: FloatArray, smoothness: Smoothness) -> FloatArray:
    frames, count = matrix.shape[:2]
    full = np.zeros((frames, count, frames, count))
    for frame in range(frames):
        full[frame, :, frame] += matrix[frame]
    for off in range(3):
        for frame in range(frames - off):
            band = np.diag(smoothness.bands[off, frame] * smoothness.precisions)
            full[frame, :, frame + off] += band
            if off:
                full[frame + off, :, frame] += band
    return full.reshape(frames * count, frames * count)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8, 9])
def test_the_solution_is_that_of_the_whole_system(frames):
    rng, count = np.random.default_rng(frames), 3
    times = np.cumsum(rng.uniform(0.5, 1.5, frames))
    half = rng.normal(size=(frames, count, count))
    matrix = half @ np.swapaxes(half, 1, 2) + np.eye(count)
    smoothness, right = Smoothness.of(times, rng.uniform(0.2, 3, count)), rng.normal(size=(frames, count))
    dense = _dense(matrix, smoothness)
    chain = Chain.of(matrix, smoothness)
    assert chain.solve(right) == pytest.approx(np.linalg.solve(dense, right.ravel()).reshape(frames, count), abs=1e-12)
    inverse = np.linalg.inv(dense).reshape(frames, count, frames, count)
    assert chain.covariances() == pytest.approx(np.stack([inverse[t, :, t] for t in range(frames)]), abs=1e-12)


def test_a_straight_line_has_no_roughness_whatever_the_frames():
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.05, 20))
    smoothness = Smoothness.of(times, np.ones(2))
    assert np.abs(smoothness.times(np.stack([3 - 2 * times, times], axis=1))).max() < 1e-8


@pytest.mark.parametrize("rate", [50.0, 200.0])
def test_the_roughness_of_a_motion_does_not_depend_on_the_frame_rate(rate):
    # the integral of the squared acceleration of sin(2πt) over a second is 8π⁴
    times = np.arange(0, 1 + 0.5 / rate, 1 / rate)
    wave = np.sin(2 * np.pi * times)[:, None]
    smoothness = Smoothness.of(times, np.ones(1))
    assert (wave * smoothness.times(wave)).sum() == pytest.approx(8 * np.pi**4, rel=0.03)
