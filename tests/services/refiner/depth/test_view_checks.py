"""Warnings about feet and view, on generated people."""

import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX
from services.refiner.depth.markers import to_markers
from services.refiner.depth.view_checks import (
    frontal_frames,
    occluded_feet,
    standing_pitch_deg,
    view_facts,
    view_warnings,
)
from tests.services.refiner.synthetic import HEEL, STATURE, TOE, clock, squatting, standing, turned, walking

TIMES = clock(3)
SEEN = np.ones((len(TIMES), 33))


def codes(positions: FloatArray, visibility: FloatArray = SEEN, times: FloatArray = TIMES) -> set[str]:
    return {warning.code for warning in view_warnings(view_facts(times, positions, visibility, STATURE))}


def markers(points: FloatArray) -> FloatArray:
    return to_markers(points, STATURE)


def pointing_down(points: FloatArray, degrees: float) -> FloatArray:
    """The toes rotated down about the heels, whose height is kept."""
    lowered = points.copy()
    for side in ("left", "right"):
        heel, toe = (LANDMARK_INDEX[f"{side}_{name}"] for name in ("heel", "foot_index"))
        along = np.array([0, -np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])
        lowered[:, toe] = points[:, heel] + (TOE - HEEL)[2] * along
    return lowered


@pytest.mark.parametrize("motion", [standing, squatting])
@pytest.mark.parametrize("heading", [0, 60, 180])
def test_normal_feet_cause_no_warning(motion, heading):
    assert codes(markers(turned(motion(TIMES), heading))) == set()


@pytest.mark.parametrize("degrees", [-15.0, 20.0, 34.0])
def test_feet_that_point_down_or_up_in_quiet_stance_are_reported_with_the_angle(degrees):
    positions = markers(pointing_down(standing(TIMES), degrees))
    assert standing_pitch_deg(TIMES, positions) == pytest.approx(degrees, abs=0.1)
    (warning,) = view_warnings(view_facts(TIMES, positions, SEEN, STATURE))
    assert warning.code == "feet-implausible"
    assert f"{abs(degrees - 5):.0f}° too far {'down' if degrees > 5 else 'up'}" in warning.message


def test_feet_far_too_short_are_reported():
    points = standing(TIMES)
    for side in ("left", "right"):
        heel, toe = (LANDMARK_INDEX[f"{side}_{name}"] for name in ("heel", "foot_index"))
        points[:, toe] = points[:, heel] + 0.5 * (points[:, toe] - points[:, heel])
    assert codes(markers(points)) == {"feet-implausible"}


def test_jumps_and_short_moments_are_not_quiet_stance():
    positions = markers(standing(TIMES))
    moving = positions + 2.0 * TIMES[:, None, None]
    assert standing_pitch_deg(TIMES, moving) is None
    assert standing_pitch_deg(TIMES[:5], positions[:5]) is None


def test_an_occluded_foot_is_reported_but_legs_out_of_view_are_not():
    hidden = SEEN.copy()
    hidden[20:70, [LANDMARK_INDEX[f"left_{name}"] for name in ("ankle", "heel", "foot_index")]] = 0.2
    assert occluded_feet(hidden).sum() == 50
    assert codes(markers(standing(TIMES)), hidden) == {"feet-occluded"}
    hidden[:, LANDMARK_INDEX["left_knee"]] = 0.2
    assert not occluded_feet(hidden).any()


@pytest.mark.parametrize(("heading", "told"), [(0, True), (180, True), (15, True), (40, False), (90, False)])
def test_walking_straight_towards_the_camera_is_reported(heading, told):
    positions = markers(turned(walking(TIMES), heading))
    assert ("view-frontal" in codes(positions)) == told


def test_standing_in_front_of_the_camera_is_not_walking():
    positions = markers(standing(TIMES))
    assert frontal_frames(positions).all()
    assert codes(positions) == set()


def test_missing_markers_cause_no_warning():
    positions = markers(walking(TIMES))
    positions[:, [MARKER_INDEX[name] for name in ("LHip", "LHeel", "RHeel", "Hip")]] = np.nan
    facts = view_facts(TIMES, positions, SEEN, STATURE)
    assert facts["sole_pitch_standing_deg"] is None
    assert facts["foot_length_of_stature"] is None
    assert facts["frontal_share"] == facts["travelled_along_view_m"] == 0
    assert list(view_warnings(facts)) == []
