"""Ending tasks whose first cancellation is swallowed, as by `asyncio.wait_for` before Python 3.12."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from gateway.events import event_stream
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.run_state import StageEvent
from shared.runtime.tasks import cancel
from tests.makers import new_state

pytestmark = pytest.mark.anyio


async def swallowing() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)
    await asyncio.sleep(600)


async def test_a_task_is_cancelled_again_where_it_swallowed_a_cancellation():
    task = asyncio.create_task(swallowing())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancel(task, patience_s=0.05)
    assert task.cancelled()


async def test_a_client_s_stream_of_events_ends_with_it():
    class Bus(MemoryBus):
        async def events(self, run_id: str, after: int = 0) -> AsyncGenerator[tuple[int, StageEvent], None]:
            state = new_state()
            yield 1, StageEvent.of(state, 1)
            await swallowing()

    stream = event_stream(Bus(1), new_state(), 0)
    assert "event: state" in await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        await cancel(waiting)
    assert waiting.cancelled()
