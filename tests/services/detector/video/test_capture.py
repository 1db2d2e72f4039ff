import numpy as np
import pytest

from services.detector.video.capture import AS_STORED, CaptureClock, slow_part


def played(*parts: tuple[int, float], start: float = 0.5) -> np.ndarray:
    """Frame times from consecutive (number of frames, frames per second) pairs."""
    between = np.concatenate([np.full(count, 1 / fps) for count, fps in parts])
    return start + np.concatenate([[0.0], np.cumsum(between)])


def test_without_a_rate_times_stay_as_they_are():
    assert CaptureClock.of(played((30, 30)), None) == AS_STORED
    assert AS_STORED(1.25) == 1.25


def test_slow_motion_at_a_constant_rate_is_played_eight_times_too_slowly():
    times = played((90, 30))
    clock = CaptureClock.of(times, 240)
    np.testing.assert_allclose([clock(time) for time in times], 0.5 + np.arange(91) / 240, atol=1e-9)
    assert clock(times[-1] + 1 / 30) == pytest.approx(0.5 + 91 / 240)  # the end of the last frame


def test_only_the_slow_part_of_a_ramp_is_mapped():
    times = played((24, 240), (60, 30), (24, 240))
    assert slow_part(times) is not None
    clock = CaptureClock.of(times, 240)
    np.testing.assert_allclose([clock(time) for time in times], 0.5 + np.arange(109) / 240, atol=1e-9)
    assert CaptureClock.model_validate_json(clock.model_dump_json()) == clock


@pytest.mark.parametrize(
    "times",
    [
        played((90, 30)),
        played((60, 60), (60, 30)),  # a phone in poor light
        np.cumsum(np.random.default_rng(0).uniform(1 / 60, 1 / 15, 90)),
        np.cumsum(np.tile([1 / 60, 1 / 20], 45)),
        played((90, 30), (1, 0.5), (90, 30)),  # a pause
    ],
)
def test_patterns_that_are_no_ramp(times):
    assert slow_part(times) is None
