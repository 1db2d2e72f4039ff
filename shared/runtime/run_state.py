"""A run's life: the tasks it becomes, the state it is in, and the events that report it, as validated models."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field, JsonValue

from humanpose3d.api_models import Advance as Advance
from humanpose3d.api_models import Problem as Problem
from humanpose3d.api_models import RunStatus as RunStatus
from humanpose3d.api_models import RunTitle as RunTitle
from humanpose3d.errors import DuplicateTask, RunOver, Superseded
from humanpose3d.options import Contract, RunOptions, StageName, Subject, route

RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]

"""Safe as a token of a bus subject and as a part of an object key."""


_TIME_SHARE: Final[Mapping[StageName, float]] = {
    "detector": 90,
    "refiner.depth": 3,
    "augmenter": 3,
    "angles": 2,
    "refiner.joints": 2,
    "analysis": 1,
}

"""Roughly what each stage takes of a run's time on a CPU. Only the progress figure depends on it."""


class RunRequest(Contract):
    """What was requested when a run was accepted. Never changes."""

    video_key: str
    """Object key of the video in the store."""
    name: str
    """The video's safe name without suffix; results are named after it."""
    subject: Subject
    options: RunOptions
    consented_at: AwareDatetime
    """When the sender declared the consent of the person recorded."""
    owner: str
    """Whom the API key belongs to."""
    fingerprint: str
    """The same for a repetition of the same submission."""


class _Work(Contract):
    """A message that asks a worker to do something with a run."""

    run_id: RunId
    stage: StageName
    subject: Subject
    options: RunOptions

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """See `Contract`. An option that is set and that this version does not know is not ignored: it changes the
        result, or hides a face. A newer worker does such work."""
        work = super().read(stored)
        unknown = [name for name, value in _options(stored).items() if value and name not in RunOptions.model_fields]
        if unknown:
            raise ValueError(f"options of another version: {', '.join(unknown)}")
        return work


def _options(stored: bytes) -> dict[str, object]:
    options: dict[str, object] = json.loads(stored)["options"]
    return options


class StageTask(_Work):
    """One stage's work on one run, as a message in the queue. Says where the data are; holds none."""

    rest: tuple[StageName, ...]
    """The stages that follow (the routing slip)."""
    artefacts: dict[str, str]
    """Artefact name → object key, of everything made so far."""

    @property
    def message_id(self) -> str:
        """The same for the same piece of work, so that the bus recognises one published twice."""
        return f"{self.run_id}.{self.stage}"


class PartTask(_Work):
    """One part of a stage's work on one run, offered to every idle worker. Says where the data are; holds none."""

    number: Annotated[int, Field(ge=0)]
    """From 0, in the order of the plan."""
    part: JsonValue
    """All that the plan says about it."""
    inputs: dict[str, str]
    """Artefact name → object key, of the stage's inputs."""
    folder: str
    """The store's folder for what comes of the parts of this plan; another plan has another."""

    @property
    def message_id(self) -> str:
        """The same for the same piece of work."""
        return f"{self.folder}{self.number}"


class Claim(Contract):
    """Which delivery of which message works on a run. Any process that holds an older one is fenced off."""

    stage: StageName
    sequence: int
    """Sequence of the task's message in its stream."""
    delivery: int
    """How often that message had been delivered, this time included. Tells later ones from earlier, and counts nothing:
    a message is also delivered again after an orderly stop, or an outage of the bus."""
    worker: str
    attempt: int
    """Numbers the claims of a run, from 1; never given twice, so it names a folder that no other process writes."""


class StageRecord(Contract):
    """The manifest of a finished stage: the one attempt that counts, and what it made."""

    attempt: int
    artefacts: dict[str, str]
    """Artefact name → object key."""
    seconds: float
    sha256: dict[str, str] = Field(default_factory=dict)
    """Of the raw files among the stage's inputs, by artefact name."""


class RunState(Contract):
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
    failures: int = 0
    """Tries of the stage at work that failed, or whose worker was not heard of again. Orderly stops do not count."""
    claim: Claim | None = None
    finished: dict[StageName, StageRecord] = Field(default_factory=dict)
    results: dict[str, str] = Field(default_factory=dict)
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

        The holder of a claim gives it back, or finishes the stage. A claim that is still held when the task is
        delivered again is therefore one whose worker died, or fell silent for the ack wait: a failure.
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
        failures = self.failures + (held is not None)
        return self._changed(status="running", claim=claim, attempts=attempt, failures=failures, frames=None)

    def given_back(self, claim: Claim, *, failed: bool) -> Self:
        """The stage under this claim is to be tried again, because this try failed or its worker is asked to stop."""
        self._must_hold(claim)
        return self._changed(claim=None, frames=None, failures=self.failures + failed)

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
        finished = {**self.finished, claim.stage: record}
        done = self._changed(claim=None, failures=0, frames=None, finished=finished)
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
        """The task was lost: no person's claim counts any more, and it may be published again."""
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


class StageEvent(Contract):
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
        """The event that reports this state."""
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
