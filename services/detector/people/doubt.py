"""Whether the detection is a person at all: the landmark network also finds bodies in cables and lamps."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from humanpose3d.errors import NoPerson
from humanpose3d.language import Said, text
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import QualityWarning, warning
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.report import outside_image_rate

_ALWAYS: Final = 0.95
_UNSEEN: Final = 0.35
"""Visibility; a limb in view has 0.8 or more."""

_LYING_DEG: Final = 60.0
_OFTEN_LOST: Final = 0.95
_UNSTEADY: Final = 0.3
"""Coefficient of variation of the trunk's length in the image, from half a second to the next."""

_WARNED: Final = 3
_REFUSED: Final = 4
"""Signs."""


def signs(landmarks: Landmarks) -> tuple[str | Said, ...]:
    """Reasons to doubt that it is a person; a person half in view or lying down shows two at most."""
    found = landmarks.detected
    image, visibility = landmarks.pixels[found], landmarks.visibility[found]
    shoulder, hip = (_middle(image, joint) for joint in ("shoulder", "hip"))
    trunk = shoulder - hip
    leaning = np.degrees(np.arctan2(np.abs(trunk[:, 0]), -trunk[:, 1]))
    length = np.linalg.norm(trunk, axis=1)
    lost = Said(text("it is lost in {share:.0%} of the frames"), {"share": 1 - float(found.mean())})
    tests: tuple[tuple[bool, str | Said], ...] = (
        (outside_image_rate(landmarks) >= _ALWAYS, text("limbs are outside the image throughout")),
        (_seen(visibility, "knee") < _UNSEEN, text("knees are never seen")),
        (float(np.median(leaning)) > _LYING_DEG, text("the trunk is horizontal or upside down")),
        (
            min(_seen(visibility, "shoulder"), _seen(visibility, "hip")) < _UNSEEN,
            text("shoulders or hips are never seen"),
        ),
        (float(found.mean()) < _OFTEN_LOST, lost),
        (float(length.std() / length.mean()) > _UNSTEADY, text("its size changes from moment to moment")),
    )
    return tuple(words for holds, words in tests if holds)


def require_person(landmarks: Landmarks, name: str) -> None:
    """Raises NoPerson where almost all evidence is against a person."""
    against = signs(landmarks)
    if len(against) >= _REFUSED:
        raise NoPerson(
            text(
                "What was found in {name} is probably no person: {signs}. Record one person, the whole body in view, "
                "from 2 to 4 m, in good light."
            ),
            name=name,
            signs=against,
        )


def doubts(landmarks: Landmarks) -> Iterator[QualityWarning]:
    """Warning, listed first, where much evidence is against a person."""
    against = signs(landmarks)
    if len(against) >= _WARNED:
        yield warning(
            "perhaps-no-person",
            "This may be no person: {signs}. Look at the preview (export_preview) before you use any number.",
            signs=against,
        )


def _middle(image: FloatArray, joint: str) -> FloatArray:
    return np.asarray(image[:, [LANDMARK_INDEX[f"left_{joint}"], LANDMARK_INDEX[f"right_{joint}"]]].mean(axis=1))


def _seen(visibility: FloatArray, joint: str) -> float:
    """Mean visibility of the more visible side."""
    return float(max(visibility[:, LANDMARK_INDEX[f"{side}_{joint}"]].mean() for side in ("left", "right")))
