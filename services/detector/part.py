"""One segment of a video, detected: what a process does for itself, wherever it runs."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from services.detector.landmarker import Pose, PoseLandmarker
from services.detector.reading import Reading
from services.detector.segments import Segment
from services.detector.video import Video
from services.detector.views import ViewFacts, Views
from services.detector.window import Window
from shared.contracts import RunOptions
from shared.machine import reuse_large_blocks
from shared.models import shipped
from shared.motion import Landmarks
from shared.skeleton import LANDMARKS
from shared.stage import Progress


class DetectorPart(BaseModel):
    """The work on one segment, whole.

    number    from 0, in the order of time.
    turn_deg  clockwise turn of the picture beyond the container's word.
    origin_s  when the video's first frame is shown.
    frames    how many there are in the segment, about.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    segment: Segment
    turn_deg: int
    origin_s: float
    frames: int


class PartFacts(BaseModel):
    """What else is known of a segment after its detection."""

    model_config = ConfigDict(frozen=True)

    reading: Reading
    views: ViewFacts


@dataclass(frozen=True)
class DetectedPart:
    """A segment's landmarks, and its piece of the preview if one was asked for."""

    landmarks: Landmarks
    facts: PartFacts
    preview: Path | None


def detect(
    video: Path,
    workdir: Path,
    part: DetectorPart,
    options: RunOptions,
    progress: Progress,
    window: Window | None = None,
    decoder_threads: int = 0,
) -> DetectedPart:
    """Find the person in every frame of a segment; the warm-up's frames are looked at and not kept.

    Raises what `Video` and `PoseLandmarker` raise. After that, and after anything that `progress` raises, the work
    folder holds no file of ours.
    """
    reuse_large_blocks()
    times: list[float] = []
    poses: list[Pose | None] = []
    size = (0, 0)
    with ExitStack() as stack:
        reader = stack.enter_context(Video(video, part.turn_deg, decoder_threads))
        landmarker = stack.enter_context(PoseLandmarker(pose_model(options)))
        views = Views(stack, workdir / "piece.nut", reader.nominal_rate, part.origin_s, options, window)
        for frame in reader.frames(part.segment):
            pose = landmarker.detect(frame)
            if not part.segment.counts(frame.time):
                views.follow(frame, pose)
                continue
            height, width, _ = frame.picture.shape
            size = width, height
            times.append(frame.time)
            poses.append(pose)
            views.show(frame, pose)
            progress(len(poses), part.frames)
    facts = PartFacts(reading=reader.reading, views=views.facts)
    piece = views.preview if times else None
    return DetectedPart(_landmarks(times, poses, size), facts, piece)


def pose_model(options: RunOptions) -> Path:
    """The landmark model that is asked for. Raises ModelNotFound or ModelCorrupt."""
    return shipped(f"pose_landmarker_{options.pose_model}.task")


_NOBODY: Final = Pose(
    image=np.full((len(LANDMARKS), 2), np.nan),
    world=np.full((len(LANDMARKS), 3), np.nan),
    visibility=np.zeros(len(LANDMARKS)),
)


def _landmarks(times: list[float], poses: list[Pose | None], size: tuple[int, int]) -> Landmarks:
    """All frames in one; NaN and visibility 0 where nobody was found."""
    filled = [pose or _NOBODY for pose in poses]
    return Landmarks(
        times=np.array(times),
        image=np.array([pose.image for pose in filled]).reshape(-1, len(LANDMARKS), 2),
        world=np.array([pose.world for pose in filled]).reshape(-1, len(LANDMARKS), 3),
        visibility=np.array([pose.visibility for pose in filled]).reshape(-1, len(LANDMARKS)),
        image_size=size,
    )
