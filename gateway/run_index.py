"""What the gateway knows by heart: the newest state of every run, kept current by the bus.

Lists and metrics are answered from here without asking the bus; what is shown of one run is read from the bus itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from humanpose3d.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunState

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


class RunIndex:
    """A copy of the run states. `start` it before use, `stop` it at the end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._states: dict[str, RunState] = {}
        self._task: asyncio.Task[None] | None = None
        self._complete = asyncio.Event()

    def __iter__(self) -> Iterator[RunState]:
        return iter(list(self._states.values()))

    async def start(self, timeout: float) -> None:
        """Begin to follow; returns when the copy is complete, or after `timeout` seconds while it fills."""
        self._task = asyncio.create_task(self._follow())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._complete.wait()

    async def stop(self) -> None:
        """Follow no longer."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def put(self, state: RunState) -> None:
        """A state that this process has just stored, so that its own writes are seen at once."""
        known = self._states.get(state.run_id)
        if known is None or known.updated_at <= state.updated_at:
            self._states[state.run_id] = state

    def drop(self, run_id: str) -> None:
        """A run that was erased."""
        self._states.pop(run_id, None)

    def owned_by(self, owner: str | None) -> list[RunState]:
        """An owner's runs, newest first."""
        own = [state for state in self._states.values() if state.request.owner == owner]
        return sorted(own, key=lambda state: (state.accepted_at, state.run_id), reverse=True)

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except Unavailable:
                _log.warning("the bus does not answer; the list of runs may be out of date")
            await asyncio.sleep(_RETRY_S)

    async def _follow_once(self) -> None:
        seen: set[str] | None = set()
        async for change in self._bus.states():
            if change is None:
                # Everything that exists has been told: what was not, was erased while nobody listened.
                for run_id in self._states.keys() - (seen or set()):
                    self.drop(run_id)
                seen = None
                self._complete.set()
            elif change.state is None:
                self.drop(change.run_id)
            else:
                if seen is not None:
                    seen.add(change.run_id)
                self.put(change.state)
