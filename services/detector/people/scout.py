"""Examines sampled frames of a video before detection: who is in it, and whether the camera is static.

A few frames show whether there is more than one person. Only then are many examined, with every person in them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.options import FOCAL_LENGTH
from services.detector.camera.motion import MotionMeter
from services.detector.people.choice import chosen
from services.detector.people.guide import Guide
from services.detector.people.identity import joined
from services.detector.people.looks import people_in
from services.detector.people.sighting import Sighting
from services.detector.people.traces import STEP_S, traced
from services.detector.people.tracks import PersonTrack, numbered, pieces
from services.detector.pose.tracker import BatchTracker
from services.detector.video.capture import CaptureClock
from services.detector.video.chunks import Chunk
from services.detector.video.reader import Frame, Survey, Video

FRAMES_A_LOOK: Final = 60
FEWEST_LOOKS: Final = 3
MOST_LOOKS: Final = 24
BEGINNING_S: Final = 2.0
"""First pass: number of sampled frames, and the time within which they are taken where the file has few keyframes."""

CLOSE_S: Final = 0.25
MOST_CLOSE_LOOKS: Final = 400
"""Second pass, where there are several people."""

_INTERVALS: Final = 1.6
"""Intervals of the second pass after which a person is not in view: frames are up to half an interval late."""

LEAST_WHOLE: Final = 0.5
"""Share of the limbs in view that a second person needs for the second pass."""


class People(BaseModel):
    """The people in the video, and the number of the track to analyse; None where no person was seen.

    longest_s  a person without a sighting for longer than this is not in view, as far as is known.
    """

    model_config = ConfigDict(frozen=True)

    tracks: tuple[PersonTrack, ...] = ()
    longest_s: float = 1.0
    chosen: int | None = None

    @property
    def person(self) -> PersonTrack | None:
        """The track of the person to analyse."""
        return next((track for track in self.tracks if track.number == self.chosen), None)

    @property
    def others(self) -> tuple[PersonTrack, ...]:
        """The tracks of all others."""
        return tuple(track for track in self.tracks if track.number != self.chosen)

    def choose(self, person: str, size: tuple[int, int], start_s: float) -> Self:
        """The same people, one of whom is chosen: see `services.detector.people.choice`. Raises InvalidOption."""
        if not self.tracks:
            return self
        return self.model_copy(update={"chosen": chosen(self.tracks, person, size, start_s).number})

    def guide(self, chunk: Chunk, clock: CaptureClock) -> Guide | None:
        """The guide for a chunk, in recording time; None where there is only one person."""
        if self.person is None or not self.others:
            return None
        start = -np.inf if chunk.warm_up_s is None else chunk.warm_up_s
        stop = np.inf if chunk.stop_s is None else chunk.stop_s
        return Guide.of(self.tracks, self.person, start, stop, self.longest_s).timed(clock)


def look_around(tracker: BatchTracker, video: Path, turn_deg: int, surveyed: Survey) -> tuple[People, bool]:
    """The people in the analysed part of the video, of whom none is chosen, and whether the camera appears to move.

    Raises what `Video` raises.
    """
    with Video(video, turn_deg) as opened:
        few, moves = _glances(tracker, _few(opened, surveyed))
    if not any(sum(seen.whole >= LEAST_WHOLE for seen in look) > 1 for look in few):
        return People(tracks=_one(few)), moves
    duration = float(surveyed.times[-1] - surveyed.times[0])
    interval = max(CLOSE_S, duration / MOST_CLOSE_LOOKS)
    with Video(video, turn_deg) as opened:
        looks = [people_in(tracker, frame, closely=True) for frame in opened.spaced(interval, surveyed.excerpt)]
    parts = pieces(looks)
    ends = {seen.time for piece in parts for seen in (piece[0], piece[-1])}
    with Video(video, turn_deg) as opened:
        traces = traced(tracker, opened.spaced(STEP_S, surveyed.excerpt, ends), parts)
    longest_s = _INTERVALS * interval
    return People(tracks=numbered(joined(parts, traces), longest_s), longest_s=longest_s), moves


def _glances(tracker: BatchTracker, frames: Iterator[Frame]) -> tuple[list[list[Sighting]], bool]:
    """The people in each frame, and whether the camera moved between frames."""
    camera = MotionMeter(0.0, FOCAL_LENGTH)
    looks = []
    for frame in frames:
        looks.append(people_in(tracker, frame, closely=False))
        largest = max(looks[-1], key=lambda seen: seen.size, default=None)
        camera.see(frame.time, frame.planes, None if largest is None else np.array(largest.box, float).reshape(2, 2))
    return looks, camera.motion().moves


def _few(video: Video, surveyed: Survey) -> Iterator[Frame]:
    """Sample keyframes, evenly distributed, if there are enough of them; otherwise all of them, and more frames in the
    first two seconds."""
    wanted = max(FEWEST_LOOKS, len(surveyed.times) // FRAMES_A_LOOK)
    entries, start_s = surveyed.entries, float(surveyed.times[0])
    if len(entries) < FEWEST_LOOKS:
        stop_s = min(float(surveyed.times[-1]), start_s + BEGINNING_S)
        beginning = surveyed.excerpt.model_copy(update={"stop_s": stop_s})
        yield from video.skimmed((stop_s - start_s) / FEWEST_LOOKS, beginning)
        entries = tuple(entry for entry in entries if video.time(entry) > stop_s)
    count = min(MOST_LOOKS, wanted, len(entries))
    for index in np.linspace(0, len(entries) - 1, count).round().astype(int) if count else []:
        yield from video.first(entries[index])


def _one(looks: Sequence[Sequence[Sighting]]) -> tuple[PersonTrack, ...]:
    """Merge all tracks where there were never two relevant people at the same time."""
    sightings = [max(look, key=lambda seen: seen.whole**3 * seen.size) for look in looks if look]
    return (PersonTrack.of(1, sightings),) if sightings else ()
