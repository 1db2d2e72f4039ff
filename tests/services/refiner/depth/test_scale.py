import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refiner.depth.scale import estimate_scale
from tests.services.refiner.synthetic import STATURE, Camera, clock, occluded, recorded, squatting, walking

LEG = ("left_knee", "left_ankle", "left_hip")


@pytest.mark.parametrize("motion", [walking, squatting])
def test_the_synthetic_persons_stature_is_estimated_from_the_segments(motion):
    """The synthetic body has de Leva's proportions, so that only rounding is left."""
    times = clock(2)
    scale = estimate_scale(recorded(times, motion(times), Camera()), 1.80, 0.3)
    assert scale.implied_stature_m == pytest.approx(STATURE, abs=0.01)
    assert scale.factor == pytest.approx(1.80 / STATURE, abs=0.006)
    assert scale.implied_spread_m < 0.02
    assert scale.frames == len(times)


@given(factor=st.floats(0.3, 3))
def test_the_scale_compensates_for_the_size_of_the_landmarks(factor):
    times = clock(0.5)
    small = estimate_scale(recorded(times, walking(times), Camera()), STATURE, 0.3)
    large = estimate_scale(recorded(times, factor * walking(times), Camera()), STATURE, 0.3)
    assert large.factor * factor == pytest.approx(small.factor)


def test_one_visible_leg_is_enough():
    times = clock(1)
    seen = recorded(times, walking(times), Camera())
    half = occluded(seen, ("left_knee", "left_ankle"), slice(None))
    assert estimate_scale(half, STATURE, 0.3).factor == pytest.approx(
        estimate_scale(seen, STATURE, 0.3).factor, rel=0.01
    )


def test_without_a_visible_hip_the_landmarks_keep_their_size():
    times = clock(1)
    scale = estimate_scale(occluded(recorded(times, walking(times), Camera()), LEG, slice(None)), STATURE, 0.3)
    assert scale.factor == 1.0
    assert scale.frames == 0
    assert np.isnan(scale.implied_stature_m)


def test_a_few_outlier_frames_do_not_matter():
    times = clock(3)
    points = walking(times)
    points[10:20] *= 3
    assert estimate_scale(recorded(times, points, Camera()), STATURE, 0.3).factor == pytest.approx(1.0, abs=0.01)
