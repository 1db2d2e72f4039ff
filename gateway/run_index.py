"""The gateway's copy of the newest state of every run, kept current by the bus.

Lists and metrics are answered from this copy without querying the bus; a single run is read from the bus itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.run_filter import RunFilter
from humanpose3d.errors import BusUnavailable, RunUnreadable, Unavailable
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunState
from shared.runtime.tasks import cancel

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


class RunIndex:
    """A copy of the run states. `start` it before use, `stop` it at the end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._states: dict[str, RunState] = {}
        self._unreadable: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None
        self._complete = asyncio.Event()

    def __iter__(self) -> Iterator[RunState]:
        return iter(list(self._states.values()))

    async def start(self, timeout: float) -> None:
        """Start following; returns when the copy is complete, or after `timeout` seconds while it is being filled."""
        self._task = asyncio.create_task(self._follow())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._complete.wait()

    async def stop(self) -> None:
        """Stop following."""
        if self._task:
            await cancel(self._task)

    def check(self) -> None:
        """Raises BusUnavailable while the copy is not kept current."""
        if not self._complete.is_set():
            raise BusUnavailable("The list of runs is not being kept up to date. The message bus may be at fault.")

    def get(self, run_id: str) -> RunState | None:
        """The newest known state of a run."""
        return self._states.get(run_id)

    def ages(self) -> list[tuple[str, datetime]]:
        """Every run and when it was accepted, including those that only another version can read."""
        return [(run_id, state.accepted_at) for run_id, state in self._states.items()] + list(self._unreadable.items())

    def put(self, state: RunState) -> None:
        """Add a state that this process has just stored, so that its own writes are visible at once."""
        known = self._states.get(state.run_id)
        self._unreadable.pop(state.run_id, None)
        if known is None or known.updated_at <= state.updated_at:
            self._states[state.run_id] = state

    def drop(self, run_id: str) -> None:
        """Remove a run that was erased."""
        self._states.pop(run_id, None)
        self._unreadable.pop(run_id, None)

    def owned_by(self, owner: str, wanted: RunFilter = RunFilter()) -> list[RunState]:  # noqa: B008 -- frozen
        """An owner's runs that the filter fits, newest first."""
        own = [state for state in self._states.values() if state.request.owner == owner and wanted.fits(state)]
        return sorted(own, key=lambda state: (state.accepted_at, state.run_id), reverse=True)

    async def _follow(self) -> None:
        """Follow without end: after any error it is restarted, and `check` fails meanwhile."""
        while True:
            try:
                await self._follow_once()
            except Unavailable:
                _log.warning("the bus does not answer; the list of runs may be out of date")
            except Exception:  # noqa: BLE001 -- an error in one state must not end the list of all
                _log.exception("the list of runs could not be followed")
            self._complete.clear()
            await asyncio.sleep(_RETRY_S)

    async def _follow_once(self) -> None:
        seen: set[str] | None = set()
        async for change in self._bus.states():
            if change is None:
                # All existing runs have been reported: any other was erased while this process was not following.
                for run_id in (self._states.keys() | self._unreadable.keys()) - (seen or set()):
                    self.drop(run_id)
                seen = None
                self._complete.set()
                continue
            if seen is not None:
                seen.add(change.run_id)
            if change.unreadable is not None:
                self._put_unreadable(change.unreadable)
            elif change.state is None:
                self.drop(change.run_id)
            else:
                self.put(change.state)

    def _put_unreadable(self, run: RunUnreadable) -> None:
        """Add a run that only another version can read: not listed, but erased when it is old enough."""
        _log.error("run %s cannot be read by this version and is not listed", run.run_id)
        self._states.pop(run.run_id, None)
        try:
            accepted_at = datetime.fromisoformat(run.accepted_at or "").astimezone(UTC)
        except (ValueError, OverflowError):
            accepted_at = self._unreadable.get(run.run_id, datetime.now(UTC))
        self._unreadable[run.run_id] = accepted_at
