"""Figures of agreement, on courses whose figures are known exactly."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.agreement import Course, agreement, by_view_and_angle, mae_table, repeated_variance
from benchmarks.intervals import Figure

FRAMES = 40
SWING = 30 + 20 * np.sin(np.linspace(0, 4 * np.pi, FRAMES))
STEPS = np.where(np.arange(FRAMES) % 2, 1.0, -1.0)
"""Mean 0, mean square 1."""


def course(error, clip="a", **kept) -> Course:
    error = np.broadcast_to(np.asarray(error, dtype=float), FRAMES)
    return replace(
        Course(clip, "lateral", "knee", "flexion", SWING, error, np.full(FRAMES, np.nan)),
        **kept,
    )


def values(*courses: Course) -> dict[str, float | None]:
    return {name: figure.value for name, figure in agreement(courses).items()}


def test_an_offset_is_bias_and_nothing_else():
    found = values(course(4.0))
    assert found == {
        "clips": 1,
        "mae": 4,
        "median_error": 4,
        "bias": 4,
        "limit_low": 4,
        "limit_high": 4,
        "rmse": 4,
        "rmse_centred": 0,
        "r": 1,
        "rom_error": 0,
        "within_5_percent": 100,
        "coverage_percent": None,
    }


def test_noise_is_spread_about_no_bias():
    found = values(course(6 * STEPS))
    assert (found["bias"], found["mae"], found["rmse"], found["rmse_centred"]) == (0, 6, 6, 6)
    # 6 · √(40/39) is the standard deviation of the 40 errors
    assert found["limit_high"] == pytest.approx(1.96 * 6 * np.sqrt(40 / 39), abs=1e-3)
    assert found["within_5_percent"] == 0


def test_sides_of_a_clip_have_offsets_of_their_own():
    found = values(course(5 + STEPS), course(-5 + STEPS))
    assert (found["bias"], found["mae"], found["rmse_centred"]) == (0, 5, 1)


def test_limits_of_agreement_add_what_differs_between_clips():
    """Three clips at −6, 0 and 6° with noise of 1°: between them 36, within them 40/39 (Bland and Altman 2007)."""
    found = values(*(course(offset + STEPS, clip) for clip, offset in zip("abc", (-6, 0, 6), strict=True)))
    within = 40 / 39
    assert found["limit_high"] == pytest.approx(1.96 * np.sqrt(within + 36 - within / FRAMES), abs=1e-3)


def test_variance_of_unequal_groups_is_unbiased():
    """The mean estimate over many draws is the true sum of both variances."""
    rng = np.random.default_rng(0)
    counts = (5, 20, 60, 8)
    found = [repeated_variance([rng.normal(rng.normal(0, 3), 2, count) for count in counts]) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(3**2 + 2**2, rel=0.04)
    assert np.isnan(repeated_variance([np.zeros(1)]))


def test_the_median_ignores_a_clip_that_failed():
    found = values(*(course(2, clip) for clip in "abcd"), course(60, "e"))
    assert found["median_error"] == 2
    assert found["mae"] == pytest.approx(13.6)


def test_a_movement_that_is_too_small_is_seen_in_its_range():
    found = values(course(-0.5 * (SWING - SWING.mean())))
    assert found["rom_error"] == pytest.approx(np.ptp(SWING) / 2, abs=1e-3)
    assert found["r"] == pytest.approx(1)
    assert values(course(-2 * (SWING - SWING.mean())))["r"] == pytest.approx(-1)


def test_stated_deviations_are_counted_where_there_are_any():
    sd = np.where(np.arange(FRAMES) < 10, np.nan, np.where(np.arange(FRAMES) < 25, 2.5, 1.5))
    assert values(course(2.0, sd=sd))["coverage_percent"] == 50


def test_frames_without_a_truth_do_not_count():
    truth, error = SWING.copy(), np.full(FRAMES, 3.0)
    truth[:20] = error[:20] = np.nan
    found = values(course(error, truth=truth))
    assert (found["mae"], found["r"], found["rom_error"]) == (3, 1, 0)


def test_intervals_are_of_clips():
    few = agreement([course(size, clip) for clip, size in zip("abcd", (1, 2, 3, 4), strict=True)])["mae"]
    many = agreement([course(size, clip) for clip, size in zip("abcdefgh", range(8), strict=True)])["mae"]
    assert few == Figure(2.5)
    # the mean of 8 drawn from 0 to 7 has a standard deviation of 2.29/√8 = 0.81
    assert (many.value, many.low, many.high) == pytest.approx((3.5, 3.5 - 1.96 * 0.81, 3.5 + 1.96 * 0.81), rel=0.05)


def test_angles_are_told_apart_by_view():
    found = by_view_and_angle(
        [
            course(1.0),
            course(3.0, "b", view="frontal"),
            course(5.0, "b", view="frontal", joint="hip", angle="adduction"),
            course(np.nan, "c", view="oblique"),
        ]
    )
    assert {view: {joint: set(angles) for joint, angles in own.items()} for view, own in found.items()} == {
        "all": {"knee": {"flexion"}, "hip": {"adduction"}},
        "lateral": {"knee": {"flexion"}},
        "frontal": {"knee": {"flexion"}, "hip": {"adduction"}},
    }
    assert found["all"]["knee"]["flexion"]["mae"].value == 2
    parsed = {
        view: {j: {a: {"mae": [f["mae"].value]} for a, f in angles.items()} for j, angles in own.items()}
        for view, own in found.items()
    }
    assert mae_table(parsed) == {
        "lateral": {"knee": {"flexion": 1.0}},
        "frontal": {"knee": {"flexion": 3.0}, "hip": {"adduction": 5.0}},
    }
