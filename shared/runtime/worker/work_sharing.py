"""A stage's work on one run, shared among all workers of that stage.

The worker that holds the stage's task coordinates: it plans, offers the parts, does parts itself, and gathers them. The
others assist. They do not change a run's state, and a part's result does not depend on the worker, so an offer may be
lost, done twice or abandoned: the coordinator does what no worker holds any more. Finished parts are in the store, from
which the next coordinator continues if one crashes.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from humanpose3d.api_models import Advance
from humanpose3d.errors import HumanPose3DError, ObjectNotFound, RunNotFound, Unavailable
from humanpose3d.options import StageName
from shared.models import within
from shared.runtime import runs
from shared.runtime.bus import Bus, PartDelivery
from shared.runtime.run_state import PartTask, StageTask
from shared.runtime.settings import Settings
from shared.runtime.store import Store
from shared.runtime.tasks import cancel
from shared.runtime.worker.heartbeat import heartbeat, ignore_unavailable
from shared.runtime.worker.stage_child import StageDone, StageJob
from shared.runtime.worker.stage_runner import Runner
from shared.runtime.worker.transfers import fetch, put
from shared.scratch import scratch_folder

log = logging.getLogger(__name__)

_POLL_S: Final = 0.2
"""Interval at which a coordinator checks for parts that others have finished."""

_TICK_S: Final = 1.0
"""Interval at which an assistant checks whether its part is still needed."""

_RETRY_S: Final = 2.0
_HAND_BACK_S: Final = 5.0
"""Longer than a stage takes to stop."""

_DONE: Final = "done.json"

Report = Callable[[Advance], None]


class WorkSharing:
    """One worker's shared work: the tasks that it coordinates, and the parts that it assists with."""

    def __init__(self, stage: StageName, runner: Runner, bus: Bus, store: Store, settings: Settings) -> None:
        self._stage = stage
        self._runner = runner
        self._bus = bus
        self._store = store
        self._settings = settings
        self._kept = ExitStack()
        self._kept_run: str | None = None
        self._kept_inputs: dict[str, Path] = {}

    async def coordinate(self, task: StageTask, job: StageJob, progress: Report) -> StageDone:
        """Do the whole stage, with the assistance of other workers. Raises what the runner raises for own parts."""
        started = time.perf_counter()
        planned = await self._runner.run(job.model_copy(update={"step": "plan"}), _unheard)
        lead = _Lead(self._tasks(task, job, planned), [part.frames for part in planned.parts], progress)
        if len(lead.tasks) == 1:
            lead.here[0] = await self._part(lead.tasks[0], job.inputs, job.workdir, lead.working)
        else:
            await self._share(lead, job)
        parts = [await self._fetched(lead, number, job.workdir) for number in range(len(lead.tasks))]
        gathering = job.model_copy(update={"step": "gather", "plan": planned.plan, "parts": parts})
        done = await self._runner.run(gathering, _unheard)
        return done.model_copy(update={"seconds": time.perf_counter() - started})

    async def assist(self, delivery: PartDelivery) -> None:
        """Do a part that another worker coordinates, if it is still needed.

        A part that fails here, or was returned by a worker that may have crashed on it, is left to its coordinator.
        """
        try:
            async with heartbeat(delivery, self._settings.ack_wait_s / 3):
                if delivery.count == 1:
                    await self._help(delivery.task)
                await delivery.ack()
        except asyncio.CancelledError:
            await ignore_unavailable(delivery.hand_back())
            raise
        except Unavailable:
            await ignore_unavailable(delivery.retry(_RETRY_S))
            raise
        except HumanPose3DError as error:
            log.warning("part %d of %s is left to its leader: %s", delivery.task.number, delivery.task.run_id, error)
            await ignore_unavailable(delivery.ack())

    async def clear(self, task: StageTask) -> None:
        """Remove the results of the parts of a stage that is finished or abandoned, and withdraw the offers."""
        if self._runner.divided:
            await self._bus.withdraw_parts(task.stage, task.run_id)
            await self._store.delete(_parts_folder(task))

    def release_inputs(self) -> None:
        """Release the inputs kept for the next part of the same run, when there is none."""
        self._kept.close()
        self._kept_run = None

    def _tasks(self, task: StageTask, job: StageJob, planned: StageDone) -> list[PartTask]:
        digest = hashlib.sha256(json.dumps(planned.plan, sort_keys=True).encode()).hexdigest()[:16]
        return [
            PartTask(
                run_id=task.run_id,
                stage=task.stage,
                number=number,
                part=part.part,
                subject=task.subject,
                options=task.options,
                inputs={name: task.artefacts[name] for name in job.inputs},
                folder=f"{_parts_folder(task)}{digest}/",
            )
            for number, part in enumerate(planned.parts)
        ]

    async def _share(self, lead: "_Lead", job: StageJob) -> None:
        lead.found(await self._finished(lead.tasks[0].folder))
        try:
            for task in lead.missing:
                await self._bus.offer(task)
        except Unavailable as error:
            log.info("the parts are done here, since they cannot be offered: %s", error)
        while lead.missing:
            await self._advance(lead, job)
            lead.found(await self._finished(lead.tasks[0].folder))

    async def _advance(self, lead: "_Lead", job: StageJob) -> None:
        """Do a part, or wait briefly if other workers hold all remaining ones."""
        try:
            delivery = await self._bus.pull_part(self._stage, _POLL_S)
            if delivery is not None and delivery.task not in lead.tasks:
                await self.assist(delivery)
                return
            task = delivery.task if delivery else await self._abandoned(lead)
        except Unavailable:
            delivery, task = None, lead.missing[0]
        if task in lead.missing:
            await self._own_part(lead, job, task, delivery)
        elif delivery is not None:
            await ignore_unavailable(delivery.ack())

    async def _abandoned(self, lead: "_Lead") -> PartTask | None:
        """A part that no worker holds and that is no longer offered."""
        for task in lead.missing:
            if not await self._bus.is_offered(task):
                still = {each.number for each in lead.missing} - await self._finished(task.folder)
                return task if task.number in still else None
        return None

    async def _own_part(self, lead: "_Lead", job: StageJob, task: PartTask, delivery: PartDelivery | None) -> None:
        beating = heartbeat(delivery, self._settings.ack_wait_s / 3) if delivery else contextlib.nullcontext()
        folder = job.workdir / f"own-{task.number}"
        folder.mkdir()
        try:
            async with beating:
                artefacts = await self._part(task, job.inputs, folder, lead.working)
                await self._hand_in(task, artefacts)
        except asyncio.CancelledError:
            if delivery:
                await ignore_unavailable(delivery.hand_back())
            raise
        except Exception:
            if delivery:
                await ignore_unavailable(delivery.retry(0))
            raise
        lead.here[task.number] = artefacts
        if delivery:
            await ignore_unavailable(delivery.ack())

    async def _help(self, task: PartTask) -> None:
        if not await self._wanted(task):
            return
        with scratch_folder() as scratch:
            working = asyncio.create_task(self._part(task, await self._inputs(task), scratch, _unheard))
            try:
                while not (await asyncio.wait({working}, timeout=_TICK_S))[0]:
                    with contextlib.suppress(Unavailable):  # the work continues until the state can be read
                        if not await self._wanted(task):
                            return
                await self._hand_in(task, working.result())
                log.info("helped with part %d of run %s", task.number, task.run_id)
            finally:
                await cancel(working, _HAND_BACK_S)
        if not await self._exists(task.run_id):
            await self._store.delete(task.folder)

    async def _part(
        self, task: PartTask, inputs: Mapping[str, Path], folder: Path, progress: Report
    ) -> dict[str, Path]:
        workdir, outputs = folder / "part-work", folder / "part-outputs"
        workdir.mkdir()
        outputs.mkdir()
        job = StageJob(
            step="part",
            part=task.part,
            inputs=dict(inputs),
            subject=task.subject,
            options=within(task.options, self._settings.models_directory),
            workdir=workdir,
            outputs=outputs,
        )
        return (await self._runner.run(job, progress)).artefacts

    async def _hand_in(self, task: PartTask, artefacts: Mapping[str, Path]) -> None:
        """Store the result of a part, and last the marker that it is complete."""
        keys = {name: f"{task.folder}{task.number}/{path.name}" for name, path in artefacts.items()}
        await put(self._store, {keys[name]: path for name, path in artefacts.items()})
        with scratch_folder() as scratch:
            (scratch / _DONE).write_text(json.dumps(keys), encoding="utf-8")
            await put(self._store, {f"{task.folder}{task.number}/{_DONE}": scratch / _DONE})

    async def _fetched(self, lead: "_Lead", number: int, workdir: Path) -> dict[str, Path]:
        """The files of a finished part."""
        if number in lead.here:
            return lead.here[number]
        task, folder = lead.tasks[number], workdir / f"fetched-{number}"
        folder.mkdir()
        done = folder / _DONE
        await self._store.get_file(f"{task.folder}{number}/{_DONE}", done)
        return await fetch(self._store, json.loads(done.read_text(encoding="utf-8")), folder)

    async def _finished(self, folder: str) -> set[int]:
        """Numbers of the finished parts."""
        keys = [found.key async for found in self._store.objects(folder)]
        return {int(key.split("/")[-2]) for key in keys if key.endswith(f"/{_DONE}")}

    async def _wanted(self, task: PartTask) -> bool:
        try:
            state = (await self._bus.read(task.run_id)).state
        except RunNotFound:
            return False
        if state.is_over or state.stage != task.stage:
            return False
        try:
            await self._store.stat(f"{task.folder}{task.number}/{_DONE}")
        except ObjectNotFound:
            return True
        return False

    async def _exists(self, run_id: str) -> bool:
        try:
            await self._bus.read(run_id)
        except RunNotFound:
            return False
        return True

    async def _inputs(self, task: PartTask) -> dict[str, Path]:
        """The run's inputs, fetched once for consecutive parts done here."""
        if self._kept_run != task.run_id:
            self.release_inputs()
            folder = self._kept.enter_context(scratch_folder())
            self._kept_inputs = await fetch(self._store, task.inputs, folder)
            self._kept_run = task.run_id
        return self._kept_inputs


class _Lead:
    """State of a run's parts, as known to the coordinator.

    here  the files of the parts done here, by number.
    """

    def __init__(self, tasks: list[PartTask], frames: list[int], progress: Report) -> None:
        self.tasks = tasks
        self.here: dict[int, dict[str, Path]] = {}
        self._frames = frames
        self._done: set[int] = set()
        self._progress = progress

    @property
    def missing(self) -> list[PartTask]:
        """The parts not known to be done, in order."""
        return [task for task in self.tasks if task.number not in self._done and task.number not in self.here]

    def found(self, numbers: set[int]) -> None:
        """Other workers have finished these."""
        self._done |= numbers
        self.working(Advance(done=0, total=None))

    def working(self, now: Advance) -> None:
        """Report overall progress, given that of the part in progress here."""
        finished = sum(self._frames[number] for number in self._done | self.here.keys())
        self._progress(Advance(done=finished + now.done, total=sum(self._frames)))


def _parts_folder(task: StageTask) -> str:
    """The store's folder for the results of the parts of a run's stage."""
    return f"{runs.folder(task.run_id)}{task.stage}/parts/"


def _unheard(_advance: Advance) -> None:
    """Progress that is not reported."""
