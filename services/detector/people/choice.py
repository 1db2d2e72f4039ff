"""Chooses which person in a video is analysed: automatically, or as the user states."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidOption
from humanpose3d.language import Said, text
from services.detector.people.sighting import Sighting
from services.detector.people.tracks import PersonTrack

POINT: Final = re.compile(r"(\d+(?:\.\d*)?),(\d+(?:\.\d*)?)@(\d+(?:\.\d*)?)")

_WALKS: Final = 0.3
"""Landmark speed in a slow walk, in the person's own size per second."""

_NEAR_S: Final = 1.0

_IN_VIEW: Final = 0.3
"""Share of the video's duration: the detector refuses people found in fewer frames."""


def chosen(tracks: Sequence[PersonTrack], person: str, size: tuple[int, int], start_s: float) -> PersonTrack:
    """The track of the person to analyse.

    person   `auto`, `largest`, `leftmost`, `rightmost`, a track's number, or `X,Y@T`: a position in the image (pixels,
             or shares of width and height where both are at most 1) at T seconds from the beginning of the video.
    size     (width, height) of the upright image, pixels.
    start_s  time of the video's first frame.

    Raises InvalidOption where there is no such person.
    """
    if person == "auto":
        duration = _duration_s(tracks, start_s)
        return max(tracks, key=lambda track: score(track, duration))
    if person == "largest":
        return max(tracks, key=lambda track: track.size)
    if person in ("leftmost", "rightmost"):
        sign = -1 if person == "leftmost" else 1
        return max(tracks, key=lambda track: sign * float(np.median([seen.x for seen in track.sightings])))
    if point := POINT.fullmatch(person):
        x, y, time = (float(number) for number in point.groups())
        if x <= 1 and y <= 1:
            x, y = x * size[0], y * size[1]
        return _at(tracks, x, y, start_s + time)
    for track in tracks:
        if track.number == int(person):
            return track
    raise InvalidOption({"person": f"there is no person {person}; {described(tracks, start_s)}"})


def prominent(tracks: Sequence[PersonTrack], count: int | None, start_s: float) -> list[PersonTrack]:
    """The people who would be chosen first, by number; None: all who are in view long enough for a result."""
    if not tracks:
        return []
    duration = _duration_s(tracks, start_s)
    if count is None:
        return [track for track in tracks if _share_in_view(track, duration) >= _IN_VIEW]
    first = sorted(tracks, key=lambda track: -score(track, duration))[:count]
    return sorted(first, key=lambda track: track.number)


def score(track: PersonTrack, duration_s: float) -> float:
    """Score for the automatic choice: share in view × size × motion × duration.

    The cube of the share in view, so that a person wholly in view is preferred to one twice as tall who is cut off;
    size to the power 1.5; 0.4 for standing still to 1.4 for walking; the share of the video's duration.
    """
    share = _share_in_view(track, duration_s)
    motion = 0.4 + min(1.0, track.motion / _WALKS)
    return float(track.whole**3 * track.size**1.5 * motion * (0.1 + share))


def described(tracks: Sequence[PersonTrack], start_s: float) -> Said:
    """Describe the people, with times from the beginning of the video."""
    people = tuple(
        Said(
            text("{number} ({start:.1f} to {end:.1f} s, {side}, {size:.0f} pixels tall)"),
            {
                "number": track.number,
                "start": track.sightings[0].time - start_s,
                "end": track.sightings[-1].time - start_s,
                "side": (_side(track, tracks),),
                "size": float(track.size),
            },
        )
        for track in tracks
    )
    if len(people) == 1:
        return Said(text("there is one: {people}"), {"people": people})
    return Said(text("there are {count}: {people}"), {"count": len(people), "people": people})


def _duration_s(tracks: Sequence[PersonTrack], start_s: float) -> float:
    return max(seen.time for track in tracks for seen in track.sightings) - start_s


def _share_in_view(track: PersonTrack, duration_s: float) -> float:
    """Of the video's duration."""
    return min(1.0, track.in_view_s / duration_s) if duration_s > 0 else 1.0


def _side(track: PersonTrack, tracks: Sequence[PersonTrack]) -> str:
    places = sorted(float(np.median([seen.x for seen in each.sightings])) for each in tracks)
    rank = places.index(float(np.median([seen.x for seen in track.sightings])))
    return text("left") if rank == 0 else text("right") if rank == len(places) - 1 else text("between")


def _at(tracks: Sequence[PersonTrack], x: float, y: float, time: float) -> PersonTrack:
    """The track whose box contains the point at that time, or else is nearest to it."""

    def distance(track: PersonTrack) -> float:
        seen = min(track.sightings, key=lambda each: abs(each.time - time))
        return np.inf if abs(seen.time - time) > _NEAR_S else _outside(seen, x, y)

    nearest = min(tracks, key=distance)
    if distance(nearest) > 0.5:
        raise InvalidOption({"person": f"there is no person at {x:.0f},{y:.0f} at that time"})
    return nearest


def _outside(seen: Sighting, x: float, y: float) -> float:
    """Signed distance of a point from the box, in sizes; negative inside, lowest at the centre."""
    left, top, right, bottom = seen.box
    outside = np.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom)) / seen.size
    inside = abs(x - (left + right) / 2) / max(right - left, 1) - 1
    return float(outside if outside > 0 else inside)
