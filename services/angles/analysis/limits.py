"""What cannot be measured in a recording, and why: view, length, frame rate, feet out of view."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.analysis import NotMeasurable, Task, View, unmeasurable
from humanpose3d.language import text
from humanpose3d.mapped import blocks
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX
from services.angles.analysis.signals import Signals

LEAST_RATE_HZ: Final[dict[Task, float]] = {"gait": 20.0, "jump": 25.0}
"""Minimum frame rate, given an event error of ± half a frame: 5 % of a step of 0.5 s; 40 ms of a flight of 0.4 s."""

_EVENTS: Final[dict[Task, str]] = {
    "gait": text("gait events and all figures derived from them"),
    "jump": text("jump events and all figures derived from them"),
}
_OUT_OF_VIEW: Final = 0.25
_SEEN: Final = 0.3
_FEET: Final = [LANDMARK_INDEX[f"{side}_{point}"] for side in ("left", "right") for point in ("heel", "foot_index")]


@dataclass(frozen=True)
class Limits:
    """Properties of a recording that limit what can be measured."""

    view: View
    feet_out_of_view: float


def limits(signals: Signals, landmarks: Landmarks | None) -> Limits:
    """The view, and the share of frames in which a foot is outside the image or occluded."""
    return Limits(view_of(signals), 0.0 if landmarks is None else _feet_out_of_view(landmarks))


def view_of(signals: Signals) -> View:
    """From the median angle between the pelvis's heading and the direction to the camera, which is +Z."""
    return view_towards(signals.heading[:, 1])


def view_towards(facing: FloatArray) -> View:
    """The same from the cosine of that angle, (T,); its sign (front or back) does not matter."""
    known = np.abs(facing[np.isfinite(facing)])
    if not known.size:
        return "unknown"
    angle = float(np.degrees(np.arccos(np.clip(np.median(known), 0, 1))))
    return "frontal" if angle < 30 else "lateral" if angle > 60 else "oblique"


def _feet_out_of_view(landmarks: Landmarks) -> float:
    if not landmarks.times.size:
        return 1.0
    size = np.array(landmarks.image_size)
    outside = [
        ~((block[:, _FEET] >= 0) & (block[:, _FEET] <= size)).all(axis=(1, 2)) for block in blocks(landmarks.pixels)
    ]
    hidden = [(block[:, _FEET] < _SEEN).any(axis=1) for block in blocks(landmarks.visibility)]
    return float((np.concatenate(outside) | np.concatenate(hidden)).mean())


def forbidden(signals: Signals, found: Limits, task: Task) -> Iterator[NotMeasurable]:
    """Reasons why this task cannot be measured at all."""
    least = LEAST_RATE_HZ.get(task)
    if least is not None and signals.rate < least:
        yield unmeasurable(
            _EVENTS[task],
            "the video has {rate:.0f} frames per second; at least {least:.0f} are needed",
            rate=signals.rate,
            least=least,
        )
    share = found.feet_out_of_view
    if task in _EVENTS and share > _OUT_OF_VIEW:
        yield unmeasurable(_EVENTS[task], "a foot is out of view or occluded in {share:.0%} of the frames", share=share)
