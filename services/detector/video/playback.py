"""Reliability of a video's timing: slow motion, low frame rate, repeated images."""

from collections.abc import Iterator
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from humanpose3d.motion import FloatArray
from humanpose3d.options import QualityWarning, VideoFacts, warning
from services.detector.video.capture import slow_part
from services.detector.video.changes import Changes
from services.detector.video.tags import CameraTags

_OTHER_RATE: Final = 1.2
"""Ratio of the recording's frame rate to the file's from which the difference matters."""

_HIGH_FPS: Final = 100.0
"""No phone plays slow motion at this rate: the file then holds the true times."""

_PLAYED_FPS: Final = 30.0
"""Rate at which iPhones play slow motion."""

_LOW_FPS: Final = 15.0
"""Below it a step has fewer than eight frames, and knees and wrists move far between them."""

_REPEATED_SHARE: Final = 0.15


class Playback(BaseModel):
    """Playback and recording rate of a video, from its metadata and timestamps; frames per second.

    played       of the slow part, where the speed changes.
    recorded     None where the file does not state it.
    slow_motion  whether the file is marked as slow motion.
    changes      whether part of it plays slowly and the rest does not.
    """

    model_config = ConfigDict(frozen=True)

    played: float = 0.0
    recorded: float | None = None
    slow_motion: bool = False
    changes: bool = False

    @classmethod
    def of(cls, times: FloatArray, camera: CameraTags) -> Self:
        """For a video with frames at times (T,) in seconds."""
        between = np.diff(times)
        slow = slow_part(times)
        if slow is not None:
            played, fast = (1 / float(np.median(between[part])) for part in (slow, ~slow))
            return cls(played=played, recorded=camera.capture_fps or fast, changes=True, slow_motion=True)
        played = 1 / float(np.median(between)) if len(between) else 0.0
        return cls(played=played, recorded=camera.capture_fps, slow_motion=camera.slow_motion)


def time_facts(changes: Changes) -> dict[str, JsonValue]:
    """For quality.json."""
    return {"repeated_images": changes.repeated, "repeated_images_share": _share(changes)}


def time_warnings(video: VideoFacts, playback: Playback, changes: Changes) -> Iterator[QualityWarning]:
    """Warnings about unreliable timing."""
    if video.capture_fps is None:
        yield from _slow_motion(playback)
    fps = video.average_fps
    if _share(changes) > _REPEATED_SHARE:
        different = fps * (1 - _share(changes))
        yield warning(
            "repeated-frames",
            "The video has {fps:.0f} frames a second, but only about {different:.0f} different images: "
            "the others repeat the one before ({share:.0%}). Speeds are jerky, fast movements missed. "
            "Use the original recording, or record at a constant frame rate.",
            fps=fps,
            different=different,
            share=_share(changes),
        )
    if fps < _LOW_FPS:
        yield warning(
            "low-frame-rate",
            "The video has only {fps:.1f} frames a second. What happens between them is lost, and left "
            "and right are easily confused. Record at 30 frames a second or more.",
            fps=fps,
        )


def _slow_motion(playback: Playback) -> Iterator[QualityWarning]:
    plays, rate = playback.played, playback.recorded
    if playback.changes and rate is not None:
        yield warning(
            "slow-motion",
            "Part of the video plays at {plays:.0f} frames a second, the rest at {rate:.0f}: slow "
            "motion as phones export it. Times in the slow part are about {factor:.1f} times too long. "
            "Give the rate of the recording: --capture-fps {rate:.0f} (capture_fps).",
            plays=plays,
            rate=rate,
            factor=rate / plays,
        )
    elif rate is not None and not 1 / _OTHER_RATE < rate / plays < _OTHER_RATE:
        yield _other_rate(plays, rate)
    elif playback.slow_motion:
        yield _marked(plays)


def _other_rate(plays: float, rate: float) -> QualityWarning:
    """The file states another rate of the recording than the one at which it plays."""
    if rate < plays:
        return warning(
            "slow-motion",
            "The file states that it was recorded at {rate:.0f} frames a second, and plays at {plays:.0f}: its "
            "times are too short, and speeds wrong by as much. Give the rate of the recording: "
            "--capture-fps {rate:.0f} (capture_fps).",
            rate=rate,
            plays=plays,
        )
    return warning(
        "slow-motion",
        "The file states that it was recorded at {rate:.0f} frames a second, and plays at {plays:.0f}: its "
        "times are {factor:.1f} times too long, and speeds wrong by as much. Give the rate of the recording: "
        "--capture-fps {rate:.0f} (capture_fps).",
        rate=rate,
        plays=plays,
        factor=rate / plays,
    )


def _marked(plays: float) -> QualityWarning:
    """The file is marked as slow motion, without the rate of the recording."""
    if plays < _HIGH_FPS:
        return warning(
            "slow-motion",
            "The phone marked the video as slow motion, and it plays at {plays:.0f} frames a second. "
            "It was probably recorded at 120 or 240, so that its times are 4 or 8 times too long. Give "
            "the rate of the recording, such as --capture-fps 240 (capture_fps).",
            plays=plays,
        )
    return warning(
        "slow-motion",
        "The phone marked the video as slow motion: recorded at {plays:.0f} frames a second, shown "
        "by the phone at about {shown:.0f}. The times of the recording are used; nothing needs to "
        "change.",
        plays=plays,
        shown=_PLAYED_FPS,
    )


def _share(changes: Changes) -> float:
    return changes.repeated / changes.compared if changes.compared else 0.0
