"""One suite for all buses: in memory and on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import nats
import pytest

from humanpose3d.api_models import Problem
from humanpose3d.errors import RunChanged, RunExists, RunNotFound
from shared.runtime.bus import Bus, Delivery, PartDelivery, StateChange
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import PartTask, RunState, StageEvent, StageTask
from tests.makers import MAX_DELIVERIES, bus_settings, new_state

pytestmark = pytest.mark.anyio

ACK_WAIT_S = 1.0
PROBLEM = Problem(code="too-dark", status=422, detail="Record again with more light.")


@pytest.fixture(params=["memory", "nats"])
async def bus(request) -> AsyncIterator[Bus]:
    if request.param == "memory":
        made: Bus = MemoryBus(ack_wait_s=ACK_WAIT_S)
    else:
        made = NatsBus(bus_settings(request.getfixturevalue("nats_server").url, ack_wait_s=ACK_WAIT_S))
    yield made
    async for change in made.states():  # the server is shared between tests: leave nothing behind
        if change is None:
            break
        await made.forget(change.run_id)
    await made.close()


async def queued(bus: Bus) -> tuple[RunState, StageTask]:
    state = new_state()
    await bus.create(state)
    task = state.task()
    assert task is not None
    await bus.publish(task, {"traceparent": "00-1-2-03"})
    return state, task


async def pulled(bus: Bus, timeout: float = 2) -> Delivery:
    delivery = await bus.pull("detector", timeout)
    assert delivery is not None
    return delivery


async def test_a_task_arrives_complete_with_its_headers(bus):
    _, task = await queued(bus)
    delivery = await pulled(bus)
    assert delivery.task == task
    assert delivery.count == 1
    assert delivery.headers["traceparent"] == "00-1-2-03"
    await delivery.ack()


async def test_pulling_from_an_empty_queue_returns_none_after_the_timeout(bus):
    started = asyncio.get_running_loop().time()
    assert await bus.pull("angles", 0.2) is None
    assert 0.1 < asyncio.get_running_loop().time() - started < 1.5


async def test_a_task_is_delivered_to_its_stage_only(bus):
    await queued(bus)
    assert await bus.pull("angles", 0.1) is None
    await (await pulled(bus)).ack()


async def test_a_task_published_twice_is_queued_once(bus):
    _, task = await queued(bus)
    await bus.publish(task)
    await (await pulled(bus)).ack()
    assert await bus.pull("detector", 0.2) is None


async def test_an_acknowledged_task_never_comes_back(bus):
    state, _ = await queued(bus)
    assert await bus.has_task("detector", state.run_id)
    await (await pulled(bus)).ack()
    assert not await bus.has_task("detector", state.run_id)
    assert await bus.pull("detector", ACK_WAIT_S + 0.3) is None


async def test_a_silent_worker_s_task_is_delivered_again(bus):
    await queued(bus)
    first = await pulled(bus)
    second = await pulled(bus, 3)
    assert (second.sequence, second.count) == (first.sequence, 2)
    await second.ack()


async def test_progress_keeps_a_task(bus):
    await queued(bus)
    delivery = await pulled(bus)
    for _ in range(4):
        await asyncio.sleep(ACK_WAIT_S / 2)
        await delivery.in_progress()
    assert await bus.pull("detector", 0.1) is None
    await delivery.ack()


async def test_a_task_given_back_comes_after_its_delay(bus):
    await queued(bus)
    started = asyncio.get_running_loop().time()
    await (await pulled(bus)).retry(0.4)
    again = await pulled(bus)
    assert 0.35 < asyncio.get_running_loop().time() - started < 1.5
    assert again.count == 2
    await again.retry(0)
    await (await pulled(bus)).ack()


async def test_a_late_acknowledgement_counts(bus):
    """As in NATS: the worker must check that its work still counts before acknowledging."""
    state, _ = await queued(bus)
    zombie = await pulled(bus)
    await pulled(bus, 3)
    await zombie.ack()
    assert not await bus.has_task("detector", state.run_id)


async def test_a_discarded_task_leaves_the_queue(bus):
    state, _ = await queued(bus)
    await (await pulled(bus)).discard("too-dark")
    assert not await bus.has_task("detector", state.run_id)
    assert await bus.pull("detector", ACK_WAIT_S + 0.3) is None


async def test_a_task_is_delivered_as_often_as_it_is_given_back(bus):
    await queued(bus)
    for count in range(1, 4 * MAX_DELIVERIES):
        delivery = await pulled(bus)
        assert delivery.count == count
        await delivery.hand_back()
    await (await pulled(bus)).ack()


async def test_the_depth_counts_waiting_working_and_dead(bus):
    _, task = await queued(bus)
    await queued(bus)
    delivery = await pulled(bus)
    await bus.bury(task, PROBLEM)
    depth = await bus.depth("detector")
    assert (depth.waiting, depth.working, depth.dead) == (1, 1, 1)
    await delivery.ack()


async def test_a_dead_letter_is_kept_once(bus):
    _, task = await queued(bus)
    await bus.bury(task, PROBLEM)
    await bus.bury(task, PROBLEM)
    assert await bus.dead_letters("detector") == [(task, PROBLEM)]
    assert await bus.dead_letters("angles") == []


async def test_a_state_is_created_once_and_read_back_equal(bus):
    state = new_state()
    revision = await bus.create(state)
    assert await bus.read(state.run_id) == (state, revision)
    with pytest.raises(RunExists):
        await bus.create(state)


async def test_an_unknown_run_is_not_found(bus):
    with pytest.raises(RunNotFound):
        await bus.read("no-such-run")


async def test_of_two_concurrent_changes_one_wins(bus):
    state = new_state()
    revision = await bus.create(state)

    async def change(worker: str) -> bool:
        try:
            await bus.update(state.claimed("detector", 1, 1, worker), revision)
        except RunChanged:
            return False
        return True

    won = await asyncio.gather(*(change(f"worker-{number}") for number in range(8)))
    assert sum(won) == 1
    stored = await bus.read(state.run_id)
    assert stored.state.claim is not None
    assert stored.state.claim.worker == f"worker-{won.index(True)}"


async def test_an_erased_run_cannot_be_recreated_by_a_change(bus):
    state = new_state()
    revision = await bus.create(state)
    await bus.forget(state.run_id)
    with pytest.raises(RunChanged):
        await bus.update(state.cancelled(), revision)
    with pytest.raises(RunNotFound):
        await bus.read(state.run_id)


async def test_states_yields_existing_states_and_then_changes(bus):
    old, new = new_state(), new_state()
    revision = await bus.create(old)
    async with aclosing(bus.states()) as changes:
        assert await anext(changes) == StateChange(old.run_id, old, revision)
        assert await anext(changes) is None
        changed = old.cancelled()
        revision = await bus.update(changed, revision)
        assert await anext(changes) == StateChange(old.run_id, changed, revision)
        revision = await bus.create(new)
        assert await anext(changes) == StateChange(new.run_id, new, revision)
        await bus.forget(new.run_id)
        async with asyncio.timeout(5):
            erased = await anext(changes)
        assert (erased.run_id, erased.state) == (new.run_id, None)
        assert erased.revision > revision


async def test_states_continue_after_a_revision(bus):
    old, new = new_state(), new_state()
    await bus.create(old)
    before = await bus.history()
    revision = await bus.create(new)
    async with aclosing(bus.states(before.newest)) as changes, asyncio.timeout(5):
        assert await anext(changes) == StateChange(new.run_id, new, revision)
        assert await anext(changes) is None
    after = await bus.history()
    assert (after.identity, after.newest) == (before.identity, revision)


async def test_the_bus_lists_its_runs(bus):
    kept, erased = new_state(), new_state()
    await bus.create(kept)
    await bus.create(erased)
    assert await bus.run_ids() >= {kept.run_id, erased.run_id}
    await bus.forget(erased.run_id)
    async with asyncio.timeout(5):
        while await bus.run_ids() != {kept.run_id}:  # the marker of the erased run is there for a second
            await asyncio.sleep(0.05)
    assert (await bus.history()).runs == 1


async def test_without_runs_states_reports_it_at_once(bus):
    async with aclosing(bus.states()) as changes, asyncio.timeout(5):
        assert await anext(changes) is None


async def test_events_are_replayed_after_a_sequence_and_followed(bus):
    state = new_state()
    await bus.announce(StageEvent.of(state, 1))
    await bus.announce(StageEvent.of(state, 1))  # a repetition is not published again
    await bus.announce(StageEvent.of(new_state(), 2))  # another run's
    await bus.announce(StageEvent.of(state, 3))
    async with asyncio.timeout(10):
        async with aclosing(bus.events(state.run_id)) as events:
            first, event = await anext(events)
            assert event == StageEvent.of(state, 1)
            assert (await anext(events))[1].revision == 3
            await bus.announce(StageEvent.of(state.cancelled(), 4))
            assert (await anext(events))[1].status == "cancelled"
        async with aclosing(bus.events(state.run_id, first)) as events:
            assert [(await anext(events))[1].revision for _ in range(2)] == [3, 4]


async def test_nothing_is_left_of_a_deleted_run(bus):
    state, task = await queued(bus)
    kept, _ = await queued(bus)
    await bus.announce(StageEvent.of(state, 1))
    await bus.bury(task, PROBLEM)
    await bus.forget(state.run_id)
    await bus.forget(state.run_id)  # safe to repeat
    assert not await bus.has_task("detector", state.run_id)
    assert await bus.dead_letters("detector") == []
    with pytest.raises(RunNotFound):
        await bus.read(state.run_id)
    async with aclosing(bus.events(state.run_id)) as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(events)
    delivery = await pulled(bus)
    assert delivery.task.run_id == kept.run_id
    await delivery.ack()


async def test_the_server_s_files_contain_nothing_of_a_deleted_run(nats_server):
    bus = NatsBus(bus_settings(nats_server.url))
    state, task = await queued(bus)
    await bus.announce(StageEvent.of(state, 1))
    await bus.bury(task, PROBLEM)
    await bus.forget(state.run_id)
    await asyncio.sleep(2.5)  # the marker's lifetime and the server's clean-up interval
    client = await nats.connect(nats_server.url)
    for stream in await client.jetstream().streams_info():
        info = await client.jetstream().stream_info(str(stream.config.name), subjects_filter=">")
        assert not [subject for subject in info.state.subjects or {} if state.run_id in subject]
    await client.close()
    await bus.close()


async def test_a_running_bus_is_healthy(bus):
    await bus.check()


async def test_a_withdrawn_task_is_gone_and_others_stay(bus):
    state, task = await queued(bus)
    other, _ = await queued(bus)
    await bus.withdraw(task.stage, state.run_id)
    assert not await bus.has_task(task.stage, state.run_id)
    assert await bus.has_task(task.stage, other.run_id)
    delivery = await pulled(bus)
    assert delivery.task.run_id == other.run_id
    await delivery.ack()


def part_of(task: StageTask, number: int) -> PartTask:
    return PartTask(
        run_id=task.run_id,
        stage=task.stage,
        number=number,
        part={"start": 0.5},
        subject=task.subject,
        options=task.options,
        inputs=task.artefacts,
        folder=f"runs/{task.run_id}/detector/parts/0123/",
    )


async def part_pulled(bus: Bus, timeout: float = 2) -> PartDelivery:
    delivery = await bus.pull_part("detector", timeout)
    assert delivery is not None
    return delivery


async def test_each_part_is_offered_once_to_one_worker(bus):
    _, task = await queued(bus)
    parts = [part_of(task, number) for number in range(3)]
    for part in [*parts, *parts]:
        await bus.offer(part)
    assert await bus.pull_part("angles", 0.1) is None
    deliveries = [await part_pulled(bus) for _ in parts]
    assert [delivery.task for delivery in deliveries] == parts
    assert await bus.pull_part("detector", 0.1) is None
    assert [await bus.is_offered(part) for part in parts] == [True] * 3
    for delivery in deliveries:
        await delivery.ack()
    assert [await bus.is_offered(part) for part in parts] == [False] * 3


async def test_a_part_whose_helper_falls_silent_is_delivered_again_however_often(bus):
    _, task = await queued(bus)
    await bus.offer(part_of(task, 0))
    deliveries = [await part_pulled(bus, timeout=4 * ACK_WAIT_S + 2) for _ in range(MAX_DELIVERIES + 1)]
    assert [delivery.count for delivery in deliveries] == list(range(1, MAX_DELIVERIES + 2))
    await deliveries[-1].ack()


async def test_a_part_handed_back_is_offered_as_if_never_delivered_however_often(bus):
    _, task = await queued(bus)
    await bus.offer(part_of(task, 0))
    for _ in range(MAX_DELIVERIES + 1):
        delivery = await part_pulled(bus)
        assert (delivery.task, delivery.count) == (part_of(task, 0), 1)
        await delivery.hand_back()
        assert await bus.is_offered(part_of(task, 0))
    await (await part_pulled(bus)).ack()
    assert not await bus.is_offered(part_of(task, 0))


async def test_a_part_is_kept_by_progress_and_given_back_at_once(bus):
    _, task = await queued(bus)
    await bus.offer(part_of(task, 0))
    delivery = await part_pulled(bus)
    for _ in range(4):
        await asyncio.sleep(ACK_WAIT_S / 2)
        await delivery.in_progress()
    assert await bus.pull_part("detector", 0.1) is None
    await delivery.retry(0)
    await (await part_pulled(bus)).ack()


@pytest.mark.parametrize("end", ["withdrawn", "forgotten"])
async def test_offers_end_with_their_run(bus, end):
    _, task = await queued(bus)
    _, other = await queued(bus)
    for number in range(2):
        await bus.offer(part_of(task, number))
    await bus.offer(part_of(other, 0))
    await part_pulled(bus)
    if end == "withdrawn":
        await bus.withdraw_parts("detector", task.run_id)
    else:
        await bus.forget(task.run_id)
    assert (await part_pulled(bus)).task == part_of(other, 0)
    assert not await bus.is_offered(part_of(task, 1))
