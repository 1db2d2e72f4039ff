"""An instantaneous stage without a separate process."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from humanpose3d.api_models import Advance
from humanpose3d.options import RunOptions, StageName
from shared.runtime.worker.stage_child import ResultsJob, StageDone, StageJob

VIDEO = b"video"


class StubRunner:
    """Makes one artefact and a report, after applying the test's action to the video."""

    def __init__(self, stage: StageName, first: Callable[[Path], Awaitable[object]] | None = None) -> None:
        self.stage = stage
        self.first = first
        self.jobs = 0
        self.asked: RunOptions | None = None
        """The options of the last job."""

    divided = False

    async def inputs(self) -> frozenset[str]:
        return frozenset({"video"})

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        self.jobs += 1
        self.asked = job.options
        assert job.inputs["video"].read_bytes().startswith(VIDEO)
        progress(Advance(done=1, total=2))
        if self.first is not None:
            await self.first(job.inputs["video"])
        made = {name: job.outputs / f"{name}.json" for name in (f"{self.stage}-made", "report")}
        for path in made.values():
            path.write_text("{}")
        return StageDone(artefacts=made, seconds=0.1, sha256={})

    async def write_results(self, job: ResultsJob) -> None:
        (job.outputs / "made.txt").write_text(" ".join(sorted(job.artefacts)))

    async def close(self) -> None:
        pass
