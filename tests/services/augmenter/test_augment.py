"""The mean and spread of the copies, and their invariances."""

from collections.abc import Callable

import numpy as np
import pytest

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import Subject
from humanpose3d.skeleton import MARKER_INDEX, MARKERS, RESPONSE_MARKERS, mirrored
from services.augmenter import augment as module
from services.augmenter.augment import PRE_ROLL, Augmentation, augment, pre_rolled
from services.augmenter.body import BodyFrame, interpolate, turn
from shared.stage import silent

Walker = Callable[[float, float], Markers]
SUBJECT = Subject(height=1.75, weight=70)
FLIP = np.array((1.0, 1.0, -1.0))


def augmented(markers: Markers, cycles: int = 20) -> Augmentation:
    frame = BodyFrame.of(markers.times, markers.positions, SUBJECT.height)
    assert frame is not None
    return augment(markers, frame, SUBJECT, cycles, silent)


def moved(markers: Markers, positions: FloatArray) -> Markers:
    return Markers(markers.times, markers.names, positions)


def cut(markers: Markers, frames: slice) -> Markers:
    return Markers(markers.times[frames], markers.names, markers.positions[frames])


def apart_mm(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(one - other, axis=-1) * 1e3)


@pytest.mark.parametrize("degrees", [30, 90, 171, 270])
def test_rotating_the_world_rotates_the_markers(degrees: float, walking: Markers) -> None:
    angle = np.radians(degrees)[None]
    turned = augmented(moved(walking, turn(walking.positions, angle))).positions
    assert apart_mm(turned, turn(augmented(walking).positions, angle)).max() < 0.1  # 1e-12 mm measured


def test_a_turning_person_is_augmented_as_one_who_does_not_turn(make_walker: Walker) -> None:
    """At 90 degrees a second: 0.4 mm on average, 7 at worst (at the ends, where the heading is smoothed one-sidedly).

    With one heading for the whole clip it would be 6 mm on average.
    """
    straight = make_walker(3.0, 60.0)
    angles = (np.pi / 2 * straight.times)[:, None]
    turning = augmented(moved(straight, turn(straight.positions, angles))).positions
    assert apart_mm(turn(turning, -angles), augmented(straight).positions).mean() < 1.0


def test_mirroring_the_person_mirrors_the_markers(walking: Markers) -> None:
    """To the noise of the copies: 0.35 mm on average. The networks alone differ by 8 mm between the sides."""
    inputs = [MARKER_INDEX[mirrored(name)] for name in MARKERS]
    outputs = [RESPONSE_MARKERS.index(mirrored(name)) for name in RESPONSE_MARKERS]
    other = augmented(moved(walking, walking.positions[:, inputs] * FLIP)).positions
    assert apart_mm(other, augmented(walking).positions[:, outputs] * FLIP).mean() < 0.8


@pytest.mark.parametrize(("rate", "limit_mm"), [(25.0, 2.0), (30.0, 1.2), (120.0, 0.5)])
def test_the_frame_rate_hardly_matters(rate: float, limit_mm: float, make_walker: Walker) -> None:
    """1.5, 0.8 and 0.2 mm on average, from interpolation; at the clip's own frame rate it was 24, 17 and 6 mm."""
    at_60, other = make_walker(2.0, 60.0), make_walker(2.1, rate)
    there = interpolate(at_60.times, other.times, augmented(other).positions)
    assert apart_mm(there, augmented(at_60).positions).mean() < limit_mm


def test_the_start_of_a_clip_is_nearly_as_within_a_longer_one(make_walker: Walker) -> None:
    """6.5 mm over the first 10 frames, 1.3 at frame 20. Cold: 7.0 and 1.4; reflected in time only: 12.1 and 1.5."""
    longer = make_walker(4.0, 60.0)
    whole = augmented(longer).positions
    starts = range(60, 120, 12)
    apart = [
        apart_mm(augmented(cut(longer, slice(s, s + 60))).positions, whole[s : s + 60]).mean(axis=1) for s in starts
    ]
    mean = np.mean(apart, axis=0)
    assert mean[:10].mean() < 7.5
    assert mean[20] < 2
    assert mean[40] < 0.8


def test_the_pre_roll_carries_position_and_velocity_over_the_join() -> None:
    """In steady motion it reverses the motion, e-fold slower every 6 frames, and the clip follows unchanged."""
    steady = np.arange(100.0)[:, None, None] * np.full((22, 3), 0.02)
    lead = pre_rolled(steady)
    back = np.arange(PRE_ROLL, 0, -1)[:, None, None]
    np.testing.assert_allclose(lead[:PRE_ROLL], -0.02 * back * np.exp(-back / 6) * np.ones((22, 3)), atol=1e-12)
    np.testing.assert_array_equal(lead[PRE_ROLL:], steady)


@pytest.mark.parametrize("frames", [1, 2, 10])
def test_clips_shorter_than_the_pre_roll(frames: int, walking: Markers) -> None:
    result = augmented(cut(walking, slice(frames)))
    assert result.positions.shape == (frames, 43, 3)
    assert np.isfinite(result.positions).all()


def test_a_10_frame_clip_is_near_the_same_frames_of_a_longer_one(walking: Markers) -> None:
    short = augmented(cut(walking, slice(10))).positions
    assert apart_mm(short, augmented(walking).positions[:10]).mean() < 1.0  # only the fade's far end differs: 0.36 mm


def test_two_runs_are_identical_to_the_last_bit(walking: Markers) -> None:
    one, other = augmented(walking), augmented(walking)
    assert one.positions.tobytes() == other.positions.tobytes()
    assert one.spread.tobytes() == other.spread.tobytes()


def test_the_spread_is_the_distance_of_the_copies_from_their_mean(
    walking: Markers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    original = module._from_all_sides

    def recording(*arguments: object) -> FloatArray:
        answer = original(*arguments)  # type: ignore[arg-type]  # passed on unchanged
        answers.append(answer.copy())  # modified in place
        return answer

    monkeypatch.setattr(module, "_from_all_sides", recording)
    result = augmented(walking, cycles=6)
    copies = answers[0][:, -len(walking.times) :]
    expected = np.sqrt(np.square(np.linalg.norm(copies - copies.mean(axis=0), axis=-1)).mean(axis=0))
    assert len(answers) == 1, "all copies go into one call"
    assert len(copies) == 6
    np.testing.assert_allclose(result.spread, expected, atol=1e-9)
    assert 0.003 < result.spread.mean() < 0.012  # 5 to 6 mm in laboratory motion


def test_a_single_copy_is_not_perturbed(walking: Markers) -> None:
    assert augmented(walking, cycles=1).spread.max() == 0


def test_pieces_change_nothing(walking: Markers, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = augmented(walking, cycles=4)
    monkeypatch.setattr(module, "_FRAMES_PER_CALL", 4 * 7)
    pieces = augmented(walking, cycles=4)
    np.testing.assert_allclose(pieces.positions, whole.positions, atol=1e-6)  # the networks' 32 bits; 2e-7 m measured
    np.testing.assert_allclose(pieces.spread, whole.spread, atol=1e-6)


def test_stretches_change_nothing_but_the_noise(make_walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    longer = make_walker(15.0, 60.0)
    one, many = augmented(longer, cycles=1), augmented(longer)
    monkeypatch.setattr(module, "_STRETCH", 250)
    assert apart_mm(augmented(longer, cycles=1).positions, one.positions).max() < 1e-3  # the networks keep their state
    apart = apart_mm(augmented(longer).positions, many.positions)  # 0.35 mm on average: other noise of 1 mm
    assert apart.mean() < 0.6


def test_irregular_frames_over_the_joins_of_pieces(make_walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    at_90 = make_walker(3.0, 90.0)
    kept = np.sort(np.random.default_rng(1).permutation(len(at_90.times))[:150])
    odd = Markers(at_90.times[kept], MARKERS, at_90.positions[kept])
    whole = augmented(odd, cycles=2).positions
    monkeypatch.setattr(module, "_FRAMES_PER_CALL", 2 * 11)
    np.testing.assert_allclose(augmented(odd, cycles=2).positions, whole, atol=1e-6)
