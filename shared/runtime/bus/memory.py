"""The bus within one process, for tests: follows the rules of the real one."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from humanpose3d.api_models import Problem
from humanpose3d.errors import RunChanged, RunExists, RunNotFound
from humanpose3d.options import StageName
from shared.runtime.bus.protocol import History, QueueDepth, StateChange, StoredStarts, StoredState
from shared.runtime.run_state import PartTask, RunState, StageEvent, StageTask

T = TypeVar("T")

DUPLICATE_WINDOW_S: Final = 120


@dataclass(eq=False)
class _Message:
    task: StageTask
    sequence: int
    headers: Mapping[str, str]
    deliveries: int = 0
    due: float = 0.0
    """Monotonic time from which it may be delivered (again)."""


@dataclass(frozen=True)
class _Delivery:
    bus: "MemoryBus"
    message: _Message
    count: int

    @property
    def task(self) -> StageTask:
        return self.message.task

    @property
    def sequence(self) -> int:
        return self.message.sequence

    @property
    def headers(self) -> Mapping[str, str]:
        return self.message.headers

    async def in_progress(self) -> None:
        self.message.due = time.monotonic() + self.bus.ack_wait_s

    async def ack(self) -> None:
        # As in NATS, a late acknowledgement of an earlier delivery counts.
        self.bus.remove(self.message)

    async def retry(self, delay: float) -> None:
        self.message.due = time.monotonic() + delay

    async def hand_back(self) -> None:
        await self.retry(0)

    async def discard(self, reason: str) -> None:
        self.bus.remove(self.message)


@dataclass(eq=False)
class _Offer:
    task: PartTask
    deliveries: int = 0
    due: float = 0.0
    """Monotonic time from which it may be delivered (again)."""


@dataclass(frozen=True)
class _PartDelivery:
    bus: "MemoryBus"
    offer: _Offer
    count: int

    @property
    def task(self) -> PartTask:
        return self.offer.task

    async def in_progress(self) -> None:
        self.offer.due = time.monotonic() + self.bus.ack_wait_s

    async def ack(self) -> None:
        self.bus.parts = [other for other in self.bus.parts if other is not self.offer]

    async def retry(self, delay: float) -> None:
        self.offer.due = time.monotonic() + delay

    async def hand_back(self) -> None:
        self.offer.deliveries = 0
        await self.retry(0)


class MemoryBus:
    """See `shared.runtime.bus.protocol.Bus`. Nothing is persistent."""

    def __init__(self, ack_wait_s: float = 30) -> None:
        self.ack_wait_s = ack_wait_s
        self.messages: list[_Message] = []
        self.parts: list[_Offer] = []
        self._sequences = itertools.count(1)
        self._seen: dict[str, float] = {}
        self._identity = secrets.token_hex(8)
        self._states: dict[str, StoredState] = {}
        self._erased = 0
        """Revision of the last erasure."""
        self._starts: dict[str, StoredStarts] = {}
        self._watchers: set[asyncio.Queue[StateChange]] = set()
        self._events: list[tuple[int, StageEvent]] = []
        self._dead: dict[str, tuple[StageTask, Problem]] = {}
        self._changed = asyncio.Condition()

    async def publish(self, task: StageTask, headers: Mapping[str, str] | None = None) -> None:
        if self._is_new(f"task.{task.message_id}"):
            self.messages.append(_Message(task, next(self._sequences), dict(headers or {})))
            await self._notify()

    async def pull(self, stage: StageName, timeout: float) -> _Delivery | None:
        return await self._poll(lambda: self._next(stage), timeout)

    async def has_task(self, stage: StageName, run_id: str) -> bool:
        return any(message.task.stage == stage and message.task.run_id == run_id for message in self.messages)

    async def withdraw(self, stage: StageName, run_id: str) -> None:
        self.messages = [
            message for message in self.messages if (message.task.stage, message.task.run_id) != (stage, run_id)
        ]

    async def offer(self, task: PartTask) -> None:
        if self._is_new(f"part.{task.message_id}"):
            self.parts.append(_Offer(task))
            await self._notify()

    async def pull_part(self, stage: StageName, timeout: float) -> _PartDelivery | None:
        return await self._poll(lambda: self._next_part(stage), timeout)

    async def is_offered(self, task: PartTask) -> bool:
        return any(part.task == task for part in self.parts)

    async def withdraw_parts(self, stage: StageName, run_id: str) -> None:
        self.parts = [part for part in self.parts if (part.task.stage, part.task.run_id) != (stage, run_id)]

    async def bury(self, task: StageTask, problem: Problem) -> None:
        self._dead[task.message_id] = (task, problem)

    async def dead_letters(self, stage: StageName) -> list[tuple[StageTask, Problem]]:
        return [letter for letter in self._dead.values() if letter[0].stage == stage]

    async def depth(self, stage: StageName) -> QueueDepth:
        queued = [message for message in self.messages if message.task.stage == stage]
        waiting = sum(message.deliveries == 0 for message in queued)
        return QueueDepth(waiting, len(queued) - waiting, len(await self.dead_letters(stage)))

    async def create(self, state: RunState) -> int:
        if state.run_id in self._states:
            raise RunExists(f"There is a run {state.run_id} already.")
        return await self._store(state)

    async def read(self, run_id: str) -> StoredState:
        try:
            return self._states[run_id]
        except KeyError:
            raise RunNotFound(f"There is no run {run_id}.") from None

    async def update(self, state: RunState, revision: int) -> int:
        stored = self._states.get(state.run_id)
        if stored is None or stored.revision != revision:
            raise RunChanged(f"Run {state.run_id} was changed by another.")
        return await self._store(state)

    async def states(self, after: int = 0) -> AsyncGenerator[StateChange | None, None]:
        changes: asyncio.Queue[StateChange] = asyncio.Queue()
        self._watchers.add(changes)
        try:
            for state, revision in sorted(self._states.values(), key=lambda stored: stored.revision):
                if revision > after:
                    yield StateChange(state.run_id, state, revision)
            yield None
            while True:
                yield await changes.get()
        finally:
            self._watchers.discard(changes)

    async def history(self) -> History:
        newest = max((stored.revision for stored in self._states.values()), default=self._erased)
        return History(self._identity, max(newest, self._erased), len(self._states))

    async def run_ids(self) -> set[str]:
        return set(self._states)

    async def read_starts(self, owner: str) -> StoredStarts:
        return self._starts.get(owner, StoredStarts({}, 0))

    async def update_starts(self, owner: str, starts: Mapping[str, datetime], revision: int) -> None:
        if (await self.read_starts(owner)).revision != revision:
            raise RunChanged("Runs of this owner were started by another.")
        self._starts[owner] = StoredStarts(dict(starts), next(self._sequences))

    async def announce(self, event: StageEvent) -> None:
        if self._is_new(f"event.{event.run_id}.{event.revision}"):
            self._events.append((next(self._sequences), event))
            await self._notify()

    async def events(self, run_id: str, after: int = 0) -> AsyncGenerator[tuple[int, StageEvent], None]:
        while True:
            for sequence, event in list(self._events):
                if sequence > after and event.run_id == run_id:
                    after = sequence
                    yield sequence, event
            await self._wait(0.2)

    async def forget(self, run_id: str) -> None:
        self.messages = [message for message in self.messages if message.task.run_id != run_id]
        self.parts = [part for part in self.parts if part.task.run_id != run_id]
        self._events = [entry for entry in self._events if entry[1].run_id != run_id]
        self._dead = {key: letter for key, letter in self._dead.items() if letter[0].run_id != run_id}
        if self._states.pop(run_id, None):
            self._erased = next(self._sequences)
            self._tell(StateChange(run_id, None, self._erased))

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def remove(self, message: _Message) -> None:
        """Take a message out of the queue, if it is there."""
        self.messages = [other for other in self.messages if other is not message]

    async def _poll(self, find: Callable[[], T | None], timeout: float) -> T | None:
        deadline = time.monotonic() + timeout
        while (found := find()) is None and (left := deadline - time.monotonic()) > 0:
            await self._wait(min(left, 0.02))  # a message may also become due by time alone
        return found

    def _next(self, stage: StageName) -> _Delivery | None:
        now = time.monotonic()
        for message in self.messages:
            if message.task.stage == stage and message.due <= now:
                message.deliveries += 1
                message.due = now + self.ack_wait_s
                return _Delivery(self, message, message.deliveries)
        return None

    def _next_part(self, stage: StageName) -> _PartDelivery | None:
        now = time.monotonic()
        part = next((part for part in self.parts if part.task.stage == stage and part.due <= now), None)
        if part is None:
            return None
        part.deliveries += 1
        part.due = now + self.ack_wait_s
        return _PartDelivery(self, part, part.deliveries)

    async def _store(self, state: RunState) -> int:
        revision = next(self._sequences)
        self._states[state.run_id] = StoredState(state, revision)
        self._tell(StateChange(state.run_id, state, revision))
        return revision

    def _tell(self, change: StateChange) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(change)

    def _is_new(self, message_id: str) -> bool:
        now = time.monotonic()
        self._seen = {key: seen for key, seen in self._seen.items() if now - seen < DUPLICATE_WINDOW_S}
        return self._seen.setdefault(message_id, now) == now

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self, timeout: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait()
