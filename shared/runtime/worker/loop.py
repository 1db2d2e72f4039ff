"""The loop that all stages run in: pull, claim, heartbeat, run, store, record, publish, acknowledge.

A crash between any two of these leads to another delivery, and nothing is changed twice: the claim in the run's state
determines which delivery counts, separate folders isolate late writes, and for a stage recorded as finished only the
next task is published. Every task ends in one of the verdicts below.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import (
    DuplicateTask,
    HumanPose3DError,
    InputError,
    RunNotFound,
    RunOver,
    RunUnreadable,
    Superseded,
    Unavailable,
)
from humanpose3d.options import StageName
from shared.room import is_full, must_have_room
from shared.runtime import runs, telemetry
from shared.runtime.bus import Bus, Delivery, PartDelivery, StoredState
from shared.runtime.retrying import backoff, retry_while_unavailable
from shared.runtime.run_state import Claim, RunState, StageRecord, StageTask
from shared.runtime.settings import Settings
from shared.runtime.store import Store
from shared.runtime.tasks import cancel
from shared.runtime.worker.attempt import Attempt, Perform
from shared.runtime.worker.heartbeat import heartbeat, ignore_unavailable
from shared.runtime.worker.stage_runner import Refused, Runner, scratch_full
from shared.runtime.worker.work_sharing import WorkSharing
from shared.scratch import scratch_folder

log = logging.getLogger(__name__)

Phase = Literal["pulled", "claimed", "working", "stored", "recorded", "published", "acknowledged"]
Observer = Callable[[Phase, StageTask], None]
"""Called at every step of the loop."""

_PULL_S: Final = 2.0
"""Time that one pull waits; also the longest time that an idle loop takes to stop."""

_PART_PULL_S: Final = 0.1
_SHARING_PULL_S: Final = 0.5
"""The same for stages with shared parts, which should not wait for long."""

_TICK_S: Final = 0.5
"""Interval at which progress is stored and cancellation is checked."""

_PATIENCE_S: Final = 120.0
"""Time that a finished stage waits for an unavailable bus before the task is returned."""

_UNREADABLE_RETRY_S: Final = 60.0
"""Delay before a run of another version is tried again: by then a worker of that version may be available."""

_HAND_BACK_S: Final = 5.0
"""Time to return a task after the grace period."""


@dataclass(frozen=True)
class Done:
    """The task is done, or there is nothing to do: acknowledge it."""


@dataclass(frozen=True)
class Retry:
    """It may succeed later: return it."""

    reason: str
    delay_s: float
    claim: Claim | None
    """None where nothing was begun."""
    failed: bool
    """Whether this try counts against the run; not in an outage that affects all runs."""


@dataclass(frozen=True)
class GiveUp:
    """It will never succeed: the run fails, the task becomes a dead letter."""

    problem: Problem
    claim: Claim | None


@dataclass(frozen=True)
class Leave:
    """It now belongs to another worker: change nothing."""


Verdict = Done | Retry | GiveUp | Leave


async def must_work(bus: Bus, store: Store) -> None:
    """Returns when bus, store and the disk for work in progress can be used; raises Unavailable."""
    await bus.check()
    await store.check()
    try:
        await asyncio.to_thread(must_have_room, Path(tempfile.gettempdir()))
    except OSError:
        raise scratch_full() from None


def _never_answered(state: RunState) -> Problem:
    return Problem(
        code="worker-died",
        status=500,
        detail=f"The stage {state.stage} was tried {state.failures} times, and the last time its worker ended without "
        "an answer. The video may need more memory than there is, or be damaged. Try a shorter or smaller copy of it, "
        "and report it if that fails too.",
    )


def _kept_failing(stage: StageName, tries: int, error: Exception) -> Problem:
    reason = str(error) if isinstance(error, HumanPose3DError) else "There was an internal error."
    code, status = (error.code, error.status) if isinstance(error, HumanPose3DError) else ("internal", 500)
    detail = (
        f"The stage {stage} failed {tries} times, the last time because: {reason} "
        "Start the run again; if it fails again, report it with the key of the run."
    )
    return Problem(code=code, status=status, detail=detail)


def _unobserved(_phase: Phase, _task: StageTask) -> None:
    """Observer that does nothing."""


class Worker:
    """Works on the tasks of one stage, one at a time."""

    def __init__(
        self,
        stage: StageName,
        runner: Runner,
        bus: Bus,
        store: Store,
        settings: Settings,
        observer: Observer = _unobserved,
    ) -> None:
        self._stage = stage
        self._runner = runner
        self._bus = bus
        self._store = store
        self._settings = settings
        self._observe = observer
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._sharing = WorkSharing(stage, runner, bus, store, settings)
        self._stopping = asyncio.Event()
        self._current: asyncio.Task[None] | None = None
        self._held: RunState | None = None
        """As claimed for the current task."""
        self._outage_suspected = False

    @property
    def _claim(self) -> Claim | None:
        return None if self._held is None else self._held.claim

    async def run(self) -> None:
        """Work until `stop`."""
        failures = 0
        while not self._stopping.is_set():
            try:
                await self._wait_for_dependencies()
                if not await self._help_out():
                    self._sharing.release_inputs()  # keep no copy of a video longer than its parts need it
                    await self._take_next()
                failures = 0
            except Unavailable as error:
                failures += 1
                log.warning("no task could be pulled: %s", error)
                await self._pause(backoff(failures))
        self._sharing.release_inputs()

    async def stop(self) -> None:
        """Finish the current task within the grace period, or return it; then `run` returns."""
        self._stopping.set()
        if self._current is not None:
            _, unfinished = await asyncio.wait({self._current}, timeout=self._settings.grace_s)
            for task in unfinished:
                log.info("the grace period is over; the task goes back to the queue")
                await cancel(task, _HAND_BACK_S)

    async def _help_out(self) -> bool:
        """Do a part of a task that another worker coordinates, before a new task; False where there is none."""
        if not self._runner.divided:
            return False
        part = await self._bus.pull_part(self._stage, _PART_PULL_S)
        if part is None:
            return False
        await self._take(part, self._sharing.assist(part))
        return True

    async def _take_next(self) -> None:
        """Do the next task, if there is one."""
        delivery = await self._bus.pull(self._stage, _SHARING_PULL_S if self._runner.divided else _PULL_S)
        if delivery is not None:
            await self._take(delivery, self._process(delivery))

    async def _take(self, delivery: Delivery | PartDelivery, work: Coroutine[None, None, None]) -> None:
        if self._stopping.is_set():
            work.close()
            await ignore_unavailable(delivery.hand_back())
            return
        self._current = asyncio.create_task(work)
        await asyncio.wait({self._current})
        if not self._current.cancelled() and (error := self._current.exception()) is not None:
            trace = None if isinstance(error, Unavailable) else error
            log.error("the task could not be settled and will be delivered again: %s", error, exc_info=trace)
        self._current = None

    async def _process(self, delivery: Delivery) -> None:
        with telemetry.working_on(delivery.task, delivery.headers):
            async with heartbeat(delivery, self._settings.ack_wait_s / 3):
                try:
                    await self._settle(delivery, await self._verdict(delivery))
                except asyncio.CancelledError:
                    await ignore_unavailable(self._give_back(delivery, 0, self._claim, failed=False))
                    raise
                finally:
                    self._held = None

    async def _verdict(self, delivery: Delivery) -> Verdict:
        self._observe("pulled", delivery.task)
        try:
            return await self._tried(delivery)
        except Exception as error:  # noqa: BLE001 -- the loop must survive any error of a task; the last try ends the run
            return await self._verdict_on(scratch_full() if is_full(error) else error, delivery)

    async def _tried(self, delivery: Delivery) -> Verdict:
        self._held = await self._claimed(delivery)
        if self._held is None or self._claim is None:
            return Done()
        if self._held.failures >= self._settings.max_deliveries:
            return GiveUp(_never_answered(self._held), self._claim)
        return await self._work(delivery.task, self._claim)

    async def _verdict_on(self, error: Exception, delivery: Delivery) -> Verdict:
        match error:
            case RunNotFound() | RunOver() | DuplicateTask():
                log.info("nothing to do: %s", error)
                return Done()
            case Superseded():
                log.info("left to another: %s", error)
                return Leave()
            case RunUnreadable():
                return Retry(str(error), _UNREADABLE_RETRY_S, None, failed=False)
            case Refused():
                return GiveUp(error.problem, self._claim)
            case InputError():
                return GiveUp(Problem.of(error), self._claim)
            case _:
                return await self._again(error, delivery)

    async def _claimed(self, delivery: Delivery) -> RunState | None:
        """Claim the task; returns the state with the claim, None where it only remains to acknowledge the task."""
        task = delivery.task
        stored = await self._bus.read(task.run_id)
        if stored.state.is_over:
            await runs.reannounce_ended(self._bus, stored, task)
            await runs.delete_private_video(self._store, stored.state)
            return None
        if task.stage in stored.state.finished:
            await runs.publish_next(self._bus, stored.state)
            return None
        stored = await runs.change(
            self._bus,
            task.run_id,
            lambda state: state.claimed(task.stage, delivery.sequence, delivery.count, self._name),
        )
        self._observe("claimed", task)
        return stored.state

    async def _work(self, task: StageTask, claim: Claim) -> Verdict:
        with scratch_folder() as scratch:
            attempt = Attempt(
                task, claim, self._runner, self._perform(task), self._store, scratch, self._settings.models_directory
            )
            try:
                record, results = await self._watched(attempt)
                self._observe("stored", task)
                stored = await retry_while_unavailable(lambda: self._record(claim, task, record, results), _PATIENCE_S)
            except (RunOver, RunNotFound, Superseded):
                await ignore_unavailable(attempt.discard())
                await ignore_unavailable(self._clear_unless_at_work(task))
                raise
        await ignore_unavailable(self._sharing.clear(task))
        telemetry.stage_finished(task.stage, record.seconds)
        self._observe("recorded", task)
        await runs.publish_next(self._bus, stored.state)
        await runs.delete_private_video(self._store, stored.state)
        self._observe("published", task)
        return Done()

    async def _clear_unless_at_work(self, task: StageTask) -> None:
        """Remove the parts of a stage that is not to be done any more. A successor would continue from them."""
        with contextlib.suppress(RunNotFound):
            state = (await self._bus.read(task.run_id)).state
            if not state.is_over and state.stage == task.stage:
                return
        await self._sharing.clear(task)

    def _perform(self, task: StageTask) -> Perform:
        """How a task's job is done: in this worker, or shared among all workers of this stage."""
        if not self._runner.divided:
            return self._runner.run
        return partial(self._sharing.coordinate, task)

    async def _record(self, claim: Claim, task: StageTask, record: StageRecord, results: dict[str, str]) -> StoredState:
        return await runs.change(self._bus, task.run_id, lambda state: state.stage_finished(claim, record, results))

    async def _watched(self, attempt: Attempt) -> tuple[StageRecord, dict[str, str]]:
        """Run the stage and report its progress. Raises as soon as the work no longer counts."""
        frames = Advance(done=0, total=None)

        def progress(now: Advance) -> None:
            nonlocal frames
            frames = now

        making = asyncio.create_task(self._make(attempt, progress))
        try:
            while not (await asyncio.wait({making}, timeout=_TICK_S))[0]:
                self._observe("working", attempt.task)
                with contextlib.suppress(
                    Unavailable
                ):  # the work continues without the bus, which is only needed to record it
                    await runs.change(
                        self._bus, attempt.task.run_id, lambda state: state.progressed(attempt.claim, frames)
                    )
            return making.result()
        finally:
            await cancel(making, _HAND_BACK_S)

    async def _make(self, attempt: Attempt, progress: Callable[[Advance], None]) -> tuple[StageRecord, dict[str, str]]:
        record = await attempt.make_stage(progress)
        if attempt.task.rest:
            return record, {}
        state = (await self._bus.read(attempt.task.run_id)).state
        return record, await attempt.make_results(state.stage_finished(attempt.claim, record))

    async def _again(self, error: Exception, delivery: Delivery) -> Verdict:
        if not isinstance(error, HumanPose3DError):
            log.error("unexpected error", exc_info=error)
        if await self._is_outage(error) or (self._held is None and isinstance(error, Unavailable)):
            return Retry(str(error), self._settings.retry_delay_s, self._claim, failed=False)
        tries = delivery.count if self._held is None else self._held.failures + 1
        if tries < self._settings.max_deliveries:
            return Retry(str(error), self._settings.retry_delay_s * 4 ** (tries - 1), self._claim, failed=True)
        return GiveUp(_kept_failing(self._stage, tries, error), self._claim)

    async def _is_outage(self, error: Exception) -> bool:
        """Whether the error is due to an outage of bus, store or disk that affects all runs."""
        if not isinstance(error, Unavailable):
            return False
        self._outage_suspected = True
        try:
            await self._wait_for_dependencies()
        except Unavailable:
            return True
        return False

    async def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        match verdict:
            case Done():
                await delivery.ack()
                self._observe("acknowledged", delivery.task)
            case Retry(reason, delay_s, claim, failed):
                telemetry.stage_failed(self._stage, "retry")
                log.warning("to be tried again in %.0f s: %s", delay_s, reason)
                await self._give_back(delivery, delay_s, claim, failed=failed)
            case GiveUp(problem, claim):
                await self._give_up(delivery, problem, claim)
            case Leave():
                pass

    async def _give_back(self, delivery: Delivery, delay_s: float, claim: Claim | None, *, failed: bool) -> None:
        """Record it in the run's state first, or the next worker would count a crash; then return the task."""

        def transition(state: RunState) -> RunState:
            if claim is None or delivery.task.stage in state.finished:
                return state
            return state.given_back(claim, failed=failed)

        try:
            await runs.change(self._bus, delivery.task.run_id, transition)
        except Superseded:
            return  # another worker has the task, so this one must not return it
        except (RunOver, RunNotFound, RunUnreadable):
            pass
        await delivery.retry(delay_s)

    async def _give_up(self, delivery: Delivery, problem: Problem, claim: Claim | None) -> None:
        log.error("given up: %s", problem.detail)
        telemetry.stage_failed(self._stage, problem.code)
        try:
            await runs.give_up(self._bus, delivery.task, problem, claim)
        except Superseded:
            return  # the task belongs to another worker, which decides
        except (RunOver, RunNotFound):
            pass
        await delivery.discard(problem.code)

    async def _wait_for_dependencies(self) -> None:
        """After an outage, take no task until bus, store and disk work again. Raises Unavailable until then."""
        if self._outage_suspected:
            await must_work(self._bus, self._store)
            self._outage_suspected = False

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
