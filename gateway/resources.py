"""The API's responses (`humanpose3d.api_models`), built from the state of runs and uploads.

base  where the API was called, `/api/v1` or `/api`; addresses begin with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import quote

from gateway.batch_records import Batch
from gateway.incoming import PART_BYTES
from gateway.uploads import Arrived
from humanpose3d.api_models import (
    Accepted,
    BatchEntry,
    BatchStatus,
    BatchSummary,
    Progress,
    ResultFile,
    Run,
    RunSummary,
    SharedRun,
    ShareLink,
    Statistics,
    UploadForm,
    UploadPart,
    UploadState,
)
from humanpose3d.api_models import Batch as BatchDetails
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.motion import AngleSd, JointAngles
from humanpose3d.options import route
from humanpose3d.statistics import angle_statistics, asymmetries, duration_s
from shared.runtime.run_state import RunState, Share
from shared.runtime.store import PresignedUpload


def accepted(base: str, states: Sequence[RunState], warnings: Iterable[str]) -> Accepted:
    """The response to an accepted submission: the runs of one video, one for each of its people."""
    state, *others = states
    url = run_url(base, state.run_id)
    return Accepted(
        run_key=state.run_id,
        progress_url=f"{url}progress/",
        results_url=url,
        events_url=f"{url}events",
        warnings=list(warnings),
        other_run_keys=[other.run_id for other in others],
    )


def progress(base: str, state: RunState, queue_position: int | None) -> Progress:
    """Progress of this run."""
    return Progress(
        run_key=state.run_id,
        status=state.status,
        progress=state.progress,
        stage=state.stage,
        frames=state.frames,
        queue_position=queue_position,
        done=state.is_over,
        at=state.updated_at,
        error=state.problem.detail if state.problem else None,
        problem=state.problem,
        results_url=run_url(base, state.run_id),
    )


def run_summary(base: str, state: RunState) -> RunSummary:
    """This run, as listed."""
    return RunSummary(
        run_key=state.run_id,
        name=state.name,
        video_name=state.request.name,
        notes=state.notes,
        session=state.session,
        task=state.request.options.task,
        batch=state.request.batch,
        error=state.problem.detail if state.problem else None,
        status=state.status,
        progress=state.progress,
        accepted_at=state.accepted_at,
        updated_at=state.updated_at,
        results_url=run_url(base, state.run_id),
    )


def listed(base: str, summary: Mapping[str, Any]) -> RunSummary:
    """This run, from all other fields of its summary."""
    return RunSummary(**summary, results_url=run_url(base, summary["run_key"]))


def at(base: str, run: RunSummary) -> RunSummary:
    """The same with its address."""
    return run.model_copy(update={"results_url": run_url(base, run.run_key)})


def run(base: str, state: RunState, *, shareable: bool = False) -> Run:
    """All details of this run. shareable: whether the server has links."""
    url = run_url(base, state.run_id)
    files = _files(url, state)
    return Run(
        **run_summary(base, state).model_dump(),
        stage=state.stage,
        stages=route(state.request.options),
        subject=state.request.subject,
        options=state.request.options,
        consented_at=state.request.consented_at,
        problem=state.problem,
        files=files,
        archive_url=f"{url}archive.zip" if files else None,
        shares_url=f"{url}shares" if files and shareable else None,
    )


def shared_run(base: str, state: RunState, share: Share) -> SharedRun:
    """This run, as its link shows it; `state` is without what is not shown."""
    url = f"{base}/shared/"
    return SharedRun(
        name=state.name,
        video_name=state.request.name,
        task=state.request.options.task,
        subject=state.request.subject,
        accepted_at=state.accepted_at,
        expires_at=share.expires_at,
        notes=state.notes if share.with_notes else None,
        results_url=url,
        video_url=f"{url}video" if share.with_video else None,
        files=_files(url, state),
        archive_url=f"{url}archive.zip",
    )


def _files(url: str, state: RunState) -> list[ResultFile]:
    return [ResultFile(path=path, url=f"{url}files/{quote(path)}") for path in sorted(state.results)]


def share_link(token: str, share: Share) -> ShareLink:
    """This link."""
    own = share.model_dump(exclude={"id"})
    return ShareLink(share_key=share.id, url=f"/#/shared/{token}", **own)


def batch_summary(base: str, batch: Batch) -> BatchSummary:
    """This batch, as listed."""
    record, runs = batch.record, batch.runs.values()
    counts: Counter[BatchStatus] = Counter(run.status for run in runs)
    counts["missing"] = len(record.videos) - len(runs)
    ended = counts["completed"] + counts["failed"] + counts["cancelled"]
    return BatchSummary(
        batch_key=record.key,
        name=record.name,
        created_at=record.created_at,
        videos=len(record.videos),
        counts={status: counts[status] for status in get_args(BatchStatus)},
        progress=(100 * ended + sum(run.progress for run in runs if run.status == "running")) / len(record.videos)
        if record.videos
        else 100,
        done=ended == len(record.videos),
        batch_url=f"{base}/batches/{record.key}/",
    )


def batch_details(base: str, batch: Batch) -> BatchDetails:
    """All details of this batch."""
    summary = batch_summary(base, batch)
    return BatchDetails(
        **summary.model_dump(),
        options=batch.record.options,
        entries=[_batch_entry(base, batch, video) for video in batch.record.videos],
        warnings=list(batch.record.warnings),
        summary_url=f"{summary.batch_url}summary.csv",
        archive_url=f"{summary.batch_url}archive.zip",
    )


def _batch_entry(base: str, batch: Batch, video: BatchVideo) -> BatchEntry:
    run = batch.runs.get(video.video)
    return BatchEntry(
        video=video.video,
        file=video.path,
        status="missing" if run is None else run.status,
        run=None if run is None else at(base, run),
        subject=video.subject,
        task=video.options(batch.record.options).task,
        notes=video.notes if run is None else run.notes,
    )


def upload_form(upload_key: str, form: PresignedUpload | None, max_bytes: int) -> UploadForm:
    """How to send a video under this key."""
    return UploadForm(
        upload_key=upload_key,
        url=form.url if form else None,
        fields=form.fields if form else {},
        expires_at=form.expires if form else None,
        max_bytes=max_bytes,
        part_bytes=PART_BYTES,
    )


def upload_state(upload_key: str, arrived: Arrived) -> UploadState:
    """The parts received under this key."""
    parts = [UploadPart(number=part.number, size=part.size) for part in arrived.parts]
    return UploadState(upload_key=upload_key, part_bytes=PART_BYTES, parts=parts, complete=arrived.complete)


def statistics(run_id: str, angles: JointAngles, spread: AngleSd | None) -> Statistics:
    """Statistics of this run's angles; `spread` is given where the joints were refined."""
    rows = angle_statistics(angles, spread)
    return Statistics(
        run_key=run_id,
        frames=angles.times.size,
        duration_s=duration_s(angles),
        angles=rows,
        asymmetries=asymmetries(rows),
    )


def run_url(base: str, run_id: str) -> str:
    """URL of a run in the API."""
    return f"{base}/runs/{run_id}/"
