"""Typed models of the HTTP API's responses: the source of the OpenAPI document, and what `Client` returns."""

from datetime import date, datetime
from typing import Annotated, Literal, Self, TypedDict

from pydantic import BaseModel, Field, StringConstraints

from humanpose3d.analysis import Analysis, Event, NotMeasurable, Parameter, Side, Task, View
from humanpose3d.errors import HumanPose3DError, InvalidOption, of_code
from humanpose3d.notes import RunNotes, SubjectCode
from humanpose3d.options import Contract, RunOptions, StageName, Subject, TaskOption
from humanpose3d.skeleton import (
    JOINT_GROUPS,
    LANDMARK_SEGMENTS,
    LANDMARKS,
    MARKERS,
    RESPONSE_MARKERS,
    SEGMENTS,
    mirrored,
)
from humanpose3d.statistics import AngleStatistics, Asymmetry

RunTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
"""A display name: any text that can be printed on one line."""

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]


class FieldProblem(BaseModel):
    """The fault of one field of a form or query."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="urn of the kind of problem", examples=["urn:humanpose3d:problem:invalid-option"])
    title: str = Field(description="the kind of problem in a few words")
    status: int = Field(description="the HTTP status")
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="what is wrong and what to do, for people")
    errors: list[FieldProblem] = Field(default=[], description="which fields are at fault")

    @classmethod
    def of(cls, error: HumanPose3DError) -> Self:
        """The problem that describes this error."""
        faults = error.faults.items() if isinstance(error, InvalidOption) else ()
        errors = [FieldProblem(field=field, detail=detail) for field, detail in faults]
        return cls.from_code(error.status, error.code, str(error), errors)

    @classmethod
    def from_code(cls, status: int, code: str, detail: str, errors: list[FieldProblem]) -> Self:
        """A problem with the type and title of its code."""
        title = code.replace("-", " ").capitalize()
        kind = f"urn:humanpose3d:problem:{code}"
        return cls(type=kind, title=title, status=status, code=code, detail=detail, errors=errors)

    def error(self) -> HumanPose3DError:
        """The error that this problem describes."""
        return of_code(self.code, self.detail, {item.field: item.detail for item in self.errors})


class Problem(Contract):
    """Why a run failed, in the terms of RFC 9457: a stable code, an HTTP status, and what to do about it."""

    code: str
    status: int
    detail: str

    @classmethod
    def of(cls, error: HumanPose3DError) -> Self:
        """The problem that describes this error."""
        return cls(code=error.code, status=error.status, detail=str(error))


class Advance(Contract):
    """Progress of the current stage: frames done, and in total (None where the video does not state it)."""

    done: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)] | None

    @property
    def fraction(self) -> float:
        """0 to 1; 0 where the total is unknown."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def tells_more_than(self, earlier: "Advance | None") -> bool:
        """Whether it should be stored: at least a thousandth of the stage, or a frame of an unknown total, is new."""
        before = earlier or Advance(done=0, total=self.total)
        if self.total is None or before.total is None:
            return self != before
        return round(1000 * self.fraction) != round(1000 * before.fraction)


class Accepted(BaseModel):
    """An accepted run: it will end as completed, failed or cancelled."""

    run_key: str
    progress_url: str
    results_url: str
    events_url: str
    warnings: list[str] = Field(description="what the server will not do, and values that are unlikely")
    other_run_keys: list[str] = Field(
        default_factory=list, description="runs of the other people in the video, where a batch has several of it"
    )


class Progress(BaseModel):
    """Progress of a run."""

    run_key: str
    status: RunStatus
    progress: float = Field(ge=0, le=100, description="percent of the whole run")
    stage: StageName | None = Field(description="the current or next stage; null after the last")
    frames: Advance | None = Field(description="progress of this stage; null until it has started")
    queue_position: int | None = Field(description="number of runs waiting before this one; null if it is not waiting")
    done: bool = Field(description="the run has ended: completed, failed or cancelled")
    at: datetime = Field(description="when it last changed")
    error: str | None = Field(description="why it failed and what to do; null unless it failed")
    problem: Problem | None
    results_url: str


class BatchPlace(Contract):
    """Which video of which batch a run is of; the video as the batch names it."""

    key: str
    video: str


class RunSummary(BaseModel):
    """A run, as listed."""

    run_key: str
    name: str = Field(description="display name; the video's name until it is renamed")
    video_name: str = Field(description="the video's name, used in the names of result files")
    notes: RunNotes = Field(description="as given, or as changed since")
    session: date = Field(description="day of the recording: as noted, or that of the submission (UTC)")
    task: TaskOption = Field(description="the option `task`")
    batch: BatchPlace | None = Field(default=None, description="the batch that the run belongs to")
    error: str | None = Field(default=None, description="why it failed and what to do; null unless it failed")
    status: RunStatus
    progress: float
    accepted_at: datetime
    updated_at: datetime
    results_url: str


class RunFilters(TypedDict, total=False):
    """Filters of a list of runs; `text` is part of the name, the subject, a label, the side or the note."""

    subject: str | None
    session: date | str | None
    label: str | None
    task: TaskOption | None
    batch: str | None
    status: RunStatus | None
    text: str | None


class RunList(BaseModel):
    """Some runs, newest first."""

    runs: list[RunSummary]
    next_cursor: str | None = Field(description="pass it as `cursor` for the next page; null on the last")


class ResultFile(BaseModel):
    """A file of the results."""

    path: str
    url: str


class Run(RunSummary):
    """All details of one run."""

    shares_url: str | None = Field(default=None, description="its links; null where the server has no links")

    stage: StageName | None
    stages: tuple[StageName, ...] = Field(description="the stages of the run, in order")
    subject: Subject
    options: RunOptions
    consented_at: datetime
    problem: Problem | None
    files: list[ResultFile] = Field(description="the results; empty until the run is completed")
    archive_url: str | None


class RunChange(RunNotes):
    """The changeable properties of a run; what is not given stays."""

    name: RunTitle | None = None

    @property
    def notes(self) -> dict[str, object]:
        """Those of the notes that are given."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"name"}}


class ShareRequest(Contract):
    """What a link shows, and how long."""

    days: int = Field(default=7, ge=1, le=90, description="how long the link is valid")
    with_video: bool = Field(default=False, description="show the video too; never of a run with `blur_faces`")
    with_notes: bool = Field(default=False, description="show subject code, session, labels, side, note and run.json")


class ShareLink(BaseModel):
    """A link that shows one result to everyone who has it."""

    share_key: str
    url: str = Field(description="of the page that shows the result, on this server; keep it secret")
    created_at: datetime
    expires_at: datetime
    with_video: bool
    with_notes: bool


class ShareList(BaseModel):
    """The links of a run that are valid, oldest first."""

    shares: list[ShareLink]


class SharedRun(BaseModel):
    """A result as its link shows it."""

    name: str
    video_name: str = Field(description="the video's name, used in the names of result files")
    task: TaskOption = Field(description="the option `task`")
    subject: Subject
    accepted_at: datetime
    expires_at: datetime = Field(description="until when the link is valid")
    notes: RunNotes | None = Field(description="null where they are not shared")
    results_url: str
    video_url: str | None = Field(description="null where the video is not shared")
    files: list[ResultFile]
    archive_url: str


class RunsChanged(BaseModel):
    """How many runs a call changed or erased."""

    runs: int


BatchStatus = Literal["missing", "queued", "running", "completed", "failed", "cancelled"]
"""Of a video of a batch: that of its run; `missing` where none was submitted."""


class BatchSummary(BaseModel):
    """A batch, as listed."""

    batch_key: str
    name: str
    created_at: datetime
    videos: int = Field(description="number of videos that the batch expects")
    counts: dict[BatchStatus, int] = Field(description="number of videos by status")
    progress: float = Field(ge=0, le=100, description="percent of all runs together")
    done: bool = Field(description="every video has a run, and all of them have ended")
    batch_url: str


class BatchEntry(BaseModel):
    """A video of a batch."""

    video: str = Field(
        description="as in the table of subjects, or the list of videos; with the person where it has several"
    )
    file: str = Field(description="the same without the person")
    status: BatchStatus
    run: RunSummary | None = Field(description="its run; null while it is missing")
    subject: Subject
    task: TaskOption
    notes: RunNotes


class BatchList(BaseModel):
    """Some batches, newest first."""

    batches: list[BatchSummary]
    next_cursor: str | None = Field(description="pass it as `cursor` for the next page; null on the last")


class Batch(BatchSummary):
    """All details of one batch."""

    options: RunOptions = Field(description="of all runs; a task in the table of subjects goes before it")
    entries: list[BatchEntry] = Field(description="the videos, in the order of the table or list")
    warnings: list[str] = Field(description="what seemed doubtful about the table of subjects")
    summary_url: str = Field(description="the key figures of all videos as one CSV")
    archive_url: str = Field(description="the results of all completed runs as one zip")


class SubjectSummary(BaseModel):
    """A subject, as listed."""

    subject: str
    runs: int
    sessions: int = Field(description="number of days")
    first_session: date
    last_session: date


class SubjectList(BaseModel):
    """All subjects, by code."""

    subjects: list[SubjectSummary]


class FigurePoint(BaseModel):
    """A key figure in one run.

    sd: its standard deviation between `n` repetitions; of a single one that of its measurement, where known.
    """

    session: date
    run_key: str
    value: float
    sd: float | None
    n: int | None
    error: float | None = Field(
        description="measured mean absolute error, degrees, of the joint angle that the figure is the peak of, in such "
        "a view; null where it was not measured"
    )


class FigureSeries(BaseModel):
    """A key figure over the sessions of a subject."""

    task: Task
    name: str
    side: Side | None
    unit: str
    points: list[FigurePoint]


class SubjectHistory(SubjectSummary):
    """A subject's runs, and its key figures over the sessions."""

    history: list[RunSummary] = Field(description="by session and time")
    figures: list[FigureSeries]


class SubjectChange(BaseModel):
    """The new code of a subject."""

    subject: SubjectCode


class UploadForm(BaseModel):
    """A new upload. Send the video in one of two ways, then start the run with its `upload_key`.

    Whole, directly to the store: POST `fields` and, last, `file` to `url` (null where the store has no public address).
    Or in parts of `part_bytes`, so that a broken connection can be resumed: request each part's address, PUT the part
    there, complete the upload.
    """

    upload_key: str
    url: str | None
    fields: dict[str, str]
    expires_at: datetime | None = Field(description="when the form expires; parts may be sent for a day")
    max_bytes: int
    part_bytes: int


class UploadPart(BaseModel):
    """A part that has been received."""

    number: int
    size: int


class UploadState(BaseModel):
    """The received parts of an upload."""

    upload_key: str
    part_bytes: int = Field(description="size of every part but the last")
    parts: list[UploadPart] = Field(description="the received parts; empty once they were joined")
    complete: bool = Field(description="the whole video has been received: a run can be started with it")


class PartAddress(BaseModel):
    """Where to PUT a part: an absolute address is the store's, a relative one this server's (with your API key)."""

    url: str


class UploadSize(BaseModel):
    """Size of the complete video."""

    size: int = Field(gt=0, description="bytes")


class Statistics(BaseModel):
    """Statistics of all joint angles."""

    run_key: str
    frames: int
    duration_s: float
    angles: list[AngleStatistics]
    asymmetries: list[Asymmetry]


class RunParameters(BaseModel):
    """Task, events and key figures of a run: the content of `events.json` and `parameters.csv`."""

    run_key: str
    task: Task
    recognised: bool = Field(description="whether the task was recognised rather than given")
    view: View
    timing_s: float = Field(description="an event's time is known to ± this many seconds at best")
    key_figures: tuple[Parameter, ...] = Field(description="the figures that summarise the task, in order")
    parameters: tuple[Parameter, ...]
    events: tuple[Event, ...]
    not_measurable: tuple[NotMeasurable, ...]

    @classmethod
    def of(cls, run_key: str, analysis: Analysis) -> Self:
        """The parameters in this analysis."""
        own = {name: getattr(analysis, name) for name in cls.model_fields if name != "run_key"}
        return cls(run_key=run_key, **own)


class JointGroup(BaseModel):
    """A joint and the names of its three angles, in degrees."""

    name: str
    mirrored: str = Field(description="the same joint on the other side; its own name on the midline")
    angles: tuple[str, str, str]


class Skeleton(BaseModel):
    """The names used in results, and how they are connected."""

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
