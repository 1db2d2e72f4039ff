"""The 33 landmarks of one person, frame by frame: MediaPipe's PoseLandmarker in its VIDEO mode, on the CPU.

VIDEO mode tracks the person from frame to frame and smooths over time, so each frame is passed once and in order.
MediaPipe is imported when a landmarker is made: importing takes a third of a second, which would delay `--help`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.people.guide import Guide
from services.detector.pose.native_logs import suppress_native_logs
from services.detector.video.reader import Frame


@dataclass(frozen=True, eq=False)
class Pose:
    """The person in one frame.

    pixels      (33, 2) pixels of the upright image, x right, y down; may be outside the image.
    world       (33, 3) metres, origin between the hips, x right, y down, z away from the camera.
    visibility  (33,) in [0, 1].
    """

    pixels: FloatArray
    world: FloatArray
    visibility: FloatArray


class Landmarker(Protocol):
    """Interface: finds the person in the frames of one video."""

    def detect(self, frame: Frame) -> Pose | None:
        """The person in the next frame of the video; None where no person is found."""


class PoseLandmarker:
    """Finds the person in the frames of one video, as a context manager that closes MediaPipe's threads.

    guide  positions of the person and of others, if there are others. MediaPipe cannot be told whom to follow: others
           are painted over where they do not touch the person, and detections elsewhere are discarded.
    """

    def __init__(self, model: Path, guide: Guide | None = None) -> None:
        self._guide = guide
        with suppress_native_logs():
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(model)),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=1,
            )
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        self._mediapipe = mediapipe
        self._start_s = 0.0
        self._last_ms = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._landmarker.close()

    def detect(self, frame: Frame) -> Pose | None:
        """The person in the next frame of the video; None where no person is found."""
        if self._last_ms >= 0:
            return self._detect(frame)
        self._start_s = frame.time
        with suppress_native_logs():  # the first frame makes MediaPipe log once more
            return self._detect(frame)

    def _detect(self, frame: Frame) -> Pose | None:
        shown = frame.image if self._guide is None else self._guide.without_others(frame.time, frame.image)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=shown)
        time_ms = self._timestamp_ms(frame.time)
        result = self._landmarker.detect_for_video(image, time_ms)
        if not result.pose_landmarks:
            return None
        seen, world = result.pose_landmarks[0], result.pose_world_landmarks[0]
        pixels = _array(seen, "x", "y") * frame.planes.size
        if self._guide is not None and _distance(self._guide, frame.time, pixels) is None:
            return None
        return Pose(
            pixels=pixels,
            world=_array(world, "x", "y", "z"),
            visibility=_array(seen, "visibility")[:, 0].clip(0.0, 1.0),
        )

    def _timestamp_ms(self, time: float) -> int:
        """Whole milliseconds from the first frame, later than the last one even above 1000 frames per second."""
        self._last_ms = max(round((time - self._start_s) * 1000), self._last_ms + 1)
        return self._last_ms


def _distance(guide: Guide, time: float, pixels: FloatArray) -> float | None:
    """Distance of the pose (33, 2) from the expected position; None where it is another person's."""
    hips = pixels[[LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=0)
    reach = float(np.linalg.norm(pixels - hips, axis=1).max())
    return guide.distance(time, float(hips[0]), float(hips[1]), 2 * reach)


def _array(landmarks: Sequence[Any], *fields: str) -> FloatArray:
    return np.array([[getattr(landmark, field) for field in fields] for landmark in landmarks], dtype=np.float64)
