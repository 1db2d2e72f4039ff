import json
from typing import Any

import numpy as np
import pytest

from humanpose3d.errors import Cancelled, InvalidMotion
from humanpose3d.motion import Markers
from humanpose3d.options import RunOptions
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.stage import ANGLES, AnglesInputs, AnglesOutputs
from shared.stage import silent
from tests.services.angles.body import NEUTRAL, Pose, angles_of, body

ARMS_OUT: Pose = {"shoulder_r": (30.0, 45.0, 0.0), "shoulder_l": (30.0, 45.0, 0.0)}


def _run(markers: Markers) -> AnglesOutputs:
    return ANGLES.run(AnglesInputs(markers), RunOptions(), silent)


def _without(markers: Markers, name: str, frames: slice) -> Markers:
    positions = markers.positions.copy()
    positions[frames, markers.names.index(name)] = np.nan
    return Markers(markers.times, markers.names, positions)


def _facts(outputs: AnglesOutputs) -> Any:
    return outputs.report.facts


def _codes(outputs: AnglesOutputs) -> list[str]:
    return [warning.code for warning in outputs.report.warnings]


def test_angles_have_the_times_of_the_markers():
    pose = {**ARMS_OUT, "knee_l": np.linspace((0, 0, 0), (90, 5, 5), 40)}
    markers = body(pose)
    outputs = _run(markers)
    np.testing.assert_array_equal(outputs.angles.times, markers.times)
    np.testing.assert_allclose(outputs.angles.values, angles_of(pose), atol=1e-6)
    assert not outputs.report.warnings


def test_facts_tell_range_of_motion_gaps_and_singularities():
    pose = {
        **ARMS_OUT,
        "knee_r": np.linspace((5, 0, 0), (65, 0, 0), 100),
        "hip_l": np.repeat([[0, -85, 0], [0, 0, 0]], 50, 0),
    }
    facts = _facts(_run(_without(body(pose), "RHJC_study", slice(90, 100))))
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
    outputs = _run(_without(body({**ARMS_OUT, "hip_r": np.zeros((10, 3))}), "r.ASIS_study", slice(None)))
    facts = _facts(outputs)
    assert facts["groups"]["pelvis"]["angles"]["tilt"] is None
    assert facts["pelvis_largest_step_deg"] is None
    assert _codes(outputs) == ["joint-angles-missing"]
    assert "r.ASIS_study" in outputs.report.warnings[0].message


def test_facts_are_plain_json_and_the_same_each_time():
    markers = body({"hip_r": np.linspace((0, 0, 0), (40, 10, 5), 30)})
    first, second = (json.dumps(_run(markers).report.model_dump(), allow_nan=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("pose", "code", "names"),
    [
        ({**ARMS_OUT, "knee_r": (-30, 0, 0)}, "joint-angles-implausible", "knee_r flexion outside -20° to 170°"),
        ({**ARMS_OUT, "elbow_l": (-40, 0, 0)}, "joint-angles-implausible", "elbow_l flexion"),
        ({**ARMS_OUT, "hip_r": (0, -88, 0)}, "joint-angles-undefined", "hip_r"),
        ({**ARMS_OUT, "shoulder_l": (20, 5, 0)}, "joint-angles-undefined", "shoulder_l (100%)"),
        (
            {**ARMS_OUT, "pelvis": np.repeat([[0, 0, 0], [0, 0, 170]], 5, axis=0)},
            "pelvis-jump",
            "170° from one frame to the next",
        ),
    ],
)
def test_warnings_name_what_is_wrong(pose, code, names):
    (warning,) = _run(body(pose)).report.warnings
    assert warning.code == code
    assert names in warning.message


def test_a_few_wild_frames_are_no_reason_to_warn():
    knee = np.zeros((200, 3))
    knee[:3, 0] = -60
    assert not _codes(_run(body({**ARMS_OUT, "knee_r": knee})))


def test_progress_is_told_in_frames_and_may_cancel():
    told = []
    markers = body({**NEUTRAL, "hip_r": np.zeros((12, 3))})
    ANGLES.run(AnglesInputs(markers), RunOptions(), lambda done, total: told.append((done, total)))
    assert told == [(0, 12), (12, 12)]

    def cancel(done, total):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        ANGLES.run(AnglesInputs(markers), RunOptions(), cancel)


def test_no_frames_is_an_error():
    markers = body({})
    with pytest.raises(InvalidMotion, match="no frames"):
        _run(Markers(np.empty(0), markers.names, np.empty((0, len(markers.names), 3))))
