"""What the API answers with, as typed models: the source of the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from gateway.uploads import PART_BYTES, Arrived
from humanpose3d.motion import AngleSd, JointAngles
from humanpose3d.options import RunOptions, StageName, Subject, route
from humanpose3d.skeleton import (
    JOINT_GROUPS,
    LANDMARK_SEGMENTS,
    LANDMARKS,
    MARKERS,
    RESPONSE_MARKERS,
    SEGMENTS,
    mirrored,
)
from humanpose3d.statistics import AngleStatistics, Asymmetry, angle_statistics, asymmetries, duration_s
from shared.runtime.run_state import Advance, Problem, RunState, RunStatus, RunTitle
from shared.runtime.store import PresignedUpload


class Accepted(BaseModel):
    """A run that was taken on: it will end as completed, failed or cancelled."""

    run_key: str
    progress_url: str
    results_url: str
    events_url: str
    warnings: list[str] = Field(description="what the server will not do, though it was asked for")

    @classmethod
    def of(cls, state: RunState, warnings: tuple[str, ...]) -> Self:
        """The answer for this run."""
        url = run_url(state.run_id)
        return cls(
            run_key=state.run_id,
            progress_url=f"{url}progress/",
            results_url=url,
            events_url=f"{url}events",
            warnings=list(warnings),
        )


class Progress(BaseModel):
    """How far a run is."""

    run_key: str
    status: RunStatus
    progress: float = Field(ge=0, le=100, description="percent of the whole run")
    stage: StageName | None = Field(description="the stage at work, or next; null after the last")
    frames: Advance | None = Field(description="how far this stage is; null while it has not begun")
    queue_position: int | None = Field(description="how many runs wait before this one; null when it does not wait")
    done: bool = Field(description="the run has ended: completed, failed or cancelled")
    at: datetime = Field(description="when it last changed")
    error: str | None = Field(description="why it failed and what to do; null unless it failed")
    problem: Problem | None
    results_url: str

    @classmethod
    def of(cls, state: RunState, queue_position: int | None) -> Self:
        """The answer for this run."""
        return cls(
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
            results_url=run_url(state.run_id),
        )


class RunSummary(BaseModel):
    """A run in a list."""

    run_key: str
    name: str = Field(description="what its owner calls it; the video's name until it is given another")
    video_name: str = Field(description="the video's name, which result files bear")
    status: RunStatus
    progress: float
    accepted_at: datetime
    updated_at: datetime
    results_url: str

    @classmethod
    def of(cls, state: RunState) -> Self:
        """The answer for this run."""
        return cls(
            run_key=state.run_id,
            name=state.name,
            video_name=state.request.name,
            status=state.status,
            progress=state.progress,
            accepted_at=state.accepted_at,
            updated_at=state.updated_at,
            results_url=run_url(state.run_id),
        )


class RunList(BaseModel):
    """Some runs, newest first."""

    runs: list[RunSummary]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last")


class ResultFile(BaseModel):
    """A file of the results."""

    path: str
    url: str


class Run(RunSummary):
    """Everything about one run."""

    stage: StageName | None
    stages: tuple[StageName, ...] = Field(description="what the run passes through, in order")
    subject: Subject
    options: RunOptions
    consented_at: datetime
    problem: Problem | None
    files: list[ResultFile] = Field(description="the results; empty until the run is completed")
    archive_url: str | None

    @classmethod
    def of(cls, state: RunState) -> Self:
        """The answer for this run."""
        url = run_url(state.run_id)
        files = [ResultFile(path=path, url=f"{url}files/{quote(path)}") for path in sorted(state.results)]
        return cls(
            **RunSummary.of(state).model_dump(),
            stage=state.stage,
            stages=route(state.request.options),
            subject=state.request.subject,
            options=state.request.options,
            consented_at=state.request.consented_at,
            problem=state.problem,
            files=files,
            archive_url=f"{url}archive.zip" if files else None,
        )


class RunChange(BaseModel):
    """What can be changed of a run."""

    name: RunTitle


class UploadForm(BaseModel):
    """An upload that was begun. Send the video in one of two ways, then start the run with its `upload_key`.

    Whole, straight to the store: POST `fields` and, last, `file` to `url` (null where the store has no address of its
    own). Or in parts of `part_bytes`, which outlive a broken connection: ask for each part's address, PUT it there,
    complete the upload.
    """

    upload_key: str
    url: str | None
    fields: dict[str, str]
    expires_at: datetime | None = Field(description="when the form expires; parts may be sent for a day")
    max_bytes: int
    part_bytes: int

    @classmethod
    def of(cls, upload_key: str, form: PresignedUpload | None, max_bytes: int) -> Self:
        """The answer for this upload."""
        return cls(
            upload_key=upload_key,
            url=form.url if form else None,
            fields=form.fields if form else {},
            expires_at=form.expires if form else None,
            max_bytes=max_bytes,
            part_bytes=PART_BYTES,
        )


class UploadPart(BaseModel):
    """A part that has arrived."""

    number: int
    size: int


class UploadState(BaseModel):
    """What has arrived of an upload."""

    upload_key: str
    part_bytes: int = Field(description="size of every part but the last")
    parts: list[UploadPart] = Field(description="the parts that are there; none once they were made one")
    complete: bool = Field(description="the whole video is there: a run can be started with it")

    @classmethod
    def of(cls, upload_key: str, arrived: Arrived) -> Self:
        """The answer for this upload."""
        parts = [UploadPart(number=part.number, size=part.size) for part in arrived.parts]
        return cls(upload_key=upload_key, part_bytes=PART_BYTES, parts=parts, complete=arrived.complete)


class PartAddress(BaseModel):
    """Where to PUT a part: the store where the address is absolute, this server, with your API key, where it is not."""

    url: str


class UploadSize(BaseModel):
    """How large the video is that the parts make."""

    size: int = Field(gt=0, description="bytes")


class Statistics(BaseModel):
    """Statistics of all joint angles."""

    run_key: str
    frames: int
    duration_s: float
    angles: list[AngleStatistics]
    asymmetries: list[Asymmetry]

    @classmethod
    def of(cls, run_id: str, angles: JointAngles, spread: AngleSd | None) -> Self:
        """The answer for this run; `spread` is there where the joints were refined."""
        rows = angle_statistics(angles, spread)
        return cls(
            run_key=run_id,
            frames=angles.times.size,
            duration_s=duration_s(angles),
            angles=rows,
            asymmetries=asymmetries(rows),
        )


class JointGroup(BaseModel):
    """A joint and the names of its three angles, in degrees."""

    name: str
    mirrored: str = Field(description="the same joint on the other side; its own name on the midline")
    angles: tuple[str, str, str]


class Skeleton(BaseModel):
    """The names that results use, and how they hang together."""

    landmarks: tuple[str, ...] = LANDMARKS
    landmark_segments: Annotated[tuple[tuple[str, str], ...], Field(description="landmarks joined by a line")] = (
        LANDMARK_SEGMENTS
    )
    markers: Annotated[tuple[str, ...], Field(description="taken from the video")] = MARKERS
    response_markers: Annotated[tuple[str, ...], Field(description="added by the augmentation")] = RESPONSE_MARKERS
    segments: Annotated[tuple[tuple[str, str], ...], Field(description="markers joined by a line")] = SEGMENTS
    joints: tuple[JointGroup, ...] = tuple(
        JointGroup(name=group.name, mirrored=mirrored(group.name), angles=group.angles) for group in JOINT_GROUPS
    )


def run_url(run_id: str) -> str:
    """Where a run lives in the API."""
    return f"/api/runs/{run_id}/"
