"""The detector: from a video to the 33 body landmarks of the person in it, frame by frame.

The video is cut into segments that are detected apart: over the cores of one machine (`run`), or over all detectors of
a system (`DETECTOR.division`). Either way the segments are the same, and so is the result.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.errors import NobodyDetected, RarelyDetected, VideoTooShort
from humanpose3d.motion import Landmarks, read_only
from humanpose3d.options import QualityWarning, RunOptions, StageReport, Verticals, VideoFacts
from humanpose3d.skeleton import LANDMARKS
from services.detector.camera.orientation_check import MODELS, Turn, find_turn
from services.detector.camera.verticals import joined
from services.detector.chunk import DetectedChunk, DetectorChunk, PartFacts, detect, models
from services.detector.chunk_pool import DetectorPool
from services.detector.display.views import ViewFacts
from services.detector.display.window import NoDisplay, Window
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
ADVICE: Final = "Film one person, the whole body in view, from 2 to 4 m, in good light."


@dataclass(frozen=True)
class DetectorInputs:
    """The video, and a scratch folder of the caller's in which files may be made."""

    video: Path
    workdir: Path


@dataclass(frozen=True)
class DetectorOutputs:
    """What was seen, what the video is, the preview in the scratch folder if one was asked for, and which way the
    picture's upright lines run, if it has any."""

    landmarks: Landmarks
    video_facts: VideoFacts
    preview: Path | None
    report: StageReport
    verticals: Verticals | None = None


class DetectorPlan(BaseModel):
    """What was found out about a video before its frames are detected, and the parts of that work."""

    model_config = ConfigDict(frozen=True)

    medium: Medium
    turn: Turn
    clock: CaptureClock = AS_STORED
    playback: Playback = Playback()
    parts: tuple[DetectorChunk, ...]


def run(inputs: DetectorInputs, options: RunOptions, progress: Progress) -> DetectorOutputs:
    """Find the person in every frame of the video, on every core.

    Raises VideoNotFound, UnreadableVideo, NoVideoStream, VideoTooShort, NobodyDetected, RarelyDetected, ModelNotFound
    or ModelCorrupt. After these, and after anything that `progress` raises, the scratch folder holds no file of ours.
    """
    found = surveyed(inputs, options)
    with ExitStack() as stack:
        window, warnings = _open_window(stack) if options.show_video else (None, ())
        pool = stack.enter_context(DetectorPool(inputs.video, inputs.workdir, options, len(found.segments), window))
        made = planned(inputs, options, found)
        outputs = gather(inputs, options, made, pool.detect(made.parts, progress))
    report = outputs.report.model_copy(update={"warnings": (*outputs.report.warnings, *warnings)})
    return replace(outputs, report=report)


def plan(inputs: DetectorInputs, options: RunOptions) -> DetectorPlan:
    """What is to be done. Raises what `run` raises for a video or a model that cannot be read."""
    return planned(inputs, options, surveyed(inputs, options))


def part(inputs: DetectorInputs, options: RunOptions, work: DetectorChunk, progress: Progress) -> DetectedChunk:
    """Detect one segment. Raises like `run`."""
    return detect(inputs.video, inputs.workdir, work, options, progress)


def gather(
    inputs: DetectorInputs, options: RunOptions, made: DetectorPlan, parts: Iterable[DetectedChunk]
) -> DetectorOutputs:
    """The whole, of all its parts in their order, of which one at a time is held.

    Raises VideoTooShort, NobodyDetected or RarelyDetected.
    """
    landmarks, found, pieces = _joined(parts, made)
    _require_enough(landmarks, inputs.video.name)
    reading = Reading.joined([facts.reading for facts in found])
    views = ViewFacts.joined([facts.views for facts in found])
    facts = video_facts(made.medium, reading, landmarks.times, made.clock, options.capture_fps)
    changes = Changes.joined([facts.changes for facts in found])
    report = StageReport(
        facts={
            **detection_facts(facts, reading, made.turn, landmarks, options.pose_model),
            **time_facts(changes),
            **views.reported(options),
        },
        warnings=(
            *detection_warnings(facts, reading, made.turn, landmarks),
            *time_warnings(facts, made.playback, changes),
            *views.warnings(),
        ),
        models={model.name: sha256(model) for model in models(options)},
    )
    verticals = joined([look for each in found for look in each.looks])
    return DetectorOutputs(landmarks, facts, _film(inputs, options, pieces), report, verticals)


def check(options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where a pose model cannot be used."""
    models(options)
    for name in MODELS:
        shipped(name)


def surveyed(inputs: DetectorInputs, options: RunOptions) -> Survey:
    """The part of the video that is to be analysed. Raises like `plan`, and InvalidOption where it is empty."""
    return survey(inputs.video, options.start, options.end)


def planned(inputs: DetectorInputs, options: RunOptions, surveyed: Survey) -> DetectorPlan:
    """See `plan`, of a video that was surveyed."""
    turn = find_turn(inputs.video, surveyed.excerpt)
    clock = CaptureClock.of(surveyed.times, options.capture_fps)
    count = len(surveyed.segments)
    parts = tuple(
        DetectorChunk(
            number=number,
            segment=segment,
            turn_deg=turn.degrees,
            origin_s=float(surveyed.times[0]),
            clock=clock,
            frames=surveyed.facts.frames * (number + 1) // count - surveyed.facts.frames * number // count,
        )
        for number, segment in enumerate(surveyed.segments)
    )
    medium = surveyed.medium.turned(turn.degrees).with_focal_length(options.focal_length_35mm)
    playback = Playback.of(surveyed.times, medium.camera)
    return DetectorPlan(medium=medium, turn=turn, clock=clock, playback=playback, parts=parts)


def _joined(parts: Iterable[DetectedChunk], made: DetectorPlan) -> tuple[Landmarks, list[PartFacts], list[Path]]:
    """The landmarks of all, what else was found, and the pieces of the preview."""
    expected, count = sum(part.frames for part in made.parts), len(LANDMARKS)
    joined = [np.empty((expected, *shape)) for shape in ((), (count, 2), (count, 3), (count,))]
    facts: list[PartFacts] = []
    pieces: list[Path] = []
    done = 0
    for part in parts:
        new = part.landmarks
        for whole, values in zip(joined, (new.times, new.image, new.world, new.visibility), strict=True):
            whole[done : done + new.times.size] = values
        done += new.times.size
        facts.append(part.facts)
        pieces += [part.preview] if part.preview is not None else []
    times, image, world, visibility = (read_only(whole)[:done] for whole in joined)
    return Landmarks(times, image, world, visibility, (made.medium.width, made.medium.height)), facts, pieces


def _require_enough(landmarks: Landmarks, name: str) -> None:
    count = landmarks.times.size
    if count < MIN_FRAMES:
        raise VideoTooShort(f"{name} has {count} frames; at least {MIN_FRAMES} are needed. Film for some seconds.")
    found = int(landmarks.detected.sum())
    if not found:
        raise NobodyDetected(f"No person was found in any of the {count} frames of {name}. {ADVICE}")
    if found < MIN_DETECTION_RATE * count:
        raise RarelyDetected(
            f"A person was found in only {found / count:.1%} of the frames of {name} ({found} of {count}); "
            f"at least {MIN_DETECTION_RATE:.0%} are needed. {ADVICE} Or cut the video to the part that shows the "
            "person."
        )


def _film(inputs: DetectorInputs, options: RunOptions, pieces: Sequence[Path]) -> Path | None:
    if not options.writes_preview:
        return None
    film = inputs.workdir / "preview.mp4"
    preview.join(pieces, film)
    return film


def _open_window(stack: ExitStack) -> tuple[Window | None, tuple[QualityWarning, ...]]:
    try:
        return stack.enter_context(Window("HumanPose3D")), ()
    except NoDisplay as reason:
        message = f"No window is shown: {reason}. Or ask for a preview file (export_preview)."
        _log.warning(message)
        return None, (QualityWarning(code="no-display", message=message),)


DIVISION: Final = Division(DetectorPlan, DetectorChunk, DetectedChunk, plan, part, gather)
DETECTOR: Final = Stage("detector", DetectorInputs, DetectorOutputs, run, check, DIVISION)
