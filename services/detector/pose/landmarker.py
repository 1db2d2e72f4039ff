"""The 33 landmarks of one person, frame by frame: MediaPipe's PoseLandmarker in its VIDEO mode, on the CPU.

VIDEO mode follows the person from frame to frame and smooths over time, so frames go in once and in order. MediaPipe is
imported when a landmarker is made: it takes a third of a second that `--help` should not wait for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from humanpose3d.motion import FloatArray
from services.detector.pose.native_logs import suppress_native_logs
from services.detector.video.reader import Frame


@dataclass(frozen=True, eq=False)
class Pose:
    """The person in one frame.

    image       (33, 2) pixels of the upright picture, x right, y down; may lie outside the picture.
    world       (33, 3) metres, origin between the hips, x right, y down, z away from the camera.
    visibility  (33,) in [0, 1].
    """

    image: FloatArray
    world: FloatArray
    visibility: FloatArray


class Landmarker(Protocol):
    """What finds the person in the frames of one video."""

    def detect(self, frame: Frame) -> Pose | None:
        """The person in the next frame of the video; None where nobody is found."""


class PoseLandmarker:
    """Finds the person in the frames of one video, as a context manager that closes MediaPipe's threads."""

    def __init__(self, model: Path) -> None:
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
        """The person in the next frame of the video; None where nobody is found."""
        if self._last_ms >= 0:
            return self._detect(frame)
        self._start_s = frame.time
        with suppress_native_logs():  # the first frame makes MediaPipe talk once more
            return self._detect(frame)

    def _detect(self, frame: Frame) -> Pose | None:
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=frame.picture)
        time_ms = self._timestamp_ms(frame.time)
        result = self._landmarker.detect_for_video(picture, time_ms)
        if not result.pose_landmarks:
            return None
        height, width, _ = frame.picture.shape
        image, world = result.pose_landmarks[0], result.pose_world_landmarks[0]
        return Pose(
            image=_array(image, "x", "y") * (width, height),
            world=_array(world, "x", "y", "z"),
            visibility=_array(image, "visibility")[:, 0].clip(0.0, 1.0),
        )

    def _timestamp_ms(self, time: float) -> int:
        """Whole milliseconds from the first frame, later than the last one even above 1000 frames per second."""
        self._last_ms = max(round((time - self._start_s) * 1000), self._last_ms + 1)
        return self._last_ms


def _array(landmarks: Sequence[Any], *fields: str) -> FloatArray:
    return np.array([[getattr(landmark, field) for field in fields] for landmark in landmarks], dtype=np.float64)
