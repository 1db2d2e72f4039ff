"""The worker's loop: whatever fails, a run ends exactly once. In memory, with instantaneous stages."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from humanpose3d.api_models import Problem
from humanpose3d.errors import BusUnavailable, RunExists, RunNotFound, StageCrashed, StoreUnavailable
from humanpose3d.options import RunOptions, StageName, route
from shared.runtime import runs
from shared.runtime.bus.memory import _Delivery
from shared.runtime.run_state import RunState, StageTask
from shared.runtime.worker import loop
from shared.runtime.worker.loop import Phase, Worker
from shared.runtime.worker.stage_runner import Refused
from tests.makers import MAX_DELIVERIES, bus_settings, new_request, new_run_id
from tests.stub_runner import StubRunner
from tests.workers import World

pytestmark = pytest.mark.anyio

PHASES = get_args(Phase)
PROBLEM = Problem(code="too-dark", status=422, detail="Record again with more light.")


class Killed(BaseException):
    """Simulates kill -9 within a process: nothing catches it."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(loop, "_PULL_S", 0.05)
    monkeypatch.setattr(loop, "_TICK_S", 0.02)


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


async def assert_completed_once(world: World, run_id: str) -> RunState:
    state = await world.over(run_id)
    await world.idle()
    assert state.status == "completed"
    stages = route(state.request.options)
    assert tuple(state.finished) == stages
    content = b"".join([chunk async for chunk in world.store.read(state.results["made.txt"])])
    assert content.decode().split() == sorted(f"{stage}-made" for stage in stages)
    events = world.events(run_id)
    assert [event.status for event in events].count("completed") == 1
    assert [event.progress for event in events] == sorted(event.progress for event in events)
    assert (events[0].progress, events[-1].progress) == (0, 100)
    assert [await world.bus.dead_letters(stage) for stage in stages] == [[]] * len(stages)
    return state


async def assert_failed_once(world: World, run_id: str, code: str, stage: StageName = "detector") -> Problem:
    state = await world.over(run_id)
    await world.idle()
    assert state.status == "failed"
    assert state.problem is not None
    assert state.problem.code == code
    assert [event.status for event in world.events(run_id)].count("failed") == 1
    ((task, problem),) = await world.bus.dead_letters(stage)
    assert (task.run_id, problem) == (run_id, state.problem)
    return problem


async def test_a_run_passes_through_all_stages(world):
    run_id = await world.submitted()
    async with world.all_stages():
        state = await assert_completed_once(world, run_id)
    assert {record.attempt for record in state.finished.values()} == set(range(1, 1 + len(state.finished)))
    assert "detector/1/detector-made.json" in await world.keys(run_id)


async def test_a_run_with_a_joint_model_has_an_additional_stage_and_finds_the_model(world, tmp_path):
    world.settings = world.settings.model_copy(update={"models_directory": tmp_path / "models"})
    runner = StubRunner("refiner.joints")
    run_id = await world.submitted(RunOptions(joint_model_path="mine.onnx"))
    others = [world.worker(stage) for stage in get_args(StageName) if stage != "refiner.joints"]
    async with world.working(*others, world.worker("refiner.joints", runner)):
        state = await assert_completed_once(world, run_id)
    assert list(state.finished)[-2:] == ["refiner.joints", "analysis"]
    assert runner.asked is not None
    assert runner.asked.joint_model_path == str(tmp_path / "models" / "mine.onnx")
    assert state.request.options.joint_model_path == "mine.onnx"


def dies(world: World, stage: StageName, phase: Phase, times: int) -> Callable[[Phase, StageTask], None]:
    def observe(seen: Phase, task: StageTask) -> None:
        nonlocal times
        if seen == phase and times:
            times -= 1
            raise Killed

    return observe


@pytest.mark.parametrize("stage", ["detector", "angles"])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_crash_at_any_point_repeats_no_effect(world, phase, stage):
    run_id = await world.submitted()
    runner = StubRunner(stage, first=lambda _video: asyncio.sleep(0.05))
    mortal = world.worker(stage, runner, observer=dies(world, stage, phase, times=1))
    others = [world.worker(other) for other in get_args(StageName) if other != stage]
    async with world.working(mortal, *others):
        await assert_completed_once(world, run_id)
    assert runner.jobs == (1 if phase in ("pulled", "claimed", "recorded", "published", "acknowledged") else 2)


@pytest.mark.parametrize("phase", [None, "stored", "recorded", "published"])
async def test_the_video_is_erased_on_completion_where_faces_are_blurred(world, phase):
    run_id = await world.submitted(RunOptions(blur_faces=True))
    shown = await world.submitted()
    last = world.worker("angles", observer=dies(world, "angles", phase, times=2 if phase else 0))
    others = [world.worker(other) for other in get_args(StageName) if other != "angles"]
    async with world.working(last, *others):
        await assert_completed_once(world, run_id)
        await assert_completed_once(world, shown)
    assert "video/original.mp4" not in await world.keys(run_id)
    assert "video/original.mp4" in await world.keys(shown)


async def test_the_video_of_a_failed_run_is_kept_until_its_owner_erases_it(world):
    async def refuse(_video: Path) -> None:
        raise Refused(PROBLEM)

    run_id = await world.submitted(RunOptions(blur_faces=True))
    async with world.working(world.worker("detector", StubRunner("detector", first=refuse))):
        await assert_failed_once(world, run_id, "too-dark")
    assert "video/original.mp4" in await world.keys(run_id)


@pytest.mark.parametrize("unfinished", ["bury", "announce"])
async def test_a_crash_while_a_run_is_ended_leaves_nothing_undone(world, monkeypatch, unfinished):
    """Between the state and the dead letter, or between the state and the event that reports it."""
    deed, deaths = getattr(world.bus, unfinished), 1

    async def die_once(*arguments: object) -> None:
        nonlocal deaths
        if deaths and (unfinished == "bury" or getattr(arguments[0], "status", None) == "failed"):
            deaths -= 1
            raise Killed
        await deed(*arguments)

    async def refuse(_video: Path) -> None:
        raise Refused(PROBLEM)

    monkeypatch.setattr(world.bus, unfinished, die_once)
    run_id = await world.submitted()
    async with world.working(world.worker("detector", StubRunner("detector", first=refuse))):
        await assert_failed_once(world, run_id, "too-dark")
    assert deaths == 0


async def test_a_worker_that_always_crashes_fails_the_run_and_not_the_queue(world):
    poison = await world.submitted()
    mortal = world.worker("detector", observer=dies(world, "detector", "claimed", times=MAX_DELIVERIES))
    async with world.working(mortal, *(world.worker(stage) for stage in get_args(StageName)[1:])):
        problem = await assert_failed_once(world, poison, "worker-died")
        assert "shorter or smaller" in problem.detail
        assert f"tried {MAX_DELIVERIES} times" in problem.detail
        good = await world.submitted()
        assert (await world.over(good)).status == "completed"


@pytest.mark.parametrize("phase", ["pulled", "recorded", "published"])
async def test_crashes_outside_the_stage_never_fail_the_run(world, phase):
    run_id = await world.submitted()
    mortal = world.worker("detector", observer=dies(world, "detector", phase, times=2 * MAX_DELIVERIES))
    async with world.working(mortal, *(world.worker(stage) for stage in get_args(StageName)[1:])):
        await assert_completed_once(world, run_id)


async def test_orderly_stops_never_fail_a_run(world):
    """Roll-outs, scale-ins and restarts, each while a stage runs for longer than the grace period."""
    world.settings = world.settings.model_copy(update={"grace_s": 0.01})
    run_id = await world.submitted()
    stops = 2 * MAX_DELIVERIES
    for _ in range(stops):
        runner = StubRunner("detector", first=lambda _video: asyncio.sleep(60))
        async with world.working(world.worker("detector", runner)), asyncio.timeout(5):
            while not runner.jobs:
                await asyncio.sleep(0.01)
    async with world.all_stages():
        state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == stops + 1


async def test_an_orderly_stop_hands_back_at_once_also_between_record_and_acknowledgement(world, monkeypatch):
    world.bus.ack_wait_s = 3600
    run_id = await world.submitted()
    publish, reached = world.bus.publish, asyncio.Event()

    async def hang(task: StageTask, headers=None) -> None:
        reached.set()
        await asyncio.sleep(3600)

    world.settings = world.settings.model_copy(update={"grace_s": 0.01})
    monkeypatch.setattr(world.bus, "publish", hang)
    async with world.working(world.worker("detector")):
        await reached.wait()
    monkeypatch.setattr(world.bus, "publish", publish)
    async with world.all_stages():
        state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == 1


async def test_crashes_are_counted_among_orderly_stops(world):
    world.settings = world.settings.model_copy(update={"grace_s": 0.01})
    run_id = await world.submitted()
    for _ in range(MAX_DELIVERIES):
        mortal = world.worker("detector", observer=dies(world, "detector", "claimed", times=1))
        runner = StubRunner("detector", first=lambda _video: asyncio.sleep(60))
        async with world.working(mortal), asyncio.timeout(5):
            attempts = (await world.bus.read(run_id)).state.attempts
            while (await world.bus.read(run_id)).state.attempts == attempts:
                await asyncio.sleep(0.01)
        async with world.working(world.worker("detector", runner)), asyncio.timeout(5):
            while not runner.jobs and not (await world.bus.read(run_id)).state.is_over:
                await asyncio.sleep(0.01)
    await assert_failed_once(world, run_id, "worker-died")


@asynccontextmanager
async def zombie(
    world: World, run_id: str, monkeypatch, error: Exception | None = None
) -> AsyncIterator[asyncio.Event]:
    """A worker without heartbeat, stuck in its stage until the event is set, while another takes over the task."""
    monkeypatch.setattr(loop, "_TICK_S", 60)
    wake = asyncio.Event()
    asleep = bus_settings("nats://127.0.0.1:4222", ack_wait_s=3600, grace_s=5)

    async def sleep(_video: Path) -> None:
        await wake.wait()
        if error is not None:
            raise error

    stuck = Worker("detector", StubRunner("detector", first=sleep), world.bus, world.store, asleep)
    async with world.working(stuck):
        while (await world.bus.read(run_id)).state.claim is None:
            await asyncio.sleep(0.01)
        yield wake


async def test_a_zombie_s_late_work_changes_nothing(world, monkeypatch):
    run_id = await world.submitted()
    async with zombie(world, run_id, monkeypatch) as wake:
        async with world.all_stages():
            state = await assert_completed_once(world, run_id)
        wake.set()
    assert (await world.bus.read(run_id)).state == state
    assert state.finished["detector"].attempt == 2
    assert not [key for key in await world.keys(run_id) if key.startswith("detector/1/")]


async def test_a_zombie_that_wakes_while_another_works_leaves_the_task_to_it(world, monkeypatch):
    run_id = await world.submitted()
    gate = asyncio.Event()
    async with zombie(world, run_id, monkeypatch) as wake:
        second = world.worker("detector", StubRunner("detector", first=lambda _video: gate.wait()))
        async with world.working(second, *(world.worker(stage) for stage in get_args(StageName)[1:])):
            while (await world.bus.read(run_id)).state.attempts < 2:
                await asyncio.sleep(0.01)
            wake.set()
            await asyncio.sleep(0.1)
            assert await world.bus.has_task("detector", run_id)
            assert not (await world.bus.read(run_id)).state.finished
            gate.set()
            state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == 2


async def test_a_zombie_s_late_refusal_ends_neither_the_run_nor_the_task(world, monkeypatch):
    run_id = await world.submitted()
    gate = asyncio.Event()
    async with zombie(world, run_id, monkeypatch, Refused(PROBLEM)) as wake:
        second = world.worker("detector", StubRunner("detector", first=lambda _video: gate.wait()))
        async with world.working(second, *(world.worker(stage) for stage in get_args(StageName)[1:])):
            while (await world.bus.read(run_id)).state.attempts < 2:
                await asyncio.sleep(0.01)
            wake.set()
            await asyncio.sleep(0.1)
            assert await world.bus.has_task("detector", run_id)
            gate.set()
            await assert_completed_once(world, run_id)


async def test_a_refusal_fails_the_run_at_once(world):
    async def refuse(_video: Path) -> None:
        raise Refused(PROBLEM)

    run_id = await world.submitted()
    runner = StubRunner("detector", first=refuse)
    async with world.working(world.worker("detector", runner)):
        assert await assert_failed_once(world, run_id, "too-dark") == PROBLEM
    assert runner.jobs == 1


@pytest.mark.parametrize(
    ("error", "code"), [(StageCrashed("It ended."), "stage-crashed"), (ZeroDivisionError("inside"), "internal")]
)
async def test_a_permanent_failure_ends_the_run_after_the_last_delivery(world, error, code):
    async def fail(_video: Path) -> None:
        raise error

    run_id = await world.submitted()
    runner = StubRunner("detector", first=fail)
    async with world.working(world.worker("detector", runner)):
        problem = await assert_failed_once(world, run_id, code)
    assert runner.jobs == MAX_DELIVERIES
    assert f"failed {MAX_DELIVERIES} times" in problem.detail
    assert "inside" not in problem.detail


async def test_a_temporary_failure_is_retried(world):
    failures = [StageCrashed("It ended."), StoreUnavailable("Away.")]

    async def fail(_video: Path) -> None:
        if failures:
            raise failures.pop()

    run_id = await world.submitted()
    runner = StubRunner("detector", first=fail)
    async with world.working(world.worker("detector", runner), *map(world.worker, get_args(StageName)[1:])):
        state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == 3


async def test_an_outage_of_the_store_costs_no_attempt(world, monkeypatch):
    """After a failed task no other is pulled until the store responds, however long that takes."""
    away = True

    async def get_file(key: str, path: Path) -> None:
        raise StoreUnavailable("Away.")

    async def check() -> None:
        if away:
            raise StoreUnavailable("Away.")

    run_id = await world.submitted()
    present = world.store.get_file
    monkeypatch.setattr(world.store, "get_file", get_file)
    monkeypatch.setattr(world.store, "check", check)
    async with world.all_stages():
        await asyncio.sleep(1)  # long enough for every attempt, if any were made
        assert (await world.bus.read(run_id)).state.attempts == 1
        monkeypatch.setattr(world.store, "get_file", present)
        away = False
        state = await assert_completed_once(world, run_id)
    assert state.failures == 0


async def test_a_full_scratch_disk_costs_no_attempt_while_it_lasts(world, monkeypatch):
    full = True

    async def fill(_video: Path) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")

    def must_have_room(_folder: Path) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "must_have_room", must_have_room)
    run_id = await world.submitted()
    runner = StubRunner("detector", first=fill)
    async with world.working(world.worker("detector", runner), *map(world.worker, get_args(StageName)[1:])):
        await asyncio.sleep(1)
        state = (await world.bus.read(run_id)).state
        assert (state.status, state.failures, runner.jobs) == ("running", 0, 1)
        full = False
        await assert_completed_once(world, run_id)


async def test_a_run_that_fills_the_scratch_disk_by_itself_fails_with_that_reason(world):
    async def fill(_video: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run_id = await world.submitted()
    async with world.working(world.worker("detector", StubRunner("detector", first=fill))):
        problem = await assert_failed_once(world, run_id, "scratch-full")
    assert "disk for work in progress is full" in problem.detail


async def test_a_finished_stage_waits_for_the_bus_instead_of_running_again(world, monkeypatch):
    runner = StubRunner("detector")
    update, failures = world.bus.update, 3

    async def unreliable(state, revision):
        nonlocal failures
        if state.finished and failures:
            failures -= 1
            raise BusUnavailable("Away.")
        return await update(state, revision)

    monkeypatch.setattr(world.bus, "update", unreliable)
    run_id = await world.submitted()
    async with world.working(world.worker("detector", runner), *map(world.worker, get_args(StageName)[1:])):
        await assert_completed_once(world, run_id)
    assert runner.jobs == 1


async def test_a_cancelled_run_stops_at_once_and_leaves_no_artefact(world):
    run_id = await world.submitted()
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work(_video: Path) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async with world.working(world.worker("detector", StubRunner("detector", first=work))):
        async with asyncio.timeout(30):
            await begun.wait()
            await runs.cancel(world.bus, run_id)
            await stopped.wait()
        await world.idle()
    assert (await world.bus.read(run_id)).state.status == "cancelled"
    assert world.events(run_id)[-1].status == "cancelled"
    assert await world.keys(run_id) == ["video/original.mp4"]


async def test_a_run_cancelled_in_the_queue_is_never_begun(world):
    run_id = await world.submitted()
    await runs.cancel(world.bus, run_id)
    runner = StubRunner("detector")
    async with world.working(world.worker("detector", runner)):
        await world.idle()
    assert runner.jobs == 0
    assert await world.bus.dead_letters("detector") == []


async def test_nothing_is_left_of_a_run_erased_while_it_is_processed(world):
    run_id = await world.submitted()
    gate = asyncio.Event()
    async with world.working(world.worker("detector", StubRunner("detector", first=lambda _video: gate.wait()))):
        while (await world.bus.read(run_id)).state.status != "running":
            await asyncio.sleep(0.01)
        await runs.erase(world.bus, world.store, run_id)
        gate.set()
        await asyncio.sleep(0.2)
    assert await world.keys(run_id) == []
    assert world.bus.messages == []
    assert world.events(run_id) == []
    with pytest.raises(RunNotFound):
        await world.bus.read(run_id)


async def test_a_zombie_writes_nothing_into_an_erased_run(world, monkeypatch):
    run_id = await world.submitted()
    async with zombie(world, run_id, monkeypatch) as wake:
        await runs.erase(world.bus, world.store, run_id)
        wake.set()
    assert await world.keys(run_id) == []


async def test_a_second_message_of_the_same_task_has_no_effect(world):
    run_id = await world.submitted()
    world.bus._seen.clear()  # as after the two minutes for which the bus remembers message ids
    await runs.publish_next(world.bus, (await world.bus.read(run_id)).state)
    assert len(world.bus.messages) == 2
    runners = [StubRunner("detector", first=lambda _video: asyncio.sleep(0.1)) for _ in range(2)]
    detectors = [world.worker("detector", runner) for runner in runners]
    async with world.working(*detectors, *map(world.worker, get_args(StageName)[1:])):
        await assert_completed_once(world, run_id)
    assert sum(runner.jobs for runner in runners) == 1


async def test_a_stop_lets_the_current_task_finish(world):
    run_id = await world.submitted()
    runner = StubRunner("detector", first=lambda _video: asyncio.sleep(0.2))
    stopping = world.worker("detector", runner)
    loop = asyncio.create_task(stopping.run())
    while not runner.jobs:
        await asyncio.sleep(0.01)
    await stopping.stop()
    await loop
    assert "detector" in (await world.bus.read(run_id)).state.finished
    assert not await world.bus.has_task("detector", run_id)


async def test_a_stop_hands_back_what_takes_longer_than_the_grace_period(world):
    run_id = await world.submitted()
    world.bus.ack_wait_s = 3600  # it is delivered again only if handed back
    runner = StubRunner("detector", first=lambda _video: asyncio.sleep(60))
    stopping = world.worker("detector", runner)
    loop = asyncio.create_task(stopping.run())
    while not runner.jobs:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(world.settings.grace_s + 1):
        await stopping.stop()
        await loop
    async with world.all_stages():
        state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == 2


@pytest.mark.parametrize("deaf", ["in_progress", "update"])
async def test_a_cancellation_that_the_bus_client_swallows_hangs_no_worker(world, monkeypatch, deaf):
    """As `asyncio.wait_for` does before Python 3.12 if the cancellation coincides with the response."""
    monkeypatch.setattr(loop, "_HAND_BACK_S", 2)  # longer than the heartbeat's time limit
    world.settings = world.settings.model_copy(update={"grace_s": 0.01})
    swallowed = asyncio.Event()
    owner = type(world.bus) if deaf == "update" else _Delivery
    request = getattr(owner, deaf)

    async def swallow_once(*arguments: object) -> object:
        answer = await request(*arguments)
        if not swallowed.is_set():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed.set()
        return answer

    run_id = await world.submitted()
    runner = StubRunner("detector", first=lambda _video: asyncio.sleep(60))
    async with asyncio.timeout(10):
        async with world.working(world.worker("detector", runner)):
            while not runner.jobs:
                await asyncio.sleep(0.01)
            monkeypatch.setattr(owner, deaf, swallow_once)
            await asyncio.sleep(0.2)
        assert swallowed.is_set()
    async with world.all_stages():
        state = await assert_completed_once(world, run_id)
    assert state.finished["detector"].attempt == 2


async def test_an_idle_worker_stops_within_one_pull(world):
    idle = world.worker("detector")
    loop = asyncio.create_task(idle.run())
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await idle.stop()
        await loop


async def test_submitting_again_is_the_same_run(world):
    run_id = new_run_id()
    request = new_request(run_id)
    await world.store.put_file(request.video_key, world.video)
    for _ in range(3):
        await runs.submit(world.bus, run_id, request)
    assert len(world.bus.messages) == 1
    with pytest.raises(RunExists):
        await runs.submit(world.bus, run_id, request.model_copy(update={"name": "another"}))


async def test_a_run_whose_task_was_never_published_is_found(world):
    run_id = new_run_id()
    request = new_request(run_id)
    await world.store.put_file(request.video_key, world.video)
    await world.bus.create(RunState.accepted(run_id, request))  # the gateway crashes here
    other = await world.submitted()
    both = [run_id, other]
    assert await runs.requeue_lost(world.bus, both) == []  # too early to decide
    assert await runs.requeue_lost(world.bus, both, older_than=timedelta(0)) == [run_id]
    async with world.all_stages():
        await assert_completed_once(world, run_id)
        await assert_completed_once(world, other)


async def test_a_task_lost_during_processing_is_published_again(world):
    run_id = await world.submitted()
    await world.bus.pull("detector", 1)
    stored = await world.bus.read(run_id)
    await world.bus.update(stored.state.claimed("detector", 1, 1, "gone"), stored.revision)
    world.bus.messages.clear()
    world.bus._seen.clear()
    assert await runs.requeue_lost(world.bus, [run_id], older_than=timedelta(0)) == [run_id]
    async with world.all_stages():
        await assert_completed_once(world, run_id)


async def test_erasing_deletes_a_video_stored_elsewhere(world):
    run_id = new_run_id()
    request = new_request(run_id).model_copy(update={"video_key": "uploads/abc/original.mp4"})
    await world.store.put_file(request.video_key, world.video)
    await runs.submit(world.bus, run_id, request)
    await runs.erase(world.bus, world.store, run_id)
    assert [found async for found in world.store.objects("uploads/")] == []
