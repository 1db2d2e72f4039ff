"""People in view, for quality.json and for the user."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.language import Said, text
from humanpose3d.motion import FloatArray
from humanpose3d.options import QualityWarning, RunOptions, warning
from services.detector.people.choice import described
from services.detector.people.scout import People
from services.detector.people.sighting import places
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
        "--person with the number, largest, leftmost, rightmost or X,Y@T (person). Lengths and speeds hold only if the "
        "height given is this person's.",
        people=(described(people.tracks, start_s),),
        number=person.number,
        why=(why,),
    )
    if near := _periods((times for _, times in meetings(people)), start_s):
        yield warning(
            "people-close",
            "Another comes close to the person analysed, or behind or before them ({times}): limbs may "
            "be mixed up there, or missing. Do not use these times, or record the person alone.",
            times=near,
        )
    if absences := _periods(_absences(people), start_s):
        yield warning(
            "person-out-of-sight",
            "The person analysed is not followed at {times}: hidden, or it is open who is who. Those frames are empty. "
            "A person who is not recognised afterwards has another number.",
            times=absences,
        )


def _absences(people: People) -> list[tuple[float, float]]:
    """When the person is not in view between two sightings, as far as is known: from and to in seconds."""
    seen = () if people.person is None else people.person.sightings
    return [(one.time, other.time) for one, other in pairwise(seen) if other.time - one.time > people.longest_s]


def _periods(periods: Iterable[tuple[float, float]], start_s: float) -> tuple[Said, ...]:
    rounded = sorted({(round(start - start_s, 1), round(end - start_s, 1)) for start, end in periods})
    return tuple(Said(text("{start:.1f}–{end:.1f} s"), {"start": start, "end": end}) for start, end in rounded)


def meetings(people: People) -> list[tuple[PersonTrack, tuple[float, float]]]:
    """When each of the others is close to the person: periods, from and to in seconds."""
    person = people.person
    if person is None:
        return []
    found = []
    for other in people.others:
        times = np.array(sorted({seen.time for track in (person, other) for seen in track.sightings}))
        times = times[_close(person, other, times)]
        groups = np.split(times, np.flatnonzero(np.diff(times) > 1.0) + 1) if len(times) else []
        found += [(other, (float(group[0]), float(group[-1]))) for group in groups]
    return found


def _close(one: PersonTrack, other: PersonTrack, times: FloatArray) -> NDArray[np.bool_]:
    """(T,) whether their circles touch, at times at which both are tracked."""
    here, there = (places(track.sightings, times) for track in (one, other))
    reach = _NEAR * (here[:, 2] + there[:, 2]) / 2
    across, down = np.abs(here[:, :2] - there[:, :2]).T
    begin = max(one.sightings[0].time, other.sightings[0].time)
    end = min(one.sightings[-1].time, other.sightings[-1].time)
    both = (times >= begin) & (times <= end)
    return np.asarray(both & (across < reach) & (down < 2 * reach))
