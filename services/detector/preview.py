"""The preview: an MP4 for any browser, with the landmarks over the video and the video's own timing."""

from fractions import Fraction
from pathlib import Path
from typing import Final, Self

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from services.detector.orientation import Picture

CLOCK_HZ: Final = 90_000
"""Ticks a second of the preview's clock: the usual one of video, a multiple of all common frame rates."""

LONGEST_SIDE: Final = 1920
"""Larger pictures are made smaller: a preview is for looking at, and encoding 4K takes longer than detecting."""

ENCODERS: Final = {"libx264": {"preset": "veryfast", "crf": "23"}, "libopenh264": {}, "mpeg4": {"qscale": "4"}}
"""Encoders and their options, best first; PyAV's own builds have libx264. Browsers play the first two, H.264."""


class PreviewWriter:
    """Writes frames as they come; a context manager that leaves a whole file or, after an error, none.

    H.264 with 4:2:0 colours and the index in front (faststart), which every browser plays.

    path  the file that is there in the end.
    rate  nominal frames per second, by which the encoder chooses its level; the times are those of the frames.
    """

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._start_s: float | None = None
        self._last = -1
        self._encoder = next(name for name in ENCODERS if name in av.codecs_available)
        self._container = av.open(self._part, "w", format="mp4", options={"movflags": "+faststart"})
        stream = self._container.add_stream(self._encoder, rate=rate, options=ENCODERS[self._encoder])
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, CLOCK_HZ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._container:
                if kind is None:
                    self._container.mux(self._stream.encode(None))
            if kind is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    @property
    def plays_in_browsers(self) -> bool:
        """Whether the file is H.264; MPEG-4 part 2 needs a player of its own."""
        return self._encoder != "mpeg4"

    def write(self, time: float, picture: Picture) -> None:
        """Add a frame: its time in seconds (increasing), and its picture, RGB, of one size throughout."""
        if self._start_s is None:
            self._start_s = time
            self._stream.width, self._stream.height = _even_size(picture)
        size = self._stream.width, self._stream.height
        if picture.shape[1::-1] != size:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        self._last = max(round((time - self._start_s) * CLOCK_HZ), self._last + 1)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._last, Fraction(1, CLOCK_HZ)
        self._container.mux(self._stream.encode(frame))


def _even_size(picture: Picture) -> tuple[int, int]:
    """(width, height), both even as 4:2:0 asks for, no side above the longest."""
    height, width, _ = picture.shape
    scale = min(1.0, LONGEST_SIDE / max(height, width)) / 2
    return max(2, round(width * scale) * 2), max(2, round(height * scale) * 2)
