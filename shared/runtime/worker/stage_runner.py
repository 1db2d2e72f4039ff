"""A stage as seen by the worker's loop: a child process that is given jobs, monitored, and killed if necessary."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import Cancelled, HumanPose3DError, ScratchFull, StageCrashed
from shared.program import module_command
from shared.runtime.worker.stage_child import Declaration, ResultsJob, StageDone, StageJob

log = logging.getLogger(__name__)

RESULTS_WRITER: Final = "shared.runtime.worker.write_results:write"

_LINE_BYTES: Final = 1 << 20

_CANCEL_PATIENCE_S: Final = 2
"""Time until a stage that was asked to stop is killed: about a few slow frames."""


class Refused(HumanPose3DError):
    """A stage reported that the run cannot be done as requested; `problem` states what to change."""

    code = "refused"
    status = 422

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


def scratch_full() -> ScratchFull:
    """The error for a full scratch disk."""
    return ScratchFull("The disk for work in progress is full on the machine that does the stage. Make room there.")


class Runner(Protocol):
    """Runs a stage's jobs, one at a time."""

    async def inputs(self) -> frozenset[str]:
        """Names of the stage's input artefacts."""

    @property
    def divided(self) -> bool:
        """Whether the stage's work is divided into parts; False until `inputs` has answered."""

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        """Run the stage, reporting to `progress`. Cancelling the call stops it.

        Raises Refused, StageCrashed and ScratchFull.
        """

    async def write_results(self, job: ResultsJob) -> None:
        """Write the results of a run into `job.outputs`. Raises like `run`."""

    async def close(self) -> None:
        """End the process."""


class StageProcess:
    """See `Runner`. The process starts with the first job (or `inputs`) and again after it died."""

    def __init__(self, stage_reference: str, silence_s: float, results_writer: str = RESULTS_WRITER) -> None:
        self._command = module_command("shared.runtime.worker.stage_child", stage_reference, results_writer)
        self._silence_s = silence_s
        self._process: asyncio.subprocess.Process | None = None
        self._declared: Declaration | None = None

    async def inputs(self) -> frozenset[str]:
        """See `Runner`."""
        await self._started()
        assert self._declared is not None
        return self._declared.inputs

    @property
    def divided(self) -> bool:
        """See `Runner`."""
        return self._declared is not None and self._declared.divided

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        """See `Runner`."""
        return StageDone.model_validate(await self._do({"stage": job.model_dump(mode="json")}, progress))

    async def write_results(self, job: ResultsJob) -> None:
        """See `Runner`."""
        await self._do({"results": job.model_dump(mode="json")}, _unheard)

    async def close(self) -> None:
        """See `Runner`."""
        process, self._process = self._process, None
        if process is not None:
            await _kill(process)

    async def _do(self, job: dict[str, Any], progress: Callable[[Advance], None]) -> Any:  # noqa: ANN401 -- JSON
        process = await self._started()
        try:
            await _send(process, job)
            kind, content = await self._answer(process, progress)
        except asyncio.CancelledError:
            await self._stop_job(process)
            raise
        except StageCrashed:
            await self.close()
            raise
        if kind == "refused":
            raise Refused(Problem.model_validate(content))
        if kind == "cancelled":
            raise Cancelled("The run was stopped on request.")
        if kind == "full":
            raise scratch_full()
        if kind == "crashed":
            log.error("the stage failed: %s", content)
            raise StageCrashed("The stage ended with an internal error.")
        return content

    async def _answer(
        self, process: asyncio.subprocess.Process, progress: Callable[[Advance], None]
    ) -> tuple[str, Any]:
        while True:
            ((kind, content),) = (await self._listen(process)).items()
            if kind != "progress":
                return kind, content
            progress(Advance.model_validate(content))

    async def _stop_job(self, process: asyncio.subprocess.Process) -> None:
        """Ask the stage to stop; kill it if it does not."""
        # In a separate task: in one being cancelled, Python before 3.11.4 mistakes a timeout for the cancellation.
        asking = asyncio.create_task(self._ask_to_stop(process))
        answered, _ = await asyncio.wait({asking}, timeout=_CANCEL_PATIENCE_S)
        if not answered or asking.exception() is not None:
            asking.cancel()
            await self.close()

    async def _ask_to_stop(self, process: asyncio.subprocess.Process) -> None:
        await _send(process, {"cancel": True})
        await self._answer(process, _unheard)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, limit=_LINE_BYTES)
        try:
            self._declared = Declaration.model_validate((await self._listen(process))["ready"])
        except BaseException:
            await _kill(process)
            raise
        self._process = process
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._silence_s):
                line = await process.stdout.readline()
        except TimeoutError:
            raise StageCrashed(f"The stage said nothing for {self._silence_s:g} s and was stopped.") from None
        if not line:
            raise StageCrashed(f"The stage's process ended without an answer (exit status {await process.wait()}).")
        message: dict[str, Any] = json.loads(line)
        return message


def _unheard(_frames: Advance) -> None:
    """Progress that is not reported."""


async def _send(process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(message).encode() + b"\n")
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        raise StageCrashed("The stage's process is gone.") from None


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
