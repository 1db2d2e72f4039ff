"""A neutral stance, on a person who stands for 1.5 s and then moves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanpose3d.errors import InvalidOption
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, MARKER_INDEX
from services.angles.skeleton.scaling import GROUPS
from services.angles.stage import ANGLES, AnglesInputs, AnglesOutputs
from shared.stage import silent
from tests.services.angles.skeleton.people import HEIGHT, Person, person

SUBJECT = Subject(height=HEIGHT, weight=75)
STANCE = {"arm_add_r": -15.0, "arm_add_l": -15.0, "pro_sup_r": 80.0, "pro_sup_l": 80.0}
KNEE = JOINT_GROUP_INDEX["knee_r"]


def standing(**degrees: float) -> Person:
    known = person(seconds=3.0, rate=30.0)
    coordinates = known.coordinates.copy()
    coordinates[:45] = known.model.defaults
    for name, value in {**STANCE, **degrees}.items():
        coordinates[:45, known.model.coordinate(name)] = np.radians(value)
    return replace(known, coordinates=coordinates)


def markers(known: Person) -> Markers:
    return known.markers(np.random.default_rng(0).normal(0, 0.008, known.positions.shape))


def run(seen: Markers, folder: Path, given: AnglesOutputs | None = None, **options: object) -> AnglesOutputs:
    stance = None if given is None else given.neutral_stance
    return ANGLES.run(AnglesInputs(seen, SUBJECT, folder, None, stance), RunOptions.parse(options), silent)


@pytest.fixture(name="stood", scope="module")
def _stood(tmp_path_factory) -> AnglesOutputs:
    return run(markers(standing()), tmp_path_factory.mktemp("scratch"), neutral=(0.2, 1.3))


def test_the_stance_states_mean_angles_and_segments(stood):
    stance = stood.neutral_stance
    inside = (stood.angles.times >= 0.2) & (stood.angles.times <= 1.3)
    means = stood.angles.values[inside].mean(axis=0)
    known = np.isfinite(stance.offsets)
    assert stance.offsets[known] == pytest.approx(means[known], abs=1e-3)
    assert known.sum() >= 33  # the plane of elevation of a hanging arm is noise
    assert abs(stance.offsets[KNEE, 0]) < 6
    assert list(stance.segment_scales) == list(GROUPS)
    assert (stance.run, stance.height) == (None, HEIGHT)


def test_the_angles_stay_as_they_are(stood, tmp_path):
    plain = run(markers(standing()), tmp_path)
    assert plain.neutral_stance is None
    np.testing.assert_array_equal(stood.angles.values, plain.angles.values)


def test_another_run_s_segments_and_offsets_are_used(stood, tmp_path):
    other = person(seconds=1.0, rate=30.0, seed=3, varied=0.06)
    found = run(other.markers(), tmp_path, stood, neutral_run="results/stance")
    assert found.neutral_stance is not None
    assert found.neutral_stance.run == "stance"
    assert found.neutral_stance.segment_scales == stood.neutral_stance.segment_scales
    skeleton: Any = found.report.facts["skeleton"]
    femur = skeleton["segment_scales"]["femur_r"][1]
    assert femur == pytest.approx(stood.neutral_stance.segment_scales["femur"], abs=1e-3)
    pelvis = found.neutral_stance.offsets_deg["pelvis"]
    assert pelvis["rotation"] is None
    assert pelvis["tilt"] == stood.neutral_stance.offsets_deg["pelvis"]["tilt"]


def without(names: tuple[str, ...]) -> FloatArray:
    positions = markers(standing()).positions.copy()
    positions[:40, [MARKER_INDEX[name] for name in names]] = np.nan
    return positions


@pytest.mark.parametrize(
    ("known", "time", "message"),
    [
        (standing(), (0.2, 0.5), r"0\.3 s are too short"),
        (standing(), (1.5, 2.8), r"does not stand still there: .*knee_r flexion \(\d+°\)"),
        (
            standing(knee_angle_r=95, knee_angle_l=95, hip_flexion_r=85, hip_flexion_l=85),
            (0.2, 1.3),
            "does not stand upright there: .*knee_l flexion",
        ),
    ],
    ids=["short", "moving", "sitting"],
)
def test_what_is_no_quiet_stance_is_refused(known, time, message, tmp_path):
    with pytest.raises(InvalidOption, match=message):
        run(markers(known), tmp_path, neutral=time)


def test_a_stance_in_which_a_leg_is_hidden_is_refused(tmp_path):
    positions = without(("RKnee", "RAnkle", "RHeel", "RBigToe", "RSmallToe"))
    with pytest.raises(InvalidOption, match=r"too little of the person was seen there: .*knee_r flexion \(\d+%\)"):
        run(Markers(standing().times, ALL_MARKERS, positions), tmp_path, neutral=(0.2, 1.3))


def test_an_arm_that_is_hidden_has_no_offset(tmp_path):
    positions = without(("RElbow", "RWrist", "RShoulder"))
    found = run(Markers(standing().times, ALL_MARKERS, positions), tmp_path, neutral=(0.2, 1.3)).neutral_stance
    assert found is not None
    assert set(found.offsets_deg["elbow_r"].values()) == {None}
    assert found.offsets_deg["elbow_l"]["flexion"] is not None
