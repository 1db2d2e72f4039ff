import numpy as np
import pytest

from humanpose3d.options import VideoFacts
from services.detector.video.changes import Changes
from services.detector.video.playback import Playback, time_warnings
from services.detector.video.tags import CameraTags


def video(fps: float = 30.0, capture_fps: float | None = None) -> VideoFacts:
    return VideoFacts(
        width=64,
        height=48,
        rotation_deg=0,
        codec="h264",
        container="MP4",
        frames=90,
        duration_s=90 / fps,
        average_fps=fps,
        variable_frame_rate=False,
        frame_interval_min_s=1 / fps,
        frame_interval_max_s=1 / fps,
        truncated=False,
        has_audio=False,
        capture_fps=capture_fps,
    )


def times(*parts: tuple[int, float]) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.concatenate([np.full(count, 1 / fps) for count, fps in parts]))])


@pytest.mark.parametrize(
    ("parts", "camera", "words"),
    [
        (
            [(90, 30)],
            CameraTags(capture_fps=240),
            ["240 frames", "plays at 30", "8.0 times too long", "--capture-fps 240"],
        ),
        ([(90, 30)], CameraTags(capture_fps=5), ["recorded at 5 frames", "plays at 30", "too short"]),
        ([(90, 30)], CameraTags(slow_motion=True), ["plays at 30", "--capture-fps 240"]),
        ([(90, 240)], CameraTags(slow_motion=True), ["recorded at 240", "about 30", "nothing needs"]),
        ([(30, 240), (60, 30), (30, 240)], CameraTags(), ["plays at 30", "the rest at 240", "--capture-fps 240"]),
    ],
)
def test_slow_motion_is_reported_with_both_rates(parts, camera, words):
    (warning,) = time_warnings(video(), Playback.of(times(*parts), camera), Changes())
    assert warning.code == "slow-motion"
    assert all(word in warning.message for word in words)
    assert not list(time_warnings(video(capture_fps=240), Playback.of(times(*parts), camera), Changes()))


@pytest.mark.parametrize("camera", [CameraTags(), CameraTags(capture_fps=30), CameraTags(capture_fps=29.97)])
def test_a_plain_video_has_no_warning(camera):
    assert not list(time_warnings(video(), Playback.of(times((90, 30)), camera), Changes(compared=80, repeated=4)))


def test_low_frame_rates_and_repeated_frames_are_reported():
    assert [w.code for w in time_warnings(video(2.0), Playback(), Changes())] == ["low-frame-rate"]
    (warning,) = time_warnings(video(60.0), Playback(), Changes(compared=80, repeated=60))
    assert warning.code == "repeated-frames"
    assert "60 frames a second, but only about 15 different" in warning.message
