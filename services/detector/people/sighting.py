"""A person in one sampled frame, and what two sightings of one person can differ by."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray

FASTEST: Final = 2.0
"""Maximum speed in the image, in the person's own size per second: a sprint across it."""

NOISE: Final = 0.35
"""Position error from one sighting to the next, in the person's own size."""

LARGER: Final = 1.6
"""Maximum ratio of a person's sizes in two successive sightings."""

LONGEST_ABSENCE_S: Final = 4.0
"""Time after which a returning person gets a new track."""

SAME_BODY: Final = 0.15
"""Distance of their landmarks within which two bodies in one frame are one: see `bodies_apart`."""


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


def bodies_apart(one: Sighting, other: Sighting) -> float:
    """Mean distance of the landmarks of two examined sightings in one frame, in sizes."""
    places = (np.array(seen.pose).reshape(-1, 2) * seen.size + (seen.x, seen.y) for seen in (one, other))
    return float(np.linalg.norm(np.subtract(*places), axis=1).mean()) / min(one.size, other.size)


def clothes(sightings: Sequence[Sighting]) -> FloatArray | None:
    """(6,) median colours of the clothes; None where none were examined."""
    colours = [seen.colour for seen in sightings if seen.colour]
    return np.median(colours, axis=0) if colours else None


def clothes_apart(one: FloatArray | None, other: FloatArray | None) -> float:
    """Distance of the colours (CIELAB) of clothes; 0 where those of one were not examined."""
    if one is None or other is None:
        return 0.0
    difference = one - other
    difference[[0, 3]] /= 2  # lightness varies more than hue
    return float(np.linalg.norm(difference) / np.sqrt(2))


def path_of(sightings: Sequence[Sighting]) -> tuple[FloatArray, FloatArray]:
    """(n,) times, and (n, 3) x, y and size there."""
    rows = np.array([(seen.time, seen.x, seen.y, seen.size) for seen in sightings])
    return rows[:, 0], rows[:, 1:]


def places(sightings: Sequence[Sighting], times: FloatArray) -> FloatArray:
    """(T, 3) x, y and size, interpolated between sightings; before the first and after the last, theirs."""
    known, path = path_of(sightings)
    return np.column_stack([np.interp(times, known, values) for values in path.T])
