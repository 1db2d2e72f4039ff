"""Our angles compared with OpenSim's, from the same marker-based motion capture. `pytest -s` prints the table.

Offsets are not removed: they do not affect correlations, but do affect the mean absolute error; the table has both. The
pelvis and the shoulder are compared in our sequence, into which OpenSim's (Z–X–Y) is converted through the rotation.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from services.angles.joints import joint_angles
from tests.services.angles.lab import lab_markers, opensim_coordinates, opensim_foot_pitch

TRIALS = ("squats1", "STS1", "walking1", "DJ1")
REQUIRED_CORRELATION = 0.97

HINGE = (
    "OpenSim's ankle angle is the talocrural hinge's alone, ours the whole foot's, and the subtalar hinge takes up "
    "more than 30° in this trial. OpenSim's whole foot reaches 0.97 in it"
)
SOLUTION = (
    "the data's solution misses its own toe markers by 8 to 9 cm in this trial, feet flat on the floor and the "
    "subtalar angle at its limit of 35°. A new solution by OpenSim 4.6 reaches 0.97: test_opensim_itself.py"
)
STILL = "with the arms crossed on the chest the elbow moves by less than 20°: see the test of its residual"

Row = tuple[str, str, str]
"""Joint group, our angle, and what of OpenSim's it is compared with."""


@cache
def compared(folder: Path, trial: str) -> dict[Row, tuple[FloatArray, FloatArray]]:
    """Ours and OpenSim's (T,) degrees, in the frames that have both."""
    ours = joint_angles(lab_markers(folder, trial))
    pairs = {}
    for (group, angle, source), reference in _opensim_angles(folder, trial).items():
        index = JOINT_GROUP_INDEX[group]
        series = ours[:, index, JOINT_GROUPS[index].angles.index(angle)]
        known = np.isfinite(series)
        assert known.mean() > 0.98, (group, angle)
        pairs[group, angle, source] = series[known], reference[known]
    return pairs


def _opensim_angles(folder: Path, trial: str) -> dict[Row, FloatArray]:
    value = {name: np.degrees(series) for name, series in opensim_coordinates(folder, trial).items()}
    pelvis = _sequence("YXZ", [value[f"pelvis_{name}"] for name in ("tilt", "list", "rotation")])
    angles = {
        ("pelvis", "tilt", "pelvis"): -pelvis[2],
        ("pelvis", "obliquity", "pelvis"): -pelvis[1],
        ("pelvis", "rotation", "pelvis"): pelvis[0],
        ("trunk", "flexion", "-lumbar_extension"): -value["lumbar_extension"],
        ("trunk", "lateral_bending", "lumbar_bending"): value["lumbar_bending"],
        ("trunk", "rotation", "lumbar_rotation"): value["lumbar_rotation"],
    }
    for side in ("r", "l"):
        for group, angle, coordinate in (
            ("hip", "flexion", "hip_flexion"),
            ("hip", "adduction", "hip_adduction"),
            ("hip", "internal_rotation", "hip_rotation"),
            ("knee", "flexion", "knee_angle"),
            ("ankle", "dorsiflexion", "ankle_angle"),
            ("ankle", "inversion", "subtalar_angle"),
            ("elbow", "flexion", "elbow_flex"),
        ):
            angles[f"{group}_{side}", angle, coordinate] = value[f"{coordinate}_{side}"]
        angles[f"ankle_{side}", "dorsiflexion", "whole foot"] = opensim_foot_pitch(folder, trial, side)
        first, tilt, last = _sequence("YXY", [value[f"arm_{name}_{side}"] for name in ("flex", "add", "rot")])
        # SciPy's second angle has the opposite sign: half a turn more in the first and the last
        angles[f"shoulder_{side}", "plane_of_elevation", "arm"] = _wrapped(first - 180)
        angles[f"shoulder_{side}", "elevation", "arm"] = tilt
        angles[f"shoulder_{side}", "internal_rotation", "arm"] = _wrapped(first + last)
    return angles


def _sequence(sequence: str, zxy_degrees: list[FloatArray]) -> FloatArray:
    rotation = Rotation.from_euler("ZXY", np.stack(zxy_degrees, axis=1), degrees=True)
    return np.array(rotation.as_euler(sequence, degrees=True).T)


def _wrapped(degrees: FloatArray) -> FloatArray:
    return np.array((degrees + 180) % 360 - 180)


@pytest.mark.parametrize("trial", TRIALS)
def test_table(trial, measured_data):
    print(
        f"\n{trial:31} {'OpenSim':18} {'ROM':>6} {'OpenSim':>8} {'r':>7} {'MAE':>6} {'offset':>7} {'MAE about it':>13}"
    )
    for (group, angle, source), (ours, reference) in compared(measured_data / "mocap" / "lab", trial).items():
        error = _wrapped(ours - reference)
        offset = error.mean()
        print(
            f"{group:11} {angle:19} {source:18} {np.ptp(ours):6.1f} {np.ptp(reference):8.1f} "
            f"{np.corrcoef(ours, reference)[0, 1]:7.4f} {np.abs(error).mean():6.2f} {offset:+7.2f} "
            f"{np.abs(error - offset).mean():13.2f}"
        )
        assert np.abs(offset) < 20, (
            "an offset of this size would be a wrong sign or axis, not another definition of zero"
        )


MISSED = {
    ("squats1", "ankle_angle"): HINGE,
    ("STS1", "ankle_angle"): SOLUTION,
    ("STS1", "whole foot"): SOLUTION,
    ("walking1", "ankle_angle"): HINGE,
    ("STS1", "elbow_flex"): STILL,
}
REQUIRED = [
    pytest.param(
        trial,
        (f"{joint}_{side}", angle, source),
        id=f"{trial}-{source}-{side}".replace(" ", "_"),
        marks=[pytest.mark.xfail(reason=MISSED[trial, source], raises=AssertionError)]
        if (trial, source) in MISSED
        else [],
    )
    for trial in TRIALS
    for joint, angle, source in (
        ("hip", "flexion", "hip_flexion"),
        ("knee", "flexion", "knee_angle"),
        ("ankle", "dorsiflexion", "ankle_angle"),
        ("ankle", "dorsiflexion", "whole foot"),
        ("elbow", "flexion", "elbow_flex"),
    )
    for side in ("r", "l")
]


@pytest.mark.parametrize(("trial", "row"), REQUIRED)
def test_correlation(trial, row, measured_data):
    ours, reference = compared(measured_data / "mocap" / "lab", trial)[row]
    assert np.corrcoef(ours, reference)[0, 1] >= REQUIRED_CORRELATION


@pytest.mark.parametrize("side", ["r", "l"])
def test_an_elbow_that_hardly_moves_is_compared_by_its_residual(side, measured_data):
    ours, reference = compared(measured_data / "mocap" / "lab", "STS1")[f"elbow_{side}", "flexion", "elbow_flex"]
    error = ours - reference
    assert np.ptp(reference) < 20
    assert np.abs(error - error.mean()).mean() < 1.5  # measured 0.96 right, 0.88 left
