"""Real people with a reference, on constructed movements whose differences are known."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import real_people
from benchmarks.agreement_tables import real_people as table
from benchmarks.real_people import (
    COORDINATES,
    JOINTS,
    Kinematics,
    compare,
    measure,
    read_kinematics,
    recordings,
    seen_from,
)
from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray

HEIGHTS = dict(zip(JOINTS, (0.9, 0.5, 0.1, 1.4, 1.1, 0.85), strict=True))


def walker(times: FloatArray, facing: float = 0.0) -> Kinematics:
    """A man who faces +z, turned by `facing` degrees to his left, and bends both knees by up to 60° at 0.5 Hz."""
    bend = np.radians(30 - 30 * np.cos(np.pi * times))
    joints = np.zeros((len(times), 12, 3))
    for index, name in enumerate(JOINTS):
        for column, side in enumerate((-0.15, 0.15)):
            joints[:, 2 * index + column] = [side, HEIGHTS[name], 0.0]
    joints[:, 4:6, 1] = 0.5 - 0.4 * np.cos(bend)[:, None]
    joints[:, 4:6, 2] = -0.4 * np.sin(bend)[:, None]
    flexion = np.degrees(np.column_stack([bend, bend]))
    nothing = np.full(flexion.shape, np.nan)
    return Kinematics(times, joints @ about(facing).T, dict.fromkeys(COORDINATES, (times, flexion, nothing)))


def about(degrees: float) -> FloatArray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


REFERENCE = walker(np.arange(200) / 100)


def test_a_turned_moved_and_late_system_is_right():
    own = walker(np.arange(-0.5, 2.6, 1 / 60), facing=57)
    found = compare(
        "a", "oblique", REFERENCE, replace(own, times=own.times + 0.07, joints=own.joints + [1.0, 0.2, -3.0])
    )
    assert found.shift_s == pytest.approx(0.07)
    assert (found.mm, found.mm_centred) == pytest.approx((0, 0), abs=0.3)  # between frames


def test_errors_are_those_of_the_construction():
    own = walker(REFERENCE.times)
    joints = own.joints.copy()
    joints[:, 6:8, 1] += 0.12  # the shoulders, 2 of 12
    times, knee, _sd = own.angles["knee", "flexion"]
    angles = {**own.angles, ("knee", "flexion"): (times, knee + [6.0, 2.0], np.full(knee.shape, 3.0))}
    found = compare("a", "lateral", REFERENCE, Kinematics(own.times, joints, angles))
    assert (found.mm, found.mm_centred) == pytest.approx((20, 0), abs=1e-6)
    knees = [course for course in found.courses if course.joint == "knee"]
    assert [course.error.mean() for course in knees] == pytest.approx([6, 2])
    assert [course.sd.mean() for course in knees] == [3, 3]
    assert {course.view for course in found.courses} == {"lateral"}


@pytest.mark.parametrize(("facing", "view"), [(0, "frontal"), (170, "frontal"), (45, "oblique"), (-80, "lateral")])
def test_the_view_is_that_of_the_true_pelvis(facing, view):
    """The camera of a run is along +z of its world, whatever the reference's axes."""
    assert seen_from(REFERENCE, walker(REFERENCE.times, facing)) == view


def test_a_result_of_another_video_is_refused():
    with pytest.raises(InvalidMotion, match="60 %"):
        compare("a", "lateral", REFERENCE, walker(REFERENCE.times[:100]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, videos in (("lab", ["video.mp4"]), ("phones", ["cam0.mov", "cam1.mov"])):
        one = tmp_path / name
        one.mkdir()
        meta = {"height_m": 1.7, "mass_kg": 70, "reference": f"{name} reference", "cam1_frame_is_cam0_frame_plus": -6}
        level, down = [[1, 0, 0], [0, -1, 0], [0, 0, -1]], [[1, 0, 0], [0, -0.2, 0.98], [0, -0.98, -0.2]]
        meta |= {"cameras": [{"R": level}, {"R": down}]}
        (one / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        stored(one / "truth.npz", REFERENCE)
        for video in videos:
            (one / video).touch()
    stored(tmp_path / "lab" / "wham.npz", walker(REFERENCE.times))
    return tmp_path


def stored(path: Path, one: Kinematics) -> None:
    names = [f"{joint.lower()}_{side}" for joint in JOINTS for side in "rl"]
    angles: dict[str, Any] = {
        f"angle_{name}_{side}": one.angles[key][1][:, column]
        for key, name in COORDINATES.items()
        for column, side in enumerate("rl")
    }
    np.savez(path, time=one.times, joint_names=names, joints=one.joints, **angles)


def test_files_are_read_as_written(folder):
    found = read_kinematics(folder / "lab" / "truth.npz")
    assert found.joints == pytest.approx(REFERENCE.joints)
    for key, (times, values, _) in found.angles.items():
        assert times == pytest.approx(REFERENCE.times)
        assert values == pytest.approx(REFERENCE.angles[key][1])


def test_videos_and_their_clocks(folder, tmp_path):
    found = {one.name: (one.video.name, one.delay_s) for one in recordings(folder)}
    assert found == {
        "lab": ("video.mp4", 0),
        "phones_cam0": ("cam0.mov", 0),
        "phones_cam1": ("cam1.mov", pytest.approx(-0.1)),
    }
    up = {one.name: one.up.tolist() for one in recordings(folder)}
    assert up == {"lab": [0, -1, 0], "phones_cam0": [0, -1, 0], "phones_cam1": [0, -0.98, 0.2]}
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidMotion, match="no recording"):
        list(recordings(tmp_path / "none"))


def test_systems_are_set_beside_each_other(folder):
    """Each video by each system, and what belongs to one reference together."""
    own = replace(walker(REFERENCE.times, facing=90), tilt={"camera_pitch_deg": 4.0, "camera_roll_deg": 0.0})
    keys = ("geometric", "depth", "depth_isb", "both_isb")
    result = measure(folder, 1, systems=lambda recording, cycles: dict.fromkeys(keys, own))
    assert {name: (video["view"], list(video["systems"])) for name, video in result["videos"].items()} == {
        "lab": ("lateral", ["wham", *keys]),
        "phones_cam0": ("lateral", list(keys)),
        "phones_cam1": ("lateral", list(keys)),
    }
    assert result["videos"]["lab"]["tilt"]["depth"] == {**own.tilt, "error_deg": 4.0}
    agreement = result["agreement"]
    assert set(agreement) == {"lab reference", "phones reference"}
    assert agreement["phones reference"]["depth"]["lateral"]["knee"]["flexion"]["clips"].value == 2
    assert agreement["lab reference"]["wham"]["all"]["hip"]["flexion"]["mae"].value == 0
    text = "\n".join(
        table(json.loads(json.dumps(result, default=lambda figure: [figure.value, figure.low, figure.high])))
    )
    assert "| lab (lateral) | WHAM with inverse kinematics | 0 [0] | 0.0 (0.0) [0.0] |" in text
    assert "### Against phones reference" in text


def test_a_run_is_taken_from_its_motion_file_and_angles(monkeypatch, tmp_path):
    """Coordinates are those of the file that OpenSim opens; a joint refiner changes the ISB's angles only."""
    from humanpose3d.formats.mot import Table, write_table
    from humanpose3d.motion import AngleSd, JointAngles, Markers
    from humanpose3d.options import RunOptions, StageReport, Subject
    from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX

    times = np.arange(30) / 30
    asked: list[RunOptions] = []

    def stages(names, artefacts, options):
        if names == ("detector",):
            return {**artefacts, "landmarks": "seen"}, {}
        assert artefacts["landmarks"] == "seen"
        assert "analysis" not in names
        asked.append(options)
        positions = np.zeros((30, 65, 3))
        positions[:, ALL_MARKERS.index("LWrist")] = [1, 2, 3]
        angles = np.zeros((30, 12, 3))
        angles[:, JOINT_GROUP_INDEX["knee_l"], 0] = 40
        made = {
            "augmented_markers": Markers(times, ALL_MARKERS, positions),
            "angles": JointAngles(times, angles),
            "angle_sd": AngleSd(times, np.full((30, 12, 3), 2.0)),
            "opensim_motion": tmp_path / "motion.mot",
        }
        columns = [f"{name}_{side}" for name in COORDINATES.values() for side in "rl"]
        values = np.tile([35.0 if name == "knee_angle_l" else 0.0 for name in columns], (30, 1))
        write_table(tmp_path / "motion.mot", Table(times, tuple(columns), values, in_degrees=True))
        if options.joint_model_path:
            made["refined_angles"] = JointAngles(times, angles + 1)
        return made, {"refiner.depth": StageReport(facts={"camera_pitch_deg": 3.0, "camera_roll_deg": 1.0, "scale": 2})}

    monkeypatch.setattr(real_people, "run_stages", stages)
    recording = real_people.Recording(
        "a", Path("a.mp4"), Subject(height=1.7, weight=70), "", -0.1, np.zeros(3), tmp_path
    )
    found = real_people.of_run(recording, 3)
    assert found["depth"].tilt == {"camera_pitch_deg": 3.0, "camera_roll_deg": 1.0}
    assert found["depth"].times == pytest.approx(times + 0.1)
    assert found["depth"].joints[0, -1] == pytest.approx([1, 2, 3])
    of_left_knee = {key: one.angles["knee", "flexion"][1][0, 1] for key, one in found.items()}
    assert of_left_knee == {"geometric": 35, "depth": 35, "depth_isb": 40, "both_isb": 41}
    assert (found["depth"].angles["knee", "flexion"][2] == 2).all()
    assert [(options.main_refiner, options.augmentation_cycles) for options in asked] == [
        (False, 3),
        (True, 3),
        (True, 3),
    ]
