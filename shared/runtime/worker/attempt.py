"""One attempt at a stage: fetch the inputs, run, store the outputs in a folder that no other attempt writes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from humanpose3d.api_models import Advance
from shared.models import within
from shared.runtime import runs
from shared.runtime.run_state import Claim, RunState, StageRecord, StageTask
from shared.runtime.store import Store
from shared.runtime.worker.stage_child import ResultsJob, StageDone, StageJob
from shared.runtime.worker.stage_runner import Runner
from shared.runtime.worker.transfers import fetch, put

Perform = Callable[[StageJob, Callable[[Advance], None]], Awaitable[StageDone]]


@dataclass(frozen=True)
class Attempt:
    """The work under one claim on a task. Errors of store and runner pass through."""

    task: StageTask
    claim: Claim
    runner: Runner
    perform: Perform
    """Does the stage's job, alone or shared with others."""
    store: Store
    scratch: Path
    """An empty folder on this machine, for this attempt only."""
    models: Path
    """The folder with the models that options may name."""

    @property
    def outputs(self) -> str:
        """The store's folder of this attempt's artefacts."""
        return f"{runs.folder(self.task.run_id)}{self.task.stage}/{self.claim.attempt}/"

    @property
    def results(self) -> str:
        """The store's folder of this attempt's results."""
        return f"{runs.folder(self.task.run_id)}results/{self.claim.attempt}/"

    async def make_stage(self, progress: Callable[[Advance], None]) -> StageRecord:
        """Run the stage; its artefacts are in the store when this returns."""
        wanted = await self.runner.inputs()
        inputs = await self._fetch({name: key for name, key in self.task.artefacts.items() if name in wanted}, "inputs")
        job = StageJob(
            inputs=inputs,
            subject=self.task.subject,
            options=within(self.task.options, self.models),
            workdir=self._folder("work"),
            outputs=self._folder("outputs"),
        )
        done = await self.perform(job, progress)
        keys = {name: f"{self.outputs}{path.name}" for name, path in done.artefacts.items()}
        await put(self.store, {keys[name]: path for name, path in done.artefacts.items()})
        return StageRecord(attempt=self.claim.attempt, artefacts=keys, seconds=done.seconds, sha256=done.sha256)

    async def make_results(self, state: RunState) -> dict[str, str]:
        """Write the results of a run whose stages are all finished; returns path → object key, all in the store."""
        reports: dict[str, str] = {stage: record.artefacts["report"] for stage, record in state.finished.items()}
        made = state.made
        made.pop("report", None)
        folder = self._folder("results")
        job = ResultsJob(
            state=state,
            artefacts=await self._fetch(made, "artefacts"),
            reports=await self._fetch(reports, "reports"),
            outputs=folder,
        )
        await self.runner.write_results(job)
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        await put(self.store, {f"{self.results}{name}": path for name, path in files.items()})
        return {name: f"{self.results}{name}" for name in files}

    async def discard(self) -> None:
        """Remove the stored outputs of an attempt that does not count."""
        await self.store.delete(self.outputs)
        await self.store.delete(self.results)

    async def _fetch(self, keys: dict[str, str], kind: str) -> dict[str, Path]:
        return await fetch(self.store, keys, self._folder(kind))

    def _folder(self, name: str) -> Path:
        folder = self.scratch / name
        folder.mkdir()
        return folder
