"""People in view, for quality.json and for the user."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from pydantic import JsonValue

from humanpose3d.language import Said, text
from humanpose3d.options import QualityWarning, RunOptions, warning
from services.detector.people.choice import described
from services.detector.people.scout import People
from services.detector.people.tracks import PersonTrack

_NEAR: Final = 0.5
"""Distance between two people as a share of their mean size: about an arm's length."""


def people_facts(people: People, options: RunOptions) -> dict[str, JsonValue]:
    """The tracks, and which is analysed."""
    tracks: list[JsonValue] = [track.reported() for track in people.tracks]
    near: list[JsonValue] = [[track.number, *map(float, times)] for track, times in meetings(people)]
    return {"people": {"rule": options.person, "chosen": people.chosen, "tracks": tracks, "near_s": near}}


def people_warnings(people: People, options: RunOptions, start_s: float) -> Iterator[QualityWarning]:
    """Warnings about others in view, and when they come near the person analysed."""
    person = people.person
    if person is None or not people.others:
        return
    why = (
        text("as the one most in view, largest and moving most")
        if options.person == "auto"
        else Said(text("by {rule}"), {"rule": options.person})
    )
    yield warning(
        "other-people",
        "Several people are in view; {people}. Person {number} was analysed, chosen {why}. For another: "
        "--person with the number, largest, leftmost, rightmost or X,Y@T (person).",
        people=(described(people.tracks, start_s),),
        number=person.number,
        why=(why,),
    )
    near = [(round(start - start_s, 1), round(end - start_s, 1)) for _, (start, end) in meetings(people)]
    if near:
        times = tuple(
            Said(text("{start:.1f}–{end:.1f} s"), {"start": start, "end": end}) for start, end in sorted(set(near))
        )
        yield warning(
            "people-close",
            "Another comes close to the person analysed, or behind or before them ({times}): limbs may "
            "be mixed up there, or missing. Do not use these times, or record the person alone.",
            times=times,
        )


def meetings(people: People) -> list[tuple[PersonTrack, tuple[float, float]]]:
    """When each of the others is close to the person: periods, from and to in seconds."""
    person = people.person
    if person is None:
        return []
    found = []
    for other in people.others:
        times = sorted({seen.time for track in (person, other) for seen in track.sightings})
        times = [time for time in times if _close(person, other, time)]
        groups = np.split(np.array(times), np.flatnonzero(np.diff(times) > 1.0) + 1) if times else []
        found += [(other, (float(group[0]), float(group[-1]))) for group in groups]
    return found


def _close(one: PersonTrack, other: PersonTrack, time: float) -> bool:
    """Whether their circles touch at a time at which both are tracked."""
    both = [_place(track, time) for track in (one, other)]
    if any(time < track.sightings[0].time or time > track.sightings[-1].time for track in (one, other)):
        return False
    (x, y, size), (x2, y2, size2) = both
    reach = _NEAR * (size + size2) / 2
    return abs(x - x2) < reach and abs(y - y2) < 2 * reach


def _place(track: PersonTrack, time: float) -> tuple[float, float, float]:
    """(x, y, size), interpolated between sightings."""
    times = [seen.time for seen in track.sightings]
    x, y, size = (
        float(np.interp(time, times, [getattr(seen, name) for seen in track.sightings])) for name in ("x", "y", "size")
    )
    return x, y, size
