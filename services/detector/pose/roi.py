"""The region of an image that a network sees: a square around the person, rotated so that the person is upright."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from humanpose3d.motion import FloatArray
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes

MARGIN: Final = 1.25
"""Side of the region over the diameter of the circle around the person, as in the training of MediaPipe's networks."""


@dataclass(frozen=True, eq=False)
class Region:
    """A square in an image.

    centre  (2,) pixels, x right, y down.
    side    pixels.
    turn    radians, clockwise in the image: lean of the person from upright.
    """

    centre: FloatArray
    side: float
    turn: float = 0.0

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Self:
        """The smallest square that holds an image of this (width, height), centred on it."""
        width, height = size
        return cls(np.array([width / 2, height / 2]), max(width, height))

    @classmethod
    def around(cls, centre: FloatArray, top: FloatArray) -> Self:
        """The region of a person, from two points (2,) in pixels that the networks return for it.

        centre  between the hips. top: above the head, in the direction of the spine, on the circle around the person.
        """
        x, y = top - centre
        return cls(np.asarray(centre), 2 * MARGIN * float(np.hypot(x, y)), float(np.arctan2(x, -y)))

    @property
    def usable(self) -> bool:
        """Whether the region is valid: size above zero and all values finite."""
        return bool(np.isfinite([*self.centre, self.side, self.turn]).all()) and self.side > 0

    def crop(self, image: Planes, side: int, border: int) -> Image:
        """(side, side, 3) RGB: what is in the region, upright. `border` (of cv2): how to fill outside the image."""
        enlargement = side / self.side
        rotation = enlargement * _rotation(-self.turn)
        return image.warped(np.column_stack([rotation, side / 2 - rotation @ self.centre]), side, border)

    def to_image(self, points: FloatArray) -> FloatArray:
        """(…, 2) pixels of the image, for points given in sides of the region from its upper left corner."""
        return (points - 0.5) * self.side @ _rotation(self.turn).T + self.centre

    def turned(self, vectors: FloatArray) -> FloatArray:
        """(…, 3) vectors of the upright person, rotated about the line of sight as in the image."""
        turned = vectors.copy()
        turned[..., :2] = vectors[..., :2] @ _rotation(self.turn).T
        return turned


def _rotation(turn: float) -> FloatArray:
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.array([[cosine, -sine], [sine, cosine]])
