"""From the artefacts of a run, made by many workers, to its results: the same files as in one process."""

from collections.abc import Mapping
from typing import Any, Final

from shared import artefacts
from shared.contracts import RunState, StageName, StageReport
from shared.results import RunResults, write_results
from shared.stage_main import ResultsJob

_NOT_ARTEFACTS: Final = {"name", "video_sha256", "subject", "options", "reports", "timings_s"}


def write(job: ResultsJob) -> None:
    """Write the results of a finished run into the job's folder. Raises OutputNotWritable and InvalidMotion."""
    write_results(_collect(job), job.outputs)


def _collect(job: ResultsJob) -> RunResults:
    request = job.state.request
    kinds = artefacts.kinds(RunResults)
    made: Mapping[str, Any] = {
        name: artefacts.load(path, kinds[name])
        for name, path in job.artefacts.items()
        if name in kinds and name not in _NOT_ARTEFACTS
    }
    reports: dict[StageName, StageReport] = {
        stage: artefacts.load(job.reports[stage], StageReport) for stage in job.state.finished
    }
    return RunResults(
        name=request.name,
        video_sha256=_video_sha256(job.state),
        subject=request.subject,
        options=request.options,
        reports=reports,
        timings_s={stage: record.seconds for stage, record in job.state.finished.items()},
        **made,
    )


def _video_sha256(state: RunState) -> str:
    """As the stage that read the video found it."""
    return next(record.sha256["video"] for record in state.finished.values() if "video" in record.sha256)
