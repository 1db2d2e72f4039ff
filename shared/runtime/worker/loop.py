"""The one loop that all stages run in: pull, claim, heartbeat, run, store, record, publish, acknowledge.

A crash between any two of these leads to another delivery, which changes nothing twice: the claim in the run's state
says which delivery counts, the attempt's own folder keeps late writes apart, and a stage that is recorded as finished
is only published on. Every task ends in one of the verdicts below.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from humanpose3d.errors import (
    DuplicateTask,
    HumanPose3DError,
    InputError,
    RunNotFound,
    RunOver,
    StoreUnavailable,
    Superseded,
    Unavailable,
)
from humanpose3d.options import StageName
from shared.runtime import runs, telemetry
from shared.runtime.bus import Bus, Delivery, PartDelivery, StoredState
from shared.runtime.retrying import backoff, retry_while_unavailable
from shared.runtime.run_state import Advance, Claim, Problem, StageRecord, StageTask
from shared.runtime.settings import Settings
from shared.runtime.store import Store
from shared.runtime.worker.attempt import Attempt, Perform
from shared.runtime.worker.heartbeat import heartbeat, ignore_unavailable
from shared.runtime.worker.stage_runner import Refused, Runner
from shared.runtime.worker.work_sharing import WorkSharing
from shared.scratch import scratch_folder

log = logging.getLogger(__name__)

Phase = Literal["pulled", "claimed", "working", "stored", "recorded", "published", "acknowledged"]
Observer = Callable[[Phase, StageTask], None]
"""Hears of every step of the loop."""

_PULL_S: Final = 2.0
"""How long one pull waits; also how long an idle loop may take to stop."""

_PART_PULL_S: Final = 0.1
_SHARING_PULL_S: Final = 0.5
"""The same where there may be parts of others' work to do instead: they should not wait for long."""

_TICK_S: Final = 0.5
"""How often progress is stored and a cancellation noticed."""

_PATIENCE_S: Final = 120.0
"""How long a finished stage waits for a bus that is away, before the work is given back."""

_HAND_BACK_S: Final = 5.0
"""How long giving a task back may take after the grace period."""


@dataclass(frozen=True)
class Done:
    """The task is done, or there is nothing to do: acknowledge it."""


@dataclass(frozen=True)
class Retry:
    """It may succeed later: give it back."""

    reason: str
    delay_s: float


@dataclass(frozen=True)
class GiveUp:
    """It will never succeed: the run fails, the task becomes a dead letter."""

    problem: Problem
    claim: Claim | None


@dataclass(frozen=True)
class Leave:
    """It is another worker's by now: touch nothing."""


Verdict = Done | Retry | GiveUp | Leave


def _unobserved(_phase: Phase, _task: StageTask) -> None:
    """Nobody looks on."""


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
        self._store_suspected = False

    async def run(self) -> None:
        """Work until `stop`."""
        failures = 0
        while not self._stopping.is_set():
            try:
                await self._wait_for_store()
                if not await self._help_out():
                    self._sharing.release_inputs()  # no copy of a video outlives the parts that it was fetched for
                    await self._take_next()
                failures = 0
            except Unavailable as error:
                failures += 1
                log.warning("no task could be pulled: %s", error)
                await self._pause(backoff(failures))
        self._sharing.release_inputs()

    async def stop(self) -> None:
        """Finish the task in hand within the grace period, or hand it back; then `run` returns."""
        self._stopping.set()
        if self._current is not None:
            _, unfinished = await asyncio.wait({self._current}, timeout=self._settings.grace_s)
            for task in unfinished:
                log.info("the grace period is over; the task goes back to the queue")
                task.cancel()
                await asyncio.wait({task}, timeout=_HAND_BACK_S)

    async def _help_out(self) -> bool:
        """Do a part of what others lead, before anything new is begun; False where there is none."""
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
            await ignore_unavailable(delivery.retry(0))
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
                    await ignore_unavailable(delivery.retry(0))
                    raise

    async def _verdict(self, delivery: Delivery) -> Verdict:
        self._observe("pulled", delivery.task)
        claim: Claim | None = None
        try:
            claim = await self._claim(delivery)
            return Done() if claim is None else await self._work(delivery.task, claim)
        except (RunNotFound, RunOver, DuplicateTask) as error:
            log.info("nothing to do: %s", error)
            return Done()
        except Superseded as error:
            log.info("left to another: %s", error)
            return Leave()
        except Refused as error:
            return GiveUp(error.problem, claim)
        except InputError as error:
            return GiveUp(Problem.of(error), claim)
        except Exception as error:  # the loop outlives whatever a task does to it; the last try ends the run
            if not isinstance(error, HumanPose3DError):
                log.exception("unexpected error")
            self._store_suspected = isinstance(error, StoreUnavailable)
            return self._again(delivery, claim, error)

    async def _claim(self, delivery: Delivery) -> Claim | None:
        """Begin on the task; None where there is nothing left to do but acknowledge it."""
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
        return stored.state.claim

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
                await ignore_unavailable(self._sharing.clear(task))
                raise
        await ignore_unavailable(self._sharing.clear(task))
        telemetry.stage_finished(task.stage, record.seconds)
        self._observe("recorded", task)
        await runs.publish_next(self._bus, stored.state)
        await runs.delete_private_video(self._store, stored.state)
        self._observe("published", task)
        return Done()

    def _perform(self, task: StageTask) -> Perform:
        """How the job of a task is done: here, or with all who do this stage."""
        if not self._runner.divided:
            return self._runner.run
        return partial(self._sharing.coordinate, task)

    async def _record(self, claim: Claim, task: StageTask, record: StageRecord, results: dict[str, str]) -> StoredState:
        return await runs.change(self._bus, task.run_id, lambda state: state.stage_finished(claim, record, results))

    async def _watched(self, attempt: Attempt) -> tuple[StageRecord, dict[str, str]]:
        """Make the stage, and tell of its progress meanwhile. Raises as soon as the work counts no more."""
        frames = Advance(done=0, total=None)

        def progress(now: Advance) -> None:
            nonlocal frames
            frames = now

        making = asyncio.create_task(self._make(attempt, progress))
        try:
            while not (await asyncio.wait({making}, timeout=_TICK_S))[0]:
                self._observe("working", attempt.task)
                with contextlib.suppress(Unavailable):  # the work goes on without the bus; its record needs it
                    await runs.change(
                        self._bus, attempt.task.run_id, lambda state: state.progressed(attempt.claim, frames)
                    )
            return making.result()
        finally:
            making.cancel()
            await asyncio.wait({making})

    async def _make(self, attempt: Attempt, progress: Callable[[Advance], None]) -> tuple[StageRecord, dict[str, str]]:
        record = await attempt.make_stage(progress)
        if attempt.task.rest:
            return record, {}
        state = (await self._bus.read(attempt.task.run_id)).state
        return record, await attempt.make_results(state.stage_finished(attempt.claim, record))

    def _again(self, delivery: Delivery, claim: Claim | None, error: Exception) -> Verdict:
        if delivery.count < self._settings.max_deliveries:
            return Retry(str(error), self._settings.retry_delay_s * 4 ** (delivery.count - 1))
        reason = str(error) if isinstance(error, HumanPose3DError) else "There was an internal error."
        code, status = (error.code, error.status) if isinstance(error, HumanPose3DError) else ("internal", 500)
        detail = (
            f"The stage {self._stage} failed {delivery.count} times, the last time because: {reason} "
            "Start the run again; if it fails again, report it with the key of the run."
        )
        return GiveUp(Problem(code=code, status=status, detail=detail), claim)

    async def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        match verdict:
            case Done():
                await delivery.ack()
                self._observe("acknowledged", delivery.task)
            case Retry(reason, delay_s):
                telemetry.stage_failed(self._stage, "retry")
                log.warning("to be tried again in %.0f s: %s", delay_s, reason)
                await delivery.retry(delay_s)
            case GiveUp(problem, claim):
                await self._give_up(delivery, problem, claim)
            case Leave():
                pass

    async def _give_up(self, delivery: Delivery, problem: Problem, claim: Claim | None) -> None:
        log.error("given up: %s", problem.detail)
        telemetry.stage_failed(self._stage, problem.code)
        try:
            await runs.give_up(self._bus, delivery.task, problem, claim)
        except Superseded:
            return  # the task is another worker's, who decides
        except (RunOver, RunNotFound):
            pass
        await delivery.discard(problem.code)

    async def _wait_for_store(self) -> None:
        """After the store failed a task, take no other until it answers: an outage must not use up their deliveries."""
        if self._store_suspected:
            await self._store.check()
            self._store_suspected = False

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
