import numpy as np
import pytest

from humanpose3d.motion import Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector import report

SHOULDERS_AND_HIPS = {
    "left_shoulder": (60, 100),
    "right_shoulder": (0, 100),
    "left_hip": (50, 200),
    "right_hip": (10, 200),
}


def standing(steps_px, fps=60.0, **hidden: float) -> Landmarks:
    """A body 400 pixels tall, 117 from shoulder to opposite hip, moved sideways by `steps_px` from frame to frame."""
    count = len(steps_px)
    body = np.full((33, 2), (30.0, 300.0))
    for name, place in SHOULDERS_AND_HIPS.items():
        body[LANDMARK_INDEX[name]] = place
    body[LANDMARK_INDEX["nose"]], body[LANDMARK_INDEX["left_heel"]] = (30, 50), (30, 450)
    visibility = np.ones((count, 33))
    for name, value in hidden.items():
        visibility[:, LANDMARK_INDEX[name]] = value
    image = body + np.stack([np.cumsum(steps_px), np.zeros(count)], axis=-1)[:, np.newaxis]
    return Landmarks(np.arange(count) / fps, image, np.zeros((count, 33, 3)), visibility, (640, 480))


def codes(landmarks: Landmarks) -> list[str]:
    person, framing = report._of_the_person(landmarks), report._of_the_framing(landmarks)
    return [warning.code for warning in (*person, *framing)]


def test_a_good_detection_raises_no_warning():
    assert codes(standing([0, 5, 5, 5, 5])) == []


@pytest.mark.parametrize(
    ("step_px", "fps", "jumps"),
    [
        (40, 60, 0),  # 20 torso lengths a second: a sprinter
        (70, 60, 1),  # 36: no person
        (70, 30, 0),  # 18
        (140, 30, 1),  # 36
        (30, 240, 0),  # 61, but a quarter of a torso length is within the noise
    ],
)
def test_a_jump_is_faster_than_a_person(step_px, fps, jumps):
    landmarks = standing([0, 1, step_px, 1, 1], fps)
    assert report.body_jumps(landmarks) == jumps
    assert codes(landmarks) == ["body-jumps"] * jumps


def test_a_jump_over_a_gap_is_judged_by_its_own_duration():
    whole = standing([0, 1, 1, 1, 70, 1])
    image, world = whole.pixels.copy(), whole.world.copy()
    image[2:4], world[2:4] = np.nan, np.nan
    with_gap = Landmarks(whole.times, image, world, whole.visibility, whole.image_size)
    assert (report.body_jumps(whole), report.body_jumps(with_gap)) == (1, 0)
    assert "low-detection" in codes(with_gap)


def test_occluded_limbs_are_named():
    landmarks = standing([0] * 5, left_knee=0.3, left_pinky=0.0)
    warning = next(iter(report._of_the_person(landmarks)))
    assert warning.code == "low-visibility"
    assert "left knee" in warning.message
    assert "pinky" not in warning.message


def test_limbs_outside_the_image_are_counted():
    landmarks = standing([0, 0, 0, 0, 0, 0, 0, 0, 0, -20])
    assert report.outside_image_rate(landmarks) == pytest.approx(0.1)
    assert codes(landmarks) == []
    assert codes(standing([0, 0, 0, 0, -20])) == ["outside-picture"]


def test_a_small_person_causes_a_warning():
    landmarks = standing([0] * 5)
    assert report.body_size_px(landmarks) == pytest.approx(400)
    small = Landmarks(landmarks.times, landmarks.pixels / 4, landmarks.world, landmarks.visibility, (160, 120))
    assert codes(small) == ["low-resolution"]
