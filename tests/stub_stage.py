"""Instantaneous stages that follow the video's text; with a matching writer of results."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from humanpose3d.errors import Cancelled, OutputNotWritable, UnreadableVideo
from humanpose3d.options import RunOptions, StageReport, Subject
from shared.runtime.worker.stage_child import ResultsJob
from shared.stage import Progress, Stage


@dataclass(frozen=True)
class FirstInputs:
    video: Path
    workdir: Path


@dataclass(frozen=True)
class FirstOutputs:
    landmarks: Path
    preview: Path | None
    report: StageReport


@dataclass(frozen=True)
class NextInputs:
    landmarks: Path
    subject: Subject


@dataclass(frozen=True)
class NextOutputs:
    report: StageReport


def _first(inputs: FirstInputs, options: RunOptions, progress: Progress) -> FirstOutputs:
    wish = inputs.video.read_text(encoding="utf-8")
    _obey(wish, progress)
    made = inputs.workdir / "landmarks.txt"
    made.write_text(f"landmarks of {wish}", encoding="utf-8")
    return FirstOutputs(made, None, StageReport(facts={"wish": wish}))


def _obey(wish: str, progress: Progress) -> None:
    progress(1, 2)
    print("what native libraries print")
    os.write(1, b"on stdout\n")
    if wish == "refuse":
        raise UnreadableVideo("This is no video. Send another.")
    if wish == "fault":
        raise RuntimeError("an internal fault")
    if wish == "fill":
        raise OSError(errno.ENOSPC, "No space left on device")
    if wish == "overfill":
        raise OutputNotWritable("landmarks.npz cannot be written.")
    if wish == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if wish == "hang":
        time.sleep(600)
    if wish.startswith("work"):
        _work(float(wish.split()[1]), progress)


def _work(seconds: float, progress: Progress) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            progress(1, 2)
        except Cancelled:
            Path(os.environ.get("STUB_CANCELLED", os.devnull)).write_text("cancelled", encoding="utf-8")
            raise
        time.sleep(0.01)


def _next(inputs: NextInputs, options: RunOptions, progress: Progress) -> NextOutputs:
    return NextOutputs(StageReport(facts={"height": inputs.subject.height, "read": inputs.landmarks.read_text()}))


FIRST: Stage[FirstInputs, FirstOutputs] = Stage("detector", FirstInputs, FirstOutputs, _first)
NEXT: Stage[NextInputs, NextOutputs] = Stage("angles", NextInputs, NextOutputs, _next)


def write(job: ResultsJob) -> None:
    (job.outputs / "tables").mkdir()
    landmarks = job.artefacts["landmarks"].read_text(encoding="utf-8")
    (job.outputs / "tables" / f"{job.state.request.name}.txt").write_text(landmarks, encoding="utf-8")
    (job.outputs / "quality.json").write_text(job.reports["angles"].read_text(encoding="utf-8"), encoding="utf-8")
