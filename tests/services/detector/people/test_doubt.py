import numpy as np
import pytest

from humanpose3d.errors import NoPerson, NoPersonDetected
from humanpose3d.motion import Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.people.doubt import doubts, require_person, signs

HEIGHTS = {"shoulder": 120, "elbow": 170, "wrist": 220, "hip": 230, "knee": 330, "ankle": 420, "heel": 430}


def body(**visibility: float) -> tuple[np.ndarray, np.ndarray]:
    """(60, 33, 2) pixels of a person standing in an image of 480 × 640, and (60, 33) visibilities."""
    image = np.full((60, 33, 2), (240.0, 80.0))
    seen = np.full((60, 33), 0.95)
    for side, x in (("left", 260.0), ("right", 220.0)):
        for joint, y in (HEIGHTS | {"foot_index": 440}).items():
            image[:, LANDMARK_INDEX[f"{side}_{joint}"]] = (x, y)
            seen[:, LANDMARK_INDEX[f"{side}_{joint}"]] = visibility.get(joint, 0.95)
    return image, seen


def landmarks(image: np.ndarray, seen: np.ndarray, lost: int = 0) -> Landmarks:
    image, world = image.copy(), np.zeros((60, 33, 3))
    image[:lost], world[:lost] = np.nan, np.nan
    return Landmarks(np.arange(60) / 30, image, world, seen, (480, 640))


def test_a_person_in_view_raises_no_doubt():
    assert signs(landmarks(*body())) == ()


def test_half_a_person_and_a_lying_person_are_people():
    close_up = landmarks(body()[0] * (1, 2.5), body(knee=0.1, ankle=0.1)[1])  # legs below the image
    lying = landmarks(body()[0][..., ::-1], body()[1])
    for found in (close_up, lying):
        assert not list(doubts(found))
        require_person(found, "a.mp4")


def clutter() -> tuple[np.ndarray, np.ndarray]:
    """A false detection in cables and a lamp: lying, cut by the edge, legs guessed, size varying between frames."""
    image, seen = body(knee=0.1, ankle=0.05, hip=0.2, heel=0.0, foot_index=0.0)
    sizes = np.random.default_rng(0).uniform(0.5, 2.0, (60, 1, 1))
    return (image[..., ::-1] - 250) * sizes + (430, 300), seen


def test_clutter_is_no_person():
    found = landmarks(*clutter(), lost=12)
    assert len(signs(found)) == 6
    with pytest.raises(NoPerson, match=r"a.mp4 is probably no person: limbs are outside .*knees are never seen"):
        require_person(found, "a.mp4")
    assert issubclass(NoPerson, NoPersonDetected)
    assert NoPerson.exit_code == 2


def test_doubtful_detections_are_reported_first():
    image, _ = clutter()
    found = landmarks(image, np.full((60, 33), 0.9))
    require_person(found, "a.mp4")
    (warning,) = doubts(found)
    assert warning.code == "perhaps-no-person"
    assert warning.message.startswith("This may be no person: limbs are outside")
