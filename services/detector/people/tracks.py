"""Tracks of the people in a video: sightings in sampled frames, linked into one track per person."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue
from scipy.optimize import linear_sum_assignment

from services.detector.people.identity import reidentified
from services.detector.people.sighting import (
    FASTEST,
    LARGER,
    LONGEST_ABSENCE_S,
    NOISE,
    Sighting,
    colours_apart,
)

_OTHER_COLOUR: Final = 45.0
"""Distance of the clothes' colours (CIELAB) from which it is another person."""

_ABSENT_S: Final = 0.6
"""After this time without a sighting, only clothes of the same colour identify the person."""

_SAME_CLOTHES: Final = 25.0
_REFUSED: Final = 1e6

_MIN_SIGHTINGS: Final = 2
_MOST_REPORTED: Final = 60
"""Maximum number of boxes of a track in a report."""


class PersonTrack(BaseModel):
    """One person through the video.

    number     from 1.
    sightings  in order of time.
    motion     landmark speed, own sizes per second, median over time: 0.05 is noise while standing.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    sightings: tuple[Sighting, ...]
    motion: float = 0.0

    @classmethod
    def of(cls, number: int, sightings: Sequence[Sighting]) -> Self:
        """From sightings in order of time, without the fields no longer needed."""
        steps = [_moved(*both) / (both[1].time - both[0].time) for both in pairwise(sightings)]
        plain = tuple(seen.model_copy(update={"pose": (), "colour": ()}) for seen in sightings)
        return cls(number=number, sightings=plain, motion=float(np.median(steps)) if steps else 0.0)

    @property
    def size(self) -> float:
        """Median, pixels."""
        return float(np.median([seen.size for seen in self.sightings]))

    @property
    def whole(self) -> float:
        """Mean share of the limbs that are in the image."""
        return float(np.mean([seen.whole for seen in self.sightings]))

    def reported(self) -> dict[str, JsonValue]:
        """For quality.json."""
        chosen = np.unique(np.linspace(0, len(self.sightings) - 1, _MOST_REPORTED).round().astype(int))
        shown = [self.sightings[index] for index in chosen]
        return {
            "number": self.number,
            "start_s": round(self.sightings[0].time, 3),
            "end_s": round(self.sightings[-1].time, 3),
            "sightings": len(self.sightings),
            "size_px": round(self.size, 1),
            "whole_share": round(self.whole, 3),
            "motion_per_s": round(self.motion, 3),
            "times_s": [round(seen.time, 3) for seen in shown],
            "boxes_px": [list(seen.box) for seen in shown],
        }


def linked(looks: Sequence[Sequence[Sighting]]) -> tuple[PersonTrack, ...]:
    """The people in all sampled frames, which are in order of time; numbered from 1 by first appearance, then from left
    to right. A person seen only once is taken for a false detection, unless there is only one sampled frame."""
    tracks: list[list[Sighting]] = []
    for look in looks:
        if not look:
            continue
        costs = np.array([[_cost(track, seen) for seen in look] for track in tracks]).reshape(len(tracks), len(look))
        rows, columns = linear_sum_assignment(costs)
        taken = {int(c): int(r) for r, c in zip(rows, columns, strict=True) if costs[r, c] < _REFUSED}
        for index, seen in enumerate(look):
            if index in taken:
                tracks[taken[index]].append(seen)
            else:
                tracks.append([seen])
    least = min(_MIN_SIGHTINGS, len(looks))
    people = (track for track in reidentified(tracks) if len(track) >= least)
    kept = sorted(people, key=lambda track: (track[0].time, track[0].x))
    return tuple(PersonTrack.of(number, track) for number, track in enumerate(kept, 1))


def _cost(track: Sequence[Sighting], seen: Sighting) -> float:
    """Cost of linking a sighting to a person: 0 for identical, from `_REFUSED` on impossible."""
    last = track[-1]
    passed = seen.time - last.time
    size = float(np.sqrt(last.size * seen.size))
    expected = _expected(track, seen.time)
    distance = float(np.hypot(seen.x - expected[0], seen.y - expected[1])) / size
    ratio = max(seen.size, last.size) / min(seen.size, last.size)
    colour = colours_apart(track[-8:], [seen])
    limit = _SAME_CLOTHES if passed > _ABSENT_S else _OTHER_COLOUR
    far = distance > NOISE + FASTEST * passed
    if passed > LONGEST_ABSENCE_S or far or ratio > LARGER or colour > limit:
        return _REFUSED
    return distance + float(np.log(ratio)) + colour / _SAME_CLOTHES


def _expected(track: Sequence[Sighting], time: float) -> tuple[float, float]:
    """Position extrapolated for a short time at the speed of the last two sightings."""
    last = track[-1]
    if len(track) < 2 or time - last.time > _ABSENT_S:
        return last.x, last.y
    before = track[-2]
    share = (time - last.time) / (last.time - before.time)
    return last.x + share * (last.x - before.x), last.y + share * (last.y - before.y)


def _moved(one: Sighting, other: Sighting) -> float:
    """Mean displacement of the landmarks in sizes; of the hips where there are no landmarks."""
    size = float(np.sqrt(one.size * other.size))
    hips = np.array([other.x - one.x, other.y - one.y]) / size
    if not one.pose or not other.pose:
        return float(np.linalg.norm(hips))
    limbs = np.array(other.pose).reshape(-1, 2) - np.array(one.pose).reshape(-1, 2)
    return float(np.linalg.norm(limbs + hips, axis=1).mean())
