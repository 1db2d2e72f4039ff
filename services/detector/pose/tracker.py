"""Tracks people in many videos at once, or many chunks of one, with one network call for all.

A frame is searched where the person was in the previous frame of the same track, so the frames of one track are
processed in sequence; those of different tracks together. Each track does what MediaPipe's PoseLandmarker does
in its VIDEO mode (`services.detector.pose.landmarker`), by networks of the same weights.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Self

import numpy as np

from humanpose3d.options import PoseModel
from services.detector.people.guide import Guide
from services.detector.pose.landmark_network import Body, BodyNetwork
from services.detector.pose.landmarker import Pose
from services.detector.pose.one_euro import IMAGE, WORLD, LowPass, OneEuroFilter
from services.detector.pose.person_detector import PersonDetector
from services.detector.pose.roi import MARGIN, Region
from services.detector.video.reader import Frame
from shared.models import shipped

MIN_PRESENCE: Final = 0.5
"""Below this presence the person is lost, and detected again in the next frame."""

VISIBILITY_SHARE: Final = 0.1
"""Weight of the newest visibility in the smoothed one."""


FIRST_INTERVAL_S: Final = 1 / 30
"""MediaPipe's time between a video's first two frames: its filters do not distinguish time 0 from none."""


@dataclass(eq=False)
class TrackState:
    """State kept from frame to frame of one video or chunk. A new track starts empty.

    guide  positions of the person and of others, if there are others: only that person is tracked.
    """

    guide: Guide | None = None
    region: Region | None = None
    _image: OneEuroFilter = field(default_factory=lambda: OneEuroFilter(IMAGE, FIRST_INTERVAL_S))
    _world: OneEuroFilter = field(default_factory=lambda: OneEuroFilter(WORLD, FIRST_INTERVAL_S))
    _visibility: LowPass = field(default_factory=lambda: LowPass(VISIBILITY_SHARE))

    def follow(self, time: float, body: Body | None) -> Pose | None:
        """The pose at this time in seconds, smoothed; None where the person is lost."""
        if body is None or body.presence <= MIN_PRESENCE or not body.region.usable or not self._own(time, body.region):
            self.region, self._image = None, OneEuroFilter(IMAGE)  # MediaPipe keeps the other two filters
            return None
        self.region = body.region
        return Pose(
            pixels=self._image(time, body.pixels, unit=body.region.side),
            world=self._world(time, body.world),
            visibility=self._visibility(body.visibility),
        )

    def seek(self, time: float, regions: Sequence[Region]) -> None:
        """Where to look for the person: where the guide says, and without one, the most certain of the people that the
        person detector finds in the frame, most certain first."""
        if self.guide is None:
            self.region = regions[0] if regions else None
            return
        place = self.guide.person.at(time)
        self.region = None if place is None else Region(np.array(place[:2]), MARGIN * place[2])

    def _own(self, time: float, region: Region) -> bool:
        if self.guide is None:
            return True
        x, y = region.centre
        return self.guide.distance(time, float(x), float(y), region.side / MARGIN) is not None


@dataclass(eq=False)
class _Running:
    number: int
    frames: Iterator[Frame]
    track: TrackState


class BatchTracker:
    """Finds the person in the next frame of each of several tracks, by two networks: `person` and `body`.

    pose_model  which of the included networks.
    threads     threads per network call on a CPU; by default one per core, four at most.

    Raises ModelNotFound or ModelCorrupt where a network, or the bundle that holds its weights, cannot be used.
    """

    def __init__(self, pose_model: PoseModel, threads: int | None = None) -> None:
        for size in {pose_model, "lite"}:  # the weights: those of the person detector are taken from `lite`
            shipped(f"pose_landmarker_{size}.task")
        self.body = BodyNetwork(shipped(f"pose_landmarks_{pose_model}.onnx"), threads)
        self.person = PersonDetector(shipped("pose_person.onnx"), threads)

    def advance(self, tracks: Sequence[TrackState], frames: Sequence[Frame]) -> list[Pose | None]:
        """The pose in each track's next frame; None where no person is found. Updates the tracks."""
        self._seek(tracks, frames)
        seen = [index for index, track in enumerate(tracks) if track.region is not None]
        bodies: dict[int, Body] = {}
        if seen:
            regions = [region for track in tracks if (region := track.region) is not None]
            found = self.body.find([frames[index].planes for index in seen], regions)
            bodies = dict(zip(seen, found, strict=True))
        return [
            track.follow(frame.time, bodies.get(index))
            for index, (track, frame) in enumerate(zip(tracks, frames, strict=True))
        ]

    def alone(self, frame: Frame) -> Pose | None:
        """The pose in this frame alone, without tracking."""
        return self.advance([TrackState()], [frame])[0]

    def _seek(self, tracks: Sequence[TrackState], frames: Sequence[Frame]) -> None:
        lost = [index for index, track in enumerate(tracks) if track.region is None]
        unguided = [index for index in lost if tracks[index].guide is None]
        found = self.person.find_all([frames[index].planes for index in unguided]) if unguided else []
        regions = dict(zip(unguided, found, strict=True))
        for index in lost:
            tracks[index].seek(frames[index].time, regions.get(index, []))


class SingleTracker:
    """Finds the person in the frames of one video or chunk: same interface as `PoseLandmarker`.

    Raises what `BatchTracker` raises.
    """

    def __init__(self, pose_model: PoseModel, guide: Guide | None = None) -> None:
        self._landmarker = BatchTracker(pose_model, threads=1)
        self._lane = TrackState(guide)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def detect(self, frame: Frame) -> Pose | None:
        """The person in the next frame; None where no person is found."""
        return self._landmarker.advance([self._lane], [frame])[0]


def track_together(
    landmarker: BatchTracker, chunks: Iterable[Iterable[Frame]], width: int, guides: Sequence[Guide | None] = ()
) -> Iterator[tuple[int, Frame, Pose | None]]:
    """The pose in every frame of every chunk, as (number of the chunk, frame, pose).

    Up to `width` chunks advance together, one frame each at a time; where one ends the next begins, so that the
    batches stay full. The frames of one chunk come in order. `guides`: of each chunk, by its number.
    """
    waiting = enumerate(chunks)
    running: list[_Running] = []
    while True:
        step = [(chunk, frame) for chunk in running if (frame := next(chunk.frames, None)) is not None]
        while len(step) < width and (fresh := next(waiting, None)) is not None:
            guide = guides[fresh[0]] if guides else None
            chunk = _Running(fresh[0], iter(fresh[1]), TrackState(guide))
            step.extend((chunk, frame) for frame in islice(chunk.frames, 1))
        if not step:
            return
        running = [chunk for chunk, _ in step]
        poses = landmarker.advance([chunk.track for chunk in running], [frame for _, frame in step])
        yield from ((chunk.number, frame, pose) for (chunk, frame), pose in zip(step, poses, strict=True))
