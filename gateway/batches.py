"""Operations on batches: many runs by one table of subjects. Independent of HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from gateway import concurrently
from gateway.api_keys import ApiKey
from gateway.batch_records import Batch, BatchRecord, BatchRecords
from gateway.downloads import Member, run_members, text_member
from gateway.errors import BatchNotFound, IdempotencyKeyReused
from gateway.run_filter import RunFilter
from gateway.run_index import RunIndex
from gateway.run_results import measured
from gateway.run_service import RunService
from gateway.submission import NewBatch
from humanpose3d.api_models import RunSummary
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.batch.summary import SUMMARY, Status, measured_cells, row, summary_text
from humanpose3d.errors import InvalidOption, RunNotFound, RunOver
from shared.names import distinct, safe_name
from shared.runtime.run_state import RunState
from shared.runtime.store import Store

_STATUS: Final[Mapping[str, Status]] = {"completed": "done", "failed": "failed", "cancelled": "failed"}
"""Status of a run → in the summary; otherwise `waiting`."""


class Batches:
    """Begins and manages batches. Every call is for an API key, and has access to that key's batches only."""

    def __init__(self, store: Store, index: RunIndex, run_service: RunService) -> None:
        self._store, self._index, self._run_service = store, index, run_service
        self.records = BatchRecords(store)

    async def begin(self, key: ApiKey, new: NewBatch, idempotency_key: str | None) -> BatchRecord:
        """Store a batch, whose videos are then submitted one by one. Raises IdempotencyKeyReused."""
        batch_key = self._run_service.new_run_id(key, f"batch {idempotency_key}" if idempotency_key else None)
        with suppress(BatchNotFound):
            earlier = await self.records.get(key.owner, batch_key)
            if earlier.fingerprint != new.fingerprint:
                raise IdempotencyKeyReused("This key was used for another batch. Use a new one.")
            return earlier
        record = BatchRecord(
            key=batch_key,
            owner=key.owner,
            created_at=datetime.now(UTC),
            name=new.name,
            options=new.options,
            videos=new.videos,
            warnings=new.warnings,
            fingerprint=new.fingerprint,
        )
        await self.records.put(record)
        return record

    async def get(self, key: ApiKey, batch_key: str) -> Batch:
        """A batch with its runs. Raises BatchNotFound."""
        record = await self.records.get(key.owner, batch_key)
        return _with_runs(record, await self._all_runs(key, record.key))

    async def page(self, key: ApiKey, limit: int, cursor: str | None) -> tuple[list[Batch], str | None]:
        """The owner's batches, newest first, and the cursor of the next page. Raises InvalidOption."""
        keys = [kept.key for kept in await self.records.newest(key.owner)]
        if cursor is not None and cursor not in keys:
            raise InvalidOption({"cursor": "is not one that this server gave, or its batch was erased"})
        start = 0 if cursor is None else keys.index(cursor) + 1
        chosen = keys[start : start + limit]
        found = [
            _with_runs(record, await self._all_runs(key, record.key))
            for record in await self.records.get_many(key.owner, chosen)
        ]
        return found, chosen[-1] if start + limit < len(keys) else None

    async def cancel(self, key: ApiKey, batch_key: str) -> Batch:
        """Stop the runs that have not ended. Raises BatchNotFound."""
        await self.records.get(key.owner, batch_key)

        runs = await self._all_runs(key, batch_key)
        going = [run.run_key for run in runs if run.status in ("queued", "running")]
        await concurrently.found(partial(self._run_service.cancel, key), going, RunNotFound, RunOver)
        return await self.get(key, batch_key)

    async def erase(self, key: ApiKey, batch_key: str) -> int:
        """Erase a batch and all of its runs; returns how many. Raises BatchNotFound."""
        await self.records.get(key.owner, batch_key)
        erased = await self._erase_runs(key, batch_key)
        await self.records.remove(key.owner, batch_key)
        return erased + await self._erase_runs(key, batch_key)  # those submitted meanwhile

    async def erase_unused(self, age: timedelta) -> None:
        """Erase batches that are older than `age` and have no runs (any more)."""
        self._index.check()
        await self.records.remove_unused(await self._index.batches(), datetime.now(UTC) - age)

    async def summary(self, key: ApiKey, batch: Batch) -> str:
        """The content of `summary.csv`: a row a video, as the command line writes it."""
        folders, states = _folders(batch.record), await self._states(key, batch)

        async def filled(video: BatchVideo) -> dict[str, object]:
            return await self._row(batch, video, states.get(video.video), folders[video.video])

        rows = await concurrently.each(filled, batch.record.videos)
        return summary_text(rows, batch.record.options.csv_style)

    async def members(self, key: ApiKey, batch: Batch) -> AsyncIterator[Member]:
        """The files of the archive: `summary.csv`, and a folder for each completed run."""
        yield text_member(SUMMARY, await self.summary(key, batch))
        folders = _folders(batch.record)
        for video, state in (await self._states(key, batch)).items():
            for member in run_members(self._store, folders[video], state):
                yield member

    async def _row(self, batch: Batch, video: BatchVideo, state: RunState | None, folder: str) -> dict[str, object]:
        """A video's row; `state` is that of its run if it is completed."""
        task, run = video.options(batch.record.options).task, batch.runs.get(video.video)
        if run is None:
            return row(video, task, "waiting")
        noted = video.model_copy(update={"notes": run.notes})
        error = "The run was cancelled." if run.status == "cancelled" else run.error or ""
        cells = row(noted, task, _STATUS.get(run.status, "waiting"), error)
        if state is None:
            return cells
        found = await measured(self._store, state)
        results = {"error": "the results cannot be read"} if found is None else measured_cells(*found)
        return {**cells, "results": folder, **results}

    async def _states(self, key: ApiKey, batch: Batch) -> dict[str, RunState]:
        """Video → state of its run, of completed runs."""
        completed = [run.run_key for run in batch.runs.values() if run.status == "completed"]
        states = await self._run_service.get_all(key, completed)
        return {state.request.batch.video: state for state in states if state.request.batch is not None}

    async def _erase_runs(self, key: ApiKey, batch_key: str) -> int:
        return await self._run_service.erase_all(key, [run.run_key for run in await self._all_runs(key, batch_key)])

    async def _all_runs(self, key: ApiKey, batch_key: str) -> list[RunSummary]:
        """All runs of a batch, newest first: also those of a video that failed and was sent again."""
        return await self._run_service.all(key, RunFilter(batch=batch_key))


def _with_runs(record: BatchRecord, runs: Sequence[RunSummary]) -> Batch:
    newest = {run.batch.video: run for run in reversed(runs) if run.batch is not None}
    return Batch(record, {video.video: newest[video.video] for video in record.videos if video.video in newest})


def _folders(record: BatchRecord) -> dict[str, str]:
    """Video → the folder of its results in the archive."""
    names = [video.video for video in record.videos]
    folders = distinct(safe_name(Path(video.path)) + video.suffix for video in record.videos)
    return dict(zip(names, folders, strict=True))
