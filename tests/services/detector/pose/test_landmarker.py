import subprocess
import sys
import threading

import numpy as np
import pytest

from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.pose.landmarker import Pose, PoseLandmarker
from services.detector.video.planes import Planes
from services.detector.video.reader import Frame, Video
from shared.models import shipped


def detect(frames: list[Frame], size: str = "lite") -> list[Pose | None]:
    with PoseLandmarker(shipped(f"pose_landmarker_{size}.task")) as landmarker:
        return [landmarker.detect(frame) for frame in frames]


def image_positions(poses: list[Pose | None]) -> np.ndarray:
    return np.stack([pose.pixels for pose in poses if pose is not None])


def test_the_same_frames_give_the_same_numbers(sample_frames):
    for first, second in zip(detect(sample_frames[:12]), detect(sample_frames[:12]), strict=True):
        assert first is not None
        assert second is not None
        np.testing.assert_array_equal(first.pixels, second.pixels)
        np.testing.assert_array_equal(first.world, second.world)
        np.testing.assert_array_equal(first.visibility, second.visibility)


@pytest.mark.parametrize("size", ["lite", "full", "heavy"])
def test_every_model_that_ships_finds_the_person(sample_frames, size):
    poses = detect(sample_frames[:3], size)
    assert all(pose is not None and pose.visibility.mean() > 0.9 for pose in poses)


def test_units_and_axes(sample_frames):
    poses = detect(sample_frames[:10])
    pose = poses[-1]
    assert pose is not None
    assert (pose.pixels.shape, pose.world.shape, pose.visibility.shape) == ((33, 2), (33, 3), (33,))
    nose, left_hip, right_hip = (LANDMARK_INDEX[name] for name in ("nose", "left_hip", "right_hip"))
    heels = [LANDMARK_INDEX["left_heel"], LANDMARK_INDEX["right_heel"]]
    np.testing.assert_allclose((pose.world[left_hip] + pose.world[right_hip]) / 2, 0, atol=0.02)
    assert 1.2 < np.ptp(pose.world[[nose, *heels], 1]) < 1.8, "nose to heel of an upright adult, metres"
    assert pose.world[nose, 1] < 0 < pose.world[heels, 1].min(), "y points down"
    assert pose.world[left_hip, 0] > pose.world[right_hip, 0], "x points right: he faces the camera"
    assert pose.world[nose, 2] < pose.world[[7, 8], 2].mean(), "z points away: his nose is nearer than his ears"
    assert 600 < np.ptp(pose.pixels[[nose, *heels], 1]) < 800, "pixels: he fills a third of 1920"


def test_a_rotated_clip_has_the_landmarks_of_the_upright_one(clip, sample_frames):
    stored = [np.ascontiguousarray(np.rot90(frame.image, -1)) for frame in sample_frames[:12]]
    path = clip("turned.mp4", images=stored, rate=60, prepare=lambda stream: stream.set_display_rotation(90))
    with Video(path) as video:
        turned = image_positions(detect(list(video.frames())))
    upright = image_positions(detect(sample_frames[:12]))
    assert turned.shape == upright.shape
    # Only the second compression differs; without rotation the landmarks would be hundreds of pixels off or absent.
    assert np.median(np.linalg.norm(turned - upright, axis=-1)) < 8


def test_more_than_a_thousand_frames_a_second(sample_frames):
    frames = [Frame(index / 4000, sample_frames[0].planes) for index in range(6)]
    assert all(pose is not None for pose in detect(frames))


def test_times_may_start_before_zero(sample_frames):
    frames = [Frame(frame.time - 1.0, frame.planes) for frame in sample_frames[:3]]
    assert all(pose is not None for pose in detect(frames))


def test_no_person(sample_frames):
    empty = Planes.of(np.full_like(sample_frames[0].image, 90))
    assert detect([Frame(index / 30, empty) for index in range(3)]) == [None] * 3


def test_closing_ends_the_threads(sample_frames):
    before = threading.active_count()
    detect(sample_frames[:2])
    assert threading.active_count() == before


def test_the_user_sees_nothing_of_mediapipe(sample):
    program = f"""
from pathlib import Path
from services.detector.pose.landmarker import PoseLandmarker
from services.detector.video.reader import Video
from shared.models import shipped
with Video(Path({str(sample)!r})) as video, PoseLandmarker(shipped("pose_landmarker_lite.task")) as landmarker:
    for frame, _ in zip(video.frames(), range(3)):
        assert landmarker.detect(frame)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


def test_importing_the_stage_imports_no_mediapipe():
    program = "import sys, services.detector.stage; sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
