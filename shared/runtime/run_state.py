"""The life cycle of a run as validated models: its tasks, its state, and the events that report it."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field, JsonValue

from humanpose3d.api_models import Advance as Advance
from humanpose3d.api_models import BatchPlace as BatchPlace
from humanpose3d.api_models import Problem as Problem
from humanpose3d.api_models import RunStatus as RunStatus
from humanpose3d.api_models import RunTitle as RunTitle
from humanpose3d.errors import DuplicateTask, RunOver, Superseded
from humanpose3d.notes import NO_NOTES, RunNotes
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

"""Approximate share of each stage in a run's time on a CPU, used only for the progress figure."""


class Webhook(Contract):
    """Where the end of a run is sent, and the secret that signs it."""

    url: str
    secret: Annotated[str, Field(repr=False)]


class Delivery(Contract):
    """How far the webhook of an ended run is.

    due: when it is tried next; None: at once. over: delivered or given up.
    """

    tries: int = 0
    due: AwareDatetime | None = None
    over: bool = False


class Share(Contract):
    """Leave to see a completed run by a link, until it expires."""

    id: RunId
    created_at: AwareDatetime
    expires_at: AwareDatetime
    with_video: bool = False
    with_notes: bool = False


class RunRequest(Contract):
    """The request as accepted. Never changes."""

    video_key: str
    """Object key of the video in the store."""
    name: str
    """The video's safe name without suffix; results are named after it."""
    subject: Subject
    options: RunOptions
    consented_at: AwareDatetime
    """When the sender confirmed the consent of the person recorded."""
    owner: str
    """Owner of the API key."""
    fingerprint: str
    """Identical for repetitions of the same submission."""
    stance_key: str | None = None
    """Object key of a copy of the neutral stance of the run that `neutral_run` names."""
    webhook: Webhook | None = None
    batch: BatchPlace | None = None


class _Work(Contract):
    """A message that assigns work on a run to a worker."""

    run_id: RunId
    stage: StageName
    subject: Subject
    options: RunOptions

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """See `Contract`. An unknown option that is set is not ignored, since it changes the result or hides a face;
        such work is left to a newer worker."""
        work = super().read(stored)
        must_know_options(json.loads(stored)["options"])
        return work


def must_know_options(options: Mapping[str, object]) -> None:
    """Raises ValueError where an option that is set is unknown to this version."""
    unknown = [name for name, value in options.items() if value and name not in RunOptions.model_fields]
    if unknown:
        raise ValueError(f"options of another version: {', '.join(unknown)}")


class StageTask(_Work):
    """One stage's work on one run, as a message in the queue. It refers to data and contains none."""

    rest: tuple[StageName, ...]
    """The stages that follow (the routing slip)."""
    artefacts: dict[str, str]
    """Artefact name → object key, of everything made so far."""

    @property
    def message_id(self) -> str:
        """Identical for the same work, so that the bus recognises duplicates."""
        return f"{self.run_id}.{self.stage}"


class PartTask(_Work):
    """One part of a stage's work on one run, offered to idle workers. It refers to data and contains none."""

    number: Annotated[int, Field(ge=0)]
    """From 0, in the order of the plan."""
    part: JsonValue
    """Its description in the plan."""
    inputs: dict[str, str]
    """Artefact name → object key, of the stage's inputs."""
    folder: str
    """The store's folder for the results of this plan's parts; other plans have other folders."""

    @property
    def message_id(self) -> str:
        """Identical for the same work."""
        return f"{self.folder}{self.number}"


class Claim(Contract):
    """The delivery and message that currently work on a run. Holders of older claims are fenced off."""

    stage: StageName
    sequence: int
    """Sequence of the task's message in its stream."""
    delivery: int
    """Number of deliveries of that message, including this one. It orders deliveries but does not count failures: a
    message is also delivered again after an orderly stop or an outage of the bus."""
    worker: str
    attempt: int
    """Number of the claim within the run, from 1; unique, so that it names a folder that no other process writes."""


class StageRecord(Contract):
    """The manifest of a finished stage: the attempt that counts, and its outputs."""

    attempt: int
    artefacts: dict[str, str]
    """Artefact name → object key."""
    seconds: float
    sha256: dict[str, str] = Field(default_factory=dict)
    """Of the raw files among the stage's inputs, by artefact name."""


class RunState(Contract):
    """The state of a run. Every change goes through a method that checks whether it is allowed.

    queued → running → completed | failed | cancelled (the last two also from queued); an ended run never changes,
    except for its display name, its notes, its links and the delivery of its webhook.
    The methods are pure: they return the next state, or the same one where there is nothing to change, and raise
    RunOver or Superseded. The bus stores the result by compare-and-set, so one of two concurrent changes starts over.
    """

    run_id: RunId
    request: RunRequest
    accepted_at: AwareDatetime
    updated_at: AwareDatetime
    status: RunStatus = "queued"
    progress: Annotated[float, Field(ge=0, le=100)] = 0
    frames: Advance | None = None
    """Progress of the current stage, since it was last begun."""
    attempts: int = 0
    failures: int = 0
    """Failed tries of the current stage, including those whose worker disappeared. Orderly stops do not count."""
    claim: Claim | None = None
    finished: dict[StageName, StageRecord] = Field(default_factory=dict)
    results: dict[str, str] = Field(default_factory=dict)
    """Path within the results → object key; empty until the run is completed."""
    problem: Problem | None = None
    title: RunTitle | None = None
    """Name given by the owner; None: the video's name, which result files always keep."""
    notes: RunNotes = NO_NOTES
    shares: tuple[Share, ...] = ()
    """The links that show the run."""
    delivery: Delivery = Delivery()
    """Of the webhook, once the run has ended."""

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """See `Contract`. An unknown option that is set makes a state unreadable: the next change to it would drop the
        option, and its next task would be done without, and what the option hides would be shown."""
        state = super().read(stored)
        must_know_options(json.loads(stored)["request"]["options"])
        return state

    @classmethod
    def accepted(cls, run_id: str, request: RunRequest, notes: RunNotes = NO_NOTES) -> Self:
        """The state that a run starts in."""
        now = datetime.now(UTC)
        return cls(run_id=run_id, request=request, accepted_at=now, updated_at=now, notes=notes)

    @property
    def name(self) -> str:
        """Display name of the run."""
        return self.title or self.request.name

    @property
    def session(self) -> date:
        """Day of the recording: as noted, or that of the submission (UTC)."""
        return self.notes.session or self.accepted_at.date()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended: completed, failed or cancelled."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def webhook_due(self) -> datetime | None:
        """When the webhook is tried next, in the past where it is due at once; None where nothing is to be sent."""
        if self.request.webhook is None or not self.is_over or self.delivery.over:
            return None
        return self.delivery.due or self.accepted_at

    @property
    def stage(self) -> StageName | None:
        """The first stage that is not finished; None after the last."""
        return next((name for name in route(self.request.options) if name not in self.finished), None)

    @property
    def made(self) -> dict[str, str]:
        """Artefact name → object key, of what the finished stages made."""
        return {name: key for record in self.finished.values() for name, key in record.artefacts.items()}

    def task(self) -> StageTask | None:
        """The next task; None where there is none. The same state returns the same task."""
        stages = route(self.request.options)
        if self.is_over or self.stage is None:
            return None
        return StageTask(
            run_id=self.run_id,
            stage=self.stage,
            rest=stages[stages.index(self.stage) + 1 :],
            subject=self.request.subject,
            options=self.request.options,
            artefacts={**self._given(), **self.made},
        )

    def _given(self) -> dict[str, str]:
        """Artefact name → object key, of what the run begins with."""
        stance = self.request.stance_key
        return {"video": self.request.video_key, **({} if stance is None else {"given_stance": stance})}

    def claimed(self, stage: StageName, sequence: int, delivery: int, worker: str) -> Self:
        """A worker begins on a delivery of this stage's task.

        The holder of a claim returns it or finishes the stage. If a claim is still held when the task is delivered
        again, its worker crashed or was silent for the ack wait, which counts as a failure.
        Raises Superseded where the stage is done or a later delivery of the task is in progress, DuplicateTask where
        the work belongs to another message.
        """
        self._must_go_on()
        if stage != self.stage:
            raise Superseded(f"Stage {stage} of this run is not the one to be done.")
        held = self.claim
        if held is not None and held.sequence != sequence:
            raise DuplicateTask("Another message holds the same task.")
        if held is not None and held.delivery >= delivery and (held.delivery, held.worker) != (delivery, worker):
            raise Superseded("A later delivery of this task is in progress.")
        if held is not None and (held.delivery, held.worker) == (delivery, worker):
            return self
        attempt = self.attempts + 1
        claim = Claim(stage=stage, sequence=sequence, delivery=delivery, worker=worker, attempt=attempt)
        failures = self.failures + (held is not None)
        return self._changed(status="running", claim=claim, attempts=attempt, failures=failures, frames=None)

    def given_back(self, claim: Claim, *, failed: bool) -> Self:
        """The stage under this claim is to be tried again: this try failed, or its worker is being stopped."""
        self._must_hold(claim)
        return self._changed(claim=None, frames=None, failures=self.failures + failed)

    def progressed(self, claim: Claim, frames: Advance) -> Self:
        """Record the progress of the stage under this claim. Progress never decreases, not even on a retry."""
        self._must_hold(claim)
        if not frames.tells_more_than(self.frames):
            return self
        return self._changed(progress=max(self.progress, self._progress(frames.fraction)), frames=frames)

    def stage_finished(
        self, claim: Claim, record: StageRecord, results: Mapping[str, str] = MappingProxyType({})
    ) -> Self:
        """The stage under this claim is finished, and this attempt is the one that counts.

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
        """The run has failed. A worker passes its claim, so that one that was fenced off cannot end the run."""
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
        """The owner renamed the run; allowed at any time."""
        return self if title == self.name else self._changed(title=title)

    def annotated(self, notes: RunNotes) -> Self:
        """The owner changed the notes; allowed at any time."""
        return self if notes == self.notes else self._changed(notes=notes)

    def with_shares(self, shares: Iterable[Share]) -> Self:
        """The owner shared the run, or revoked links. Not a change of the run: `updated_at` stays."""
        return self.model_copy(update={"shares": tuple(shares)})

    def with_delivery(self, delivery: Delivery) -> Self:
        """The webhook has come this far. Not a change of the run: `updated_at` stays."""
        return self.model_copy(update={"delivery": delivery})

    def requeued(self) -> Self:
        """The task was lost: all claims are void, and it may be published again."""
        self._must_go_on()
        return self._changed(claim=None, frames=None)

    def _must_go_on(self) -> None:
        if self.is_over:
            raise RunOver(f"The run is already {self.status}; its status can no longer change.")

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
    """A change of a run's state, as sent to its watchers."""

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
