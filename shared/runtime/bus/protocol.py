"""The interface of the bus for gateway and workers.

Delivery is at least once: a task is delivered again, without limit, when its worker is silent for the ack wait, returns
it, or crashes. The run's state limits the tries of a stage.
Whatever must happen only once depends on a run's state, which is changed by compare-and-set only. Every call may raise
BusUnavailable, even after it took effect, and every call may be repeated.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from humanpose3d.api_models import Problem
from humanpose3d.errors import RunUnreadable
from humanpose3d.options import StageName
from shared.runtime.run_state import PartTask, RunState, StageEvent, StageTask


class StoredState(NamedTuple):
    """A run's state and the revision that the next change must name."""

    state: RunState
    revision: int


class StateChange(NamedTuple):
    """The newest state of one run; `state` is None when the run was erased, or cannot be read: then `unreadable`."""

    run_id: str
    state: RunState | None
    revision: int
    unreadable: RunUnreadable | None = None


class History(NamedTuple):
    """What the bus holds of all runs."""

    identity: str
    """Another one where the bus was set up again: its revisions then count from 1 again."""
    newest: int
    """The last revision."""
    runs: int
    """Number of runs; for a moment also those just erased."""


class StoredStarts(NamedTuple):
    """Start times of an owner's runs of the last day, by their identifiers, and the revision of this list."""

    starts: Mapping[str, datetime]
    revision: int
    """0 where there is no list yet."""


@dataclass(frozen=True)
class QueueDepth:
    """Numbers of tasks of a stage."""

    waiting: int
    """Not yet delivered."""
    working: int
    """Delivered and not acknowledged: in progress, or waiting for another try."""
    dead: int
    """Given up, kept as dead letters."""


class Delivery(Protocol):
    """One task, handed to one worker for the length of the ack wait. Ends with `ack`, `retry` or `discard`."""

    @property
    def task(self) -> StageTask:
        """The work to be done."""

    @property
    def sequence(self) -> int:
        """Of the message in its stream: the same for every delivery of it."""

    @property
    def count(self) -> int:
        """Number of this delivery of the message, from 1."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the message (trace context)."""

    async def in_progress(self) -> None:
        """Restart the ack wait."""

    async def ack(self) -> None:
        """Done: the task leaves the queue. Returns when the server has confirmed."""

    async def retry(self, delay: float) -> None:
        """Not done: deliver it again after `delay` seconds."""

    async def hand_back(self) -> None:
        """Not begun, since this worker is asked to stop: deliver it again at once."""

    async def discard(self, reason: str) -> None:
        """Never to be done: the task leaves the queue."""


class PartDelivery(Protocol):
    """One part of a run's work, handed to one worker for the length of the ack wait. Ends with `ack` or `retry`."""

    @property
    def task(self) -> PartTask:
        """The work to be done."""

    @property
    def count(self) -> int:
        """Number of this delivery of the offer, from 1."""

    async def in_progress(self) -> None:
        """Restart the ack wait."""

    async def ack(self) -> None:
        """Done, or not to be done by others: the offer is withdrawn."""

    async def retry(self, delay: float) -> None:
        """Not done: deliver it again after `delay` seconds."""

    async def hand_back(self) -> None:
        """Not done, since this worker is asked to stop: offer it again at once, as if it had never been delivered."""


class Bus(Protocol):
    """The message bus. One instance a process; safe for many tasks of one event loop."""

    async def publish(self, task: StageTask, headers: Mapping[str, str] = ...) -> None:
        """Queue a task. Published twice within two minutes, it is queued once."""

    async def pull(self, stage: StageName, timeout: float) -> Delivery | None:
        """The next task of a stage; None when there was none for `timeout` seconds.

        A task that this version cannot read is left to a worker of the version that wrote it.
        """

    async def has_task(self, stage: StageName, run_id: str) -> bool:
        """Whether a task of this stage and run is in the queue, in progress or not."""

    async def withdraw(self, stage: StageName, run_id: str) -> None:
        """Take the task of this stage and run out of the queue; it may be published again at once."""

    async def offer(self, task: PartTask) -> None:
        """Offer a part to all workers of its stage. Offered twice within two minutes, it is offered once.

        An offer is not guaranteed: it may be lost with the bus or expire, which its sender checks with `is_offered`.
        """

    async def pull_part(self, stage: StageName, timeout: float) -> PartDelivery | None:
        """The next part of a stage; None when there was none for `timeout` seconds."""

    async def is_offered(self, task: PartTask) -> bool:
        """Whether the offer exists, in progress or not."""

    async def withdraw_parts(self, stage: StageName, run_id: str) -> None:
        """Take back every offer of this stage and run."""

    async def bury(self, task: StageTask, problem: Problem) -> None:
        """Keep an abandoned task as dead letter of its stage. Repeated, it is kept once."""

    async def dead_letters(self, stage: StageName) -> list[tuple[StageTask, Problem]]:
        """The dead letters of a stage, oldest first."""

    async def depth(self, stage: StageName) -> QueueDepth:
        """Length of a stage's queue."""

    async def create(self, state: RunState) -> int:
        """Store the state of a new run; returns its revision. Raises RunExists."""

    async def read(self, run_id: str) -> StoredState:
        """The state as last stored. Raises RunNotFound, RunUnreadable."""

    async def update(self, state: RunState, revision: int) -> int:
        """Store a changed state if the run is still at `revision`; returns the new one. Raises RunChanged."""

    def states(self, after: int = 0) -> AsyncGenerator[StateChange | None, None]:
        """Every run's newest state stored after this revision, None, then every change as it happens, without end.

        None is repeated when a broken connection was restored and all that happened meanwhile has been reported, except
        for erasures, which leave no trace: a process that keeps a copy compares `run_ids` when `history` has another
        number of them.
        """

    async def history(self) -> History:
        """Identity, last revision and number of the runs' states."""

    async def run_ids(self) -> set[str]:
        """Identifiers of all runs, and for a moment of those just erased."""

    async def read_starts(self, owner: str) -> StoredStarts:
        """When an owner's runs were started. A list that is unchanged for a day is forgotten."""

    async def update_starts(self, owner: str, starts: Mapping[str, datetime], revision: int) -> None:
        """Store a changed list if it is still at `revision`. Raises RunChanged."""

    async def announce(self, event: StageEvent) -> None:
        """Notify the run's watchers. The same event twice within two minutes is sent once."""

    def events(self, run_id: str, after: int = 0) -> AsyncGenerator[tuple[int, StageEvent], None]:
        """Events of a run after this sequence, first those kept, then as they happen, each with its sequence."""

    async def forget(self, run_id: str) -> None:
        """Remove every trace of a run: state, tasks, events, dead letters."""

    async def check(self) -> None:
        """Returns when the bus answers and has written a message; raises BusUnavailable."""

    async def close(self) -> None:
        """Close the connection."""
