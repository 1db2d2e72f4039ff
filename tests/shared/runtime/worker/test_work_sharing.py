"""Several workers share a divided stage on one bus and store: division of work, crashes and stops."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from humanpose3d.api_models import Advance
from humanpose3d.errors import BusUnavailable, StageCrashed
from humanpose3d.options import route
from shared.runtime import runs
from shared.runtime.run_state import RunState
from shared.runtime.worker import loop, work_sharing
from shared.runtime.worker.stage_child import PlannedPart, StageDone, StageJob
from shared.runtime.worker.work_sharing import WorkSharing
from tests.makers import new_request
from tests.stub_runner import StubRunner
from tests.workers import World

pytestmark = pytest.mark.anyio

PARTS = 6
First = Callable[[int], Awaitable[object]]


class DividedStub(StubRunner):
    """A detector whose work is six words; `first` runs before each part."""

    divided = True

    def __init__(self, first_of_part: First | None = None, parts: int = PARTS, pace_s: float = 0.0) -> None:
        super().__init__("detector")
        self._first_of_part = first_of_part
        self._parts = parts
        self._pace_s = pace_s
        self.done: list[int] = []
        self.at_once = 0

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        assert job.inputs["video"].read_bytes() == b"video"
        if job.step == "plan":
            parts = [
                PlannedPart(part={"word": f"word{number}", "number": number}, frames=10)
                for number in range(self._parts)
            ]
            return StageDone(seconds=0.1, plan={"parts": self._parts}, parts=parts)
        if job.step == "part":
            return await self._part(job, progress)
        assert job.step == "gather"
        words = [part["word"].read_text() for part in job.parts]
        made = {name: job.outputs / f"{name}.json" for name in ("detector-made", "report")}
        for path in made.values():
            path.write_text(json.dumps({"words": words}))
        return StageDone(artefacts=made, seconds=0.1)

    async def _part(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        assert isinstance(job.part, dict)
        number = int(str(job.part["number"]))
        self.at_once += 1
        assert self.at_once == 1, "a runner does one job at a time"
        try:
            progress(Advance(done=5, total=10))
            if self._first_of_part is not None:
                await self._first_of_part(number)
            await asyncio.sleep(self._pace_s)
        finally:
            self.at_once -= 1
        self.done.append(number)
        path = job.outputs / "word.txt"
        path.write_text(str(job.part["word"]))
        return StageDone(artefacts={"word": path}, seconds=0.1)


class SharedWorld(World):
    """A world with workers for a divided stage and for all others."""

    @asynccontextmanager
    async def sharing(self, *runners: StubRunner) -> AsyncIterator[None]:
        """Workers of the first stage with these runners, and one of each later stage."""
        others = [StubRunner(stage) for stage in route(new_request("run").options)[1:]]
        async with self.working(*(self.worker(runner.stage, runner) for runner in (*runners, *others))):
            yield

    async def over(self, run_id: str) -> RunState:
        state = await super().over(run_id)
        await self.idle()
        return state

    async def words(self, state: RunState) -> list[str]:
        key = state.finished["detector"].artefacts["detector-made"]
        content = b"".join([chunk async for chunk in self.store.read(key)])
        return list(json.loads(content)["words"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(loop, "_PULL_S", 0.05)
    monkeypatch.setattr(loop, "_SHARING_PULL_S", 0.03)
    monkeypatch.setattr(loop, "_PART_PULL_S", 0.01)
    monkeypatch.setattr(loop, "_TICK_S", 0.02)
    monkeypatch.setattr(work_sharing, "_POLL_S", 0.02)
    monkeypatch.setattr(work_sharing, "_TICK_S", 0.05)


@pytest.fixture
def world(tmp_path) -> SharedWorld:
    return SharedWorld(tmp_path)


async def assert_whole(world: SharedWorld, run_id: str) -> None:
    state = await world.over(run_id)
    assert state.status == "completed"
    assert await world.words(state) == [f"word{number}" for number in range(PARTS)]
    assert world.bus.parts == []
    assert not [key for key in await world.keys(run_id) if "/parts/" in key]
    progress = [event.progress for event in world.events(run_id)]
    assert progress == sorted(progress)


@pytest.mark.parametrize("count", [1, 3])
async def test_all_workers_of_a_stage_share_a_run(world, count):
    runners = [DividedStub(pace_s=0.05) for _ in range(count)]
    run_id = await world.submitted()
    async with world.sharing(*runners):
        await assert_whole(world, run_id)
    assert sorted(number for runner in runners for number in runner.done) == list(range(PARTS))
    assert all(runner.done for runner in runners)


async def test_two_runs_at_once_keep_their_parts_apart(world):
    runners = [DividedStub(pace_s=0.02) for _ in range(2)]
    run_ids = [await world.submitted() for _ in range(3)]
    async with world.sharing(*runners):
        for run_id in run_ids:
            await assert_whole(world, run_id)
    assert Counter(number for runner in runners for number in runner.done) == dict.fromkeys(range(PARTS), 3)


async def test_a_single_part_is_not_offered(world, monkeypatch):
    async def offer(task: object) -> None:
        pytest.fail("it was offered")

    monkeypatch.setattr(world.bus, "offer", offer)
    run_id = await world.submitted()
    async with world.sharing(DividedStub(parts=1)):
        state = await world.over(run_id)
    assert await world.words(state) == ["word0"]


async def test_the_part_of_a_crashed_helper_is_done_by_the_coordinator(world, monkeypatch):
    """Its delivery is neither acknowledged nor handed back, as after kill -9."""
    dead: list[int] = []
    help_out = WorkSharing.assist

    async def die_once(self: WorkSharing, delivery) -> None:
        if not dead:
            dead.append(delivery.task.number)
            return
        await help_out(self, delivery)

    monkeypatch.setattr(WorkSharing, "assist", die_once)
    run_id = await world.submitted()
    async with world.sharing(*(DividedStub(pace_s=0.05) for _ in range(2))):
        await assert_whole(world, run_id)
    assert len(dead) == 1


async def test_a_part_that_a_helper_cannot_do_is_done_by_the_coordinator(world):
    async def crash(_number: int) -> None:
        raise StageCrashed("The stage ended with an internal error.")

    leader, helper = DividedStub(pace_s=0.05), DividedStub(crash)
    run_id = await world.submitted()
    async with world.sharing(leader):
        while not leader.at_once:
            await asyncio.sleep(0.001)
        async with world.sharing(helper):
            await assert_whole(world, run_id)
    assert sorted(leader.done) == list(range(PARTS))


async def test_a_part_that_crashes_every_worker_fails_the_run(world):
    async def crash(number: int) -> None:
        if number == 3:
            raise StageCrashed("The stage ended with an internal error.")

    run_id = await world.submitted()
    world.settings = world.settings.model_copy(update={"retry_delay_s": 0.01, "max_deliveries": 3})
    async with world.sharing(DividedStub(crash), DividedStub(crash)):
        state = await world.over(run_id)
    assert state.status == "failed"
    assert state.problem is not None
    assert state.problem.code == "stage-crashed"


async def test_lost_offers_are_done_by_the_coordinator(world, monkeypatch):
    async def lose(task: object) -> None:
        pass

    monkeypatch.setattr(world.bus, "offer", lose)
    runner = DividedStub()
    run_id = await world.submitted()
    async with world.sharing(runner):
        await assert_whole(world, run_id)
    assert runner.done == list(range(PARTS))


async def test_without_the_bus_the_coordinator_works_alone(world, monkeypatch):
    async def fail(*_: object) -> None:
        raise BusUnavailable("The message bus did not answer.")

    monkeypatch.setattr(world.bus, "offer", fail)
    runner = DividedStub(pace_s=0.01)
    run_id = await world.submitted()
    async with world.sharing(runner):
        while not runner.at_once:
            await asyncio.sleep(0.001)
        monkeypatch.setattr(world.bus, "is_offered", fail)
        await assert_whole(world, run_id)
    assert sorted(runner.done) == list(range(PARTS))


async def test_a_coordinator_continues_where_a_crashed_one_stopped(world, monkeypatch):
    async def crash(number: int) -> None:
        if number == 4:
            raise StageCrashed("The stage's process ended without an answer.")

    world.settings = world.settings.model_copy(update={"retry_delay_s": 0.01})
    first, second = DividedStub(crash), DividedStub()
    run_id = await world.submitted()
    async with world.sharing(first):
        while first.done != [0, 1, 2, 3]:
            await asyncio.sleep(0.001)
    async with world.sharing(second):
        await assert_whole(world, run_id)
    assert sorted(second.done) == [4, 5]


async def test_a_superseded_coordinator_removes_nothing_of_its_successor(world, monkeypatch):
    """It is running but was silent for too long: its successor uses the parts that it completed."""
    monkeypatch.setattr(loop, "_TICK_S", 0.5)
    gate = asyncio.Event()

    async def stop_at_3(number: int) -> None:
        if number >= 3:
            await asyncio.sleep(30)

    async def wait_at_3(number: int) -> None:
        if number >= 3:
            await gate.wait()

    run_id = await world.submitted()
    silent, successor = DividedStub(stop_at_3), DividedStub(wait_at_3)
    awake, world.settings = world.settings, world.settings.model_copy(update={"ack_wait_s": 3600})
    async with world.working(world.worker("detector", silent)):
        while len(silent.done) < 3 or not silent.at_once:
            await asyncio.sleep(0.001)
        world.settings = awake
        async with world.sharing(successor):
            while not successor.at_once or silent.at_once:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.1)
            gate.set()
            await assert_whole(world, run_id)
    assert (await world.bus.read(run_id)).state.finished["detector"].attempt == 2
    assert 0 not in successor.done


async def test_helpers_stop_when_the_run_does(world):
    async def linger(_number: int) -> None:
        await asyncio.sleep(30)

    runners = [DividedStub(linger) for _ in range(3)]
    run_id = await world.submitted()
    async with world.sharing(*runners):
        while not all(runner.at_once for runner in runners):
            await asyncio.sleep(0.001)
        await runs.cancel(world.bus, run_id)
        async with asyncio.timeout(2):
            while any(runner.at_once for runner in runners):
                await asyncio.sleep(0.01)
        await world.over(run_id)
    assert not [key for key in await world.keys(run_id) if "/parts/" in key]


async def test_nothing_is_left_of_a_run_erased_while_helpers_work_on_it(world):
    erased = asyncio.Event()

    async def outlast(_number: int) -> None:
        await erased.wait()

    run_id = await world.submitted()
    async with world.sharing(DividedStub(outlast), DividedStub(outlast)):
        while len([part for part in world.bus.parts if part.due]) < 2:
            await asyncio.sleep(0.001)
        await runs.erase(world.bus, world.store, run_id)
        erased.set()
        await asyncio.sleep(0.3)
    assert await world.keys(run_id) == []
    assert world.bus.parts == []


async def test_a_helper_that_is_stopped_hands_its_part_back(world):
    async def linger(_number: int) -> None:
        await asyncio.sleep(30)

    leader, helper = DividedStub(pace_s=0.2), DividedStub(linger)
    run_id = await world.submitted()
    async with world.sharing(leader):
        while not leader.at_once:
            await asyncio.sleep(0.001)
        async with world.sharing(helper):
            while not helper.at_once:
                await asyncio.sleep(0.001)
        await assert_whole(world, run_id)
    assert sorted(leader.done) == list(range(PARTS))


async def test_a_part_handed_back_is_done_by_another_helper(world):
    """It is not left to the coordinator, unlike a part that may have crashed its helper."""
    busy = asyncio.Event()

    async def outlast(_number: int) -> None:
        await busy.wait()

    async def linger(_number: int) -> None:
        await asyncio.sleep(30)

    leader, stopped, helper = DividedStub(outlast), DividedStub(linger), DividedStub()
    run_id = await world.submitted()
    async with world.sharing(leader):
        while not leader.at_once:
            await asyncio.sleep(0.001)
        async with world.sharing(stopped):
            while not stopped.at_once:
                await asyncio.sleep(0.001)
        async with world.sharing(helper):
            while len(helper.done) < PARTS - 1:
                await asyncio.sleep(0.001)
            busy.set()
            await assert_whole(world, run_id)
    assert len(leader.done) == 1


async def test_orderly_stops_of_all_workers_that_share_a_run_never_fail_it(world):
    async def linger(_number: int) -> None:
        await asyncio.sleep(30)

    world.settings = world.settings.model_copy(update={"grace_s": 0.01, "max_deliveries": 2})
    run_id = await world.submitted()
    for _ in range(6):
        runners = [DividedStub(linger) for _ in range(2)]
        async with world.sharing(*runners), asyncio.timeout(10):
            while not all(runner.at_once for runner in runners):
                await asyncio.sleep(0.001)
        assert (await world.bus.read(run_id)).state.failures == 0
    async with world.sharing(DividedStub(), DividedStub()):
        await assert_whole(world, run_id)


async def test_no_copy_of_a_video_is_kept_without_parts_to_assist_with(world, monkeypatch, tmp_path):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    run_id = await world.submitted()
    async with world.sharing(*(DividedStub(pace_s=0.05) for _ in range(2))):
        await assert_whole(world, run_id)
        async with asyncio.timeout(5):
            while list((tmp_path / "scratch").iterdir()):
                await asyncio.sleep(0.01)
