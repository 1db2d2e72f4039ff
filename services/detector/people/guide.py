"""Keeps the tracker on one person among several, from the positions of that person and the others over time.

They are found once for the whole video, in planning; every chunk uses them, wherever it is detected.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from services.detector.people.tracks import PersonTrack
from services.detector.video.capture import CaptureClock
from services.detector.video.orientation import Image

_KNOWN_S: Final = 0.1
"""Maximum time before the first and after the last sighting; beyond it, the person's position is unknown."""

_REACH: Final = 1.0
"""Distance in sizes from there beyond which it is another person or thing."""

_LARGER: Final = 1.8

_HALF_WIDTH: Final = 0.3
_HALF_HEIGHT: Final = 0.6


class Path(BaseModel):
    """A person's positions over time: times in seconds, hips in pixels, sizes in pixels; and, for each sighting but the
    last, whether the person was in view until the next."""

    model_config = ConfigDict(frozen=True)

    times: tuple[float, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    sizes: tuple[float, ...]
    in_view: tuple[bool, ...]

    @classmethod
    def of(cls, track: PersonTrack, start_s: float, stop_s: float, longest_s: float) -> Self:
        """From the sightings in this period, and the nearest before and after; the person is out of view where there
        was none for longer than `longest_s`."""
        times = np.array([seen.time for seen in track.sightings])
        first, last = np.searchsorted(times, [start_s, stop_s])
        seen = track.sightings[max(0, first - 1) : last + 1]
        return cls(
            times=tuple(each.time for each in seen),
            x=tuple(each.x for each in seen),
            y=tuple(each.y for each in seen),
            sizes=tuple(each.size for each in seen),
            in_view=tuple(after.time - before.time <= longest_s for before, after in pairwise(seen)),
        )

    def timed(self, clock: CaptureClock) -> Self:
        """The same in the times of the recording."""
        return self.model_copy(update={"times": tuple(map(clock, self.times))})

    def at(self, time: float) -> tuple[float, float, float] | None:
        """(x, y, size) at that time; None where the person is not in view."""
        if not self.times or not self.times[0] - _KNOWN_S <= time <= self.times[-1] + _KNOWN_S:
            return None
        after = bisect_left(self.times, time)
        if 0 < after < len(self.times) and time < self.times[after] and not self.in_view[after - 1]:
            return None
        x, y, size = (float(np.interp(time, self.times, values)) for values in (self.x, self.y, self.sizes))
        return x, y, size


class Guide(BaseModel):
    """The person to follow, and the others in view."""

    model_config = ConfigDict(frozen=True)

    person: Path
    others: tuple[Path, ...]

    @classmethod
    def of(
        cls, tracks: Sequence[PersonTrack], person: PersonTrack, start_s: float, stop_s: float, longest_s: float
    ) -> Self:
        """For a chunk between these times; `longest_s`: see `Path.of`."""
        others = (Path.of(track, start_s, stop_s, longest_s) for track in tracks if track.number != person.number)
        own = Path.of(person, start_s, stop_s, longest_s)
        return cls(person=own, others=tuple(path for path in others if path.times))

    def timed(self, clock: CaptureClock) -> Self:
        """The same in the times of the recording."""
        return self.model_copy(
            update={"person": self.person.timed(clock), "others": tuple(path.timed(clock) for path in self.others)}
        )

    def distance(self, time: float, x: float, y: float, size: float) -> float | None:
        """Distance of a detection from the expected position, in sizes; None where it is not the person to follow, or
        more likely another: who is occluded has no landmarks."""
        expected = self.person.at(time)
        if expected is None:
            return None
        other = min((_apart(path.at(time), x, y) for path in self.others), default=np.inf)
        own = _apart(expected, x, y)
        larger = max(size, expected[2]) / min(size, expected[2])
        if own > _REACH or larger > _LARGER or other < own:
            return None
        return own

    def without_others(self, time: float, image: Image) -> Image:
        """The image with the others painted over, where they do not touch the person: for a detector that finds one
        person and cannot be told which."""
        own = _box(self.person.at(time), image)
        painted = image.copy()
        for path in self.others:
            box = _box(path.at(time), image)
            if box is not None and not _touch(own, box):
                painted[box[1] : box[3], box[0] : box[2]] = 128
        return painted


def _apart(place: tuple[float, float, float] | None, x: float, y: float) -> float:
    return np.inf if place is None else float(np.hypot(x - place[0], y - place[1])) / place[2]


def _box(place: tuple[float, float, float] | None, image: Image) -> tuple[int, int, int, int] | None:
    if place is None:
        return None
    x, y, size = place
    height, width, _ = image.shape
    corners = np.array(
        [x - _HALF_WIDTH * size, y - _HALF_HEIGHT * size, x + _HALF_WIDTH * size, y + _HALF_HEIGHT * size]
    )
    left, top, right, bottom = np.clip(corners, 0, [width, height, width, height]).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _touch(one: tuple[int, int, int, int] | None, other: tuple[int, int, int, int]) -> bool:
    if one is None:
        return False
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
