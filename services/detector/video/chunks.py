"""How a video is cut into segments that are detected apart from each other.

The cut follows from the video alone, never from how many work on it, so that the result does not either. MediaPipe
follows and smooths the person from frame to frame: each segment begins with a warm-up before it, whose frames are
looked at and not kept.
"""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from pydantic import BaseModel, ConfigDict

SHORTEST: Final = 300
"""Frames of a segment, below which the warm-up and another process cost more than the second core gives."""

LONGEST: Final = 600
"""Frames of a segment, about: from there on the warm-up's share (4 %) no longer matters, and the end of a video is
waited for less the shorter they are."""

WARM_UP: Final = 24
"""Frames: after these, smoothed landmarks agree with those of one continuous run as well as they ever do."""

SHARES: Final = 8
"""Longer videos have a multiple of that many segments, shorter ones 2 or 4: what 2, 4 or 8 cores share evenly."""


class Segment(BaseModel):
    """A stretch of a video. None: from its very beginning, or to its very end.

    entries    where decoding may begin, ticks of the stream's clock, nearest first; the beginning follows the last one.
    warm_up_s  the first frame that is looked at.
    start_s    the first frame that counts.
    stop_s     the first frame that belongs to the next segment.
    """

    model_config = ConfigDict(frozen=True)

    entries: tuple[int, ...] = ()
    warm_up_s: float | None = None
    start_s: float | None = None
    stop_s: float | None = None

    def wanted(self, time: float) -> bool:
        """Whether the frame at this time is looked at, the end left aside."""
        return self.warm_up_s is None or time >= self.warm_up_s

    def follows(self, time: float) -> bool:
        """Whether a decoder that begins with the frame at this time misses none that is looked at."""
        return self.warm_up_s is None or time <= self.warm_up_s

    def counts(self, time: float) -> bool:
        """Whether the frame at this time, one that is looked at, is part of the result."""
        return self.start_s is None or time >= self.start_s

    def over(self, time: float) -> bool:
        """Whether the frame at this time comes after the segment."""
        return self.stop_s is not None and time >= self.stop_s


WHOLE: Final = Segment()


def cut(
    timestamps: Sequence[int], entries: Sequence[int], clock: Fraction, frames: range | None = None
) -> tuple[Segment, ...]:
    """The segments of a video.

    timestamps  of all frames, in ticks, strictly increasing.
    entries     those of the frames at which decoding may begin (keyframes), increasing.
    clock       seconds a tick.
    frames      those to analyse, in a row; all by default.
    """
    wanted = frames or range(len(timestamps))
    count = number_of_segments(len(wanted))
    starts = [wanted.start + len(wanted) * index // count for index in range(count)]

    def seconds(frame: int) -> float | None:
        return float(timestamps[frame] * clock) if 0 < frame < len(timestamps) else None

    def segment(start: int, stop: int) -> Segment:
        warm_up = max(wanted.start, start - WARM_UP)
        return Segment(
            entries=_entries_before(entries, timestamps[warm_up]) if warm_up else (),
            warm_up_s=seconds(warm_up),
            start_s=seconds(start),
            stop_s=seconds(stop),
        )

    return tuple(map(segment, starts, [*starts[1:], wanted.stop]))


def number_of_segments(frames: int) -> int:
    """How many segments a video of that many frames has."""
    count = 1
    while count < SHARES and frames >= 2 * count * SHORTEST:
        count *= 2
    return max(count, SHARES * (frames // (SHARES * LONGEST)))


def _entries_before(entries: Sequence[int], timestamp: int) -> tuple[int, ...]:
    """The nearest entry that is not after the timestamp, and two further back: a seek may land late."""
    nearest = bisect_right(entries, timestamp) - 1
    return tuple(entries[index] for index in (nearest, nearest - 1, nearest - 4) if index >= 0)
