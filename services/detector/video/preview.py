"""The preview: an MP4 for any browser, with the landmarks over the video and the video's own timing.

Each chunk of the video has its own piece of it; the pieces are joined without re-encoding.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, Self

import av
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from services.detector.video.canvas import Canvas

CLOCK_HZ: Final = 60_000
"""Ticks per second of the preview's clock: a multiple of the common frame rates that MPEG-4 part 2 also supports."""

ENCODERS: Final = {
    "libx264": {"preset": "superfast", "crf": "23", "bf": "0"},
    "libopenh264": {},
    "mpeg4": {"b": "8M"},
}
"""Encoders and their options, best first; PyAV's own builds have libx264. Browsers play the first two, H.264.

Without B-frames, packets are in the order in which they are shown, across the joints of pieces too.
"""


class PieceWriter:
    """Writes a piece of the preview; a context manager that leaves a whole file or, after an error, none.

    H.264 with 4:2:0 colours, which every browser plays, in a NUT container, which keeps times exactly.

    path      the finished file; none where no frame was written.
    rate      nominal frames per second, from which the encoder chooses its level; timestamps are those of the frames.
    origin_s  the time at which the preview begins.
    """

    def __init__(self, path: Path, rate: Fraction, origin_s: float) -> None:
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._origin_s = origin_s
        self._last = -1
        self._encoder = next(name for name in ENCODERS if name in av.codecs_available)
        self._container = av.open(self._part, "w", format="nut")
        stream = self._container.add_stream(self._encoder, rate=rate, options=ENCODERS[self._encoder])
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, CLOCK_HZ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        whole = kind is None and self._last >= 0
        try:
            with self._container:
                if whole:
                    self._container.mux(self._stream.encode(None))
            if whole:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    @property
    def plays_in_browsers(self) -> bool:
        """Whether the file is H.264; MPEG-4 part 2 needs a separate player."""
        return self._encoder != "mpeg4"

    def write(self, time: float, image: Canvas) -> None:
        """Add a frame: its time in seconds (increasing), and its image, of one size and one meaning of colours."""
        if self._last < 0:
            self._stream.width, self._stream.height = image.size
            self._stream.codec_context.colorspace = image.colours.space
            self._stream.codec_context.color_range = ColorRange.JPEG if image.colours.full else ColorRange.MPEG
        self._last = max(round((time - self._origin_s) * CLOCK_HZ), self._last + 1)
        frame = image.frame
        frame.pts, frame.time_base = self._last, Fraction(1, CLOCK_HZ)
        self._container.mux(self._stream.encode(frame))


def join(pieces: Sequence[Path], path: Path) -> None:
    """One MP4 of the pieces, in their order, with the index in front (faststart); after an error, none."""
    part = path.with_name(path.name + ".part")
    try:
        with av.open(part, "w", format="mp4", options={"movflags": "+faststart"}) as target:
            stream = None
            for piece in pieces:
                with av.open(piece) as source:
                    original = source.streams.video[0]
                    stream = stream or target.add_stream_from_template(original)
                    for packet in source.demux(original):
                        if packet.size:
                            packet.stream = stream
                            target.mux(packet)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
