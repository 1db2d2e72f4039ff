"""Examines sampled frames of a video before detection: who is in it, and whether the camera is static.

A few frames show whether there is more than one person. Only then are many examined, with every person in them.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from humanpose3d.options import FOCAL_LENGTH, RunOptions
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.camera.motion import MotionMeter
from services.detector.people.choice import chosen
from services.detector.people.guide import Guide
from services.detector.people.sighting import Sighting
from services.detector.people.tracks import PersonTrack, linked
from services.detector.pose.landmark_network import Body
from services.detector.pose.roi import MARGIN, Region
from services.detector.pose.tracker import MIN_PRESENCE, BatchTracker
from services.detector.report import LIMBS
from services.detector.video.capture import CaptureClock
from services.detector.video.chunks import Chunk
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes
from services.detector.video.reader import Frame, Survey, Video

FRAMES_A_LOOK: Final = 60
FEWEST_LOOKS: Final = 3
MOST_LOOKS: Final = 24
BEGINNING_S: Final = 2.0
"""First pass: number of sampled frames, and the time within which they are taken where the file has few keyframes."""

CLOSE_S: Final = 0.25
MOST_CLOSE_LOOKS: Final = 400
"""Second pass, where there are several people."""

TILE_STEP: Final = 0.4
"""Step, as a share of the shorter side, between the squares searched in addition to the whole image."""

SAME_SIZE: Final = 1.5
SAME_PLACE: Final = 0.3
"""Two regions within this ratio of sizes and this distance in sizes are of one person."""

LEAST_WHOLE: Final = 0.5
"""Share of the limbs in view that a second person needs for the second pass."""

_SAME_BODY: Final = 0.15
"""Two bodies whose landmarks are nearer than this, in sizes, are one person."""


class People(BaseModel):
    """The people in the video, and the number of the track to analyse; None where no person was seen."""

    model_config = ConfigDict(frozen=True)

    tracks: tuple[PersonTrack, ...] = ()
    chosen: int | None = None

    @property
    def person(self) -> PersonTrack | None:
        """The track of the person to analyse."""
        return next((track for track in self.tracks if track.number == self.chosen), None)

    @property
    def others(self) -> tuple[PersonTrack, ...]:
        """The tracks of all others."""
        return tuple(track for track in self.tracks if track.number != self.chosen)

    def guide(self, chunk: Chunk, clock: CaptureClock) -> Guide | None:
        """The guide for a chunk, in recording time; None where there is only one person."""
        if self.person is None or not self.others:
            return None
        start = -np.inf if chunk.warm_up_s is None else chunk.warm_up_s
        stop = np.inf if chunk.stop_s is None else chunk.stop_s
        return Guide.of(self.tracks, self.person, start, stop).timed(clock)


def look_around(
    tracker: BatchTracker, video: Path, turn_deg: int, surveyed: Survey, options: RunOptions
) -> tuple[People, bool]:
    """The people in the analysed part of the video, and whether the camera appears to move.

    Raises InvalidOption where the requested person is not in view, and what `Video` raises.
    """
    with Video(video, turn_deg) as opened:
        few, moves = _glances(tracker, _few(opened, surveyed))
    several = any(sum(seen.whole >= LEAST_WHOLE for seen in look) > 1 for look in few)
    looks: Sequence[Sequence[Sighting]] = few
    if several:
        duration = float(surveyed.times[-1] - surveyed.times[0])
        with Video(video, turn_deg) as opened:
            close = opened.spaced(max(CLOSE_S, duration / MOST_CLOSE_LOOKS), surveyed.excerpt)
            looks = [_people(tracker, frame, closely=True) for frame in close]
    tracks = linked(looks) if several else _one(few)
    if not tracks:
        return People(), moves
    size = surveyed.medium.turned(turn_deg)
    person = chosen(tracks, options.person, (size.width, size.height), surveyed.first_s)
    return People(tracks=tracks, chosen=person.number), moves


def _people(tracker: BatchTracker, frame: Frame, *, closely: bool) -> list[Sighting]:
    """All people in a frame. Where there seem to be several, the landmark network checks each, since it distinguishes
    people from things; with `closely`, also a single one."""
    regions = _regions(tracker, frame.planes)
    if len(regions) == 1 and not closely:
        return [_sighting(frame, regions[0])]
    bodies = tracker.body.find([frame.planes] * len(regions), regions) if regions else []
    there = [body for body in bodies if body.presence > MIN_PRESENCE and body.region.usable]
    return _distinct([_sighting(frame, body.region, body) for body in there])


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


def _glances(tracker: BatchTracker, frames: Iterator[Frame]) -> tuple[list[list[Sighting]], bool]:
    """The people in each frame, and whether the camera moved between frames."""
    camera = MotionMeter(0.0, FOCAL_LENGTH)
    looks = []
    for frame in frames:
        looks.append(_people(tracker, frame, closely=False))
        largest = max(looks[-1], key=lambda seen: seen.size, default=None)
        camera.see(frame.time, frame.planes, None if largest is None else np.array(largest.box, float).reshape(2, 2))
    return looks, camera.motion().moves


def _few(video: Video, surveyed: Survey) -> Iterator[Frame]:
    """Sample keyframes, evenly distributed, if there are enough of them; otherwise all of them, and more frames in the
    first two seconds."""
    wanted = max(FEWEST_LOOKS, len(surveyed.times) // FRAMES_A_LOOK)
    entries, start_s = surveyed.entries, float(surveyed.times[0])
    if len(entries) < FEWEST_LOOKS:
        stop_s = min(float(surveyed.times[-1]), start_s + BEGINNING_S)
        beginning = surveyed.excerpt.model_copy(update={"stop_s": stop_s})
        yield from video.skimmed((stop_s - start_s) / FEWEST_LOOKS, beginning)
        entries = tuple(entry for entry in entries if video.time(entry) > stop_s)
    count = min(MOST_LOOKS, wanted, len(entries))
    for index in np.linspace(0, len(entries) - 1, count).round().astype(int) if count else []:
        yield from video.first(entries[index])


def _one(looks: Sequence[Sequence[Sighting]]) -> tuple[PersonTrack, ...]:
    """Merge all tracks where there were never two relevant people at the same time."""
    sightings = [max(look, key=lambda seen: seen.whole**3 * seen.size) for look in looks if look]
    return (PersonTrack.of(1, sightings),) if sightings else ()


def _distinct(people: list[Sighting]) -> list[Sighting]:
    kept: list[Sighting] = []
    for seen in people:
        same = (
            np.linalg.norm(_landmarks(seen) - _landmarks(other), axis=1).mean()
            < _SAME_BODY * min(seen.size, other.size)
            for other in kept
        )
        if not any(same):
            kept.append(seen)
    return kept


def _landmarks(seen: Sighting) -> FloatArray:
    return np.array(seen.pose).reshape(-1, 2) * seen.size + (seen.x, seen.y)


def _sighting(frame: Frame, region: Region, body: Body | None = None) -> Sighting:
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
        colour = _colour(frame.image, body.pixels)
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
