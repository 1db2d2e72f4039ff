"""Baseline: the video loop of MediaPipe's guide, in one process, keeping no results."""

import sys
from pathlib import Path

import cv2
import mediapipe
from mediapipe.tasks.python import BaseOptions, vision

from shared.models import shipped


def count_people(video: Path, pose_model: str) -> int:
    """Decode and detect every frame; returns the number of frames with a person."""
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(shipped(f"pose_landmarker_{pose_model}.task"))),
        running_mode=vision.RunningMode.VIDEO,
    )
    found = 0
    capture = cv2.VideoCapture(str(video))
    interval_ms = 1000 / capture.get(cv2.CAP_PROP_FPS)
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        frame = 0
        while True:
            there, bgr = capture.read()
            if not there:
                return found
            image = mediapipe.Image(mediapipe.ImageFormat.SRGB, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
            found += bool(landmarker.detect_for_video(image, int(frame * interval_ms)).pose_landmarks)
            frame += 1


if __name__ == "__main__":
    print(count_people(Path(sys.argv[1]), sys.argv[2]))
