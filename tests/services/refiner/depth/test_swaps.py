from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humanpose3d.motion import Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS
from services.refiner.depth.swaps import find_swaps, swap_sides
from tests.services.refiner.synthetic import (
    Camera,
    clock,
    on_one_leg,
    recorded,
    squatting,
    standing,
    turned,
    undetected,
    walking,
)

PAIRED = [index for index, name in enumerate(LANDMARKS) if name != "nose"]
LEGS = [index for index, name in enumerate(LANDMARKS) if name.endswith(("knee", "ankle", "heel", "foot_index"))]
MOTIONS = (walking, squatting, standing, on_one_leg)


def seen(motion, azimuth: float, seconds: float = 3, fps: float = 30, seed: int = 0) -> Landmarks:
    times = clock(seconds, fps)
    return recorded(times, motion(times), Camera(pitch=10, roll=4, azimuth=azimuth, noise=0.03), seed=seed)


def swapped(landmarks: Landmarks, columns: list[int], frames: slice) -> tuple[Landmarks, np.ndarray]:
    mask = np.zeros(landmarks.visibility.shape, dtype=bool)
    mask[frames, columns] = True
    return swap_sides(landmarks, mask), mask


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("azimuth", [0, 45, 90, 180])
@pytest.mark.parametrize("fps", [10, 30, 60])
def test_a_clip_without_swaps_is_unchanged(motion, azimuth, fps):
    assert not find_swaps(seen(motion, azimuth, fps=fps)).swapped.any()


def test_turning_around_is_no_swap():
    """A full turn in a second on the spot: faster than people turn in a corridor, slower than dancers."""
    times = clock(3)
    points = np.stack([turned(frame[None], 360 * t)[0] for frame, t in zip(standing(times), times, strict=True)])
    assert not find_swaps(recorded(times, points, Camera(noise=0.03))).swapped.any()


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("azimuth", [0, 60, 90])
@pytest.mark.parametrize("frames", [slice(20, 45), slice(40, 41), slice(60, None), slice(0, 12)])
def test_a_body_swapped_for_a_while_is_corrected_exactly(motion, azimuth, frames):
    true = seen(motion, azimuth)
    wrong, mask = swapped(true, PAIRED, frames)
    found = find_swaps(wrong)
    np.testing.assert_array_equal(found.swapped[:, PAIRED], mask[:, PAIRED])
    corrected = swap_sides(wrong, found.swapped)
    np.testing.assert_array_equal(corrected.world, true.world)
    np.testing.assert_array_equal(corrected.pixels, true.pixels)
    np.testing.assert_array_equal(corrected.visibility, true.visibility)


@pytest.mark.parametrize(("motion", "azimuth"), [(squatting, 0), (squatting, 70), (standing, 30), (on_one_leg, 0)])
def test_legs_swapped_for_a_moment_are_corrected_by_themselves(motion, azimuth):
    wrong, mask = swapped(seen(motion, azimuth), LEGS, slice(30, 35))
    found = find_swaps(wrong)
    np.testing.assert_array_equal(found.swapped, mask)
    assert not found.doubtful.any()


@pytest.mark.parametrize(("motion", "azimuth"), [(squatting, 0), (squatting, 70), (standing, 30), (on_one_leg, 0)])
def test_legs_swapped_for_longer_are_left_and_reported(motion, azimuth):
    """Neither segment lengths nor heading show which side of the two jumps is right."""
    wrong, mask = swapped(seen(motion, azimuth), LEGS, slice(30, 55))
    found = find_swaps(wrong)
    assert not found.swapped.any()
    np.testing.assert_array_equal(found.doubtful, mask.any(axis=1))


def test_several_swaps_in_one_clip_are_all_found():
    true = seen(walking, 20, seconds=6)
    wrong, mask = true, np.zeros(true.visibility.shape, dtype=bool)
    for frames in (slice(10, 20), slice(50, 52), slice(80, 130)):
        wrong, more = swapped(wrong, PAIRED, frames)
        mask |= more
    np.testing.assert_array_equal(find_swaps(wrong).swapped[:, PAIRED], mask[:, PAIRED])


def test_a_swap_is_followed_across_frames_without_a_person():
    wrong, mask = swapped(seen(squatting, 0), PAIRED, slice(30, 60))
    gone = undetected(wrong, slice(28, 33))
    mask[28:33] = False
    np.testing.assert_array_equal(find_swaps(gone).swapped[:, PAIRED], mask[:, PAIRED])


@pytest.mark.parametrize("frames", [0, 1])
def test_hardly_any_detections_are_no_swap(frames):
    landmarks = seen(standing, 0, seconds=1)
    assert not find_swaps(undetected(landmarks, slice(frames, None))).swapped.any()


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-1e4, 1e4), frames=st.tuples(st.integers(1, 88), st.integers(1, 40)))
def test_only_time_differences_matter_and_correction_is_idempotent(shift, frames):
    wrong, _ = swapped(seen(squatting, 0), PAIRED, slice(frames[0], frames[0] + frames[1]))
    found = find_swaps(wrong)
    later = find_swaps(replace(wrong, times=wrong.times + shift))
    np.testing.assert_array_equal(found.swapped, later.swapped)
    assert not find_swaps(swap_sides(wrong, found.swapped)).swapped.any()


def test_the_nose_has_no_side():
    wrong, _ = swapped(seen(standing, 0), PAIRED, slice(20, 40))
    corrected = swap_sides(wrong, find_swaps(wrong).swapped)
    nose = LANDMARK_INDEX["nose"]
    np.testing.assert_array_equal(corrected.world[:, nose], wrong.world[:, nose])
