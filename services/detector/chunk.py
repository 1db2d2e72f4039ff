"""Detection in one chunk of a video, independent of the process or machine that does it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import Landmarks
from humanpose3d.options import FOCAL_LENGTH, RunOptions
from humanpose3d.skeleton import LANDMARKS
from services.detector.camera.motion import CHECK_S, Motion, MotionMeter
from services.detector.camera.verticals import Look, Looks
from services.detector.display.views import ViewFacts, Views
from services.detector.display.window import Window
from services.detector.people.guide import Guide
from services.detector.pose.landmarker import Landmarker, Pose, PoseLandmarker
from services.detector.pose.tracker import BatchTracker, SingleTracker, track_together
from services.detector.video.capture import AS_STORED, CaptureClock
from services.detector.video.changes import ChangeMeter, Changes
from services.detector.video.chunks import Chunk
from services.detector.video.container import Reading
from services.detector.video.prefetch import ahead
from services.detector.video.reader import Frame, Video
from shared.machine import reuse_large_blocks
from shared.models import shipped
from shared.stage import Progress

LANES: Final = 32
"""Chunks that are detected together: enough to fill a GPU; each has a decoder and a few frames in memory."""

FRAMES_AHEAD: Final = 3
"""Number of frames that each of them decodes ahead."""


class DetectorChunk(BaseModel):
    """The complete specification of the work on one chunk.

    number    from 0, in order of time.
    turn_deg  clockwise turn of the image in addition to the container's rotation.
    origin_s  when the video's first frame is shown.
    frames    approximate number of frames in the chunk.
    clock     when its frames were recorded.
    guide     positions of the person and of others; None where there are no others.
    camera_interval_s, focal_length  see `services.detector.camera.motion.MotionMeter`.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    chunk: Chunk
    turn_deg: int
    origin_s: float
    frames: int
    clock: CaptureClock = AS_STORED
    guide: Guide | None = None
    camera_interval_s: float = CHECK_S
    focal_length: float = FOCAL_LENGTH


class ChunkFacts(BaseModel):
    """Further results of a chunk's detection."""

    model_config = ConfigDict(frozen=True)

    reading: Reading
    views: ViewFacts
    looks: tuple[Look | None, ...] = ()
    changes: Changes = Changes()
    motion: Motion = Motion()


@dataclass(frozen=True)
class DetectedChunk:
    """A chunk's landmarks, and its piece of the preview if one was requested."""

    landmarks: Landmarks
    facts: ChunkFacts
    preview: Path | None


def detect(
    video: Path,
    workdir: Path,
    part: DetectorChunk,
    options: RunOptions,
    progress: Progress,
    window: Window | None = None,
    decoder_threads: int = 0,
) -> DetectedChunk:
    """Find the person in every frame of a chunk; warm-up frames are processed but not kept.

    Raises what `Video`, the landmarkers and `progress` raise; all files made in the work folder are then removed.
    """
    reuse_large_blocks()
    with ExitStack() as stack:
        taker = ChunkRecorder(stack, video, workdir, part, options, window, decoder_threads)
        landmarker = stack.enter_context(_landmarker(options, part.guide))
        for frame in taker.frames():
            if taker.take(frame, landmarker.detect(frame)):
                progress(taker.count, part.frames)
    return taker.detected()


def detect_together(
    video: Path, folders: Sequence[Path], parts: Sequence[DetectorChunk], options: RunOptions, progress: Progress
) -> list[DetectedChunk]:
    """All chunks, each in its folder, several at a time in one network call, which keeps a GPU busy.

    Each is decoded ahead by its own thread. Raises like `detect`.
    """
    reuse_large_blocks()
    total = sum(part.frames for part in parts)
    takers: dict[int, ChunkRecorder] = {}

    def frames(number: int) -> Generator[Frame, None, None]:
        with ExitStack() as stack:
            takers[number] = ChunkRecorder(stack, video, folders[number], parts[number], options, None, 1)
            yield from stack.enter_context(ahead(takers[number].frames(), FRAMES_AHEAD))

    done = 0
    with ExitStack() as stack:
        streams = [frames(number) for number in range(len(parts))]
        for stream in streams:
            stack.callback(stream.close)
        for number, frame, pose in track_together(
            BatchTracker(options.pose_model), streams, LANES, [part.guide for part in parts]
        ):
            if takers[number].take(frame, pose):
                done += 1
                progress(done, total)
    return [takers[number].detected() for number in range(len(parts))]


class ChunkRecorder:
    """Reads the frames of a chunk and records what was found in them."""

    def __init__(
        self,
        stack: ExitStack,
        video: Path,
        workdir: Path,
        part: DetectorChunk,
        options: RunOptions,
        window: Window | None,
        decoder_threads: int,
    ) -> None:
        self._chunk, self._clock = part.chunk, part.clock
        self._video = stack.enter_context(Video(video, part.turn_deg, decoder_threads))
        self._views = Views(stack, workdir / "piece.nut", self._video.nominal_rate, part.origin_s, options, window)
        self._looks = Looks()
        self._changes = ChangeMeter()
        self._camera = MotionMeter(part.camera_interval_s, part.focal_length)
        self._times: list[float] = []
        self._poses: list[Pose | None] = []
        self._size = (0, 0)

    @property
    def count(self) -> int:
        """How many frames that count were recorded."""
        return len(self._times)

    def frames(self) -> Iterator[Frame]:
        """Warm-up frames, then those that count, each with the time at which it was recorded."""
        for frame in self._video.frames(self._chunk):
            yield replace(frame, time=self._clock(frame.time))

    def take(self, frame: Frame, pose: Pose | None) -> bool:
        """Keep the pose if the frame counts; returns whether it does."""
        self._changes.see(frame.time, frame.planes, pose, counts=frame.counts)
        self._camera.see(frame.time, frame.planes, None if pose is None else pose.pixels)
        if not frame.counts:
            self._views.follow(frame, pose)
            return False
        self._size = frame.planes.size
        self._times.append(frame.time)
        self._poses.append(pose)
        self._looks.see(frame.time, frame.planes, pose)
        self._views.show(frame, pose)
        return True

    def detected(self) -> DetectedChunk:
        """Everything that was recorded, once all files are closed."""
        facts = ChunkFacts(
            reading=self._video.reading,
            views=self._views.facts,
            looks=tuple(self._looks),
            changes=self._changes.changes(),
            motion=self._camera.motion(),
        )
        piece = self._views.preview if self._times else None
        return DetectedChunk(_landmarks(self._times, self._poses, self._size), facts, piece)


def models(options: RunOptions) -> tuple[Path, ...]:
    """The files of the landmark model that is requested. Raises ModelNotFound or ModelCorrupt."""
    bundle = shipped(f"pose_landmarker_{options.pose_model}.task")
    if options.pose_runtime == "mediapipe":
        return (bundle,)
    return bundle, shipped(f"pose_landmarks_{options.pose_model}.onnx"), shipped("pose_person.onnx")


def _landmarker(options: RunOptions, guide: Guide | None) -> AbstractContextManager[Landmarker]:
    if options.pose_runtime == "onnx":
        return SingleTracker(options.pose_model, guide)
    return PoseLandmarker(models(options)[0], guide)


_NO_POSE: Final = Pose(
    pixels=np.full((len(LANDMARKS), 2), np.nan),
    world=np.full((len(LANDMARKS), 3), np.nan),
    visibility=np.zeros(len(LANDMARKS)),
)


def _landmarks(times: list[float], poses: list[Pose | None], size: tuple[int, int]) -> Landmarks:
    """All frames as one; NaN and visibility 0 where no person was found."""
    filled = [pose or _NO_POSE for pose in poses]
    return Landmarks(
        times=np.array(times),
        pixels=np.array([pose.pixels for pose in filled]).reshape(-1, len(LANDMARKS), 2),
        world=np.array([pose.world for pose in filled]).reshape(-1, len(LANDMARKS), 3),
        visibility=np.array([pose.visibility for pose in filled]).reshape(-1, len(LANDMARKS)),
        image_size=size,
    )
