"""The real clip's references: right frame, time and sign; detections are cached."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import balancing
from benchmarks.balancing import RealClip, detected, opensim_angles, pose2sim_angles, pose2sim_markers
from benchmarks.conditions import CONDITIONS
from benchmarks.multicamera import CalibratedCamera, triangulate
from benchmarks.scoring import errors, figures
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.mot import read_mot
from humanpose3d.formats.trc import read_trc
from humanpose3d.motion import FloatArray
from humanpose3d.options import Verticals
from humanpose3d.skeleton import JOINT_GROUP_INDEX, MARKER_INDEX
from services.detector.stage import DETECTOR, DetectorOutputs
from tests.services.refiner import synthetic

Z_UP = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""From the walker's world, Y up, to a calibration's, Z up."""

TIMES = np.arange(100) / 60


@pytest.fixture
def data(measured_data):
    return measured_data / "reference" / "balancing"


def before_four_cameras(points: FloatArray) -> RealClip:
    """The walker recorded by four surrounding cameras, with a Z-up calibration."""
    times = synthetic.clock(len(points) / synthetic.FPS)
    cameras, landmarks = [], []
    for index in range(4):
        made = synthetic.Camera(pitch=20, roll=4 * index, azimuth=90 * index + 15)
        hips = points[:, [23, 24]].mean(axis=(0, 1))
        rotation = made.axes() @ Z_UP.T
        focal = made.focal * max(made.size)
        matrix = np.array([[focal, 0, made.size[0] / 2], [0, focal, made.size[1] / 2], [0, 0, 1]])
        shift = np.array([0, 0, made.distance]) - rotation @ Z_UP @ hips
        cameras.append(CalibratedCamera(f"cam{index}", matrix, np.zeros(4), rotation, shift))
        landmarks.append(synthetic.recorded(times, points, made))
    together = triangulate(cameras, np.stack([one.pixels for one in landmarks]))
    return RealClip(
        cameras, landmarks, [Verticals(lateral_slope=0.0, forward_slope=0.1 * n, looks=1) for n in range(4)], together
    )


def test_each_camera_is_compared_with_all_of_them_together(tmp_path):
    clip = before_four_cameras(synthetic.standing(synthetic.clock(0.5)))
    cases = clip.cases("triangulated", tmp_path)
    levelled = next(condition for condition in CONDITIONS if condition.key == "raw_levelled")
    raw = next(condition for condition in CONDITIONS if condition.key == "raw")
    for index, case in enumerate(cases):
        found = figures([errors(case, levelled.answer(case, 1))])
        assert found["mpjpe_cm"].value == pytest.approx(0, abs=0.05)
        tilt = figures([errors(case, raw.answer(case, 1))])["gravity_deg"].value
        expected = np.degrees(np.arccos(np.cos(np.radians(20)) * np.cos(np.radians(4 * index))))
        assert tilt == pytest.approx(expected, abs=1e-3)
    facts = clip.facts()
    assert facts["camera_pitch_down_deg"] == pytest.approx({f"cam{n}": 20 for n in range(4)}, abs=2)
    assert facts["camera_roll_deg"] == pytest.approx({f"cam{n}": 4 * n for n in range(4)}, abs=1)
    assert facts["reprojection_px"] == pytest.approx(0, abs=0.05)


def test_pose2sim_s_first_row_is_the_video_s_frame_1(data):
    rows = read_trc(data / "pose2sim_21_markers.trc")
    markers = pose2sim_markers(data, TIMES)
    assert np.isnan(markers[0]).all()
    assert markers[7, MARKER_INDEX["LAnkle"]] == pytest.approx(rows.position("LAnkle")[6], abs=1e-6)
    middle = (rows.position("RHip") + rows.position("LHip")) / 2
    assert markers[1:, MARKER_INDEX["Hip"]] == pytest.approx(middle[:99], abs=1e-5)


def test_opensim_s_coordinates_are_ours_at_the_same_time(data):
    table = read_mot(data / "opensim_ik_lstm.mot")
    angles = opensim_angles(data, TIMES)(np.eye(3))
    assert angles[11, JOINT_GROUP_INDEX["knee_l"], 0] == pytest.approx(table.column("knee_angle_l")[10], abs=1e-3)
    assert angles[11, JOINT_GROUP_INDEX["hip_r"], 1] == pytest.approx(table.column("hip_adduction_r")[10], abs=1e-3)
    assert np.isnan(angles[:, JOINT_GROUP_INDEX["trunk"]]).all()
    # OpenSim's pelvis sequence is Z (tilt), X (list), Y (rotation); ours is Y, X, Z: equal for small angles
    pelvis = angles[1:, JOINT_GROUP_INDEX["pelvis"]]
    assert np.corrcoef(pelvis[:, 2], table.column("pelvis_rotation")[:99])[0, 1] > 0.97


def test_opensim_s_signs_are_those_of_the_same_markers_through_our_angles(data):
    """Both follow the same multi-camera markers, so every mapped angle must change in the same direction in both."""
    ours, theirs = (read(data, TIMES)(np.eye(3))[1:] for read in (pose2sim_angles, opensim_angles))
    for group in range(12):
        for angle in range(3):
            if np.isfinite(theirs[:, group, angle]).all():
                assert np.corrcoef(ours[:, group, angle], theirs[:, group, angle])[0, 1] > 0.5, (group, angle)
    for name in ("pelvis", "hip_r", "hip_l", "knee_r", "knee_l"):
        offset = ours[:, JOINT_GROUP_INDEX[name], 0] - theirs[:, JOINT_GROUP_INDEX[name], 0]
        assert abs(offset.mean()) < 8


def test_rotating_the_world_rotates_only_the_pelvis(data):
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # +90° about Y takes x to -z
    for read in (pose2sim_angles, opensim_angles):
        straight, turned = read(data, TIMES)(np.eye(3))[1:], read(data, TIMES)(turn)[1:]
        difference = turned - straight
        assert (difference[:, 0, 2] + 180) % 360 - 180 == pytest.approx(np.full(99, 90), abs=1e-6)
        difference[:, 0, 2] = 0
        assert np.nanmax(np.abs(difference)) < 1e-6


def test_a_video_is_detected_once(tmp_path, monkeypatch):
    seen = synthetic.recorded(synthetic.clock(0.5), synthetic.standing(synthetic.clock(0.5)), synthetic.Camera())
    lines = Verticals(lateral_slope=0.1, forward_slope=-0.2, looks=2)
    runs = []

    def run(inputs, options, progress):
        runs.append(inputs.video)
        return DetectorOutputs(seen, None, None, None, lines)  # type: ignore[arg-type]  # nothing else is used

    monkeypatch.setattr(balancing, "DETECTOR", replace(DETECTOR, run=run))
    video = tmp_path / "cam01.mp4"
    video.write_bytes(b"one")
    first, again = (detected(video, tmp_path / "work") for _ in range(2))
    assert len(runs) == 1
    assert again[0].world == pytest.approx(first[0].world)
    assert again[1] == first[1] == lines
    video.write_bytes(b"another")
    detected(video, tmp_path / "work")
    assert len(runs) == 2


def test_a_folder_without_the_clip_is_named(tmp_path):
    with pytest.raises(InvalidMotion, match=r"Calib\.qca\.txt"):
        RealClip.read(tmp_path, tmp_path / "work")
