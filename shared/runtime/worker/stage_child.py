"""The process that a stage runs in: takes jobs as JSON lines on stdin, answers on stdout.

A separate process, because the stages depend on native code: when MediaPipe or ONNX Runtime crashes, hangs or runs out
of memory, the worker's loop continues, reports the error and returns the task; and a cancelled run stops at once. It
persists between jobs, so that imports are done once, and ends with its parent, whose end closes stdin.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, TextIO

from pydantic import BaseModel, JsonValue

from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import Cancelled, InputError, OutputNotWritable
from humanpose3d.options import RunOptions, Subject
from shared import artefacts
from shared.models import sha256
from shared.program import take_stdout
from shared.room import is_full
from shared.runtime.run_state import RunState
from shared.stage import Division, Progress, Stage

_PROGRESS_INTERVAL_S: Final = 0.2
_TRACEBACK_CHARACTERS: Final = 10_000


class StageJob(BaseModel):
    """Run the stage once, or one step of a divided stage (`shared.stage.Division`)."""

    step: Literal["run", "plan", "part", "gather"] = "run"
    plan: JsonValue = None
    """To gather: the plan."""
    part: JsonValue = None
    """To do a part: its description in the plan."""
    parts: list[dict[str, Path]] = []
    """To gather: artefact name → file of every part."""

    inputs: dict[str, Path]
    """Artefact name → file."""
    subject: Subject
    options: RunOptions
    workdir: Path
    outputs: Path
    """Folder for the output files."""


class PlannedPart(BaseModel):
    """A part of a stage's work, and its number of frames."""

    part: JsonValue
    frames: int


class StageDone(BaseModel):
    """The result of a job."""

    artefacts: dict[str, Path] = {}
    """Artefact name → file."""
    seconds: float
    sha256: dict[str, str] = {}
    """Of the raw files among the inputs, by artefact name."""
    plan: JsonValue = None
    parts: list[PlannedPart] = []
    """Of a plan, in order."""


class Declaration(BaseModel):
    """Sent by a stage's process when it is ready."""

    inputs: frozenset[str]
    """Names of its input artefacts."""
    divided: bool
    """Whether its work is divided into parts."""


class ResultsJob(BaseModel):
    """Write the results of a run whose stages are all done."""

    state: RunState
    artefacts: dict[str, Path]
    """Artefact name → file."""
    reports: dict[str, Path]
    """Stage → file of its report."""
    outputs: Path


def resolve(reference: str) -> Any:  # noqa: ANN401 -- any object
    """`package.module:NAME` → the object."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def _stage(reference: str) -> Stage[Any, Any]:
    """The `Stage` that the reference names, or that the function it names returns."""
    named = resolve(reference)
    stage: Stage[Any, Any] = named if isinstance(named, Stage) else named()
    return stage


class _Parent:
    """The worker at the other end of stdin and stdout."""

    def __init__(self, incoming: TextIO, outgoing: TextIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._cancelled = threading.Event()
        self._reported = 0.0
        self.jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._incoming:
            message = json.loads(line)
            if "cancel" in message:
                self._cancelled.set()
            else:
                self._cancelled.clear()
                self.jobs.put(message)
        os._exit(0)  # the worker is gone; nothing waits for the result

    def say(self, kind: str, content: object) -> None:
        """Write one message as a line."""
        self._outgoing.write(json.dumps({kind: content}) + "\n")
        self._outgoing.flush()

    def progress(self, done: int, total: int | None) -> None:
        """See `shared.stage.Progress`."""
        if self._cancelled.is_set():
            raise Cancelled("The run was stopped on request.")
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_INTERVAL_S:
            self._reported = now
            self.say("progress", Advance(done=done, total=total).model_dump())


def _run_stage(stage: Stage[Any, Any], job: StageJob, parent: _Parent) -> StageDone:
    started = time.perf_counter()
    inputs = _inputs(stage, job)
    if job.step == "plan":
        plan = _division(stage).plan(inputs, job.options)
        parts = [PlannedPart(part=part.model_dump(mode="json"), frames=part.frames) for part in plan.parts]
        return StageDone(seconds=time.perf_counter() - started, plan=plan.model_dump(mode="json"), parts=parts)
    made = _step(stage, job, inputs, parent.progress)
    values = {field.name: getattr(made, field.name) for field in fields(made)}
    files = {name: artefacts.save(job.outputs, name, value) for name, value in values.items() if value is not None}
    sha256 = {} if job.step == "part" else _raw_files(stage, job)
    return StageDone(artefacts=files, seconds=time.perf_counter() - started, sha256=sha256)


def _step(stage: Stage[Any, Any], job: StageJob, inputs: object, progress: Progress) -> Any:  # noqa: ANN401 -- any stage's
    if job.step == "run":
        return stage.run(inputs, job.options, progress)
    division = _division(stage)
    if job.step == "part":
        return division.part(inputs, job.options, division.part_type.model_validate(job.part), progress)
    kinds = artefacts.kinds(division.part_outputs)

    def loaded(part: dict[str, Path]) -> Any:  # noqa: ANN401 -- any stage's
        values = {name: artefacts.load(part[name], kind) if name in part else None for name, kind in kinds.items()}
        return division.part_outputs(**values)

    plan = division.plan_type.model_validate(job.plan)
    return division.gather(inputs, job.options, plan, (loaded(part) for part in job.parts))


def _division(stage: Stage[Any, Any]) -> Division:
    assert stage.division is not None, f"{stage.name} is not divided"
    return stage.division


def _inputs(stage: Stage[Any, Any], job: StageJob) -> Any:  # noqa: ANN401 -- any stage's
    def value(name: str, kind: type) -> object:
        if name in ("workdir", "subject"):
            return getattr(job, name)
        return artefacts.load(job.inputs[name], kind) if name in job.inputs else None

    return stage.inputs(**{name: value(name, kind) for name, kind in artefacts.kinds(stage.inputs).items()})


def _raw_files(stage: Stage[Any, Any], job: StageJob) -> dict[str, str]:
    """The sha256 of the inputs that are raw files."""
    kinds = artefacts.kinds(stage.inputs)
    return {name: sha256(path) for name, path in job.inputs.items() if issubclass(kinds[name], Path)}


def _do(stage: Stage[Any, Any], results_writer: str, message: dict[str, Any], parent: _Parent) -> object:
    if "stage" in message:
        return _run_stage(stage, StageJob.model_validate(message["stage"]), parent).model_dump(mode="json")
    return resolve(results_writer)(ResultsJob.model_validate(message["results"]))


def _answer(
    stage: Stage[Any, Any], results_writer: str, message: dict[str, Any], parent: _Parent
) -> tuple[str, object]:
    """The answer to one job, as kind and content."""
    try:
        return "done", _do(stage, results_writer, message, parent)
    except Cancelled:
        return "cancelled", None
    except OutputNotWritable:  # this machine's disk, not the user's folder: another try may succeed
        return "full", None
    except InputError as error:
        return "refused", Problem.of(error).model_dump()
    except Exception as error:  # noqa: BLE001 -- the edge of the process: every error is reported to the worker
        if is_full(error):
            return "full", None
        return "crashed", traceback.format_exc()[-_TRACEBACK_CHARACTERS:]


def main(stage_reference: str, results_writer: str) -> None:
    """Serve jobs until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker handles Ctrl-C
    parent = _Parent(sys.stdin, take_stdout())
    stage = _stage(stage_reference)
    names = frozenset(name for name in artefacts.kinds(stage.inputs) if name not in ("workdir", "subject"))
    ready = Declaration(inputs=names, divided=stage.division is not None)
    parent.say("ready", ready.model_dump(mode="json"))
    while True:
        parent.say(*_answer(stage, results_writer, parent.jobs.get(), parent))


if __name__ == "__main__":
    main(*sys.argv[1:])
