import subprocess
import sys
import wave
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from humanpose3d.errors import NoVideoStream, UnreadableVideo, VideoNotFound
from services.detector.video.reader import Video, survey

FASTSTART = {"movflags": "+faststart"}
SVT = {"svtav1-params": "preset=12"}
X265 = {"x265-params": "log-level=none"}
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


@pytest.fixture(scope="module")
def noise() -> list[np.ndarray]:
    """60 incompressible images, so that truncating the file truncates the frames."""
    return list(np.random.default_rng(0).integers(0, 255, (60, 96, 128, 3), dtype=np.uint8))


def read(path: Path) -> tuple[list[np.ndarray], Video]:
    with Video(path) as video:
        return [frame.image for frame in video.frames()], video


def facts(path: Path):
    with Video(path) as video:
        for _ in video.frames():
            pass
        return video.facts


def corners(image: np.ndarray) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quadrants, from top left to bottom right."""
    height, width, _ = image.shape
    places = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    places += [(3 * height // 4, x) for _, x in places]
    return [tuple(int(value) for value in image[place]) for place in places]


def assert_colours(image: np.ndarray, expected, tolerance: int = 4) -> None:
    """Within the rounding of 8-bit YUV and of lossy coding."""
    np.testing.assert_allclose(corners(image), expected, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "how", "codec"),
    [
        ("h264.mp4", {}, "h264"),
        ("h264.mov", {}, "h264"),
        ("h264.mkv", {}, "h264"),
        ("h264_with_b_frames.avi", {}, "h264"),
        ("fragmented.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}, "h264"),
        ("hevc.mp4", {"codec": "libx265", "options": X265}, "hevc"),
        (
            "ten_bits.mkv",
            {"codec": "libx265", "options": X265, "pixel_format": "yuv420p10le", "size": (64, 64)},
            "hevc",
        ),
        ("vp9.webm", {"codec": "libvpx-vp9"}, "vp9"),
        ("vp9.mp4", {"codec": "libvpx-vp9"}, "vp9"),
        ("av1.mp4", {"codec": "libsvtav1", "options": SVT, "size": (64, 64)}, "av1"),
        ("av1.webm", {"codec": "libsvtav1", "options": SVT, "size": (64, 64)}, "av1"),
        ("mpeg4.avi", {"codec": "mpeg4"}, "mpeg4"),
        ("full_range.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}, "mjpeg"),
        ("odd_size.mkv", {"size": (65, 47), "pixel_format": "yuv444p"}, "h264"),
        ("odd_size.avi", {"size": (67, 45), "codec": "ffv1"}, "ffv1"),
        ("stream.ts", {}, "h264"),
    ],
)
def test_containers_and_codecs(clip, name, how, codec):
    path = clip(name, **how)
    images, video = read(path)
    width, height = how.get("size", (64, 48))
    assert {image.shape for image in images} == {(height, width, 3)}
    assert all(image.flags.c_contiguous and image.dtype == np.uint8 for image in images)
    assert_colours(images[0], [RED, GREEN, BLUE, GREY], tolerance=8)
    times = video.timeline.times
    np.testing.assert_allclose(times - times[0], np.arange(30) / 30, atol=0.0006)  # Matroska counts milliseconds
    found = facts(path)
    assert (found.codec, found.frames, found.width, found.height) == (codec, 30, width, height)
    assert found.duration_s == pytest.approx(1.0, abs=0.001)
    assert found.average_fps == pytest.approx(30, abs=0.05)
    assert not found.variable_frame_rate
    assert not found.truncated
    assert (video.timeline.missing, video.timeline.repeated, video.reading.damaged_parts) == (0, 0, 0)


def test_a_survey_agrees_with_decoding(clip):
    ticks = [0, 20, 70, 90, 140, 160, 210, 230, 280, 300]
    for path in (clip("a.mp4", ticks=ticks, frames=10), clip("b.mkv", ticks=ticks, frames=10), clip("c.avi")):
        assert survey(path).facts.model_dump() == pytest.approx(facts(path).model_dump())


@pytest.mark.parametrize(
    ("anticlockwise", "mirrored", "expected", "clockwise"),
    [
        (0, False, [RED, GREEN, BLUE, GREY], 0),
        (90, False, [GREEN, GREY, RED, BLUE], 270),
        (180, False, [GREY, BLUE, GREEN, RED], 180),
        (270, False, [BLUE, RED, GREY, GREEN], 90),
        (0, True, [GREEN, RED, GREY, BLUE], None),
        (90, True, [GREY, GREEN, BLUE, RED], None),
    ],
)
def test_the_image_is_upright(clip, anticlockwise, mirrored, expected, clockwise):
    path = clip("turned.mp4", prepare=lambda stream: stream.set_display_rotation(anticlockwise, hflip=mirrored))
    images, _ = read(path)
    medium = survey(path).medium
    assert_colours(images[0], expected)
    assert images[0].flags.c_contiguous
    assert (medium.width, medium.height) == images[0].shape[1::-1]
    assert clockwise in (None, survey(path).facts.rotation_deg)
    if not mirrored:  # OpenCV rotates images too, but does not mirror them
        capture = cv2.VideoCapture(str(path))
        _, theirs = capture.read()
        capture.release()
        np.testing.assert_allclose(corners(theirs[:, :, ::-1]), corners(images[0]), atol=6)


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(4, 3), 80), (Fraction(8, 9), 53), (Fraction(200), 60)])
def test_pixels_become_square(clip, aspect, width):
    def anamorphic(stream):
        stream.codec_context.sample_aspect_ratio = aspect

    path = clip("wide.mp4", size=(60, 48), prepare=anamorphic)
    images, _ = read(path)
    assert images[0].shape == (48, width, 3)
    assert survey(path).medium.width == width


@pytest.mark.parametrize("matrix", [1, 5, 9], ids=["bt709", "bt601", "bt2020"])
def test_colours_follow_the_stated_matrix(tmp_path, matrix):
    colours = np.repeat(np.repeat(np.array([[RED, GREEN], [BLUE, GREY]], np.uint8), 24, axis=0), 32, axis=1)
    with av.open(tmp_path / "colours.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 1
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(colours, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=1)))
        container.mux(stream.encode(None))
    images, _ = read(tmp_path / "colours.mp4")
    assert_colours(images[0], [RED, GREEN, BLUE, GREY])


def test_interlacing_is_detected(clip):
    _, video = read(clip("tff.mp4", options={"x264-params": "interlaced=1:tff=1"}))
    assert video.reading.interlaced


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_is_detected_from_the_timestamps(clip, name):
    ticks = np.cumsum([0, *[20, 50] * 14, 300]).tolist()
    path = clip(name, ticks=ticks)
    _, video = read(path)
    np.testing.assert_allclose(video.timeline.times, np.array(ticks) / 1000, atol=1e-9)
    found = facts(path)
    assert found.variable_frame_rate
    assert found.frame_interval_min_s == pytest.approx(0.020)
    assert found.frame_interval_max_s == pytest.approx(0.300)
    assert found.average_fps == pytest.approx(29 / 1.28)


def test_times_start_where_the_container_says(clip):
    _, video = read(clip("late.mkv", ticks=range(5000, 5400, 40), frames=10))
    assert video.timeline.times[0] == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("cut.mp4", {"container_options": FASTSTART}),
        ("cut.mov", {"container_options": FASTSTART, "codec": "libx265", "options": X265}),
        ("cut.mkv", {}),
        ("cut.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("cut.avi", {"codec": "mpeg4"}),
        ("cut_b_frames.avi", {}),
    ],
)
def test_a_truncated_video_is_decoded_as_far_as_it_goes(clip, noise, name, how):
    path = clip(name, images=noise, **how)
    assert not facts(path).truncated
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    found = facts(path)
    assert found.truncated
    assert survey(path).facts.truncated
    assert 25 <= found.frames <= 40
    assert found.average_fps == pytest.approx(30, abs=0.1)


def test_a_hole_in_the_middle_is_skipped_and_counted(clip, noise):
    path = clip("hole.mp4", images=noise, options={"g": "10"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 20] = bytes(len(content) // 20)
    path.write_bytes(content)
    _, video = read(path)
    assert video.reading.damaged_parts > 0
    assert video.timeline.times.size >= 50
    assert video.timeline.times[-1] == pytest.approx(59 / 30, abs=0.001)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_audio_longer_than_the_video_is_no_truncation(clip, name):
    found = facts(clip(name, sound_s=3.5))
    assert found.has_audio
    assert not found.truncated


def bad_files(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "archive", "w") as archive:
        archive.writestr("a.txt", "a" * 2000)
    return {
        "nothing": b"",
        "text": b"This is not a video.\n" * 50,
        "zip": (folder / "archive").read_bytes(),
        "noise": np.random.default_rng(1).bytes(50_000),
        "image": cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes(),
        "concat playlist": b"ffconcat version 1.0\nfile 'whole.mp4'\n",
        "hls playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n",
    }


@pytest.mark.parametrize(
    "kind", ["nothing", "text", "zip", "noise", "image", "concat playlist", "hls playlist", "cut before its index"]
)
def test_what_is_not_a_video_is_refused(clip, tmp_path, noise, kind):
    whole = clip("whole.mp4", images=noise)  # without faststart the index is at the end
    files = {**bad_files(tmp_path), "cut before its index": whole.read_bytes()[: whole.stat().st_size // 2]}
    (tmp_path / "fake.mp4").write_bytes(files[kind])
    for attempt in (survey, read):
        with pytest.raises(UnreadableVideo, match=r"fake\.mp4 is not a video") as raised:
            attempt(tmp_path / "fake.mp4")
        assert str(tmp_path) not in str(raised.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(VideoNotFound, match=r"nothing\.mp4"):
        survey(tmp_path / "nothing.mp4")
    with pytest.raises(VideoNotFound):
        survey(tmp_path / ("long" * 100))
    with pytest.raises(UnreadableVideo, match="is not a file"):
        survey(tmp_path)


def test_sound_alone_is_refused(tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    with pytest.raises(NoVideoStream, match="only sound"):
        survey(tmp_path / "sound.wav")


@pytest.mark.parametrize("box", [b"trak", b"mdia"])
def test_a_damaged_index_is_not_reported_as_sound_only(box, clip, noise):
    path = clip("damaged.mp4", images=noise)
    path.write_bytes(path.read_bytes().replace(box, b"\0\0\0\0"))
    with pytest.raises(UnreadableVideo, match=r"is damaged|holds no frame") as refused:
        read(path)
    assert not isinstance(refused.value, NoVideoStream)


def test_cover_art_is_no_video(tmp_path):
    with av.open(tmp_path / "song.mp4", "w") as container:
        sound = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 48000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with pytest.raises(NoVideoStream):
        survey(tmp_path / "song.mp4")


def test_a_video_without_frames_is_refused(clip, noise):
    path = clip("hollow.mkv", images=noise)
    path.write_bytes(path.read_bytes()[:700])  # headers alone
    for attempt in (survey, read):
        with pytest.raises(UnreadableVideo):
            attempt(path)


DECODE = """
import resource, sys
from pathlib import Path
from services.detector.video.reader import Video

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

with Video(Path(sys.argv[1])) as video:
    for index, frame in enumerate(video.frames()):
        if index == 40:
            early = peak_mb()
print(index + 1, peak_mb() - early)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts kilobytes on Linux only")
def test_memory_is_constant_while_decoding(clip):
    path = clip("long.mp4", frames=400, size=(640, 480), options={"preset": "ultrafast"})
    result = subprocess.run([sys.executable, "-c", DECODE, path], capture_output=True, text=True, check=True)
    frames, growth_mb = result.stdout.split()
    assert int(frames) == 400
    assert float(growth_mb) < 30  # keeping the other 360 frames would take 332 MB
