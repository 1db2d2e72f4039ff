"""A worker process for the fault suite: the real loop for all stages, with stub stages that take no time.

Environment: FAULT_PHASE and FAULT_COUNTDOWN make it kill itself (SIGKILL) the n-th time it reaches that phase.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import Unavailable
from humanpose3d.options import RunOptions, StageName, route
from shared.runtime import runs
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import StageTask
from shared.runtime.settings import Settings
from shared.runtime.store import open_store
from shared.runtime.worker.loop import Phase, Worker
from shared.runtime.worker.stage_child import PlannedPart, ResultsJob, StageDone, StageJob
from shared.runtime.worker.stage_runner import Refused

# The defaults are minutes; here nothing takes longer than a few ack waits.
LOST_AFTER, STUCK_AFTER = timedelta(seconds=20), timedelta(seconds=30)

_SECONDS = {"slow": 0.6, "long": 3}
"""How long a part takes, by the first word of the video."""

REFUSAL = Problem(code="unreadable-video", status=422, detail="This is no video. Send another.")


class StubStage:
    """Executes the commands in the video and passes its text on; the detector word by word, shared between workers."""

    def __init__(self, stage: StageName) -> None:
        self.divided = stage == "detector"
        self._source = "video" if self.divided else "landmarks"

    async def inputs(self) -> frozenset[str]:
        return frozenset({self._source})

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        text = job.inputs[self._source].read_text(encoding="utf-8")
        if job.step == "plan":
            parts = [PlannedPart(part=word, frames=1) for word in text.split()]
            return StageDone(seconds=0.01, plan=text, parts=parts)
        if job.step == "part":
            await self._obey(text, progress)
            path = job.outputs / "word.txt"
            path.write_text(str(job.part), encoding="utf-8")
            return StageDone(artefacts={"word": path}, seconds=0.01)
        if job.step == "run":
            await self._obey(text, progress)
        else:
            text = " ".join(part["word"].read_text(encoding="utf-8") for part in job.parts)
        name = "landmarks" if self._source == "video" else "made"
        made = {name: job.outputs / f"{name}.txt", "report": job.outputs / "report.json"}
        for path in made.values():
            path.write_text(text, encoding="utf-8")
        return StageDone(artefacts=made, seconds=0.01)

    async def _obey(self, text: str, progress: Callable[[Advance], None]) -> None:
        if text.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        if text.startswith("refuse"):
            raise Refused(REFUSAL)
        progress(Advance(done=1, total=2))
        await asyncio.sleep(_SECONDS.get(text.split()[0], 0.01))

    async def write_results(self, job: ResultsJob) -> None:
        text = job.artefacts["landmarks"].read_text(encoding="utf-8")
        (job.outputs / "result.txt").write_text(f"{job.state.run_id} {text}", encoding="utf-8")
        quality = {"verdict": job.state.run_id, "warnings": []}
        (job.outputs / "quality.json").write_text(json.dumps(quality), encoding="utf-8")

    async def close(self) -> None:
        pass


def _killer() -> Callable[[Phase, StageTask], None]:
    left = int(os.environ.get("FAULT_COUNTDOWN", "0"))
    fatal = os.environ.get("FAULT_PHASE")

    def observe(phase: Phase, _task: StageTask) -> None:
        nonlocal left
        if phase == fatal:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return observe


async def _tidy(bus: NatsBus) -> None:
    while True:
        with contextlib.suppress(Unavailable):
            await runs.requeue_lost(bus, await bus.run_ids(), older_than=LOST_AFTER, stuck_after=STUCK_AFTER)
        await asyncio.sleep(0.2)


async def main() -> None:
    settings = Settings.from_environment()
    bus, store, observe = NatsBus(settings), open_store(settings), _killer()
    workers = [Worker(stage, StubStage(stage), bus, store, settings, observe) for stage in route(RunOptions())]
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    loops = [asyncio.create_task(worker.run()) for worker in workers]
    tidy = asyncio.create_task(_tidy(bus))
    Path(os.environ["FAULT_READY"]).touch()
    await stopping.wait()
    await asyncio.gather(*(worker.stop() for worker in workers))
    tidy.cancel()
    await asyncio.wait([*loops, tidy])
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main())
