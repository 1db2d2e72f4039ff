import csv

import numpy as np
import pytest
from hypothesis import given, settings

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.csv_files import (
    angles_csv_name,
    read_angles_csv,
    read_landmarks_csv,
    write_angles_csv,
    write_landmarks_csv,
)
from humanpose3d.motion import AngleSd, JointAngles, Landmarks
from humanpose3d.skeleton import JOINT_GROUPS, LANDMARKS
from tests.humanpose3d.motions import joint_angles, landmarks

TIME = 0.51e-9 + 1e-12


@given(landmarks())
@settings(max_examples=40)
def test_landmarks_are_read_back(tmp_path_factory, given_landmarks):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_landmarks_csv(path, given_landmarks)
    found = read_landmarks_csv(path, given_landmarks.image_size)
    np.testing.assert_allclose(found.times, given_landmarks.times, rtol=0, atol=TIME)
    np.testing.assert_allclose(found.world, given_landmarks.world, rtol=0, atol=0.5001e-6)
    np.testing.assert_allclose(found.visibility, given_landmarks.visibility, rtol=0, atol=0.5001e-6)
    np.testing.assert_allclose(found.pixels, given_landmarks.pixels, rtol=0, atol=0.5001e-3)
    assert found.image_size == given_landmarks.image_size


@given(joint_angles())
@settings(max_examples=40)
def test_joint_angles_are_read_back(tmp_path_factory, angles):
    folder = tmp_path_factory.mktemp("csv")
    write_angles_csv(folder, "Gang 1", angles)
    assert len(list(folder.iterdir())) == 12
    found = read_angles_csv(folder, "Gang 1")
    np.testing.assert_allclose(found.times, angles.times, rtol=0, atol=TIME)
    np.testing.assert_allclose(found.values, angles.values, rtol=0, atol=0.5001e-6)


def test_landmark_rows_are_plain_csv(tmp_path):
    nothing = np.full((2, 33, 2), np.nan)
    image, world, visibility = nothing.copy(), np.full((2, 33, 3), np.nan), np.zeros((2, 33))
    image[0], world[0], visibility[0] = (640.5, 359.25), (0.1, -0.2, 0.3), 0.75
    write_landmarks_csv(tmp_path / "a.csv", Landmarks(np.array([0, 0.5]), image, world, visibility, (1280, 720)))
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 66
    assert [row["landmark"] for row in rows] == list(LANDMARKS) * 2
    assert (
        ",".join(rows[1].values()) == "0.000000000,left_eye_inner,0.100000,-0.200000,0.300000,0.750000,640.500,359.250"
    )
    assert ",".join(rows[33].values()) == "0.500000000,nose,,,,0.000000,,"


def test_angle_columns_name_group_angle_and_unit(tmp_path):
    write_angles_csv(tmp_path, "walk", JointAngles(np.array([0.0, 1 / 30]), np.full((2, 12, 3), 12.5)))
    content = (tmp_path / "walk_angles_knee_r.csv").read_text()
    assert content == (
        "time_s,knee_r_flexion_deg,knee_r_adduction_deg,knee_r_internal_rotation_deg\n"
        "0.000000000,12.500000,12.500000,12.500000\n0.033333333,12.500000,12.500000,12.500000\n"
    )


def test_angles_are_read_from_a_file_with_standard_deviations_after_them(tmp_path):
    times = np.array([0.0, 1 / 30])
    spread = np.full((2, 12, 3), 2.5)
    spread[1, 3] = np.nan
    write_angles_csv(tmp_path, "walk", JointAngles(times, np.full((2, 12, 3), 12.5)), AngleSd(times, spread))
    content = (tmp_path / "walk_angles_knee_r.csv").read_text()
    assert content == (
        "time_s,knee_r_flexion_deg,knee_r_adduction_deg,knee_r_internal_rotation_deg,"
        "knee_r_flexion_sd_deg,knee_r_adduction_sd_deg,knee_r_internal_rotation_sd_deg\n"
        "0.000000000,12.500000,12.500000,12.500000,2.500000,2.500000,2.500000\n"
        "0.033333333,12.500000,12.500000,12.500000,,,\n"
    )
    np.testing.assert_array_equal(read_angles_csv(tmp_path, "walk").values, np.full((2, 12, 3), 12.5))


def test_other_columns_are_refused(written):
    path = written / "a_angles_hip_l.csv"
    path.write_text(path.read_text().replace("hip_l_flexion_deg", "hip_l_flexion_rad"))
    with pytest.raises(InvalidMotion, match=r"a_angles_hip_l\.csv: the first line must be 'time_s,hip_l_flexion_deg"):
        read_angles_csv(written, "a")


def test_no_frames_are_no_rows(tmp_path):
    write_angles_csv(tmp_path, "a", JointAngles(np.empty(0), np.empty((0, 12, 3))))
    assert read_angles_csv(tmp_path, "a").values.shape == (0, 12, 3)


@pytest.fixture
def written(tmp_path):
    write_angles_csv(tmp_path, "a", JointAngles(np.arange(3.0), np.zeros((3, 12, 3))))
    shape = (2, 33)
    motion = Landmarks(np.arange(2.0), np.zeros((*shape, 2)), np.zeros((*shape, 3)), np.zeros(shape), (10, 10))
    write_landmarks_csv(tmp_path / "l.csv", motion)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("landmark,", "marker,", "l.csv: the first line must be 'timestamp_s,landmark,x_m"),
        ("left_eye,", "right_eye,", "l.csv, line 4: 'right_eye' where 'left_eye' is expected"),
        ("nose,0.0", "nose,zero", "l.csv, line 2: could not convert string to float"),
        ("nose,0.000000,", "nose,", "l.csv, line 2: 7 cells where 8 are expected"),
        ("1.000000000,right_foot_index,0.000000,0.000000,0.000000,0.000000,0.000,0.000\n", "", "cut short"),
    ],
)
def test_errors_in_landmark_files_are_named(written, old, new, message):
    path = written / "l.csv"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(InvalidMotion) as caught:
        read_landmarks_csv(path, (10, 10))
    assert message in str(caught.value)


def test_errors_in_angle_files_are_named(written):
    path = written / angles_csv_name("a", JOINT_GROUPS[4])
    path.write_text(path.read_text().replace("2.000000000", "2.5"))
    with pytest.raises(InvalidMotion, match=r"a_angles_knee_l\.csv has other times"):
        read_angles_csv(written, "a")
    path.unlink()
    with pytest.raises(InvalidMotion, match=r"a_angles_knee_l\.csv cannot be read"):
        read_angles_csv(written, "a")
