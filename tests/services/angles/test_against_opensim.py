"""Our angles beside OpenSim's, from the same marker-based motion capture. `pytest -s` prints the table.

Offsets are not removed: a correlation does not see them, the mean absolute error does, and the table gives both. The
pelvis and the shoulder are compared in our sequence, into which OpenSim's (Z–X–Y) is converted through the rotation.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from services.angles.joints import joint_angles
from shared.motion import FloatArray
from shared.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from tests.services.angles.lab import lab_markers, opensim_coordinates

TRIALS = ("squats1", "STS1", "walking1", "DJ1")
REQUIRED_CORRELATION = 0.97

REFERENCE_FOOT = (
    "the reference's foot does not follow its markers (with the feet on the floor its subtalar angle runs to the "
    "joint's limit of 35°). Solved anew by OpenSim 4.6, the same markers agree: test_opensim_itself.py"
)
STILL_ELBOW = "the arms are crossed on the chest: the elbow moves by less than 20°; see the test of its residual"

Key = tuple[str, str]


@cache
def compared(folder: Path, trial: str) -> dict[Key, tuple[FloatArray, FloatArray]]:
    """(group, angle) → ours and OpenSim's (T,) degrees, in the frames that have both."""
    ours = joint_angles(lab_markers(folder, trial))
    pairs = {}
    for (group, angle), reference in _opensim_angles(opensim_coordinates(folder, trial)).items():
        index = JOINT_GROUP_INDEX[group]
        series = ours[:, index, JOINT_GROUPS[index].angles.index(angle)]
        known = np.isfinite(series)
        assert known.mean() > 0.98, (group, angle)
        pairs[group, angle] = series[known], reference[known]
    return pairs


def _opensim_angles(radians: dict[str, FloatArray]) -> dict[Key, FloatArray]:
    value = {name: np.degrees(series) for name, series in radians.items()}
    pelvis = _sequence("YXZ", [value[f"pelvis_{name}"] for name in ("tilt", "list", "rotation")])
    angles = {
        ("pelvis", "tilt"): -pelvis[2],
        ("pelvis", "obliquity"): -pelvis[1],
        ("pelvis", "rotation"): pelvis[0],
        ("trunk", "flexion"): -value["lumbar_extension"],
        ("trunk", "lateral_bending"): value["lumbar_bending"],
        ("trunk", "rotation"): value["lumbar_rotation"],
    }
    for side in ("r", "l"):
        first, tilt, last = _sequence("YXY", [value[f"arm_{name}_{side}"] for name in ("flex", "add", "rot")])
        angles |= {
            (f"hip_{side}", "flexion"): value[f"hip_flexion_{side}"],
            (f"hip_{side}", "adduction"): value[f"hip_adduction_{side}"],
            (f"hip_{side}", "internal_rotation"): value[f"hip_rotation_{side}"],
            (f"knee_{side}", "flexion"): value[f"knee_angle_{side}"],
            (f"ankle_{side}", "dorsiflexion"): value[f"ankle_angle_{side}"],
            (f"ankle_{side}", "inversion"): value[f"subtalar_angle_{side}"],
            # SciPy's second angle is positive where ours turns the other way: half a turn more in the first and last
            (f"shoulder_{side}", "plane_of_elevation"): _wrapped(first - 180),
            (f"shoulder_{side}", "elevation"): tilt,
            (f"shoulder_{side}", "internal_rotation"): _wrapped(first + last),
            (f"elbow_{side}", "flexion"): value[f"elbow_flex_{side}"],
        }
    return angles


def _sequence(sequence: str, zxy_degrees: list[FloatArray]) -> FloatArray:
    rotation = Rotation.from_euler("ZXY", np.stack(zxy_degrees, axis=1), degrees=True)
    return np.array(rotation.as_euler(sequence, degrees=True).T)


def _wrapped(degrees: FloatArray) -> FloatArray:
    return np.array((degrees + 180) % 360 - 180)


@pytest.mark.parametrize("trial", TRIALS)
def test_table(trial, measured_data):
    print(f"\n{trial:34} {'ROM':>6} {'OpenSim':>8} {'r':>7} {'MAE':>6} {'offset':>7} {'MAE about offset':>17}")
    for (group, angle), (ours, reference) in compared(measured_data / "mocap" / "lab", trial).items():
        error = _wrapped(ours - reference)
        offset = error.mean()
        print(
            f"{group:11} {angle:22} {np.ptp(ours):6.1f} {np.ptp(reference):8.1f} "
            f"{np.corrcoef(ours, reference)[0, 1]:7.4f} {np.abs(error).mean():6.2f} {offset:+7.2f} "
            f"{np.abs(error - offset).mean():17.2f}"
        )
        assert np.abs(offset) < 20, (
            "an offset of this size would be a wrong sign or axis, not another definition of zero"
        )


REQUIRED = [
    pytest.param(
        trial,
        f"{joint}_{side}",
        angle,
        id=f"{trial}-{joint}_{side}",
        marks=[
            pytest.mark.xfail(reason=reason, raises=AssertionError)
            for missed, reason in (
                (joint == "ankle" and trial != "DJ1", REFERENCE_FOOT),
                (joint == "elbow" and trial == "STS1", STILL_ELBOW),
            )
            if missed
        ],
    )
    for trial in TRIALS
    for joint, angle in (("hip", "flexion"), ("knee", "flexion"), ("ankle", "dorsiflexion"), ("elbow", "flexion"))
    for side in ("r", "l")
]


@pytest.mark.parametrize(("trial", "group", "angle"), REQUIRED)
def test_correlation(trial, group, angle, measured_data):
    ours, reference = compared(measured_data / "mocap" / "lab", trial)[group, angle]
    assert np.corrcoef(ours, reference)[0, 1] >= REQUIRED_CORRELATION


@pytest.mark.parametrize("side", ["r", "l"])
def test_an_elbow_that_hardly_moves_is_compared_by_its_residual(side, measured_data):
    ours, reference = compared(measured_data / "mocap" / "lab", "STS1")[f"elbow_{side}", "flexion"]
    error = ours - reference
    assert np.ptp(reference) < 20
    assert np.abs(error - error.mean()).mean() < 1.5  # measured 0.96 right, 0.88 left
