"""The people in one frame of a video, as sightings."""

from itertools import chain
from typing import Final

import cv2
import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.people.sighting import SAME_BODY, Sighting, bodies_apart
from services.detector.pose.landmark_network import Body
from services.detector.pose.roi import MARGIN, Region
from services.detector.pose.tracker import MIN_PRESENCE, BatchTracker
from services.detector.report import LIMBS
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes
from services.detector.video.reader import Frame

TILE_STEP: Final = 0.4
"""Step, as a share of the shorter side, between the squares searched in addition to the whole image."""

SAME_SIZE: Final = 1.5
SAME_PLACE: Final = 0.3
"""Two regions within this ratio of sizes and this distance in sizes are of one person."""


def people_in(tracker: BatchTracker, frame: Frame, *, closely: bool) -> list[Sighting]:
    """All people in a frame. Where there seem to be several, the landmark network checks each, since it distinguishes
    people from things; with `closely`, also a single one."""
    regions = _regions(tracker, frame.planes)
    if len(regions) == 1 and not closely:
        return [sighting(frame, regions[0])]
    bodies = tracker.body.find([frame.planes] * len(regions), regions) if regions else []
    there = [body for body in bodies if body.presence > MIN_PRESENCE and body.region.usable]
    return _distinct([sighting(frame, body.region, body) for body in there])


def _regions(tracker: BatchTracker, image: Planes) -> list[Region]:
    """Regions with people. In the whole image the person detector finds little more than the most prominent person, so
    overlapping squares are searched too."""
    width, height = image.size
    short, rest = min(height, width), abs(height - width)
    count = 1 + int(np.ceil(rest / short / TILE_STEP)) if rest else 0
    starts = np.linspace(0, rest, count).round().astype(int)
    corners = [(0, start) if height > width else (start, 0) for start in starts]
    squares = [Region.whole(image.size), *(Region(np.array([x, y]) + short / 2, short) for x, y in corners)]
    kept: list[Region] = []
    for region in chain.from_iterable(tracker.person.find_all([image] * len(squares), squares)):
        if region.usable and not any(_same_place(region, other) for other in kept):
            kept.append(region)
    return kept


def _same_place(one: Region, other: Region) -> bool:
    small, large = sorted((one.side, other.side))
    return large < SAME_SIZE * small and float(np.linalg.norm(one.centre - other.centre)) < SAME_PLACE * small / MARGIN


def _distinct(people: list[Sighting]) -> list[Sighting]:
    kept: list[Sighting] = []
    for seen in people:
        if not any(bodies_apart(seen, other) < SAME_BODY for other in kept):
            kept.append(seen)
    return kept


def sighting(frame: Frame, region: Region, body: Body | None = None, *, clothes: bool = True) -> Sighting:
    """A person as found; `clothes`: with their colours, for which the whole image is converted."""
    size, (x, y) = region.side / MARGIN, region.centre
    edge = frame.planes.size
    colour: tuple[float, ...] = ()
    pose: tuple[float, ...] = ()
    if body is None:
        low, high = region.centre - size / 2, region.centre + size / 2
        whole = 1.0
    else:
        limbs = body.pixels[[LANDMARK_INDEX[name] for name in LIMBS]]
        low, high = body.pixels.min(axis=0), body.pixels.max(axis=0)
        whole = float(((limbs >= 0) & (limbs <= edge)).all(axis=1).mean())
        colour = _colour(frame.image, body.pixels) if clothes else ()
        pose = tuple(((limbs - region.centre) / size).ravel().round(4).tolist())
    left, top = np.clip(low, 0, edge).astype(int).tolist()
    right, bottom = np.clip(high, 0, edge).astype(int).tolist()
    return Sighting(
        time=frame.time,
        x=float(x),
        y=float(y),
        size=float(size),
        box=(left, top, right, bottom),
        whole=whole,
        colour=colour,
        pose=pose,
    )


def _colour(image: Image, pixels: FloatArray) -> tuple[float, ...]:
    """Mean CIELAB colours of the clothes over the trunk and over the thighs."""
    corners = {name: pixels[[LANDMARK_INDEX[f"left_{name}"], LANDMARK_INDEX[f"right_{name}"]]] for name in _CORNERS}
    parts = (("shoulder", "hip"), ("hip", "knee"))
    return tuple(value for upper, lower in parts for value in _mean_lab(image, corners[upper], corners[lower]))


_CORNERS: Final = ("shoulder", "hip", "knee")


def _mean_lab(image: Image, upper: FloatArray, lower: FloatArray) -> tuple[float, float, float]:
    """Colours at points between two pairs of landmarks, where inside the image."""
    height, width, _ = image.shape
    across, down = np.meshgrid(np.linspace(0.2, 0.8, 5), np.linspace(0.15, 0.85, 8))
    top, bottom = (pair[0] + across[..., None] * (pair[1] - pair[0]) for pair in (upper, lower))
    points = (top + down[..., None] * (bottom - top)).reshape(-1, 2).astype(int)
    inside = ((points >= 0) & (points < (width, height))).all(axis=1)
    if not inside.any():
        return 50.0, 0.0, 0.0
    pixels = image[points[inside, 1], points[inside, 0]].reshape(-1, 1, 3).astype(np.float32) / 255
    lightness, a, b = np.median(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(-1, 3), axis=0).tolist()
    return lightness, a, b
