import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from humanpose3d.options import RunOptions
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.camera.orientation_check import TURNS, Turn, decide, find_turn, stands, upright
from services.detector.camera.text import letters_read, text_turn
from services.detector.pose.landmarker import Pose
from services.detector.pose.tracker import BatchTracker
from services.detector.stage import DetectorInputs, run
from services.detector.video.orientation import Orientation, turned
from services.detector.video.reader import Video
from shared.stage import silent

LITE = RunOptions(pose_model="lite")
NONE_STAND = dict.fromkeys(TURNS, 0.0)
STANDING = {
    "shoulder": (0.18, -0.5),
    "elbow": (0.22, -0.22),
    "wrist": (0.24, 0.02),
    "hip": (0.1, 0.0),
    "knee": (0.1, 0.42),
    "ankle": (0.1, 0.84),
}
"""Metres to the left of the hips' middle, and down."""

HANDSTAND = STANDING | {"elbow": (0.2, -0.8), "wrist": (0.2, -1.05)}
PRESS_UP = STANDING | {"elbow": (0.45, -0.5), "wrist": (0.7, -0.5)}
SITTING_BACK = STANDING | {"knee": (0.5, 0.05), "ankle": (0.5, 0.45)}


def turn_of(path: Path) -> Turn:
    return find_turn(BatchTracker("lite", threads=1), path)


def body(places: dict[str, tuple[float, float]] = STANDING, turn_deg: int = 0, sideways: bool = False) -> Pose:
    """A posture seen from the front or (`sideways`) with both sides superimposed, turned clockwise."""
    image = np.zeros((33, 2))
    for joint, (x, y) in places.items():
        for side, sign in (("left", 1), ("right", 1 if sideways else -1)):
            image[LANDMARK_INDEX[f"{side}_{joint}"]] = (sign * x, y)
    angle = np.radians(turn_deg)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Pose(300 + 200 * image @ rotation.T, np.zeros((33, 3)), np.full(33, 0.9))


def lettered(width: int = 900, height: int = 500) -> np.ndarray:
    image = np.full((height, width, 3), 235, np.uint8)
    for row, words in enumerate(("LABORATORY", "Entrance on the left", "Please wait here")):
        cv2.putText(image, words, (40, 120 + 130 * row), cv2.FONT_HERSHEY_SIMPLEX, 2.0, (20, 20, 20), 4, cv2.LINE_AA)
    return image


@pytest.mark.parametrize("degrees", TURNS)
def test_orientations_are_composed(degrees):
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(turned(image, degrees), np.rot90(image, -degrees // 90))
    for start in (Orientation(True, True, False, 90), Orientation(False, True, True, 180), Orientation(flip_x=True)):
        after = start.turned(degrees)
        np.testing.assert_array_equal(after.apply(image), np.rot90(start.apply(image), -degrees // 90))
        assert after.rotation_deg == (start.rotation_deg + degrees) % 360
        assert after.size(4, 2) == after.apply(image).shape[1::-1]


@pytest.mark.parametrize("degrees", TURNS[1:])
def test_the_sample_without_its_metadata_gives_the_same_landmarks(clip, tmp_path, images, degrees):
    whole = {"options": {"crf": "12"}}
    straight = run(DetectorInputs(clip("straight.mp4", images=images, **whole), tmp_path), LITE, silent)
    lying = clip("lying.mp4", images=[turned(image, degrees) for image in images], **whole)
    outputs = run(DetectorInputs(lying, tmp_path), LITE, silent)
    assert outputs.report.facts["turned_deg"] == 360 - degrees
    assert outputs.landmarks.image_size == straight.landmarks.image_size
    assert outputs.video_facts.rotation_deg == 360 - degrees
    distance = np.linalg.norm(outputs.landmarks.pixels - straight.landmarks.pixels, axis=2)
    assert np.median(distance) < 1.5  # pixels, of a person 375 pixels tall: the effect of re-encoding
    assert np.percentile(distance, 95) < 6
    told = {warning.code: warning.message for warning in outputs.report.warnings}
    assert f"turned clockwise by {360 - degrees}°" in told["video-turned"]


def test_an_upright_video_needs_three_detections(clip, images):
    turn = turn_of(clip("straight.mp4", images=images))
    assert (turn.degrees, turn.looks, turn.standing_share) == (0, 3, {})


def test_a_person_who_enters_later_is_found_without_trying_rotations(clip, images, monkeypatch):
    absent = [np.full_like(images[0], 90)] * 24
    path = clip("enters.mp4", images=absent + images, rate=24)
    times = []
    alone = BatchTracker.alone

    def noted(self, frame):
        times.append(frame.time)
        return alone(self, frame)

    monkeypatch.setattr(BatchTracker, "alone", noted)
    assert turn_of(path).degrees == 0
    assert times == pytest.approx(np.arange(7) / 4)


def test_wrong_metadata_is_overruled(clip, tmp_path, images):
    path = clip("wrong.mov", images=images)
    wrong = tmp_path / "claims.mov"
    _with_display_matrix(path, wrong)
    with Video(wrong) as video:
        next(video.frames())
        assert (video.medium.width, video.medium.height) == (960, 540)
    assert turn_of(wrong).degrees == 270


def _with_display_matrix(source, target) -> None:
    """The same file with a header that states a rotation of the image by 90°."""
    content = bytearray(source.read_bytes())
    header = content.index(b"tkhd")
    matrix = header + 4 + 4 + 20 + 16  # version and flags, times and ids, layer and volume
    quarter = np.array([0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000], dtype=">i4")
    content[matrix : matrix + 36] = quarter.tobytes()
    target.write_bytes(content)


def test_a_person_who_lies_down_during_the_clip_is_not_rotated(clip, images):
    lying = [turned(image, 90) for image in images]
    width, height = images[0].shape[1::-1]
    canvas = [_centred(image, max(width, height)) for image in lying[:18] + images[18:]]
    turn = turn_of(clip("lies.mp4", images=canvas, rate=24))
    assert (turn.degrees, turn.looks) == (0, 4)


def _centred(image: np.ndarray, size: int) -> np.ndarray:
    canvas = np.full((size, size, 3), 128, np.uint8)
    height, width, _ = image.shape
    top, left = (size - height) // 2, (size - width) // 2
    canvas[top : top + height, left : left + width] = image
    return canvas


def test_a_video_without_a_person_is_not_rotated(clip):
    turn = turn_of(clip("empty.mp4", frames=60))
    assert (turn.degrees, turn.standing_share) == (0, {})


@pytest.mark.parametrize("tilt", [-30, 0, 30])
def test_a_standing_person_is_upright_in_one_rotation_only(tilt):
    for sideways in (False, True):
        assert [stands(body(turn_deg=tilt + degrees, sideways=sideways)) for degrees in TURNS] == [
            True,
            False,
            False,
            False,
        ]


@pytest.mark.parametrize("posture", [HANDSTAND, PRESS_UP, SITTING_BACK], ids=["handstand", "press-up", "bent hips"])
def test_other_postures_are_upright_in_no_rotation(posture):
    assert not any(stands(body(posture, degrees, sideways=True)) for degrees in TURNS)


def test_a_hardly_visible_person_is_not_classified_as_standing():
    pose = body()
    assert not stands(Pose(pose.pixels, pose.world, pose.visibility * 0.4))
    assert upright(Pose(pose.pixels, pose.world, pose.visibility * 0.4))


@pytest.mark.parametrize(
    ("shares", "text_degrees", "expected"),
    [
        ({90: 0.7}, None, 90),
        ({90: 0.5}, None, 0),
        ({90: 0.5}, 90, 90),
        ({90: 0.2}, 90, 0),
        ({90: 0.9}, 0, 0),
        ({90: 0.9}, 270, 0),
        ({}, None, 0),
    ],
)
def test_person_and_text_are_combined(shares, text_degrees, expected):
    assert decide(NONE_STAND | shares, text_degrees) == expected


def test_letters_of_confidently_recognised_words_are_counted():
    head = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext\n"
    rows = [("96.1", "EXIT"), ("91", "ab"), ("40", "noise"), ("-1", ""), ("88", "N°12")]
    table = head + "".join(f"5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t{confidence}\t{word}\n" for confidence, word in rows)
    assert letters_read(table) == 7


def test_without_tesseract_text_is_not_used(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert text_turn([lettered()]) is None


def test_a_failing_tesseract_is_ignored(monkeypatch):
    def fail(*arguments, **how):
        raise subprocess.TimeoutExpired("tesseract", 1)

    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/tesseract")
    monkeypatch.setattr(subprocess, "run", fail)
    assert text_turn([lettered()]) is None


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
@pytest.mark.parametrize("degrees", TURNS)
def test_rotated_text_is_detected(degrees):
    assert text_turn([turned(lettered(), degrees)]) == -degrees % 360


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_an_image_without_text_gives_no_orientation():
    rng = np.random.default_rng(2)
    assert text_turn([rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)]) is None


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_upright_text_prevents_rotating_a_lying_person(clip, images):
    sign = cv2.resize(lettered(), (540, 300), interpolation=cv2.INTER_AREA)
    lying = []
    for image in images:
        canvas = np.full((1000, 960, 3), 128, np.uint8)
        canvas[:540] = turned(image, 90)
        canvas[600:900, 200:740] = sign
        lying.append(canvas)
    turn = turn_of(clip("sign.mp4", images=lying, options={"crf": "16"}))
    assert (turn.degrees, turn.text_degrees) == (0, 0)
    assert turn.standing_share[270] > 0.6
