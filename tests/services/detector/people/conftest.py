"""Scenes of several people, composed from cut-outs of the sample's subject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from services.detector.video.orientation import Image
from services.detector.video.reader import Video

SIZE = (960, 540)
CUT = (slice(290, 1340), slice(230, 960))
"""Rows and columns of the sample that contain its subject; the body is four fifths of the cut-out's height."""


@dataclass(frozen=True)
class Actor:
    """Position of a cut-out: its height and centre as shares of the scene, over time (0 to 1)."""

    height: float
    x: Callable[[float], float]
    y: float = 0.5
    still: bool = False
    tint: tuple[int, int, int] = (0, 1, 2)
    present: Callable[[float], bool] = lambda share: True


@pytest.fixture(scope="session")
def cut_outs() -> list[Image]:
    """Every second frame of the sample's subject, at half the size."""
    with Video(SAMPLE) as video:
        frames = [frame.image[CUT] for index, frame in enumerate(video.frames()) if index % 2 == 0]
    return [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames]


@pytest.fixture(scope="session")
def scene(cut_outs: list[Image]) -> Callable[..., list[Image]]:
    """`scene(actors, frames)`: images of the actors in front of a wall, later ones in front of earlier ones."""

    def made(actors: Sequence[Actor], frames: int = 45, size: tuple[int, int] = SIZE) -> list[Image]:
        wall = np.full((size[1], size[0], 3), 150, np.uint8)
        wall[size[1] * 3 // 4 :] = 110
        images = []
        for index in range(frames):
            image, share = wall.copy(), index / frames
            for actor in actors:
                if actor.present(share):
                    person = cut_outs[0 if actor.still else index % len(cut_outs)][..., actor.tint]
                    paste(image, person, actor.height * size[1], actor.x(share) * size[0], actor.y * size[1])
            images.append(image)
        return images

    return made


def paste(image: Image, person: Image, height: float, x: float, y: float) -> None:
    """Paste at this centre, faded out towards the cut-out's edges."""
    scale = height / person.shape[0]
    small = cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = (np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.1 * count) for count in small.shape[:2])
    cover = np.clip(np.minimum.outer(rows, columns), 0, 1)[..., None]
    left, top = round(x - small.shape[1] / 2), round(y - small.shape[0] / 2)
    a, b = max(0, left), min(image.shape[1], left + small.shape[1])
    c, d = max(0, top), min(image.shape[0], top + small.shape[0])
    if a < b and c < d:
        part = (slice(c - top, d - top), slice(a - left, b - left))
        image[c:d, a:b] = cover[part] * small[part] + (1 - cover[part]) * image[c:d, a:b]


from tests.services.detector.conftest import SAMPLE  # noqa: E402
