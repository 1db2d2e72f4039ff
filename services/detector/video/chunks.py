"""How a video is cut into chunks that are detected independently.

The chunks depend only on the video, never on the number of workers, so neither does the result. MediaPipe tracks and
smooths from frame to frame: each chunk is preceded by a warm-up, whose frames are processed but not kept.
"""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from pydantic import BaseModel, ConfigDict

SHORTEST: Final = 300
"""Minimum frames of a chunk: below it the warm-up and another process cost more than a second core gains."""

LONGEST: Final = 600
"""Approximate frames of a chunk: the warm-up (4 %) hardly matters, and all cores finish at about the same time."""

WARM_UP: Final = 24
"""Frames after which smoothed landmarks agree with those of one continuous run as well as they ever do."""

SHARES: Final = 8
"""Longer videos have a multiple of this number of chunks, shorter ones 2 or 4: 2, 4 or 8 cores share them evenly."""


class Chunk(BaseModel):
    """A chunk of a video. None: from its very beginning, or to its very end.

    entries    where decoding may begin, ticks of the stream's clock, nearest first; then the start of the file.
    warm_up_s  the first frame that is processed.
    start_s    the first frame that counts.
    stop_s     the first frame that belongs to the next chunk.
    """

    model_config = ConfigDict(frozen=True)

    entries: tuple[int, ...] = ()
    warm_up_s: float | None = None
    start_s: float | None = None
    stop_s: float | None = None

    def wanted(self, time: float) -> bool:
        """Whether the frame at this time is processed, regardless of the chunk's end."""
        return self.warm_up_s is None or time >= self.warm_up_s

    def follows(self, time: float) -> bool:
        """Whether a decoder that begins with the frame at this time misses no frame that is processed."""
        return self.warm_up_s is None or time <= self.warm_up_s

    def counts(self, time: float) -> bool:
        """Whether the frame at this time, which is processed, is part of the result."""
        return self.start_s is None or time >= self.start_s

    def over(self, time: float) -> bool:
        """Whether the frame at this time comes after the chunk."""
        return self.stop_s is not None and time >= self.stop_s


WHOLE: Final = Chunk()


def cut(
    timestamps: Sequence[int], entries: Sequence[int], clock: Fraction, frames: range | None = None
) -> tuple[Chunk, ...]:
    """The chunks of a video.

    timestamps  of all frames, in ticks, strictly increasing.
    entries     those of the frames at which decoding may begin (keyframes), increasing.
    clock       seconds per tick.
    frames      the contiguous range to analyse; all by default.
    """
    wanted = frames or range(len(timestamps))
    count = number_of_chunks(len(wanted))
    starts = [wanted.start + len(wanted) * index // count for index in range(count)]

    def seconds(frame: int) -> float | None:
        return float(timestamps[frame] * clock) if 0 < frame < len(timestamps) else None

    def chunk(start: int, stop: int) -> Chunk:
        warm_up = max(wanted.start, start - WARM_UP)
        return Chunk(
            entries=_entries_before(entries, timestamps[warm_up]) if warm_up else (),
            warm_up_s=seconds(warm_up),
            start_s=seconds(start),
            stop_s=seconds(stop),
        )

    return tuple(map(chunk, starts, [*starts[1:], wanted.stop]))


def number_of_chunks(frames: int) -> int:
    """How many chunks a video with this number of frames has."""
    count = 1
    while count < SHARES and frames >= 2 * count * SHORTEST:
        count *= 2
    return max(count, SHARES * (frames // (SHARES * LONGEST)))


def _entries_before(entries: Sequence[int], timestamp: int) -> tuple[int, ...]:
    """The nearest entry not after the timestamp, and two earlier ones: a seek may land late."""
    nearest = bisect_right(entries, timestamp) - 1
    return tuple(entries[index] for index in (nearest, nearest - 1, nearest - 4) if index >= 0)
