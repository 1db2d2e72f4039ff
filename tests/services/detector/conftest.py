"""Tiny clips written with PyAV, and the sample video, detected once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray

from humanpose3d.options import RunOptions
from services.detector.stage import DetectorInputs, DetectorOutputs, run
from services.detector.video.reader import Frame, Video
from shared.stage import silent

SAMPLE = Path(__file__).parents[3] / "examples" / "sample.mp4"
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


@dataclass(frozen=True)
class Clip:
    """How a clip is written. By default the image is red, green, blue and grey, from top left to bottom right."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    images: Sequence[NDArray[np.uint8]] = ()
    frames: int = 30
    size: tuple[int, int] = (64, 48)
    rate: Fraction | int = 30
    ticks: Sequence[int] = ()
    time_base: Fraction = Fraction(1, 1000)
    sound_s: float = 0.0
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[VideoStream], object] = lambda stream: None


def write(path: Path, clip: Clip) -> Path:
    """Encode the clip; the container is chosen by the path's suffix."""
    images = clip.images or [quadrants(*clip.size)] * clip.frames
    with av.open(path, "w", options=clip.container_options) as container:
        stream = container.add_stream(clip.codec, rate=clip.rate, options=clip.options)
        assert isinstance(stream, VideoStream)
        sound = container.add_stream("aac", rate=48000) if clip.sound_s else None
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = clip.pixel_format
        if clip.ticks:
            stream.codec_context.time_base = clip.time_base
        clip.prepare(stream)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if clip.ticks:
                frame.pts, frame.time_base = clip.ticks[index], clip.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            write_silence(container, sound, clip.sound_s)
    return path


def write_silence(container, stream, duration_s: float) -> None:
    for index in range(round(duration_s * 48000 / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48000, index * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def quadrants(width: int, height: int) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = RED, GREEN
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = BLUE, GREY
    return image


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """`clip("name.mp4", codec=..., ...)` writes a clip and returns its path."""
    return lambda name, **how: write(tmp_path / name, Clip(**how))


@pytest.fixture(scope="session")
def sample() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def sample_frames() -> list[Frame]:
    """The first 24 frames of the sample."""
    with Video(SAMPLE) as video:
        return [frame for frame, _ in zip(video.frames(), range(24), strict=False)]


@pytest.fixture(scope="session")
def images(sample_frames: list[Frame]) -> list[NDArray[np.uint8]]:
    """The same frames at half the size, which encode faster."""
    halves = [cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in sample_frames]
    return [half.astype(np.uint8) for half in halves]


@pytest.fixture(scope="session")
def detected(tmp_path_factory: pytest.TempPathFactory) -> DetectorOutputs:
    """The stage's outputs for the whole sample, with a preview."""
    return run(DetectorInputs(SAMPLE, tmp_path_factory.mktemp("work")), RunOptions(export_preview=True), silent)
