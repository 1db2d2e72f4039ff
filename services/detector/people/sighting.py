"""A person in one sampled frame."""

from pydantic import BaseModel, ConfigDict


class Sighting(BaseModel):
    """A person in one frame.

    time    seconds of the video.
    x, y    pixels: the middle of the hips.
    size    pixels: diameter of the circle around the person, about standing height.
    box     left, top, right, bottom, pixels of the upright image.
    whole   share of the limbs' landmarks that are inside the image.
    colour  of the clothes over trunk and thighs: six numbers, CIELAB; empty where not examined.
    pose    positions of the landmarks from the hips in sizes, flat; empty where not examined.
    """

    model_config = ConfigDict(frozen=True)

    time: float
    x: float
    y: float
    size: float
    box: tuple[int, int, int, int]
    whole: float = 1.0
    colour: tuple[float, ...] = ()
    pose: tuple[float, ...] = ()
