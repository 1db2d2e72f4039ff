"""Videos as a stream of upright images, each with its own time; never more than a few of them in memory.

Images are as a player shows them: rotated and mirrored by the display matrix, with square pixels.
"""

import heapq
import math
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from humanpose3d.errors import InvalidOption, NoVideoStream, UnreadableVideo, VideoNotFound
from humanpose3d.motion import FloatArray
from humanpose3d.options import VideoFacts
from services.detector.video.chunks import WHOLE, Chunk, cut
from services.detector.video.container import Medium, Reading, video_facts
from services.detector.video.orientation import Image, Orientation
from services.detector.video.planes import Planes
from services.detector.video.tags import CameraTags, camera_tags
from services.detector.video.timeline import Timeline

DEMUXERS: Final = "aac,asf,avi,flac,flv,mov,matroska,mp3,mpeg,mpegts,ogg,wav"
"""Accepted containers. Playlists are excluded: they make FFmpeg read other files and addresses."""

NOT_A_VIDEO: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Images stored as a video stream: cover art, chapter thumbnails, stills."""

_BESIDE_VIDEO: Final = {"audio", "subtitle", "attachment", "video"}
"""Known kinds of streams without video; cover art is a video stream, a damaged stream has no known kind."""

NOMINAL_FPS: Final = 25
"""Where a container gives neither timestamps nor a frame rate (raw streams); FFmpeg assumes the same."""

MATROSKA_DURATION: Final = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""The Matroska tag that states the end of one stream."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a video.

    time     seconds, the container's own timestamp.
    planes   the image, upright, with square pixels.
    counts   whether it is part of the result, not of a chunk's warm-up.
    """

    time: float
    planes: Planes
    counts: bool = True

    @property
    def image(self) -> Image:
        """(height, width, 3) uint8 RGB, C-contiguous; converted at the first use."""
        return self.planes.rgb


@dataclass(frozen=True, eq=False)
class Survey:
    """A whole video as described by its packets and first frame, before decoding.

    medium    see `Medium`.
    facts     by the packets' timestamps, of the part to analyse.
    first_s   when the first frame of the video is shown.
    times     (T,) seconds, of the frames of that part.
    excerpt   that part as one chunk.
    entries   timestamps of its keyframes; none where timestamps do not identify frames.
    chunks  the chunks that it is cut into; one where timestamps do not identify frames.
    """

    medium: Medium
    facts: VideoFacts
    first_s: float
    times: FloatArray
    excerpt: Chunk
    entries: tuple[int, ...]
    chunks: tuple[Chunk, ...]


def survey(path: Path, start: float | None = None, end: float | None = None) -> Survey:
    """Read a video's packets; decodes no more than its beginning.

    start, end  seconds from its first frame: the part to analyse.

    Raises VideoNotFound, NoVideoStream or UnreadableVideo, as `Video` does; InvalidOption where that part is empty.
    """
    with Video(path) as video:
        return video.survey(start, end)


class Video:
    """A video open for reading once, as a context manager.

    turn_deg      clockwise turn in addition to the container's rotation, where that is wrong (see
                  `services.detector.camera.orientation_check`).
    threads       decoding threads; 0: chosen by FFmpeg, about one per core.
    nominal_rate  frames per second, as the container states.
    timeline      the times of the frames read so far, and what was corrected in them.

    Raises VideoNotFound where there is no such file, NoVideoStream where it has no moving image, UnreadableVideo
    where it cannot be decoded.
    """

    def __init__(self, path: Path, turn_deg: int = 0, threads: int = 0) -> None:
        self._path = path
        self._threads = threads
        self._turn_deg = turn_deg
        self._open()
        self.nominal_rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(NOMINAL_FPS)
        self._stored_size = _square_size(self._stream)
        self._orientation = Orientation().turned(turn_deg)
        self._reordered_avi = self._container.format.name == "avi" and self._stream.codec_context.has_b_frames
        self._stated = _stated_end(self._container, self._stream, float(self.nominal_rate))
        self._ends_early = False
        self._end_s: float | None = None
        self._clock = self._stream.time_base or Fraction(1, 1000)
        self.timeline = Timeline(self._clock, float(1 / self.nominal_rate))
        self._damaged_parts = 0
        self._interlaced = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self, chunk: Chunk = WHOLE) -> Iterator[Frame]:
        """Decode a chunk, its warm-up first. Parts that cannot be decoded are skipped and counted in `reading`.

        Raises UnreadableVideo where the whole is requested and not one frame can be decoded.
        """
        for time, decoded in self._placed(chunk):
            counts = chunk.counts(time)
            yield Frame(time, self._upright(decoded, counts), counts)

    def spaced(self, interval_s: float, chunk: Chunk = WHOLE, moments: Collection[float] = ()) -> Iterator[Frame]:
        """Frames of a chunk at least this far apart, and those at these moments; the others are decoded only."""
        due = -math.inf
        for time, decoded in self._placed(chunk):
            if time >= due or time in moments:
                due = time + interval_s
                yield Frame(time, self._upright(decoded, False))

    def skimmed(self, interval_s: float, chunk: Chunk) -> Iterator[Frame]:
        """The same for reference frames only, which is faster.

        After this call, only reference frames are read.
        """
        self._stream.codec_context.skip_frame = "NONREF"
        yield from self.spaced(interval_s, chunk)

    def time(self, entry: int) -> float:
        """Seconds of a timestamp."""
        return float(entry * self._clock)

    def first(self, entry: int) -> Iterator[Frame]:
        """The frame at which a seek to this timestamp arrives, if it is later than the last one read."""
        for decoded in islice(self._sought(entry, WHOLE), 1):
            time = self.timeline.place(self._timestamp(decoded))
            if time is not None:
                yield Frame(time, self._upright(decoded, False))

    def _placed(self, chunk: Chunk) -> Iterator[tuple[float, VideoFrame]]:
        """The decoded frames of a chunk, with their times."""
        empty = True
        for decoded in self._entered(chunk):
            if empty:
                self._orientation, empty = Orientation.of(decoded).turned(self._turn_deg), False
            time = self.timeline.place(self._timestamp(decoded))
            if time is None:
                continue
            if chunk.over(time):
                break
            self._end_s = time + self._duration(decoded.duration)
            if chunk.wanted(time):
                yield time, decoded
        self._require(not empty or chunk != WHOLE)

    def survey(self, start: float | None = None, end: float | None = None) -> Survey:
        """Read to the end, decoding only until the first frame. Raises UnreadableVideo where there is none, and
        InvalidOption where none is between `start` and `end`, in seconds from the first."""
        shown: list[_Shown] = []
        empty = True
        for packet in self._packets():
            for decoded in self._decode(packet, WHOLE) if empty else ():
                self._orientation, empty = Orientation.of(decoded).turned(self._turn_deg), False
            if packet.size and not packet.is_discard:
                timestamp = packet.dts if packet.pts is None else packet.pts
                shown.append(_Shown(timestamp, packet.duration, packet.is_keyframe, packet.pts is not None))
        self._require(not empty)
        shown.sort(key=lambda packet: float("inf") if packet.timestamp is None else packet.timestamp)
        for timestamp, duration, *_ in shown:
            time = self.timeline.place(timestamp)
            if time is not None:
                self._end_s = time + self._duration(duration)
        times = self.timeline.times
        frames = _between(times, start, end)
        medium, part = self.medium, times[frames.start : frames.stop]
        if frames.stop < len(times):
            medium = medium.endless
            self._end_s = float(times[frames.stop])
        excerpt = Chunk(
            warm_up_s=float(part[0]) if frames.start else None,
            start_s=float(part[0]) if frames.start else None,
            stop_s=self._end_s if frames.stop < len(times) else None,
        )
        chunks = self._cut(shown, frames)
        entries = [packet.timestamp for packet in shown if packet.entry and packet.timestamp is not None]
        inside = [e for e in entries if part[0] <= float(e * self._clock) <= part[-1]] if chunks else []
        chunks = chunks or (excerpt,)
        if frames.start:
            excerpt = excerpt.model_copy(update={"entries": chunks[0].entries})
        facts = video_facts(medium, self.reading, part)
        return Survey(medium, facts, float(times[0]), part, excerpt, tuple(inside), chunks)

    @property
    def medium(self) -> Medium:
        """The facts known once a frame was decoded."""
        width, height = self._orientation.size(*self._stored_size)
        return Medium(
            width=width,
            height=height,
            rotation_deg=self._orientation.rotation_deg,
            codec=self._stream.codec_context.codec.canonical_name,
            container=self._container.format.long_name,
            has_audio=bool(self._container.streams.audio),
            clock_s=float(self._clock),
            interval_s=float(1 / self.nominal_rate),
            due_s=0.98 * self._stated[0] - self._stated[1] if self._stated else None,
            camera=self._camera,
        )

    @cached_property
    def _camera(self) -> CameraTags:
        """What the file states about the camera; FFmpeg does not rotate a track's field of view with the image."""
        tags = camera_tags(self._path, self._container.metadata)
        if tags.focal_length is None or tags.focal_length_from != "field of view":
            return tags
        width, height = self._stored_size
        return tags.model_copy(update={"focal_length": tags.focal_length * width / max(width, height)})

    @property
    def reading(self) -> Reading:
        """What was found while reading so far."""
        return Reading(
            end_s=self._end_s,
            ends_early=self._ends_early,
            damaged_parts=self._damaged_parts,
            interlaced=self._interlaced,
            missing=self.timeline.missing,
            repeated=self.timeline.repeated,
            resets=self.timeline.resets,
        )

    @property
    def facts(self) -> VideoFacts:
        """The facts known after the frames read so far, at least one."""
        return video_facts(self.medium, self.reading, self.timeline.times)

    def _open(self) -> None:
        self._container = _open(self._path)
        try:
            self._stream = _video_stream(self._container, self._path.name)
        except BaseException:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = self._threads
        self._unordered: list[int] = []

    def _cut(self, shown: "list[_Shown]", frames: range) -> tuple[Chunk, ...]:
        """Frames in order of presentation timestamps; none where they do not identify every frame."""
        corrected = self.timeline.missing or self.timeline.repeated or self.timeline.resets
        if corrected or self._reordered_avi or not all(packet.presented for packet in shown):
            return ()
        timestamps = [packet.timestamp for packet in shown if packet.timestamp is not None]
        entries = [packet.timestamp for packet in shown if packet.entry and packet.timestamp is not None]
        return cut(timestamps, entries, self._clock, frames)

    def _entered(self, chunk: Chunk) -> Iterator[VideoFrame]:
        """The frames from an entry before the chunk's first frame, if the seek arrives there."""
        for entry in chunk.entries:
            frames = self._sought(entry, chunk)
            first = next(frames, None)
            if first is not None and first.pts is not None and chunk.follows(float(first.pts * self._clock)):
                yield first
                yield from frames
                return
        if chunk.entries:
            self._container.close()
            self._open()
        yield from self._all(chunk)

    def _sought(self, entry: int, chunk: Chunk) -> Iterator[VideoFrame]:
        try:
            self._container.seek(entry, stream=self._stream)
        except av.FFmpegError:
            return
        yield from self._all(chunk)

    def _all(self, chunk: Chunk) -> Iterator[VideoFrame]:
        for packet in self._packets():
            yield from self._decode(packet, chunk)

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self._ends_early = True

    def _decode(self, packet: "Packet[VideoStream]", chunk: Chunk) -> list[VideoFrame]:
        """The frames that this packet completes.

        AVI has no presentation times: where frames are reordered, the smallest pending time is the next frame's.
        """
        if self._reordered_avi and packet.dts is not None:
            heapq.heappush(self._unordered, packet.dts)
        try:
            return packet.decode()
        except av.FFmpegError:
            time = None if packet.pts is None else float(packet.pts * self._clock)
            self._damaged_parts += time is None or (chunk.counts(time) and not chunk.over(time))
            return []

    def _upright(self, decoded: VideoFrame, counts: bool) -> Planes:
        if counts:
            self._interlaced |= decoded.interlaced_frame
            self._damaged_parts += decoded.is_corrupt
        return Planes(decoded, self._orientation, self._stored_size)

    def _timestamp(self, decoded: VideoFrame) -> int | None:
        return heapq.heappop(self._unordered) if self._unordered else decoded.pts

    def _duration(self, ticks: int | None) -> float:
        return float(ticks * self._clock) if ticks else float(1 / self.nominal_rate)

    def _require(self, found: bool) -> None:
        if not found:
            raise UnreadableVideo(
                f"{self._path.name} holds no frame that can be decoded. It may be empty or cut off; export it again."
            )


class _Shown(NamedTuple):
    """A packet that contains a frame."""

    timestamp: int | None
    duration: int | None
    entry: bool
    """Whether decoding may begin with it."""
    presented: bool
    """Whether the timestamp is that of its presentation."""


def _between(times: FloatArray, start: float | None, end: float | None) -> range:
    """The frames from `start` to `end`, in seconds from the first."""
    since = times - times[0]
    first, stop = np.searchsorted(since, [start or 0.0, np.inf if end is None else end])
    if first >= stop:
        fault = f"there is no frame in the part from start to end; the last one is at {since[-1]:.2f} s"
        raise InvalidOption({"start": fault})
    return range(int(first), int(stop))


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
    kinds = {stream.type for stream in container.streams}
    if not videos and kinds and kinds <= _BESIDE_VIDEO:
        raise NoVideoStream(f"{name} has no moving image, only sound. Give a video.")
    if not videos:
        raise UnreadableVideo(
            f"{name} has no moving image that can be read: it is damaged, or was cut off while it was recorded or "
            "copied. Copy it again, or take another recording."
        )
    best = container.streams.best("video")
    stream = best if best in videos else videos[0]
    if stream.codec_context is None:
        raise UnreadableVideo(f"{name} is encoded in a way that cannot be decoded here. Convert it to H.264 (MP4).")
    if not (stream.width and stream.height):
        raise UnreadableVideo(f"{name} does not state the size of its image. It may be cut off; export it again.")
    return stream


def _square_size(stream: VideoStream) -> tuple[int, int]:
    """(width, height) as stored, but with square pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:  # implausible for a camera: a damaged header, not a pixel aspect ratio
        aspect = Fraction(1)
    return max(1, round(stream.width * aspect)), stream.height


def _stated_end(container: InputContainer, stream: VideoStream, rate: float) -> tuple[float, float] | None:
    """End of the video according to the container, and by how much that may be too late; seconds."""
    two_frames = 2.5 / rate
    if container.format.name == "avi":  # its duration is corrected to the file's content, its frame count is not
        return (stream.frames / rate, two_frames) if stream.frames else None
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base), two_frames
    if clock := MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = clock.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds), two_frames
    if container.duration:
        sound = 1.0 if container.streams.audio else 0.0  # the end may be that of the audio
        return ((container.start_time or 0) + container.duration) / av.time_base, two_frames + sound
    return None
