"""A run's changes as server-sent events, resumable: an event's id is its sequence in the stream."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from shared.runtime.bus import Bus
from shared.runtime.run_state import RunState, StageEvent
from shared.runtime.tasks import cancel

HEARTBEAT_S: Final = 15.0
_OVER: Final = ("completed", "failed", "cancelled")


async def event_stream(bus: Bus, state: RunState, after: int) -> AsyncGenerator[str, None]:
    """Events after `after`, until the one that ends the run; periodic comments keep the connection open."""
    events = bus.events(state.run_id, after)
    pending: asyncio.Task[tuple[int, StageEvent]] | None = None
    if state.is_over:
        # The events may have been dropped by now, and the state never changes again.
        yield _render("state", None, StageEvent.of(state, 0))
        return
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([pending], timeout=HEARTBEAT_S)
            if not done:
                yield ": still there\n\n"
                continue
            sequence, event = pending.result()
            pending = None
            yield _render("state", sequence, event)
            if event.status in _OVER:
                return
    finally:
        if pending:
            await cancel(pending)
        await events.aclose()


def _render(name: str, sequence: int | None, event: StageEvent) -> str:
    identity = f"id: {sequence}\n" if sequence is not None else ""
    return f"event: {name}\n{identity}data: {event.model_dump_json()}\n\n"
