"""What a run is asked to do and what its stages say about it, as validated models.

`RunOptions` is the one list of options: the command line's flags, the API's form fields and the bus's tasks are all
made from it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import DuplicateTask, HumanPose3DError, InvalidOption, RunOver, Superseded

StageName = Literal["detector", "refiner.depth", "augmenter", "angles", "refiner.joints"]
PoseModel = Literal["lite", "full", "heavy"]
PoseRuntime = Literal["onnx", "mediapipe"]


def route(options: "RunOptions") -> tuple[StageName, ...]:
    """The stages that a run passes through, in order. The joint refiner follows where a network of it is asked for."""
    stages: tuple[StageName, ...] = ("detector", "refiner.depth", "augmenter", "angles")
    joints = options.main_refiner or options.joint_model_path or options.main_refiner_path
    return (*stages, "refiner.joints") if joints else stages


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, object]) -> Self:
        """Validate; raises InvalidOption with every fault by name, what was given and what is expected."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InvalidOption(dict(_fault(cls, item) for item in error.errors())) from None


class Subject(_Contract):
    """The person in the video."""

    height: Annotated[float, Field(ge=0.5, le=2.5, description="standing height in metres, 0.5 to 2.5")]
    weight: Annotated[float, Field(ge=10, le=300, description="body mass in kilograms, 10 to 300")]


class RunOptions(_Contract):
    """How a run is done. The same names everywhere: API field, CLI flag (with dashes), task."""

    estimate_missing: Annotated[
        bool, Field(description="mirror an occluded limb from the visible side and extrapolate the head")
    ] = False
    force_complete: Annotated[
        bool, Field(description="estimate shank clusters and hip joint centres that the models did not give")
    ] = False
    augmentation_cycles: Annotated[
        int, Field(ge=1, le=1000, description="perturbed copies averaged by the marker augmentation")
    ] = 20
    main_refiner: Annotated[bool, Field(description="run both neural refiners, depth and joints")] = False
    visibility_min: Annotated[
        float, Field(ge=0, le=1, description="landmarks less visible than this are treated as missing")
    ] = 0.3
    temporal_smoothing: Annotated[
        bool, Field(description="zero-phase low-pass filter over the markers (Butterworth, 6 Hz)")
    ] = False
    plot_all_joint_angles: Annotated[bool, Field(description="write the multi-panel picture of all joint angles")] = (
        False
    )
    plot_landmarks: Annotated[bool, Field(description="write a picture of the landmarks' paths")] = False
    plot_augmented: Annotated[bool, Field(description="write a picture of the augmented markers")] = False
    save_angle_comparison: Annotated[
        bool, Field(description="write a picture of the angles, right against left or before against after refinement")
    ] = False
    show_all_markers: Annotated[bool, Field(description="draw all 65 markers in pictures, not only the 22")] = False
    export_preview: Annotated[bool, Field(description="write an MP4 with the landmarks drawn over the video")] = False
    blur_faces: Annotated[
        bool,
        Field(
            description="hide the person's face in all that is shown; writes the preview, which then takes the place "
            "of the video on a server"
        ),
    ] = False
    show_video: Annotated[bool, Field(description="show the detection live in a window (needs a display)")] = False
    depth_model_path: Annotated[str | None, Field(description="another depth refinement model (ONNX)")] = None
    joint_model_path: Annotated[str | None, Field(description="another joint refinement model (ONNX)")] = None
    main_refiner_path: Annotated[str | None, Field(description="another model of both refiners in one (ONNX)")] = None
    pose_model: Annotated[PoseModel, Field(description="MediaPipe pose landmark model")] = "full"
    pose_runtime: Annotated[
        PoseRuntime,
        Field(description="what runs that model: ONNX Runtime, on a GPU where there is one, or MediaPipe on the CPU"),
    ] = "onnx"

    @property
    def writes_preview(self) -> bool:
        """Whether there is a preview: asked for, or needed as the only film that may be shown."""
        return self.export_preview or self.blur_faces


class VideoFacts(_Contract):
    """What the container and the decoder said about the video. Sizes are of the upright picture."""

    width: int
    height: int
    rotation_deg: int
    codec: str
    container: str
    frames: int
    duration_s: float
    average_fps: float
    variable_frame_rate: bool
    frame_interval_min_s: float
    frame_interval_max_s: float
    truncated: bool
    has_audio: bool


FOCAL_LENGTH: Final = 0.85
"""Assumed focal length as a share of the picture's longer side: a phone's main camera (24–28 mm in 35 mm terms, over
the 34.6 mm long side of a 4:3 picture with that diagonal: 0.69–0.81), of which video stabilisation crops 5–20 %, which
lengthens it to 0.73–1.0."""


class Verticals(_Contract):
    """Which way the world's upright lines run, as the picture shows it over the whole clip.

    Up is (aside, -1, ahead) in the camera's axes (x right, y down, z away), for a camera of FOCAL_LENGTH: `ahead` grows
    in proportion to the true focal length, `aside` does not. looks: frames that say so.
    """

    aside: float
    ahead: float
    looks: int


class QualityWarning(_Contract):
    """Something the user should know before trusting the numbers, in plain words, with what to do about it."""

    code: str
    message: str


class StageReport(_Contract):
    """One stage's part of quality.json and run.json."""

    facts: dict[str, JsonValue] = {}
    warnings: tuple[QualityWarning, ...] = ()
    models: dict[str, str] = {}
    """Model file name → sha256."""


RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""Safe as a token of a bus subject and as a part of an object key."""

RunTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
"""A name for people: anything that can be printed on one line."""

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]

_TIME_SHARE: Final[Mapping[StageName, float]] = {
    "detector": 90,
    "refiner.depth": 3,
    "augmenter": 3,
    "angles": 2,
    "refiner.joints": 2,
}
"""Roughly what each stage takes of a run's time on a CPU. Only the progress figure depends on it."""


class Problem(_Contract):
    """Why a run failed, in the terms of RFC 9457: a stable code, an HTTP status, and what to do about it."""

    code: str
    status: int
    detail: str

    @classmethod
    def of(cls, error: HumanPose3DError) -> Self:
        """The problem that an error of ours is."""
        return cls(code=error.code, status=error.status, detail=str(error))


class RunRequest(_Contract):
    """What was asked for when a run was accepted. Never changes."""

    video_key: str
    """Object key of the video in the store."""
    name: str
    """The video's safe name without suffix; results are named after it."""
    subject: Subject
    options: RunOptions
    consented_at: AwareDatetime
    """When the sender declared the consent of the person filmed."""
    owner: str
    """Whom the API key belongs to."""
    fingerprint: str
    """The same for a repetition of the same submission."""


class StageTask(_Contract):
    """One stage's work on one run, as it lies in the queue. Says where the data are; holds none."""

    run_id: RunId
    stage: StageName
    rest: tuple[StageName, ...]
    """The stages that follow (the routing slip)."""
    subject: Subject
    options: RunOptions
    artefacts: dict[str, str]
    """Artefact name → object key, of everything made so far."""

    @property
    def message_id(self) -> str:
        """The same for the same piece of work, so that the bus recognises one published twice."""
        return f"{self.run_id}.{self.stage}"


class PartTask(_Contract):
    """One part of a stage's work on one run, offered to whoever is idle. Says where the data are; holds none."""

    run_id: RunId
    stage: StageName
    number: Annotated[int, Field(ge=0)]
    """From 0, in the order of the plan."""
    part: JsonValue
    """All that the plan says about it."""
    subject: Subject
    options: RunOptions
    inputs: dict[str, str]
    """Artefact name → object key, of the stage's inputs."""
    folder: str
    """The store's folder for what comes of the parts of this plan; another plan has another."""

    @property
    def message_id(self) -> str:
        """The same for the same piece of work."""
        return f"{self.folder}{self.number}"


class Advance(_Contract):
    """How far the stage at work is: frames done, of how many (None where the video does not say)."""

    done: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)] | None

    @property
    def fraction(self) -> float:
        """0 to 1; 0 where the total is not known."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def tells_more_than(self, earlier: "Advance | None") -> bool:
        """Whether it is worth storing: a thousandth of the stage was done since, or a frame of an unknown number."""
        before = earlier or Advance(done=0, total=self.total)
        if self.total is None or before.total is None:
            return self != before
        return round(1000 * self.fraction) != round(1000 * before.fraction)


class Claim(_Contract):
    """Which delivery of which message works on a run. Whoever holds an older one is fenced off."""

    stage: StageName
    sequence: int
    """Sequence of the task's message in its stream."""
    delivery: int
    """How often that message had been delivered, this time included."""
    worker: str
    attempt: int
    """Numbers the claims of a run, from 1; never given twice, so it names a folder that nobody else writes."""


class StageRecord(_Contract):
    """The manifest of a finished stage: the one attempt that counts, and what it made."""

    attempt: int
    artefacts: dict[str, str]
    """Artefact name → object key."""
    seconds: float
    sha256: dict[str, str] = {}
    """Of the raw files among the stage's inputs, by artefact name."""


class RunState(_Contract):
    """Where a run stands. Every change goes through a method that says whether it is allowed.

    queued → running → completed | failed | cancelled (the last two from queued too); an ended run never changes, but
    for the name that its owner gives it.
    The methods are pure: they return the next state, or the same one where there is nothing to change, and raise
    RunOver or Superseded. The bus stores the result by compare-and-set, so of two changes at once one starts over.
    """

    run_id: RunId
    request: RunRequest
    accepted_at: AwareDatetime
    updated_at: AwareDatetime
    status: RunStatus = "queued"
    progress: Annotated[float, Field(ge=0, le=100)] = 0
    frames: Advance | None = None
    """Of the stage at work, since it was last begun."""
    attempts: int = 0
    claim: Claim | None = None
    finished: dict[StageName, StageRecord] = {}
    results: dict[str, str] = {}
    """Path within the results → object key; empty until the run is completed."""
    problem: Problem | None = None
    title: RunTitle | None = None
    """What its owner calls it; None: as the video is called. Result files keep the video's name."""

    @classmethod
    def accepted(cls, run_id: str, request: RunRequest) -> Self:
        """The state that a run starts in."""
        now = datetime.now(UTC)
        return cls(run_id=run_id, request=request, accepted_at=now, updated_at=now)

    @property
    def name(self) -> str:
        """What the run is called where people see it."""
        return self.title or self.request.name

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, one way or another."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def stage(self) -> StageName | None:
        """The first stage that is not finished; None after the last."""
        return next((name for name in route(self.request.options) if name not in self.finished), None)

    def task(self) -> StageTask | None:
        """The work to be done next; None where there is none. The same state gives the same task."""
        stages = route(self.request.options)
        if self.is_over or self.stage is None:
            return None
        made = {name: key for record in self.finished.values() for name, key in record.artefacts.items()}
        return StageTask(
            run_id=self.run_id,
            stage=self.stage,
            rest=stages[stages.index(self.stage) + 1 :],
            subject=self.request.subject,
            options=self.request.options,
            artefacts={"video": self.request.video_key, **made},
        )

    def claimed(self, stage: StageName, sequence: int, delivery: int, worker: str) -> Self:
        """A worker begins on a delivery of this stage's task.

        Raises Superseded where the stage is done or a later delivery of the task is at work, DuplicateTask where the
        work belongs to another message.
        """
        self._must_go_on()
        if stage != self.stage:
            raise Superseded(f"Stage {stage} of this run is not the one to be done.")
        held = self.claim
        if held is not None and held.sequence != sequence:
            raise DuplicateTask("Another message holds the same task.")
        if held is not None and held.delivery >= delivery and (held.delivery, held.worker) != (delivery, worker):
            raise Superseded("A later delivery of this task is at work.")
        if held is not None and (held.delivery, held.worker) == (delivery, worker):
            return self
        attempt = self.attempts + 1
        claim = Claim(stage=stage, sequence=sequence, delivery=delivery, worker=worker, attempt=attempt)
        return self._changed(status="running", claim=claim, attempts=attempt, frames=None)

    def progressed(self, claim: Claim, frames: Advance) -> Self:
        """The stage under this claim has come so far. Progress never goes back, not even on a retry."""
        self._must_hold(claim)
        if not frames.tells_more_than(self.frames):
            return self
        return self._changed(progress=max(self.progress, self._progress(frames.fraction)), frames=frames)

    def stage_finished(
        self, claim: Claim, record: StageRecord, results: Mapping[str, str] = MappingProxyType({})
    ) -> Self:
        """The stage under this claim is done: from now on this attempt is the one that counts.

        After the last stage the run is completed, with these results (path → object key).
        """
        if self.finished.get(claim.stage) == record:
            return self
        self._must_hold(claim)
        done = self._changed(claim=None, frames=None, finished={**self.finished, claim.stage: record})
        if done.stage is None:
            return done._changed(status="completed", progress=100.0, results=dict(results))
        return done._changed(progress=max(self.progress, done._progress(0)))

    def failed(self, problem: Problem, claim: Claim | None = None) -> Self:
        """The run cannot be done. A worker gives its claim, so that one that was fenced off cannot end the run."""
        if claim is None:
            self._must_go_on()
        else:
            self._must_hold(claim)
        return self._changed(status="failed", problem=problem)

    def cancelled(self) -> Self:
        """The run was stopped on request."""
        self._must_go_on()
        return self._changed(status="cancelled")

    def renamed(self, title: str) -> Self:
        """Its owner gives it another name, at any time."""
        return self if title == self.name else self._changed(title=title)

    def requeued(self) -> Self:
        """The task was lost: nobody's claim counts any more, and it may be published again."""
        self._must_go_on()
        return self._changed(claim=None, frames=None)

    def _must_go_on(self) -> None:
        if self.is_over:
            raise RunOver(f"The run is {self.status} and stays so.")

    def _must_hold(self, claim: Claim) -> None:
        self._must_go_on()
        if self.claim != claim:
            raise Superseded("Another worker has taken this run over.")

    def _progress(self, fraction: float) -> float:
        stages = route(self.request.options)
        done = sum(_TIME_SHARE[name] for name in self.finished)
        current = _TIME_SHARE[self.stage] * fraction if self.stage else 0.0
        return round(min(99.0, 100 * (done + current) / sum(_TIME_SHARE[name] for name in stages)), 1)

    def _changed(self, **values: object) -> Self:
        return self.model_copy(update={**values, "updated_at": datetime.now(UTC)})


class StageEvent(_Contract):
    """A change of a run's state, as those who watch the run hear of it."""

    run_id: RunId
    revision: int
    """Of the state in the bus; the same change always has the same revision."""
    status: RunStatus
    stage: StageName | None
    progress: float
    frames: Advance | None = None
    problem: Problem | None
    at: AwareDatetime

    @classmethod
    def of(cls, state: RunState, revision: int) -> Self:
        """The event that tells of this state."""
        return cls(
            run_id=state.run_id,
            revision=revision,
            status=state.status,
            stage=state.stage,
            progress=state.progress,
            frames=state.frames,
            problem=state.problem,
            at=state.updated_at,
        )


def _fault(contract: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    """Name of the option at fault, and what is wrong with it in words for its user."""
    name = ".".join(str(part) for part in error["loc"])
    field = contract.model_fields.get(name)
    if field is None:
        return name, f"there is no such option (there are: {', '.join(contract.model_fields)})"
    if error["type"] == "missing":
        return name, f"is required ({field.description})"
    complaint = error["msg"].removeprefix("Input ")
    return name, f"{complaint}, not {error['input']!r} ({field.description})"
