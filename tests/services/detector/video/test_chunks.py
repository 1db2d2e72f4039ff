from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.detector.video import chunks
from services.detector.video.chunks import WHOLE, Chunk, cut, number_of_chunks
from services.detector.video.reader import Video, survey

FRAMES = 120


def shades(count: int = FRAMES) -> list[np.ndarray]:
    """Distinguishable images with enough detail for compression to leave traces."""
    rng = np.random.default_rng(2)
    return [rng.integers(0, 120, (48, 64, 3)).astype(np.uint8) + np.uint8(index % 120) for index in range(count)]


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SHORTEST", 30)
    monkeypatch.setattr(chunks, "WARM_UP", 7)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(1, 1), (599, 1), (600, 2), (1199, 2), (1200, 4), (2400, 8), (9599, 8), (9600, 16), (216_000, 360)],
)
def test_the_number_of_chunks_follows_from_the_length(frames, expected):
    assert number_of_chunks(frames) == expected


@pytest.mark.parametrize("frames", [1, 599, 600, 2401, 9601])
def test_every_frame_counts_in_exactly_one_chunk(frames):
    clock = Fraction(1, 600)
    timestamps = list(range(5, 5 + 20 * frames, 20))
    cut_up = cut(timestamps, timestamps[::250], clock)
    times = [float(timestamp * clock) for timestamp in timestamps]
    holders = [
        [number for number, chunk in enumerate(cut_up) if chunk.counts(time) and not chunk.over(time)] for time in times
    ]
    assert holders == sorted([number] for (number,) in holders)
    lengths = np.bincount([number for (number,) in holders])
    assert lengths.max() - lengths.min() <= 1
    warm_ups = [sum(chunk.wanted(time) and not chunk.counts(time) for time in times) for chunk in cut_up[1:]]
    assert set(warm_ups) <= {chunks.WARM_UP}


def reads(path: Path, chunk: Chunk = WHOLE) -> tuple[list[float], list[np.ndarray], Video]:
    """Times and images that count, and the number of images processed."""
    with Video(path) as video:
        frames = [frame for frame in video.frames(chunk) if chunk.counts(frame.time)]
    return [frame.time for frame in frames], [frame.image for frame in frames], video


CLIPS: dict[str, dict[str, Any]] = {
    "long_gop.mp4": {},
    "short_gop.mp4": {"options": {"g": "12"}},
    "all_intra.mov": {"options": {"g": "1"}},
    "open_gop.mkv": {"options": {"g": "15", "x264-params": "open-gop=1:bframes=3"}},
    "fragmented.mp4": {"options": {"g": "10"}, "container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "20", "deadline": "realtime", "cpu-used": "8"}},
    "transport.ts": {"options": {"g": "12"}},
    "transport_one_gop.ts": {},
    "reordered.avi": {"options": {"g": "12"}},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "12"}},
    "variable.mp4": {"options": {"g": "12"}, "ticks": np.cumsum([0, *[20, 50] * 60])[:FRAMES].tolist()},
    "late.mkv": {"options": {"g": "12"}, "ticks": (5000 + 33 * np.arange(FRAMES)).tolist()},
    "turned.mp4": {"options": {"g": "12"}, "prepare": lambda stream: stream.set_display_rotation(90, hflip=True)},
}


@pytest.mark.parametrize("name", CLIPS)
def test_the_chunks_contain_all_frames(clip, name, short_chunks):
    path = clip(name, images=shades(), **CLIPS[name])
    whole_times, whole_images, whole = reads(path)
    cut_up = survey(path).chunks
    assert len(cut_up) == (1 if name == "reordered.avi" else 4), (
        "AVI has no presentation times where frames are reordered"
    )
    parts = [reads(path, chunk) for chunk in cut_up]
    assert [time for times, _, _ in parts for time in times] == whole_times
    for ours, theirs in zip((image for _, images, _ in parts for image in images), whole_images, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    readings = [video.reading for _, _, video in parts]
    assert readings[-1].end_s == whole.reading.end_s
    assert sum(reading.damaged_parts + reading.missing + reading.repeated for reading in readings) == 0


def test_the_warm_up_is_processed(clip, short_chunks):
    path = clip("some.mp4", images=shades(), options={"g": "12"})
    last = survey(path).chunks[-1]
    with Video(path) as video:
        times = [frame.time for frame in video.frames(last)]
    assert len(times) == 30 + 7
    assert sum(last.counts(time) for time in times) == 30


@pytest.mark.parametrize("entry", [110, 10**9, -50])
def test_an_inaccurate_seek_costs_time_but_no_frame(clip, short_chunks, entry):
    path = clip("some.mp4", images=shades(), options={"g": "12"})
    cut_up = survey(path).chunks
    astray = cut_up[2].model_copy(update={"entries": (entry * 512,)})
    for ours, theirs in zip(reads(path, astray)[1], reads(path, cut_up[2])[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_with_faulty_timestamps_nothing_is_divided(clip, short_chunks, monkeypatch):
    path = clip("some.mp4", images=shades())
    monkeypatch.setattr("services.detector.video.timeline.Timeline.place", _repeated)
    assert survey(path).chunks == (WHOLE,)


def _repeated(line, timestamp):
    line.repeated += 1
    line._times.append(len(line._times) / 30)
    return line.last


def test_an_unreadable_chunk_is_empty_and_reported(clip, short_chunks):
    path = clip("cut.mp4", images=shades(), container_options={"movflags": "+faststart"}, options={"g": "12"})
    cut_up = survey(path).chunks
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    times, _, video = reads(path, cut_up[3])
    assert times == []
    assert (video.reading.end_s or 0) <= (cut_up[3].start_s or 0)
    assert survey(path).facts.truncated
