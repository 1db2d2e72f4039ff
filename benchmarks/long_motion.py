"""A recording of any length without a video: a person who walks on the spot before a camera, as the detector sees it.

Ten seconds are recorded (`tests.services.refiner.synthetic`: a body of known lengths, a tilted camera, a detector's
errors) and repeated, while the person drifts about in the image, hides a wrist now and then, and leaves for a moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import StageReport, VideoFacts
from humanpose3d.skeleton import LANDMARK_INDEX
from tests.services.refiner.synthetic import Camera, recorded, walking

RATE: Final = 60.0
"""Frames per second."""

_TILE_S: Final = 10
"""Seconds: whole strides, so that one tile goes over into the next."""

_SPEED, _STRIDE = 1.2, 1.0


@dataclass(frozen=True)
class Detection:
    """What the detector's stage gives: see `services.detector.stage.DetectorOutputs`."""

    landmarks: Landmarks
    video_facts: VideoFacts
    preview: Path | None
    report: StageReport


def detection(frames: int) -> Detection:
    """As if a clip of that many frames at 60 a second had been seen."""
    landmarks = long_landmarks(frames)
    facts = VideoFacts(
        width=landmarks.image_size[0],
        height=landmarks.image_size[1],
        rotation_deg=0,
        codec="h264",
        container="mp4",
        frames=frames,
        duration_s=frames / RATE,
        average_fps=RATE,
        variable_frame_rate=False,
        frame_interval_min_s=1 / RATE,
        frame_interval_max_s=1 / RATE,
        truncated=False,
        has_audio=False,
    )
    return Detection(landmarks, facts, None, StageReport(facts={"detection_rate": float(landmarks.detected.mean())}))


def long_landmarks(frames: int) -> Landmarks:
    """Landmarks of `frames` frames at 60 a second."""
    tile = _tile()
    index = np.arange(frames) % len(tile.times)
    times = np.arange(frames) / RATE
    image, world, visibility = tile.pixels[index], tile.world[index], tile.visibility[index]
    image += _drift(times)[:, None]
    wrist = LANDMARK_INDEX["right_wrist"]
    visibility[np.mod(times, 7) > 6.9, wrist] = 0.05
    visibility[np.mod(times, 31) > 30.5, wrist] = 0.05
    gone = np.mod(times, 97) > 96.5
    image[gone], world[gone], visibility[gone] = np.nan, np.nan, 0
    return Landmarks(times, image, world, visibility, tile.image_size)


def _tile() -> Landmarks:
    times = np.arange(round(_TILE_S * RATE)) / RATE
    on_the_spot = walking(times, _SPEED, _STRIDE) - np.array([0, 0, _SPEED]) * times[:, None, None]
    return recorded(times, on_the_spot, Camera(pitch=8, roll=2, azimuth=40, noise=0.01))


def _drift(times: FloatArray) -> FloatArray:
    """(T, 2) pixels."""
    return np.stack([150 * np.sin(times / 23), 20 * np.sin(times / 37)], axis=1)
