"""The detector of a server: it looks at a stranger's video before it decodes it."""

from dataclasses import replace
from typing import Final

from humanpose3d.errors import VideoTooLarge
from humanpose3d.options import RunOptions, VideoFacts
from services.detector.stage import DETECTOR, DIVISION, DetectorInputs, DetectorPlan, planned
from services.detector.video.reader import survey
from shared.runtime.settings import Settings


def plan(inputs: DetectorInputs, _options: RunOptions) -> DetectorPlan:
    """See `services.detector.stage.plan`. Raises VideoTooLarge besides."""
    surveyed = survey(inputs.video)
    check_limits(surveyed.facts, Settings.from_environment())
    return planned(inputs, surveyed)


def check_limits(facts: VideoFacts, settings: Settings) -> None:
    """Raises VideoTooLarge where the picture is larger, or the video longer, than the settings allow."""
    if facts.width * facts.height > settings.max_video_pixels:
        raise VideoTooLarge(
            f"The picture has {facts.width} × {facts.height} pixels; this server takes "
            f"{settings.max_video_pixels / 1e6:.1f} million at most. Scale the video down."
        )
    if facts.duration_s > settings.max_video_s:
        raise VideoTooLarge(
            f"The video lasts {facts.duration_s / 60:.1f} minutes; this server takes {settings.max_video_s / 60:.1f} "
            "at most. Cut it to the part that matters."
        )


LIMITED: Final = replace(DETECTOR, division=replace(DIVISION, plan=plan))
