"""Who is who: sightings between which people were followed both ways, and pieces that only clothes can join.

Where it remains open who is who, as between people dressed alike of whom one hid the other, a path ends.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations, takewhile
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from services.detector.people.sighting import (
    FASTEST,
    LARGER,
    LONGEST_ABSENCE_S,
    NOISE,
    SAME_BODY,
    Sighting,
    bodies_apart,
    clothes,
    clothes_apart,
    places,
)
from services.detector.people.traces import Trace

_SAME_CLOTHES: Final = 11.0
"""Distance of the clothes' colours (CIELAB) of one person, at most."""

_CLEARLY: Final = 5.0
_CLEARLY_ONCE: Final = 12.0
"""How much further off the colours of all others in view must be; and for the clothes of one sighting, of which n are
as good as one with an nth of this."""

_FEWEST_OF_OTHERS: Final = 2
"""Sightings by which others are known."""

_SAME_WAY: Final = 0.12
"""Distance of bodies within which both ways show one; of the right ones, 98 % are nearer."""

_MOMENT_S: Final = 0.5
_NEAR: Final = 0.35
"""How long a path goes on where a person was followed one way only, while no one is within this distance in sizes."""

_AGREED: Final = 0.9
"""Share of the frames in which they do."""

Track = list[Sighting]
Looks = dict[float, list[Sighting]]
"""All sightings by time."""


@dataclass(frozen=True, eq=False)
class Path:
    """Sightings of one person in order of time, and where the person was followed to before and after them."""

    sightings: Track
    back: dict[float, Sighting]
    onward: dict[float, Sighting]

    @cached_property
    def clothes(self) -> FloatArray | None:
        """See `services.detector.people.sighting.clothes`."""
        return clothes(self.sightings)

    @cached_property
    def looks(self) -> int:
        """Number of sightings whose clothes were examined."""
        return sum(bool(seen.colour) for seen in self.sightings)


def joined(pieces: Sequence[Track], traces: Sequence[Trace]) -> list[Track]:
    """The pieces of each person as one path: first those between which a person was followed both ways, with the
    sightings on the way; then those whose clothes leave no choice."""
    paths = [
        Path(_filled(chain, pieces, traces), traces[chain[0]].back, traces[chain[-1]].onward)
        for chain in _chains(_followed(pieces, traces), len(pieces))
    ]
    there: Looks = defaultdict(list)
    for path in paths:
        for seen in path.sightings:
            there[seen.time].append(seen)
    while link := _next_link(paths, there):
        one, other = link
        paths = [path for path in paths if path is not one and path is not other]
        paths.append(Path([*one.sightings, *other.sightings], one.back, other.onward))
    return [_prolonged(path, [other.sightings for other in paths if other is not path]) for path in paths]


def _prolonged(path: Path, others: Sequence[Track]) -> Track:
    """The path with where the person was followed to before and after, for a moment and while no one else was near."""
    before, after = (
        list(takewhile(lambda seen: _alone(seen, path, others), way.values())) for way in (path.back, path.onward)
    )
    return [*reversed(before), *path.sightings, *after]


def _alone(seen: Sighting, path: Path, others: Sequence[Track]) -> bool:
    if min(abs(seen.time - end.time) for end in (path.sightings[0], path.sightings[-1])) > _MOMENT_S:
        return False
    time = np.array([seen.time])
    near = (
        places(other, time)[0]
        for other in others
        if other[0].time - _MOMENT_S <= seen.time <= other[-1].time + _MOMENT_S
    )
    return all(np.hypot(x - seen.x, y - seen.y) > _NEAR * (size + seen.size) / 2 for x, y, size in near)


def _followed(pieces: Sequence[Track], traces: Sequence[Trace]) -> dict[int, int]:
    """The successor of each piece from whose end a person was followed to its start, and back the same way."""
    found = []
    for (i, one), (j, other) in permutations(enumerate(pieces), 2):
        if one[-1].time < other[0].time and _both_ways(one[-1], traces[i].onward, traces[j].back, other[0], _SAME_WAY):
            found.append((other[0].time - one[-1].time, i, j))
    links: dict[int, int] = {}
    for _, i, j in sorted(found):
        if i not in links and j not in links.values():
            links[i] = j
    return links


def _both_ways(
    last: Sighting, onward: dict[float, Sighting], back: dict[float, Sighting], first: Sighting, within: float
) -> bool:
    """Whether a person was followed from the last to the first sighting and back, within this distance of bodies."""
    if first.time not in onward or last.time not in back:
        return False
    between = [time for time in onward if time < first.time]
    ends = bodies_apart(onward[first.time], first), bodies_apart(back[last.time], last)
    return max(ends) < within and len(_agreed(onward, back, within)) >= _AGREED * len(between)


def _agreed(onward: dict[float, Sighting], back: dict[float, Sighting], within: float) -> list[Sighting]:
    """What was seen in the same place on both ways."""
    return [seen for time, seen in onward.items() if time in back and bodies_apart(seen, back[time]) < within]


def _chains(links: dict[int, int], count: int) -> list[list[int]]:
    """Chains of `count` items that are linked to successors."""
    chains = []
    for first in sorted(set(range(count)) - set(links.values())):
        chain = [first]
        while chain[-1] in links:
            chain.append(links[chain[-1]])
        chains.append(chain)
    return chains


def _filled(chain: Sequence[int], pieces: Sequence[Track], traces: Sequence[Trace]) -> Track:
    """The pieces of a chain with what was seen between them."""
    path = list(pieces[chain[0]])
    for one, other in pairwise(chain):
        path += [
            seen
            for seen in _agreed(traces[one].onward, traces[other].back, _SAME_WAY)
            if seen.time < pieces[other][0].time
        ]
        path += pieces[other]
    return path


def _next_link(paths: Sequence[Path], there: Looks) -> tuple[Path, Path] | None:
    """The next two successive paths that can be one person's and no one else's; the shorter absence first."""
    found = [link for link in permutations(paths, 2) if _possible(*link, there)]
    for one, other in sorted(found, key=_absence_s):
        apart = clothes_apart(one.clothes, other.clothes)
        if apart < _SAME_CLOTHES and (_nearly_followed(one, other) or _unlike(one, other, apart, paths)):
            return one, other
    return None


def _absence_s(link: tuple[Path, Path]) -> float:
    return link[1].sightings[0].time - link[0].sightings[-1].time


def _nearly_followed(one: Path, other: Path) -> bool:
    """Whether a person was followed both ways between them, less exactly than is enough by itself."""
    return _both_ways(one.sightings[-1], one.onward, other.back, other.sightings[0], SAME_BODY)


def _unlike(one: Path, other: Path, apart: float, paths: Sequence[Path]) -> bool:
    """Whether the clothes of all others who were in view with one of two paths are clearly less like the other's."""
    rivals = [clothes_apart(path.clothes, other.clothes) for path in paths if _rival(path, one, other)]
    rivals += [clothes_apart(path.clothes, one.clothes) for path in paths if _rival(path, other, one)]
    clearly = max(_CLEARLY, _CLEARLY_ONCE / max(1, min(one.looks, other.looks)))
    return min(rivals, default=_SAME_CLOTHES) > apart + clearly


def _rival(path: Path, one: Path, other: Path) -> bool:
    """Whether a path is of another person than the first of two, and might be of the same as the second."""
    return path is not one and path is not other and path.looks >= _FEWEST_OF_OTHERS and _together(path, one)


def _together(one: Path, other: Path) -> bool:
    """Whether two paths are of different people, since both were seen at a time."""
    first, second = one.sightings, other.sightings
    return first[0].time <= second[-1].time and second[0].time <= first[-1].time


def _elsewhere(followed: dict[float, Sighting], wanted: Sighting, there: Looks) -> bool:
    """Whether the person was followed to another place than the one wanted, where no other person was seen."""
    arrived = followed.get(wanted.time)
    if arrived is None or bodies_apart(arrived, wanted) < SAME_BODY:
        return False
    return all(bodies_apart(arrived, seen) > SAME_BODY for seen in there[wanted.time])


def _possible(before: Path, after: Path, there: Looks) -> bool:
    """Whether a person can have come from the end of the first path to the start of the second."""
    last, first = before.sightings[-1], after.sightings[0]
    passed = first.time - last.time
    if not 0 < passed <= LONGEST_ABSENCE_S:
        return False
    moved = float(np.hypot(first.x - last.x, first.y - last.y)) / np.sqrt(last.size * first.size)
    if moved > NOISE + FASTEST * passed or max(first.size / last.size, last.size / first.size) > LARGER:
        return False
    return not (_elsewhere(before.onward, first, there) or _elsewhere(after.back, last, there))
