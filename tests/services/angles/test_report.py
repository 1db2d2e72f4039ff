import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from humanpose3d.motion import JointAngles, Markers
from humanpose3d.options import StageReport, Subject
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.joints import joint_angles
from services.angles.report import report
from services.angles.skeleton.recording import Recording, follow
from tests.services.angles.body import Pose, body
from tests.services.angles.skeleton.people import HEIGHT, person

ARMS_OUT: Pose = {"shoulder_r": (30.0, 45.0, 0.0), "shoulder_l": (30.0, 45.0, 0.0)}


@cache
def _fit() -> Recording:
    return follow(person(seconds=0.01).markers(), None, Subject(height=HEIGHT, weight=75), lambda _frames: None)


def _report(markers: Markers) -> StageReport:
    """Report on angles directly from markers, which can be anatomically impossible."""
    return report(markers, JointAngles(markers.times, joint_angles(markers)), _fit())


def _facts(markers: Markers) -> Any:
    return _report(markers).facts


def _codes(markers: Markers) -> list[str]:
    return [warning.code for warning in _report(markers).warnings]


def _without(markers: Markers, name: str, frames: slice) -> Markers:
    positions = markers.positions.copy()
    positions[frames, markers.names.index(name)] = np.nan
    return Markers(markers.times, markers.names, positions)


def test_facts_state_range_of_motion_gaps_and_singularities():
    pose = {
        **ARMS_OUT,
        "knee_r": np.linspace((5, 0, 0), (65, 0, 0), 100),
        "hip_l": np.repeat([[0, -85, 0], [0, 0, 0]], 50, 0),
    }
    facts = _facts(_without(body(pose), "RHJC_study", slice(90, 100)))
    groups = facts["groups"]
    assert list(groups) == [group.name for group in JOINT_GROUPS]
    assert groups["knee_r"]["missing_share"] == pytest.approx(0.1)
    assert groups["knee_l"]["missing_share"] == 0
    assert groups["hip_l"]["near_singularity_share"] == pytest.approx(0.5)
    last_known = 5 + 60 * 89 / 99
    assert groups["knee_r"]["angles"]["flexion"] == {
        "minimum_deg": 5.0,
        "maximum_deg": pytest.approx(last_known, abs=0.01),
        "range_of_motion_deg": pytest.approx(last_known - 5, abs=0.01),
    }
    assert facts["pelvis_largest_step_deg"] == 0


def test_a_group_without_a_single_angle_has_facts_too():
    markers = _without(body({**ARMS_OUT, "hip_r": np.zeros((10, 3))}), "r.ASIS_study", slice(None))
    facts = _facts(markers)
    assert facts["groups"]["pelvis"]["angles"]["tilt"] is None
    assert facts["pelvis_largest_step_deg"] is None
    assert _codes(markers) == ["joint-angles-missing"]
    assert "r.ASIS_study" in _report(markers).warnings[0].message


def test_facts_are_plain_json_and_the_same_each_time():
    markers = body({"hip_r": np.linspace((0, 0, 0), (40, 10, 5), 30)})
    first, second = (json.dumps(_report(markers).model_dump(), allow_nan=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("pose", "code", "names"),
    [
        ({**ARMS_OUT, "knee_r": (-30, 0, 0)}, "joint-angles-implausible", "right knee, flexion: outside -20° to 170°"),
        ({**ARMS_OUT, "elbow_l": (-40, 0, 0)}, "joint-angles-implausible", "left elbow, flexion"),
        ({**ARMS_OUT, "hip_r": (0, -88, 0)}, "joint-angles-undefined", "right hip ("),
        ({**ARMS_OUT, "shoulder_l": (20, 5, 0)}, "joint-angles-undefined", "left shoulder (100%)"),
        (
            {**ARMS_OUT, "pelvis": np.repeat([[0, 0, 0], [0, 0, 170]], 5, axis=0)},
            "pelvis-jump",
            "170° from one frame to the next",
        ),
    ],
)
def test_warnings_name_the_problem(pose, code, names):
    (warning,) = _report(body(pose)).warnings
    assert warning.code == code
    assert names in warning.message


def test_a_few_outlier_frames_cause_no_warning():
    knee = np.zeros((200, 3))
    knee[:3, 0] = -60
    assert not _codes(body({**ARMS_OUT, "knee_r": knee}))


def test_facts_state_segment_lengths_and_marker_distances():
    skeleton = _facts(body(ARMS_OUT))["skeleton"]
    assert skeleton["segment_scales"]["femur_r"] == pytest.approx([HEIGHT / 1.70] * 3, abs=0.02)
    assert skeleton["marker_distance_mm"] < 5
    assert list(_report(body(ARMS_OUT)).models) == ["skeleton.osim"]
