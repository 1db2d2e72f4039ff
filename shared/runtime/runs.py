"""Operations on a run from outside a stage: submit, annotate, cancel, erase, give up. Safe to repeat, from any process.

The rules of a run's life cycle are in `shared.runtime.run_state.RunState`; here they are applied by compare-and-set on
the bus. A change is announced after it is stored, and a task published after that: if a process dies in between,
another one finds the state and completes the rest.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from humanpose3d.api_models import Problem
from humanpose3d.errors import (
    BusUnavailable,
    RunChanged,
    RunExists,
    RunNotFound,
    RunOver,
    RunUnreadable,
)
from humanpose3d.notes import NO_NOTES, RunNotes
from humanpose3d.options import StageName
from shared.runtime import telemetry
from shared.runtime.bus import Bus, StoredState
from shared.runtime.run_state import Claim, RunRequest, RunState, StageEvent, StageTask
from shared.runtime.store import Store

log = logging.getLogger(__name__)

LOST_AFTER: Final = timedelta(minutes=5)
"""Longer than the bus remembers message ids, so that a lost task can be published again."""

STUCK_AFTER: Final = timedelta(minutes=30)
"""Longer than a stage may be silent and than the longest pause before another try: no worker has the run any more."""

_TRIES: Final = 20


def folder(run_id: str) -> str:
    """The store's folder with all data of a run."""
    return f"runs/{run_id}/"


async def change(bus: Bus, run_id: str, transition: Callable[[RunState], RunState]) -> StoredState:
    """Store the state returned by `transition`, and announce it. Starts over if another process was faster.

    Raises RunNotFound, what `transition` raises, and BusUnavailable.
    """
    for _ in range(_TRIES):
        stored = await bus.read(run_id)
        changed = transition(stored.state)
        if changed == stored.state:
            return stored
        try:
            revision = await bus.update(changed, stored.revision)
        except RunChanged:
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 -- spreads rivals, keeps no secret
            continue
        await bus.announce(StageEvent.of(changed, revision))
        return StoredState(changed, revision)
    raise BusUnavailable("The run is being changed by too many at once.")


async def submit(bus: Bus, run_id: str, request: RunRequest, notes: RunNotes = NO_NOTES) -> RunState:
    """Accept a run: when this returns, it will end exactly once. The video must be in the store.

    Repeated with the same request, it is the same run. Raises RunExists where another run has this key.
    """
    state = RunState.accepted(run_id, request, notes)
    try:
        stored = StoredState(state, await bus.create(state))
    except RunExists:
        stored = await bus.read(run_id)
        if stored.state.request != request:
            raise
    await bus.announce(StageEvent.of(*stored))
    await publish_next(bus, stored.state)
    return stored.state


async def publish_next(bus: Bus, state: RunState) -> None:
    """Queue the state's next task, if any."""
    task = state.task()
    if task is not None:
        await bus.publish(task, telemetry.trace_headers())


async def cancel(bus: Bus, run_id: str) -> RunState:
    """Stop a run. Its worker notices within a second. Raises RunNotFound, RunOver."""
    return (await change(bus, run_id, RunState.cancelled)).state


async def annotate(bus: Bus, run_id: str, title: str | None, notes: Mapping[str, object]) -> RunState:
    """Change a run's display name, if one is given, and those notes that are given.

    Raises RunNotFound, InvalidOption.
    """

    def changed(state: RunState) -> RunState:
        noted = state.annotated(RunNotes.parse({**dict(state.notes), **notes}))
        return noted if title is None else noted.renamed(title)

    return (await change(bus, run_id, changed)).state


async def erase(bus: Bus, store: Store, run_id: str) -> None:
    """Remove video, artefacts, results and every trace in the bus; a running one is stopped. Raises RunNotFound.

    For a run that another version stored unreadably, the video is removed only if it is in the run's own folder.
    """
    folders = {folder(run_id)}
    try:
        folders.add(_video_folder(await cancel(bus, run_id)))
    except RunOver:
        folders.add(_video_folder((await bus.read(run_id)).state))
    except RunUnreadable:
        pass
    for each in sorted(folders):
        await store.delete(each)
    await bus.forget(run_id)


async def delete_private_video(store: Store, state: RunState) -> None:
    """Remove the video of a completed run with `blur_faces`: it may not be shown and is no longer needed.

    For a failed or cancelled run it is kept, without being shown, until the run is erased.
    """
    if state.status == "completed" and state.request.options.blur_faces:
        await store.delete(_video_folder(state))


def _video_folder(state: RunState) -> str:
    return state.request.video_key.rpartition("/")[0] + "/"


async def give_up(bus: Bus, task: StageTask, problem: Problem, claim: Claim | None = None) -> None:
    """End a run as failed and keep its task as dead letter. Raises RunOver, Superseded, RunNotFound."""
    await change(bus, task.run_id, lambda state: state.failed(problem, claim))
    await bus.bury(task, problem)


async def reannounce_ended(bus: Bus, stored: StoredState, task: StageTask) -> None:
    """Publish an ended run's final event and dead letter again, in case the process that ended it crashed first."""
    await bus.announce(StageEvent.of(*stored))
    if stored.state.problem is not None and stored.state.stage == task.stage:
        await bus.bury(task, stored.state.problem)


async def requeue_lost(
    bus: Bus,
    run_ids: Iterable[str],
    older_than: timedelta = LOST_AFTER,
    stuck_after: timedelta = STUCK_AFTER,
) -> list[str]:
    """Publish the lost tasks of those of these runs that wait, unchanged for `older_than`; returns the runs' keys.

    A task may be missing from the queue if the gateway died between storing the run's state and publishing its first
    task. Or it is queued but no longer delivered: it reached an earlier version's delivery limit, or the server's
    delivery state was lost with a disk.
    """
    requeued = []
    for run_id in run_ids:
        try:
            state, _ = await bus.read(run_id)
        except (RunNotFound, RunUnreadable):
            continue
        if not state.is_over and _age(state) > older_than and await _requeue(bus, state, stuck_after):
            requeued.append(run_id)
    return requeued


async def _requeue(bus: Bus, state: RunState, stuck_after: timedelta) -> bool:
    if state.stage is None:
        return False
    if await bus.has_task(state.stage, state.run_id):
        if _age(state) <= stuck_after or not await _is_stuck(bus, state, state.stage):
            return False
        await bus.withdraw(state.stage, state.run_id)
    try:
        stored = await change(bus, state.run_id, lambda current: current.requeued())
    except (RunNotFound, RunOver):
        return False
    await publish_next(bus, stored.state)
    return True


async def _is_stuck(bus: Bus, state: RunState, stage: StageName) -> bool:
    """Whether a task in the queue was delivered before, so that it is not merely waiting for its turn."""
    return state.claim is not None or (await bus.depth(stage)).waiting == 0


def _age(state: RunState) -> timedelta:
    return datetime.now(UTC) - state.updated_at
