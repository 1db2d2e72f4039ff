"""Runs whose task is in the queue but is no longer delivered."""

from datetime import timedelta

import pytest

from shared.runtime import runs
from shared.runtime.bus import memory
from shared.runtime.bus.memory import MemoryBus
from tests.makers import new_request, new_run_id

pytestmark = pytest.mark.anyio
NOW = timedelta(0)


async def undeliverable(bus: MemoryBus, *, claimed: bool) -> str:
    run_id = new_run_id()
    await runs.submit(bus, run_id, new_request(run_id))
    delivery = await bus.pull("detector", 0)
    assert delivery is not None
    if claimed:
        await runs.change(bus, run_id, lambda state: state.claimed("detector", delivery.sequence, 1, "dead worker"))
    delivery.message.due = float("inf")
    return run_id


@pytest.mark.parametrize("claimed", [True, False])
async def test_a_stuck_run_is_queued_again(claimed: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "DUPLICATE_WINDOW_S", 0)
    bus = MemoryBus()
    run_id = await undeliverable(bus, claimed=claimed)
    assert await bus.pull("detector", 0) is None
    assert await runs.requeue_lost(bus, [run_id], NOW, stuck_after=timedelta(hours=1)) == []
    assert await runs.requeue_lost(bus, [run_id], NOW, stuck_after=NOW) == [run_id]
    delivery = await bus.pull("detector", 0)
    assert delivery is not None
    assert delivery.task.run_id == run_id


async def test_a_run_that_waits_for_its_turn_keeps_its_place():
    bus = MemoryBus()
    for _ in range(2):
        run_id = new_run_id()
        await runs.submit(bus, run_id, new_request(run_id))
    assert await runs.requeue_lost(bus, await bus.run_ids(), NOW, stuck_after=NOW) == []
