"""The list of all runs, kept current by the bus: for lists, searches and work that is due, without asking the bus.

A single run is read from the bus itself.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from filelock import FileLock, Timeout

from gateway import index_snapshot
from gateway.index_file import IndexFile, ListedRun
from gateway.run_filter import RunFilter
from humanpose3d.api_models import SubjectSummary
from humanpose3d.errors import BusUnavailable, RunNotFound, RunUnreadable, Unavailable
from shared.runtime.bus import Bus, StateChange
from shared.runtime.run_state import BatchPlace, RunState
from shared.runtime.store import Store
from shared.runtime.tasks import cancel
from shared.scratch import scratch_folder

P = ParamSpec("P")
T = TypeVar("T")

_NAME: Final = "runs.sqlite"
_RETRY_S: Final = 1.0
_AT_ONCE: Final = 500
"""Changes written in one transaction while the list is being filled."""
_THREADS: Final = 5
"""Four that read and one that writes."""

_log = logging.getLogger(__name__)


class RunIndex:
    """The list of all runs. `start` it before use, `stop` it at the end. Queries raise Unavailable."""

    def __init__(self, bus: Bus, store: Store, folder: Path | None) -> None:
        """`folder`: where the list is kept between starts; None: nowhere, then it begins from the store's copy."""
        self._bus, self._store, self._folder = bus, store, folder
        self._resources = ExitStack()
        self._complete = asyncio.Event()

    async def start(self, timeout: float) -> None:
        """Start following; returns when the list is complete, or after `timeout` seconds while it is being filled."""
        self._threads = self._resources.enter_context(ThreadPoolExecutor(_THREADS, "run-index"))
        self._file = await self._in_thread(IndexFile, await self._path())
        self._resources.callback(self._file.close)
        self._following = asyncio.create_task(self._follow())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._complete.wait()

    async def _path(self) -> Path:
        """Of the file, which is locked where it is kept: another process has a temporary one."""
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._resources.enter_context(FileLock(self._folder / "lock", blocking=False))
            except (OSError, Timeout):
                _log.warning("the folder of the list of runs cannot be used; a temporary one is used instead")
                self._folder = None
            else:
                return self._folder / _NAME
        path = self._resources.enter_context(scratch_folder()) / _NAME
        try:
            await index_snapshot.fetch(self._store, path)
        except (OSError, Unavailable):
            _log.warning("the copy of the list of runs cannot be read; the list is filled from the bus")
        return path

    async def save(self) -> None:
        """Store a copy now and then, where the list itself is not kept. Raises Unavailable."""
        if self._folder is None and self._complete.is_set():
            await index_snapshot.renew(self._store, self._file)

    async def stop(self) -> None:
        """Stop following."""
        await cancel(self._following)
        self._resources.close()

    def check(self) -> None:
        """Raises BusUnavailable while the list is not kept current."""
        if not self._complete.is_set():
            raise BusUnavailable("The list of runs is not being kept up to date. The message bus may be at fault.")

    async def put(self, state: RunState) -> None:
        """Take over a state that this process has just stored, so that its own writes are visible at once."""
        await self._write(self._file.put, state)

    async def drop(self, run_id: str) -> None:
        """Remove a run that was erased."""
        await self._write(self._file.drop, run_id)

    async def select(self, owner: str, wanted: RunFilter, *, before: int | None = None, limit: int) -> list[ListedRun]:
        """An owner's runs that the filter fits, newest first; only those before the one of the id `before`."""
        return await self._read(self._file.select, owner, wanted, before, limit)

    async def subjects(self, owner: str) -> list[SubjectSummary]:
        """An owner's subjects, by code."""
        return await self._read(self._file.subjects, owner)

    async def batches(self) -> set[str]:
        """The batches that have runs."""
        return await self._read(self._file.batches)

    async def unfailed(self, owner: str, place: BatchPlace) -> list[str]:
        """The runs of a batch's video that neither failed nor were cancelled."""
        return await self._read(self._file.unfailed, owner, place)

    async def waiting_before(self, state: RunState) -> int:
        """Number of waiting runs that were accepted before this one."""
        return await self._read(self._file.waiting_before, state)

    async def accepted_before(self, time: datetime, limit: int) -> list[str]:
        """The oldest runs accepted before this time, also those that only another version can read."""
        return await self._read(self._file.accepted_before, time, limit)

    async def unchanged_since(self, time: datetime) -> list[str]:
        """The runs that have not ended, and were last changed before this time."""
        return await self._read(self._file.unchanged_since, time)

    async def webhooks_due(self, time: datetime) -> list[str]:
        """The runs whose webhook is to be tried by this time."""
        return await self._read(self._file.webhooks_due, time)

    async def _read(self, query: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return await self._in_thread(query, *arguments, **named)
        except sqlite3.Error as error:
            _log.error("the list of runs cannot be read: %s", error)
            raise Unavailable("The list of runs cannot be read at the moment. Try again later.") from None

    async def _write(self, change: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
        """Not written here, it is written when the bus reports it, and `check` fails until then."""
        try:
            await self._in_thread(change, *arguments, **named)
        except sqlite3.Error as error:
            _log.error("the list of runs cannot be written: %s", error)

    async def _in_thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments, **named))

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
        history = await self._bus.history()
        if not await self._in_thread(self._file.continues, history):
            await self._in_thread(self._file.clear, history.identity)
        _, revision = await self._in_thread(lambda: self._file.position)
        new: list[StateChange] = []
        async for change in self._bus.states(revision):
            if change is not None:
                new.append(change)
            if change is None or self._complete.is_set() or len(new) >= _AT_ONCE:
                await self._in_thread(self._file.apply, new)
                new.clear()
            if change is None:
                if not await self._without_erased():
                    return
                self._complete.set()

    async def _without_erased(self) -> bool:
        """Remove the runs that were erased while this process was not following; False where the bus is another one."""
        history = await self._bus.history()
        if not await self._in_thread(self._file.continues, history):
            return False
        if history.runs != await self._in_thread(self._file.count):
            for run_id in await self._in_thread(self._file.beyond, await self._bus.run_ids()):
                try:
                    await self._bus.read(run_id)
                except RunNotFound:
                    await self._in_thread(self._file.drop, run_id)
                except RunUnreadable:
                    continue
        return True
