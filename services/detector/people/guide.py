"""Keeps the tracker at one person where there are several: places of that person and of the others over time.

The plan finds them once for the whole video; every chunk starts from them, whoever detects it.
"""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from services.detector.people.tracks import PersonTrack
from services.detector.video.capture import CaptureClock
from services.detector.video.orientation import Picture

_KNOWN_S: Final = 1.0
"""From a sighting; farther from any, nobody knows where the person is."""

_HERE: Final = 0.2
"""Sizes from where the person is expected: nobody else's place."""

_REACH: Final = 1.0
"""Sizes from there, beyond which it is somebody or something else."""

_NEARER: Final = 0.7
"""One that is nearer to another's place than this share of the distance to the person's is the other."""

_OTHER_S_PLACE: Final = 0.75
_LARGER: Final = 1.8

_HALF_WIDTH: Final = 0.3
_HALF_HEIGHT: Final = 0.6


class Path(BaseModel):
    """Where somebody is over time: times in seconds, hips in pixels, sizes in pixels."""

    model_config = ConfigDict(frozen=True)

    times: tuple[float, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    sizes: tuple[float, ...]

    @classmethod
    def of(cls, track: PersonTrack, start_s: float, stop_s: float) -> Self:
        """From sightings of these times, and the nearest before and after."""
        times = np.array([seen.time for seen in track.sightings])
        first, last = np.searchsorted(times, [start_s, stop_s])
        seen = track.sightings[max(0, first - 1) : last + 1]
        return cls(
            times=tuple(each.time for each in seen),
            x=tuple(each.x for each in seen),
            y=tuple(each.y for each in seen),
            sizes=tuple(each.size for each in seen),
        )

    def timed(self, clock: CaptureClock) -> Self:
        """The same in the times of the recording."""
        return self.model_copy(update={"times": tuple(map(clock, self.times))})

    def at(self, time: float) -> tuple[float, float, float] | None:
        """(x, y, size) then; None where nobody knows."""
        if not self.times or min(abs(time - known) for known in self.times) > _KNOWN_S:
            return None
        x, y, size = (float(np.interp(time, self.times, values)) for values in (self.x, self.y, self.sizes))
        return x, y, size


class Guide(BaseModel):
    """The person to follow, and the others in view."""

    model_config = ConfigDict(frozen=True)

    person: Path
    others: tuple[Path, ...]

    @classmethod
    def of(cls, tracks: Sequence[PersonTrack], person: PersonTrack, start_s: float, stop_s: float) -> Self:
        """For a chunk between these times."""
        others = (Path.of(track, start_s, stop_s) for track in tracks if track.number != person.number)
        return cls(person=Path.of(person, start_s, stop_s), others=tuple(path for path in others if path.times))

    def timed(self, clock: CaptureClock) -> Self:
        """The same in the times of the recording."""
        return self.model_copy(
            update={"person": self.person.timed(clock), "others": tuple(path.timed(clock) for path in self.others)}
        )

    def distance(self, time: float, x: float, y: float, size: float) -> float | None:
        """How far somebody is from the person's place, in sizes; None where it is not the person."""
        other = min((_apart(path.at(time), x, y) for path in self.others), default=np.inf)
        expected = self.person.at(time)
        if expected is None:
            return None if other < _OTHER_S_PLACE else other
        own = _apart(expected, x, y)
        larger = max(size, expected[2]) / min(size, expected[2])
        if own > _REACH or larger > _LARGER or (own > _HERE and other < _NEARER * own):
            return None
        return own

    def without_others(self, time: float, picture: Picture) -> Picture:
        """The picture with the others painted over, where they do not touch the person: for a detector that looks for
        one person and cannot be told which."""
        own = _box(self.person.at(time), picture)
        painted = picture.copy()
        for path in self.others:
            box = _box(path.at(time), picture)
            if box is not None and not _touch(own, box):
                painted[box[1] : box[3], box[0] : box[2]] = 128
        return painted


def _apart(place: tuple[float, float, float] | None, x: float, y: float) -> float:
    return np.inf if place is None else float(np.hypot(x - place[0], y - place[1])) / place[2]


def _box(place: tuple[float, float, float] | None, picture: Picture) -> tuple[int, int, int, int] | None:
    if place is None:
        return None
    x, y, size = place
    height, width, _ = picture.shape
    corners = np.array(
        [x - _HALF_WIDTH * size, y - _HALF_HEIGHT * size, x + _HALF_WIDTH * size, y + _HALF_HEIGHT * size]
    )
    left, top, right, bottom = np.clip(corners, 0, [width, height, width, height]).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _touch(one: tuple[int, int, int, int] | None, other: tuple[int, int, int, int]) -> bool:
    if one is None:
        return False
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
