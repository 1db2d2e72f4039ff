"""Writes the results of a run from artefacts of several workers: the same files as in one process."""

from humanpose3d.options import StageName, StageReport
from shared.artefacts import Files, load
from shared.results.model import ARTEFACTS, RunResults
from shared.results.write import write_results
from shared.runtime.run_state import RunState
from shared.runtime.worker.stage_child import ResultsJob


def write(job: ResultsJob) -> None:
    """Write the results of a finished run into the job's folder. Raises OutputNotWritable and InvalidMotion."""
    write_results(_collect(job), job.outputs)


def _collect(job: ResultsJob) -> RunResults:
    request = job.state.request
    reports: dict[StageName, StageReport] = {
        stage: load(job.reports[stage], StageReport) for stage in job.state.finished
    }
    return RunResults(
        name=request.name,
        video_sha256=_video_sha256(job.state),
        subject=request.subject,
        options=request.options,
        reports=reports,
        timings_s={stage: record.seconds for stage, record in job.state.finished.items()},
        artefacts=Files(job.artefacts, ARTEFACTS),
        notes=job.state.notes,
    )


def _video_sha256(state: RunState) -> str:
    """As computed by the stage that read the video."""
    return next(record.sha256["video"] for record in state.finished.values() if "video" in record.sha256)
