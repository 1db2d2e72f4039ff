"""The detector: from a video to the 33 body landmarks of the person in it, frame by frame.

The video is cut into chunks that are detected independently: on the cores of one machine (`run`), or by all detectors
of a system (`DETECTOR.division`). The chunks are the same either way, and so is the result.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from humanpose3d.errors import NoPersonDetected, RarelyDetected, VideoTooShort
from humanpose3d.motion import CameraMotion, Landmarks, read_only
from humanpose3d.options import FOCAL_LENGTH, QualityWarning, RunOptions, StageReport, Verticals, VideoFacts, warning
from humanpose3d.skeleton import LANDMARKS
from services.detector.camera.motion import CHECK_S, FOLLOW_S, Motion, camera_motion
from services.detector.camera.orientation_check import MODEL, MODELS, Turn, find_turn
from services.detector.camera.report import camera_facts, camera_warnings, cut_warnings
from services.detector.camera.verticals import joined
from services.detector.chunk import ChunkFacts, DetectedChunk, DetectorChunk, detect, models
from services.detector.chunk_pool import DetectorPool
from services.detector.display.views import ViewFacts
from services.detector.display.window import NoDisplay, Window
from services.detector.people.doubt import doubts, require_person
from services.detector.people.report import people_facts, people_warnings
from services.detector.people.scout import People, look_around
from services.detector.pose.tracker import BatchTracker
from services.detector.report import facts as detection_facts
from services.detector.report import warnings as detection_warnings
from services.detector.video import preview
from services.detector.video.capture import AS_STORED, CaptureClock
from services.detector.video.changes import Changes
from services.detector.video.container import Medium, Reading, video_facts
from services.detector.video.playback import Playback, time_facts, time_warnings
from services.detector.video.reader import Survey, survey
from shared.models import sha256, shipped
from shared.stage import Division, Progress, Stage

_log = logging.getLogger(__name__)

MIN_FRAMES: Final = 10
MIN_DETECTION_RATE: Final = 0.3
ADVICE: Final = "Record one person, the whole body in view, from 2 to 4 m, in good light."


class Scouted(BaseModel):
    """What a run need not find out again about a video that is analysed for several of its people.

    method  number of the way in which it is found out: what another way found is not used.
    """

    model_config = ConfigDict(frozen=True)

    method: Literal[1] = 1
    turn: Turn
    people: People
    camera_moves: bool


@dataclass(frozen=True)
class DetectorInputs:
    """The video, the caller's scratch folder, in which files may be made, and who is in the video, if that is known."""

    video: Path
    workdir: Path
    scouted: Scouted | None = None


@dataclass(frozen=True)
class DetectorOutputs:
    """Landmarks, facts about the video, the preview in the scratch folder if requested, the direction of the image's
    upright lines, if any, and camera rotation and zoom, if any and known."""

    landmarks: Landmarks
    video_facts: VideoFacts
    preview: Path | None
    report: StageReport
    verticals: Verticals | None = None
    camera_motion: CameraMotion | None = None


class DetectorPlan(BaseModel):
    """What is known about a video before detection, and the chunks of the work."""

    model_config = ConfigDict(frozen=True)

    medium: Medium
    turn: Turn
    clock: CaptureClock = AS_STORED
    playback: Playback = Playback()
    people: People = People()
    start_s: float = 0.0
    parts: tuple[DetectorChunk, ...]


def run(inputs: DetectorInputs, options: RunOptions, progress: Progress) -> DetectorOutputs:
    """Find the person in every frame of the video, on every core.

    Raises VideoNotFound, UnreadableVideo, NoVideoStream, VideoTooShort, NoPersonDetected, RarelyDetected, NoPerson,
    ModelNotFound or ModelCorrupt, and what `progress` raises; all files made in the scratch folder are then removed.
    """
    found = surveyed(inputs, options)
    with ExitStack() as stack:
        window, warnings = _open_window(stack) if options.show_video else (None, ())
        pool = stack.enter_context(DetectorPool(inputs.video, inputs.workdir, options, len(found.chunks), window))
        made = planned(inputs, options, found)
        outputs = gather(inputs, options, made, pool.detect(made.parts, progress))
    report = outputs.report.model_copy(update={"warnings": (*outputs.report.warnings, *warnings)})
    return replace(outputs, report=report)


def scouted(inputs: DetectorInputs, surveyed: Survey) -> Scouted:
    """Who is in a video, and how it was recorded. Raises what `plan` raises."""
    tracker = BatchTracker(MODEL, threads=1)
    turn = find_turn(tracker, inputs.video, surveyed.excerpt)
    people, camera_moves = look_around(tracker, inputs.video, turn.degrees, surveyed)
    return Scouted(turn=turn, people=people, camera_moves=camera_moves)


def read_scouted(path: Path | None) -> Scouted | None:
    """What was found out for other runs; None where there is no such file, or it cannot be used."""
    if path is None:
        return None
    try:
        return Scouted.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def plan(inputs: DetectorInputs, options: RunOptions) -> DetectorPlan:
    """The plan of the work. Raises what `run` raises for a video or a model that cannot be read."""
    return planned(inputs, options, surveyed(inputs, options))


def part(inputs: DetectorInputs, options: RunOptions, work: DetectorChunk, progress: Progress) -> DetectedChunk:
    """Detect one chunk. Raises like `run`."""
    return detect(inputs.video, inputs.workdir, work, options, progress)


def gather(
    inputs: DetectorInputs, options: RunOptions, made: DetectorPlan, parts: Iterable[DetectedChunk]
) -> DetectorOutputs:
    """The result, combined from all chunks in order, of which one at a time is in memory.

    Raises VideoTooShort, NoPersonDetected, RarelyDetected or NoPerson.
    """
    whole, found, pieces = _joined(parts, made)
    changes = Changes.joined([facts.changes for facts in found])
    landmarks = longest_shot(whole, changes.cuts)
    _require_enough(landmarks, inputs.video.name)
    require_person(landmarks, inputs.video.name)
    reading, medium, clock = Reading.joined([facts.reading for facts in found]), made.medium, made.clock
    if changes.cuts:
        reading, medium, clock = reading.model_copy(update={"end_s": _end(whole, landmarks)}), medium.endless, AS_STORED
    facts = video_facts(medium, reading, landmarks.times, clock, options.capture_fps)
    motion = Motion.joined([facts.motion for facts in found]).between(landmarks.times[0], landmarks.times[-1])
    moved = camera_motion(motion, landmarks.times, facts.focal_length or FOCAL_LENGTH)
    views = ViewFacts.joined([facts.views for facts in found])
    report = StageReport(
        facts={
            **detection_facts(facts, reading, made.turn, landmarks, options.pose_model),
            **time_facts(changes),
            **people_facts(made.people, options),
            **camera_facts(motion, moved),
            **views.reported(options),
        },
        warnings=(
            *doubts(landmarks),
            *cut_warnings(landmarks.times, changes.cuts, made.start_s),
            *detection_warnings(facts, reading, made.turn, landmarks),
            *people_warnings(made.people, options, made.start_s),
            *camera_warnings(motion, moved),
            *time_warnings(facts, made.playback, changes),
            *views.warnings(),
        ),
        models={model.name: sha256(model) for model in models(options)},
    )
    verticals = None if motion.moves else joined([look for each in found for look in each.looks])
    return DetectorOutputs(landmarks, facts, _video(inputs, options, pieces), report, verticals, moved)


def check(options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where a pose model cannot be used."""
    models(options)
    for name in MODELS:
        shipped(name)


def surveyed(inputs: DetectorInputs, options: RunOptions) -> Survey:
    """The part of the video that is to be analysed. Raises like `plan`, and InvalidOption where it is empty."""
    return survey(inputs.video, options.start, options.end)


def planned(inputs: DetectorInputs, options: RunOptions, surveyed: Survey) -> DetectorPlan:
    """See `plan`, for a video that was surveyed."""
    found = inputs.scouted or scouted(inputs, surveyed)
    turn = found.turn
    clock = CaptureClock.of(surveyed.times, options.capture_fps)
    medium = surveyed.medium.turned(turn.degrees).with_focal_length(options.focal_length_35mm)
    people = found.people.choose(options.person, (medium.width, medium.height), surveyed.first_s)
    count = len(surveyed.chunks)
    parts = tuple(
        DetectorChunk(
            number=number,
            chunk=chunk,
            turn_deg=turn.degrees,
            origin_s=float(surveyed.times[0]),
            clock=clock,
            guide=people.guide(chunk, clock),
            camera_interval_s=FOLLOW_S if found.camera_moves else CHECK_S,
            focal_length=medium.camera.focal_length or FOCAL_LENGTH,
            frames=surveyed.facts.frames * (number + 1) // count - surveyed.facts.frames * number // count,
        )
        for number, chunk in enumerate(surveyed.chunks)
    )
    playback = Playback.of(surveyed.times, medium.camera)
    return DetectorPlan(
        medium=medium,
        turn=turn,
        clock=clock,
        playback=playback,
        people=people,
        start_s=surveyed.first_s,
        parts=parts,
    )


def _joined(parts: Iterable[DetectedChunk], made: DetectorPlan) -> tuple[Landmarks, list[ChunkFacts], list[Path]]:
    """The combined landmarks, the other findings, and the pieces of the preview."""
    expected, count = sum(part.frames for part in made.parts), len(LANDMARKS)
    joined = [np.empty((expected, *shape)) for shape in ((), (count, 2), (count, 3), (count,))]
    facts: list[ChunkFacts] = []
    pieces: list[Path] = []
    done = 0
    for part in parts:
        new = part.landmarks
        for whole, values in zip(joined, (new.times, new.pixels, new.world, new.visibility), strict=True):
            whole[done : done + new.times.size] = values
        done += new.times.size
        facts.append(part.facts)
        pieces += [part.preview] if part.preview is not None else []
    times, image, world, visibility = (read_only(whole)[:done] for whole in joined)
    return Landmarks(times, image, world, visibility, (made.medium.width, made.medium.height)), facts, pieces


def longest_shot(landmarks: Landmarks, cuts: Sequence[float]) -> Landmarks:
    """The view between cuts that shows the person longest; cuts are the times of the views' first frames."""
    edges = [0, *np.searchsorted(landmarks.times, cuts), landmarks.times.size]
    first, stop = max(pairwise(edges), key=lambda edge: int(landmarks.detected[edge[0] : edge[1]].sum()))
    if stop - first == landmarks.times.size:
        return landmarks
    times, image, world, visibility = (
        values[first:stop] for values in (landmarks.times, landmarks.pixels, landmarks.world, landmarks.visibility)
    )
    return Landmarks(times, image, world, visibility, landmarks.image_size)


def _end(whole: Landmarks, shot: Landmarks) -> float:
    """When a shot ends: at the next frame, or one frame interval after its last."""
    after = whole.times[whole.times > shot.times[-1]]
    return float(after[0] if after.size else 2 * shot.times[-1] - shot.times[-2])


def _require_enough(landmarks: Landmarks, name: str) -> None:
    count = landmarks.times.size
    if count < MIN_FRAMES:
        raise VideoTooShort(f"{name} has {count} frames; at least {MIN_FRAMES} are needed. Record for some seconds.")
    found = int(landmarks.detected.sum())
    if not found:
        raise NoPersonDetected(f"No person was found in any of the {count} frames of {name}. {ADVICE}")
    if found < MIN_DETECTION_RATE * count:
        raise RarelyDetected(
            f"A person was found in only {found / count:.1%} of the frames of {name} ({found} of {count}); "
            f"at least {MIN_DETECTION_RATE:.0%} are needed. {ADVICE} Or cut the video to the part that shows the "
            "person."
        )


def _video(inputs: DetectorInputs, options: RunOptions, pieces: Sequence[Path]) -> Path | None:
    if not options.writes_preview:
        return None
    video = inputs.workdir / "preview.mp4"
    preview.join(pieces, video)
    return video


def _open_window(stack: ExitStack) -> tuple[Window | None, tuple[QualityWarning, ...]]:
    try:
        return stack.enter_context(Window("HumanPose3D")), ()
    except NoDisplay as reason:
        hidden = warning(
            "no-display",
            "No window is shown: {reason}. Or request a preview file (export_preview).",
            reason=str(reason),
        )
        _log.warning(hidden.message)
        return None, (hidden,)


DIVISION: Final = Division(DetectorPlan, DetectorChunk, DetectedChunk, plan, part, gather)
DETECTOR: Final = Stage("detector", DetectorInputs, DetectorOutputs, run, check, DIVISION)
