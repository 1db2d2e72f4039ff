"""Who is who after people met: tracks are cut where two people overlap in the image, and their pieces are joined again.

From one sampled frame to the next, position decides who is who; where people cross, it cannot. The pieces before and
after are therefore compared as wholes: clothes, motion and size of all their sightings, of all pieces at once.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from humanpose3d.motion import FloatArray
from services.detector.people.sighting import (
    FASTEST,
    LARGER,
    LONGEST_ABSENCE_S,
    NOISE,
    Sighting,
    colours_apart,
    path_of,
    places,
)

ABREAST: Final = 0.3
"""Distance across, in mean sizes, within which two people overlap in the image."""

_ALOFT: Final = 0.6
"""Distance down the image, in mean sizes, beyond which they do not."""

_UNSEEN_S: Final = 0.8
"""How long before the first and after the last sighting a person may be there, occluded."""

_INSTANTS: Final = 4
"""Parts into which the time between two sightings is divided, to see whether paths cross."""

_COLOUR_SD: Final = 12.0
"""Standard deviation of the distance of one person's clothes' colours (CIELAB), from piece to piece."""

_SPEED_CHANGE: Final = 0.5
"""Standard deviation of a person's change of speed, in sizes per second."""

_SIZE_SD: Final = 0.12
"""Standard deviation of the logarithm of the ratio of two sizes of one person."""

_UNLINKED: Final = 12.0
"""Cost of a piece's end without a successor, in squared standard deviations: about the colours of different people."""

_SPEED_OVER_S: Final = 1.0
_REFUSED: Final = 1e6

Track = list[Sighting]


def reidentified(tracks: Sequence[Track]) -> list[Track]:
    """The tracks, joined by who their people are. Sightings at which two people overlap belong to no one."""
    pieces = [piece for index, track in enumerate(tracks) for piece in _pieces(index, tracks)]
    return [[seen for piece in chain for seen in piece] for chain in _chains(pieces)]


def _pieces(index: int, tracks: Sequence[Track]) -> list[Track]:
    """A track without the sightings at which it overlaps another, cut wherever it does."""
    own, others = tracks[index], [track for other, track in enumerate(tracks) if other != index]
    times, _ = path_of(own)
    between = np.linspace(times[:-1], times[1:], _INSTANTS + 1)[1:-1]
    there = _overlaps(own, others, times)
    crossed = _overlaps(own, others, between.ravel()).reshape(between.shape).any(axis=0)
    pieces: list[Track] = [[]]
    for seen, overlaps, crossed_before in zip(own, there, np.append(False, crossed), strict=True):
        if overlaps or crossed_before:
            pieces.append([])
        if not overlaps:
            pieces[-1].append(seen)
    return [piece for piece in pieces if piece]


def _overlaps(own: Track, others: Sequence[Track], times: FloatArray) -> NDArray[np.bool_]:
    """(T,) whether a person overlaps another at these times within the track."""
    here, found = places(own, times), np.zeros(len(times), bool)
    for other in others:
        there = _perhaps(other, times)
        reach = (there[:, 2] + here[:, 2]) / 2
        across, down = np.abs(there[:, :2] - here[:, :2]).T
        found |= (across < ABREAST * reach) & (down < _ALOFT * reach)
    return found


def _perhaps(track: Track, times: FloatArray) -> FloatArray:
    """(T, 3) x, y and size, also where the person would be a moment before the first or after the last sighting: who is
    occluded is not seen there. NaN at other times."""
    found = places(track, times)
    first, last = times - track[0].time, times - track[-1].time
    found[:, :2] += np.minimum(first, 0)[:, None] * _speed(track) + np.maximum(last, 0)[:, None] * _speed(track[::-1])
    found[(first < -_UNSEEN_S) | (last > _UNSEEN_S)] = np.nan
    return found


def _chains(pieces: list[Track]) -> list[list[Track]]:
    """The pieces of each person, in order of time: the links with the least sum of costs."""
    count = len(pieces)
    costs = np.full((count, 2 * count), _UNLINKED)  # in the second half: no successor
    costs[:, :count] = [[_cost(one, other) for other in pieces] for one in pieces]
    links = dict(zip(*(each.tolist() for each in linear_sum_assignment(costs)), strict=True))
    links = {one: other for one, other in links.items() if other < count}
    chains = []
    for first in sorted(set(range(count)) - set(links.values()), key=lambda index: pieces[index][0].time):
        chain = [first]
        while chain[-1] in links:
            chain.append(links[chain[-1]])
        chains.append([pieces[index] for index in chain])
    return chains


def _cost(one: Track, other: Track) -> float:
    """Squared deviations of a piece from what would follow the first; `_REFUSED` where it cannot be the same person."""
    last, first = one[-1], other[0]
    passed = first.time - last.time
    if not 0 < passed <= LONGEST_ABSENCE_S:
        return _REFUSED
    size = float(np.sqrt(last.size * first.size))
    moved = np.array([first.x - last.x, first.y - last.y]) / size
    ratio = first.size / last.size
    if np.linalg.norm(moved) > NOISE + FASTEST * passed or max(ratio, 1 / ratio) > LARGER:
        return _REFUSED
    speed = (_speed(one[::-1]) + _speed(other)) / 2 / size
    place = np.linalg.norm(moved - speed * passed) / np.hypot(NOISE / 2, _SPEED_CHANGE * passed)
    return float(place**2 + (colours_apart(one, other) / _COLOUR_SD) ** 2 + (np.log(ratio) / _SIZE_SD) ** 2)


def _speed(sightings: Sequence[Sighting]) -> FloatArray:
    """(2,) pixels per second, over the first second of the sightings, which may be in reverse order."""
    near = [seen for seen in sightings if abs(seen.time - sightings[0].time) <= _SPEED_OVER_S]
    if len(near) < 2:
        return np.zeros(2)
    steps = [np.array([b.x - a.x, b.y - a.y]) / (b.time - a.time) for a, b in pairwise(near)]
    return np.asarray(np.median(steps, axis=0))
