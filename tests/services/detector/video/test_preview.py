from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from services.detector.video import preview
from services.detector.video.canvas import Canvas
from services.detector.video.orientation import Orientation
from services.detector.video.planes import Planes
from services.detector.video.preview import PieceWriter, join
from services.detector.video.reader import Video


def write(path: Path, times: Iterable[float], size: tuple[int, int] = (64, 48), origin_s: float = 0.0) -> PieceWriter:
    """A preview in one piece, and its writer."""
    width, height = size
    piece = path.with_suffix(".nut")
    with PieceWriter(piece, Fraction(30), origin_s) as writer:
        for index, time in enumerate(times):
            writer.write(time, Canvas.of(Planes.of(np.full((height, width, 3), index * 5 % 256, np.uint8))))
    join([piece], path)
    piece.unlink()
    return writer


def test_it_is_h264_for_browsers(tmp_path):
    writer = write(tmp_path / "preview.mp4", np.arange(20) / 30)
    assert writer.plays_in_browsers
    content = (tmp_path / "preview.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat"), "the index comes first"
    with av.open(tmp_path / "preview.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) in {("h264", "yuv420p"), ("h264", "yuvj420p")}


def test_the_timing_is_that_of_the_video(tmp_path):
    times = 3.0 + np.cumsum([0, *[0.02, 0.05] * 10])
    write(tmp_path / "preview.mp4", times, origin_s=3.0)
    with Video(tmp_path / "preview.mp4") as video:
        shades = [int(frame.image.mean()) for frame in video.frames()]
        np.testing.assert_allclose(video.timeline.times, times - 3.0, atol=1 / 60_000)
    np.testing.assert_allclose(shades, np.arange(21) * 5, atol=3)


@pytest.mark.parametrize(("size", "expected"), [((65, 47), (64, 48)), ((3840, 2160), (960, 540)), ((1, 300), (2, 300))])
def test_sizes_become_even_and_no_larger_than_needed(tmp_path, size, expected):
    write(tmp_path / "preview.mp4", [0.0, 0.1], size)
    with av.open(tmp_path / "preview.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == expected


@pytest.mark.parametrize("frames", [0, 1, 30])
def test_an_error_leaves_no_file(tmp_path, frames):
    def interrupted() -> Iterator[float]:
        for index in range(frames):
            yield index / 30
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "preview.mp4", interrupted())
    assert not list(tmp_path.iterdir())


def test_a_missing_h264_encoder_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(preview, "ENCODERS", {"no such encoder": {}, "mpeg4": preview.ENCODERS["mpeg4"]})
    writer = write(tmp_path / "preview.mp4", np.arange(5) / 30)
    assert not writer.plays_in_browsers
    with Video(tmp_path / "preview.mp4") as video:
        assert len(list(video.frames())) == 5


def test_pieces_are_joined_without_a_gap(tmp_path):
    times = np.cumsum([0, *[0.02, 0.05] * 14])
    pieces = [tmp_path / f"{number}.nut" for number in range(3)]
    for number, piece in enumerate(pieces):
        with PieceWriter(piece, Fraction(30), 0.0) as writer:
            for index in range(number * 10, min(number * 10 + 10, 29)):
                writer.write(times[index], Canvas.of(Planes.of(np.full((48, 64, 3), index * 8, np.uint8))))
    join(pieces, tmp_path / "preview.mp4")
    with Video(tmp_path / "preview.mp4") as video:
        shades = [int(frame.image.mean()) for frame in video.frames()]
        np.testing.assert_allclose(video.timeline.times, times, atol=1 / 60_000)
        assert video.reading.damaged_parts == 0
    np.testing.assert_allclose(shades, np.arange(29) * 8, atol=4)


def test_a_piece_without_frames_is_no_file(tmp_path):
    with PieceWriter(tmp_path / "piece.nut", Fraction(30), 0.0):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("space", "full", "pixel_format"),
    [
        (None, None, "yuv420p"),
        (Colorspace.ITU709, ColorRange.MPEG, "yuv420p"),
        (Colorspace.ITU709, ColorRange.JPEG, "yuv420p"),
        (Colorspace.BT2020, ColorRange.MPEG, "yuv420p10le"),
        (Colorspace.ITU601, ColorRange.JPEG, "yuvj444p"),
    ],
)
@pytest.mark.parametrize("turned", [0, 90])
def test_the_colours_are_those_of_the_video(tmp_path, space, full, pixel_format, turned):
    colours = np.array([[[200, 60, 70], [60, 170, 90]], [[70, 80, 190], [150, 150, 40]]], np.uint8)
    frame = av.VideoFrame.from_ndarray(colours.repeat(32, axis=0).repeat(32, axis=1), format="rgb24")
    stored = frame.reformat(format=pixel_format, dst_colorspace=space, dst_color_range=full)
    image = Planes(stored, Orientation().turned(turned))
    with PieceWriter(tmp_path / "piece.nut", Fraction(30), 0.0) as writer:
        for time in (0.0, 0.1):
            writer.write(time, Canvas.of(image))
    join([tmp_path / "piece.nut"], tmp_path / "preview.mp4")
    with Video(tmp_path / "preview.mp4") as video:
        shown = next(video.frames())
    np.testing.assert_allclose(shown.image[16::32, 16::32], image.rgb[16::32, 16::32], atol=6)
    np.testing.assert_allclose(Canvas.of(image).rgb[16::32, 16::32], image.rgb[16::32, 16::32], atol=4)
