"""Follows people frame by frame from where the sampled frames leave it open who is who: onward and back in time.

The landmark network finds a person where they were a moment before. Where people cross, it stays with the one in
front, and from the one behind it may change over to them. So one way proves nothing; but who is followed from one piece
of a path to another, and back from there to the first, is the same person.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.detector.people.looks import sighting
from services.detector.people.sighting import LONGEST_ABSENCE_S, SAME_BODY, Sighting, bodies_apart
from services.detector.pose.roi import MARGIN, Region
from services.detector.pose.tracker import MIN_PRESENCE, BatchTracker
from services.detector.video.reader import Frame

STEP_S: Final = 0.06
"""Least time between frames: every second one of a video of 30 frames per second."""

_MOST_PIXELS: Final = 2e8
"""Of all frames kept to go back in time: 1.5 bytes each."""


@dataclass(frozen=True)
class Trace:
    """A person's sightings by time after the last and before the first sighting of a piece of a path."""

    onward: dict[float, Sighting] = field(default_factory=dict)
    back: dict[float, Sighting] = field(default_factory=dict)


def traced(tracker: BatchTracker, frames: Iterable[Frame], pieces: Sequence[Sequence[Sighting]]) -> list[Trace]:
    """A trace of each piece, as far as the person is found and no longer than a person may be absent.

    frames  in order of time; those of the first and last sightings must be among them.
    """
    traces = [Trace() for _ in pieces]
    starts, ends = [piece[0] for piece in pieces], [piece[-1] for piece in pieces]
    kept: deque[Frame] = deque()
    onward: dict[int, Region] = {}
    for frame in frames:
        kept.append(frame)
        width, height = frame.planes.size
        while frame.time - kept[0].time > LONGEST_ABSENCE_S or len(kept) * width * height > _MOST_PIXELS:
            kept.popleft()
        onward = {i: region for i, region in onward.items() if frame.time - ends[i].time <= LONGEST_ABSENCE_S}
        onward = _step(tracker, frame, onward, [trace.onward for trace in traces], starts)
        onward |= {i: _region(end) for i, end in enumerate(ends) if end.time == frame.time}
        back = {i: _region(start) for i, start in enumerate(starts) if start.time == frame.time}
        for earlier in list(kept)[-2::-1]:
            back = _step(tracker, earlier, back, [trace.back for trace in traces], ends)
    return traces


def _step(
    tracker: BatchTracker,
    frame: Frame,
    regions: dict[int, Region],
    found: Sequence[dict[float, Sighting]],
    goals: Sequence[Sighting],
) -> dict[int, Region]:
    """Find each region's person in the frame; returns where to look next for those who are not yet at a goal."""
    if not regions:
        return {}
    bodies = tracker.body.find([frame.planes] * len(regions), list(regions.values()))
    there = [goal for goal in goals if goal.time == frame.time]
    ahead = {}
    for index, body in zip(regions, bodies, strict=True):
        if body.presence <= MIN_PRESENCE or not body.region.usable:
            continue
        seen = found[index][frame.time] = sighting(frame, body.region, body, clothes=False)
        if not any(bodies_apart(seen, goal) < SAME_BODY for goal in there):
            ahead[index] = body.region
    return ahead


def _region(seen: Sighting) -> Region:
    return Region(np.array([seen.x, seen.y]), MARGIN * seen.size)
