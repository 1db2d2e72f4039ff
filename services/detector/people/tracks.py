"""Tracks of the people in a video: sightings in sampled frames, linked into one track per person."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from humanpose3d.motion import FloatArray
from services.detector.people.sighting import LONGEST_ABSENCE_S, Sighting, clothes, clothes_apart

_REACH: Final = 0.8
"""Distance in sizes beyond which people are apart."""

_NEAR: Final = 0.3
_SAME_CLOTHES: Final = 15.0
"""Distance in sizes, and of the clothes' colours (CIELAB), within which successive sightings apart from others are one
person's."""

_STEP_S: Final = 0.2
"""Least time between sightings from which a motion is taken: over less, noise would be most of it."""

_MIN_SIGHTINGS: Final = 2
_MOST_REPORTED: Final = 60
"""Maximum number of boxes of a track in a report."""


class PersonTrack(BaseModel):
    """One person through the video.

    number     from 1.
    sightings  in order of time.
    in_view_s  time in view, without the gaps.
    motion     landmark speed, own sizes per second, median over time: 0.05 is noise while standing.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    sightings: tuple[Sighting, ...]
    in_view_s: float = 0.0
    motion: float = 0.0

    @classmethod
    def of(cls, number: int, sightings: Sequence[Sighting], longest_s: float = np.inf) -> Self:
        """From sightings in order of time, without the fields no longer needed.

        longest_s  a person without a sighting for longer than this is not in view.
        """
        spaced = list(sightings[:1])
        for seen in sightings:
            if seen.time - spaced[-1].time >= _STEP_S:
                spaced.append(seen)
        steps = [_moved(*both) / (both[1].time - both[0].time) for both in pairwise(spaced)]
        plain = tuple(seen.model_copy(update={"pose": (), "colour": ()}) for seen in sightings)
        between = np.diff([seen.time for seen in sightings])
        in_view_s = float(between[between <= longest_s].sum())
        return cls(
            number=number, sightings=plain, in_view_s=in_view_s, motion=float(np.median(steps)) if steps else 0.0
        )

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


def pieces(looks: Sequence[Sequence[Sighting]]) -> list[list[Sighting]]:
    """Sightings in all sampled frames, which are in order of time, linked from each frame to the next where there is no
    doubt who is who: all who were or will be seen near that time are in view, and apart."""
    found: list[list[Sighting]] = []
    last: list[list[Sighting]] = []
    for before, look, clear in zip([[], *looks[:-1]], looks, _clear(looks), strict=True):
        links = _links(before, look) if clear and before and look else {}
        last = [last[links[index]] if index in links else [] for index in range(len(look))]
        found += [path for path in last if not path]
        for path, seen in zip(last, look, strict=True):
            path.append(seen)
    return found


def _clear(looks: Sequence[Sequence[Sighting]]) -> list[bool]:
    """Whether there is no doubt who is who from the look before to each look."""
    times = np.array([look[0].time if look else np.nan for look in looks])
    counts = np.array([len(look) for look in looks])
    most = [counts[np.abs(times - time) <= LONGEST_ABSENCE_S].max(initial=0) for time in times]
    apart = [len(look) == count and _apart(look) for look, count in zip(looks, most, strict=True)]
    return [False, *(all(both) for both in pairwise(apart))]


def _apart(look: Sequence[Sighting]) -> bool:
    """Whether no two people are within reach of each other."""
    return all(
        np.hypot(one.x - other.x, one.y - other.y) > _REACH * (one.size + other.size) / 2
        for one, other in combinations(look, 2)
    )


def _links(before: Sequence[Sighting], look: Sequence[Sighting]) -> dict[int, int]:
    """The sighting before, of each sighting that has one: in nearly the same place, in the same clothes."""
    costs = np.array([[np.hypot(one.x - two.x, one.y - two.y) / one.size for two in look] for one in before])
    return {
        column: row
        for row, column in _cheapest(costs)
        if costs[row, column] < _NEAR and clothes_apart(clothes([before[row]]), clothes([look[column]])) < _SAME_CLOTHES
    }


def _cheapest(costs: FloatArray) -> list[tuple[int, int]]:
    """(row, column) of the assignment with the least sum of costs; each row and each column has at most one."""
    if costs.size == 1:
        return [(0, 0)]
    # Deferred: the import takes half as long as that of all else of a run, and one person alone needs no assignment.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(costs)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def numbered(paths: Sequence[Sequence[Sighting]], longest_s: float) -> tuple[PersonTrack, ...]:
    """The people of the paths, numbered from 1 by first appearance, then from left to right. A person seen only once is
    taken for a false detection."""
    kept = sorted((path for path in paths if len(path) >= _MIN_SIGHTINGS), key=lambda path: (path[0].time, path[0].x))
    return tuple(PersonTrack.of(number, path, longest_s) for number, path in enumerate(kept, 1))


def _moved(one: Sighting, other: Sighting) -> float:
    """Mean displacement of the landmarks in sizes; of the hips where there are no landmarks."""
    size = float(np.sqrt(one.size * other.size))
    hips = np.array([other.x - one.x, other.y - one.y]) / size
    if not one.pose or not other.pose:
        return float(np.linalg.norm(hips))
    limbs = np.array(other.pose).reshape(-1, 2) - np.array(one.pose).reshape(-1, 2)
    return float(np.linalg.norm(limbs + hips, axis=1).mean())
