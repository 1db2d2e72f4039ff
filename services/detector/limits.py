"""The detector of a server: it checks the size of an uploaded video before decoding it."""

from dataclasses import dataclass, replace
from typing import Any

from humanpose3d.errors import VideoTooLarge
from humanpose3d.options import RunOptions, VideoFacts
from services.detector.stage import DETECTOR, DIVISION, DetectorInputs, DetectorPlan, planned, surveyed
from shared.stage import Stage


@dataclass(frozen=True)
class Limits:
    """The largest video that is analysed: pixels of a frame, and seconds."""

    pixels: int
    seconds: float


def limited(limits: Limits) -> Stage[Any, Any]:
    """The detector, whose plan raises VideoTooLarge for a video beyond these limits."""

    def plan(inputs: DetectorInputs, options: RunOptions) -> DetectorPlan:
        found = surveyed(inputs, options)
        check_limits(found.facts, limits)
        return planned(inputs, options, found)

    return replace(DETECTOR, division=replace(DIVISION, plan=plan))


def check_limits(facts: VideoFacts, limits: Limits) -> None:
    """Raises VideoTooLarge where the image is larger, or the video longer, than the limits allow."""
    if facts.width * facts.height > limits.pixels:
        raise VideoTooLarge(
            f"The image has {facts.width} × {facts.height} pixels; this server takes "
            f"{limits.pixels / 1e6:.1f} million at most. Scale the video down."
        )
    if facts.duration_s > limits.seconds:
        raise VideoTooLarge(
            f"The video lasts {facts.duration_s / 60:.1f} minutes; this server takes {limits.seconds / 60:.1f} "
            "at most. Cut it to the part that matters."
        )
