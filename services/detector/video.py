"""Videos as a stream of upright pictures, each with its own time; never more than a few of them in memory.

What is decoded is what a player shows: turned and mirrored by the display matrix, with square pixels.
"""

import heapq
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from services.detector.orientation import Orientation, Picture
from services.detector.timeline import Timeline
from shared.contracts import VideoFacts
from shared.errors import NoVideoStream, UnreadableVideo, VideoNotFound

DEMUXERS: Final = "aac,asf,avi,flac,flv,mov,matroska,mp3,mpeg,mpegts,ogg,wav"
"""The containers that are opened. Playlists are not among them: they make FFmpeg read other files and addresses."""

NOT_A_VIDEO: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Pictures that travel as a video stream: cover art, chapter thumbnails, stills."""

NOMINAL_FPS: Final = 25
"""Where a container gives neither timestamps nor a frame rate (raw streams); FFmpeg assumes the same."""

MATROSKA_DURATION: Final = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""The tag in which Matroska's writers leave the end of one stream."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    time     seconds, the container's own timestamp.
    picture  (height, width, 3) uint8 RGB, upright, square pixels, C-contiguous.
    """

    time: float
    picture: Picture


def probe(path: Path) -> VideoFacts:
    """The facts of a whole video, from its packets' timestamps; decodes no more than its beginning.

    Raises VideoNotFound, NoVideoStream or UnreadableVideo, as `Video` does.
    """
    with Video(path) as video:
        return video.measure()


class Video:
    """A video open for reading once, as a context manager.

    turn_deg       clockwise turn beyond the container's word, where that is wrong (`services.detector.upright`).
    nominal_rate   frames per second by the container's word.
    timeline       the times of the frames read so far, and what was mended in them.
    damaged_parts  packets that could not be decoded, and frames that were decoded with errors.
    interlaced     whether a frame was.

    Raises VideoNotFound where there is no such file, NoVideoStream where it has no moving picture, UnreadableVideo
    where it cannot be decoded.
    """

    def __init__(self, path: Path, turn_deg: int = 0) -> None:
        self._name = path.name
        self._turn_deg = turn_deg
        self._container = _open(path)
        try:
            self._stream = _video_stream(self._container, self._name)
        except BaseException:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self.nominal_rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(NOMINAL_FPS)
        self._stored_size = _square_size(self._stream)
        self._orientation = Orientation().turned(turn_deg)
        self._reordered_avi = self._container.format.name == "avi" and self._stream.codec_context.has_b_frames
        self._unordered: list[int] = []
        self._stated = _stated_end(self._container, self._stream, float(self.nominal_rate))
        self._ends_early = False
        self._end_s = 0.0
        self.timeline = Timeline(self._stream.time_base or Fraction(1, 1000), float(1 / self.nominal_rate))
        self.damaged_parts = 0
        self.interlaced = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Decode to the end. Parts that cannot be decoded are skipped and counted in `damaged_parts`.

        Raises UnreadableVideo where not one frame can be decoded.
        """
        empty = True
        for packet in self._packets():
            for decoded in self._decode(packet):
                if empty:
                    self._orientation, empty = Orientation.of(decoded).turned(self._turn_deg), False
                if self._place(self._timestamp(decoded), decoded.duration):
                    yield Frame(self.timeline.last, self._upright(decoded))
        self._require(not empty)

    def measure(self) -> VideoFacts:
        """Read to the end, decoding only until the first frame. Raises UnreadableVideo where there is none."""
        shown: list[tuple[int | None, int | None]] = []
        empty = True
        for packet in self._packets():
            for decoded in self._decode(packet) if empty else ():
                self._orientation, empty = Orientation.of(decoded).turned(self._turn_deg), False
            if packet.size and not packet.is_discard:
                shown.append((packet.dts if packet.pts is None else packet.pts, packet.duration))
        self._require(not empty)
        for timestamp, duration in sorted(shown, key=lambda item: float("inf") if item[0] is None else item[0]):
            self._place(timestamp, duration)
        return self.facts

    @property
    def expected_frames(self) -> int | None:
        """How many frames the container promises; None where it promises nothing."""
        return self._stream.frames or (round(self._stated[0] * self.nominal_rate) if self._stated else None)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the upright picture in pixels; known once a frame was decoded."""
        return self._orientation.size(*self._stored_size)

    @property
    def facts(self) -> VideoFacts:
        """What is known after the frames read so far, one at least."""
        times, intervals = self.timeline.times, self.timeline.intervals
        width, height = self.size
        return VideoFacts(
            width=width,
            height=height,
            rotation_deg=self._orientation.rotation_deg,
            codec=self._stream.codec_context.codec.canonical_name,
            container=self._container.format.long_name,
            frames=times.size,
            duration_s=float(self._end_s - times[0]),
            average_fps=float(1 / intervals.mean()),
            variable_frame_rate=self.timeline.variable,
            frame_interval_min_s=float(intervals.min()),
            frame_interval_max_s=float(intervals.max()),
            truncated=self._truncated(),
            has_audio=bool(self._container.streams.audio),
        )

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self._ends_early = True

    def _decode(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        """The frames that this packet completes.

        AVI knows no presentation times: where frames are reordered, the smallest time waiting is the next frame's.
        """
        if self._reordered_avi and packet.dts is not None:
            heapq.heappush(self._unordered, packet.dts)
        try:
            return packet.decode()
        except av.FFmpegError:
            self.damaged_parts += 1
            return []

    def _upright(self, decoded: VideoFrame) -> Picture:
        self.interlaced |= decoded.interlaced_frame
        self.damaged_parts += decoded.is_corrupt
        width, height = self._stored_size
        stored = decoded.to_ndarray(format="rgb24", width=width, height=height)
        return self._orientation.apply(np.asarray(stored, dtype=np.uint8))

    def _timestamp(self, decoded: VideoFrame) -> int | None:
        return heapq.heappop(self._unordered) if self._unordered else decoded.pts

    def _place(self, timestamp: int | None, duration: int | None) -> bool:
        time = self.timeline.place(timestamp)
        if time is None:
            return False
        time_base = self._stream.time_base
        self._end_s = time + float(duration * time_base if duration and time_base else 1 / self.nominal_rate)
        return True

    def _truncated(self) -> bool:
        """Whether the end is missing: unreadable, or before the one stated by more than 2 % and its slack."""
        if self._stated is None:
            return self._ends_early
        end_s, slack_s = self._stated
        return self._ends_early or self._end_s < 0.98 * end_s - slack_s

    def _require(self, found: bool) -> None:
        if not found:
            raise UnreadableVideo(
                f"{self._name} holds no frame that can be decoded. It may be empty or cut off; export it again."
            )


def _open(path: Path) -> InputContainer:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        raise VideoNotFound(f"There is no file {path}. Check the path of the video.") from None
    if not stat.S_ISREG(mode):
        raise UnreadableVideo(f"{path.name} is not a file. Give the path of a video.")
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
    except av.error.PermissionError:
        raise UnreadableVideo(f"{path.name} may not be read. Change its permissions.") from None
    except av.FFmpegError:
        raise UnreadableVideo(
            f"{path.name} is not a video that can be read: it is something else, or was cut off while it was recorded "
            "or copied. Use MP4, MOV, AVI, WebM or MKV."
        ) from None


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    videos = [stream for stream in container.streams.video if not stream.disposition & NOT_A_VIDEO]
    if not videos:
        raise NoVideoStream(f"{name} has no moving picture, only sound. Give a video.")
    best = container.streams.best("video")
    stream = best if best in videos else videos[0]
    if stream.codec_context is None:
        raise UnreadableVideo(f"{name} is encoded in a way that cannot be decoded here. Convert it to H.264 (MP4).")
    if not (stream.width and stream.height):
        raise UnreadableVideo(f"{name} does not say how large its picture is. It may be cut off; export it again.")
    return stream


def _square_size(stream: VideoStream) -> tuple[int, int]:
    """(width, height) as stored, but with square pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:  # no camera's: a damaged header, not a pixel's shape
        aspect = Fraction(1)
    return max(1, round(stream.width * aspect)), stream.height


def _stated_end(container: InputContainer, stream: VideoStream, rate: float) -> tuple[float, float] | None:
    """Where the picture ends by the container's own word, and how much later that may be than it does; seconds."""
    two_frames = 2.5 / rate
    if container.format.name == "avi":  # its duration is corrected to what the file holds, its frame count is not
        return (stream.frames / rate, two_frames) if stream.frames else None
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base), two_frames
    if clock := MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = clock.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds), two_frames
    if container.duration:
        sound = 1.0 if container.streams.audio else 0.0  # the end may be that of the sound
        return ((container.start_time or 0) + container.duration) / av.time_base, two_frames + sound
    return None
