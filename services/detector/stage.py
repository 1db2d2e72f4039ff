"""The detector: from a video to the 33 body landmarks of the person in it, frame by frame."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from services.detector import quality
from services.detector.landmarker import Pose, PoseLandmarker
from services.detector.upright import MODEL, find_turn
from services.detector.video import Video
from services.detector.views import Views
from shared.contracts import RunOptions, StageReport, VideoFacts
from shared.errors import NobodyDetected, RarelyDetected, VideoTooShort
from shared.models import sha256, shipped
from shared.motion import Landmarks
from shared.skeleton import LANDMARKS
from shared.stage import Progress, Stage

MIN_FRAMES: Final = 10
MIN_DETECTION_RATE: Final = 0.3
ADVICE: Final = "Film one person, the whole body in view, from 2 to 4 m, in good light."


@dataclass(frozen=True)
class DetectorInputs:
    """The video, and a scratch folder of the caller's in which files may be made."""

    video: Path
    workdir: Path


@dataclass(frozen=True)
class DetectorOutputs:
    """What was seen, what the video is, and the preview in the scratch folder if one was asked for."""

    landmarks: Landmarks
    video_facts: VideoFacts
    preview: Path | None
    report: StageReport


def run(inputs: DetectorInputs, options: RunOptions, progress: Progress) -> DetectorOutputs:
    """Find the person in every frame of the video.

    Raises VideoNotFound, UnreadableVideo, NoVideoStream, VideoTooShort, NobodyDetected, RarelyDetected, ModelNotFound
    or ModelCorrupt. After these, and after anything that `progress` raises, the scratch folder holds no file of ours.
    """
    with ExitStack() as stack:
        turn = find_turn(inputs.video)
        video = stack.enter_context(Video(inputs.video, turn.degrees))
        model = _model(options)
        landmarker = stack.enter_context(PoseLandmarker(model))
        views = Views(stack, video, inputs.workdir, options)
        poses: list[Pose | None] = []
        for frame in video.frames():
            poses.append(landmarker.detect(frame))
            views.show(frame, poses[-1])
            progress(len(poses), video.expected_frames)
        _require_enough(poses, inputs.video.name)
        landmarks = _landmarks(video, poses)
        report = StageReport(
            facts={**quality.facts(video, turn, landmarks, options.pose_model), **views.facts},
            warnings=(*quality.warnings(video, turn, landmarks), *views.warnings),
            models={model.name: sha256(model)},
        )
        return DetectorOutputs(landmarks, video.facts, views.preview, report)


def _require_enough(poses: list[Pose | None], name: str) -> None:
    if len(poses) < MIN_FRAMES:
        raise VideoTooShort(f"{name} has {len(poses)} frames; at least {MIN_FRAMES} are needed. Film for some seconds.")
    found = sum(pose is not None for pose in poses)
    if not found:
        raise NobodyDetected(f"No person was found in any of the {len(poses)} frames of {name}. {ADVICE}")
    if found < MIN_DETECTION_RATE * len(poses):
        raise RarelyDetected(
            f"A person was found in only {found / len(poses):.1%} of the frames of {name} ({found} of {len(poses)}); "
            f"at least {MIN_DETECTION_RATE:.0%} are needed. {ADVICE} Or cut the video to the part that shows the "
            "person."
        )


def _landmarks(video: Video, poses: list[Pose | None]) -> Landmarks:
    """All frames in one; NaN and visibility 0 where nobody was found."""
    nobody = Pose(
        image=np.full((len(LANDMARKS), 2), np.nan),
        world=np.full((len(LANDMARKS), 3), np.nan),
        visibility=np.zeros(len(LANDMARKS)),
    )
    filled = [pose or nobody for pose in poses]
    return Landmarks(
        times=video.timeline.times,
        image=np.stack([pose.image for pose in filled]),
        world=np.stack([pose.world for pose in filled]),
        visibility=np.stack([pose.visibility for pose in filled]),
        image_size=video.size,
    )


def check(options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where a pose model cannot be used."""
    _model(options)
    shipped(MODEL)


def _model(options: RunOptions) -> Path:
    return shipped(f"pose_landmarker_{options.pose_model}.task")


DETECTOR: Final = Stage("detector", DetectorInputs, DetectorOutputs, run, check)
