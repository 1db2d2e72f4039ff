"""Who is in a video: sightings of people in frames sampled over it, linked into one track a person."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue
from scipy.optimize import linear_sum_assignment

from humanpose3d.motion import FloatArray

_FASTEST: Final = 2.0
"""Own sizes a second that somebody moves in the picture: a sprint across it."""

_NOISE: Final = 0.35
"""Own sizes by which the place of somebody may err from one sighting to the next."""

_LARGER: Final = 1.6
"""Times by which somebody's size may change between two sightings."""

_OTHER_COLOUR: Final = 45.0
"""Distance of the clothes' colours (CIELAB) from which on it is somebody else."""

_LONGEST_ABSENCE_S: Final = 4.0
"""After which somebody who comes back is a new person."""

_ABSENT_S: Final = 0.6
"""Without a sighting for so long, only somebody in clothes of the same colour is the same person."""

_SAME_CLOTHES: Final = 25.0
_REFUSED: Final = 1e6

_MIN_SIGHTINGS: Final = 2
_MOST_REPORTED: Final = 60
"""Boxes of a track in a report."""


class Sighting(BaseModel):
    """A person in one frame.

    time    seconds of the video.
    x, y    pixels: the middle of the hips.
    size    pixels: diameter of the circle around the person, about the height of one who stands.
    box     left, top, right, bottom, pixels of the upright picture.
    whole   share of the limbs' landmarks that are inside the picture.
    colour  of the clothes over trunk and thighs: six numbers, CIELAB; empty where it was not looked at.
    pose    places of the landmarks from the hips in sizes, flat; empty where it was not looked at.
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


class PersonTrack(BaseModel):
    """One person through the video.

    number     from 1.
    sightings  in the order of time.
    motion     how fast landmarks move, own sizes a second, median over time: 0.05 is the noise of one who stands.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    sightings: tuple[Sighting, ...]
    motion: float = 0.0

    @classmethod
    def of(cls, number: int, sightings: Sequence[Sighting]) -> Self:
        """Of sightings in the order of time, without what is no longer needed of them."""
        steps = [_moved(*both) / (both[1].time - both[0].time) for both in pairwise(sightings)]
        plain = tuple(seen.model_copy(update={"pose": (), "colour": ()}) for seen in sightings)
        return cls(number=number, sightings=plain, motion=float(np.median(steps)) if steps else 0.0)

    @property
    def size(self) -> float:
        """Median, pixels."""
        return float(np.median([seen.size for seen in self.sightings]))

    @property
    def whole(self) -> float:
        """Mean share of the limbs that are in the picture."""
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
    """The people of all looks, each look at another time, in the order of time; numbered from 1 by when they come, and
    from left to right. Who is seen once only is taken for an error of the detector, unless there is one look."""
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
    kept = sorted((t for t in tracks if len(t) >= least), key=lambda track: (track[0].time, track[0].x))
    return tuple(PersonTrack.of(number, track) for number, track in enumerate(kept, 1))


def _cost(track: Sequence[Sighting], seen: Sighting) -> float:
    """How unlike somebody's next sighting this is: 0 alike, from `_REFUSED` on impossible."""
    last = track[-1]
    passed = seen.time - last.time
    size = float(np.sqrt(last.size * seen.size))
    expected = _expected(track, seen.time)
    distance = float(np.hypot(seen.x - expected[0], seen.y - expected[1])) / size
    ratio = max(seen.size, last.size) / min(seen.size, last.size)
    colour = _colour_distance(track, seen)
    limit = _SAME_CLOTHES if passed > _ABSENT_S else _OTHER_COLOUR
    far = distance > _NOISE + _FASTEST * passed
    if passed > _LONGEST_ABSENCE_S or far or ratio > _LARGER or colour > limit:
        return _REFUSED
    return distance + float(np.log(ratio)) + colour / _SAME_CLOTHES


def _expected(track: Sequence[Sighting], time: float) -> tuple[float, float]:
    """Where somebody goes on at the speed of the last two sightings, for a moment."""
    last = track[-1]
    if len(track) < 2 or time - last.time > _ABSENT_S:
        return last.x, last.y
    before = track[-2]
    share = (time - last.time) / (last.time - before.time)
    return last.x + share * (last.x - before.x), last.y + share * (last.y - before.y)


def _colour_distance(track: Sequence[Sighting], seen: Sighting) -> float:
    colours = [each.colour for each in track[-8:] if each.colour]
    if not colours or not seen.colour:
        return 0.0
    difference: FloatArray = np.median(np.array(colours), axis=0) - np.array(seen.colour)
    difference[[0, 3]] /= 2  # light changes more than colour
    return float(np.linalg.norm(difference) / np.sqrt(2))


def _moved(one: Sighting, other: Sighting) -> float:
    """Mean path of the landmarks in sizes; of the hips where there are no landmarks."""
    size = float(np.sqrt(one.size * other.size))
    hips = np.array([other.x - one.x, other.y - one.y]) / size
    if not one.pose or not other.pose:
        return float(np.linalg.norm(hips))
    limbs = np.array(other.pose).reshape(-1, 2) - np.array(one.pose).reshape(-1, 2)
    return float(np.linalg.norm(limbs + hips, axis=1).mean())
