"""Batches as stored: which videos are expected, of whom, and with which options. The rest is in their runs' states."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Self

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from gateway import concurrently
from gateway.errors import BatchNotFound
from gateway.forms import room_demanded
from humanpose3d.api_models import RunSummary
from humanpose3d.batch.subjects import BatchVideo, plain_path
from humanpose3d.errors import InvalidOption, ObjectNotFound
from humanpose3d.options import Contract, RunOptions
from shared.runtime.run_state import RunId, must_know_options
from shared.runtime.store import Store, content
from shared.scratch import scratch_folder

BATCHES: Final = "batches/"
"""The store's folder of all batches: batches/<digest of the owner>/<batch>/batch.json."""

_keys: Final = TypeAdapter(RunId)


class BatchRecord(Contract):
    """A batch as submitted. Only `videos` and `warnings` can change, when a subject is renamed or erased."""

    key: RunId
    owner: str
    created_at: AwareDatetime
    name: str
    options: RunOptions
    videos: tuple[BatchVideo, ...]
    warnings: tuple[str, ...] = ()
    """What seemed doubtful about the table of subjects."""
    fingerprint: str
    """Identical for repetitions of the same submission."""

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """See `Contract`. As for a run, an option that this version does not know makes the record unreadable."""
        record = super().read(stored)
        must_know_options(json.loads(stored)["options"])
        return record

    def named(self, name: str) -> list[BatchVideo]:
        """The video that a file of this name is: named so, or the only one whose path ends so.

        Several where the batch has several people of it, unless `name` says which. Raises InvalidOption.
        """
        plain = plain_path(name)
        same = [each for each in self.videos if plain_path(each.video) == plain]
        found = same or [each for each in self.videos if f"/{plain_path(each.path)}".endswith(f"/{plain}")]
        found = [each for each in found if plain_path(each.path) == plain] or found
        paths = dict.fromkeys(each.path for each in found)
        if len(paths) == 1:
            return found
        if found:
            fault = f"{', '.join(paths)} all end with {name!r}: send the path as video_name"
        else:
            fault = f"the batch has no video {name!r}; it is not in the list or table that the batch began with"
        raise InvalidOption({"video": fault})


@dataclass(frozen=True)
class Batch:
    """A batch and the runs of its videos, by the videos' names; videos that were not sent have none."""

    record: BatchRecord
    runs: Mapping[str, RunSummary]


@dataclass(frozen=True)
class Kept:
    """A stored record's key, and when it was last written."""

    owner_digest: str
    key: str
    modified: datetime


class BatchRecords:
    """The records in the store. Every call may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changing = asyncio.Lock()

    async def put(self, record: BatchRecord) -> None:
        """Store a record, in place of an earlier one with its key. Raises StorageFull."""
        with room_demanded(), scratch_folder() as scratch:
            path = scratch / "batch.json"
            path.write_text(record.model_dump_json(), encoding="utf-8")
            await self._store.put_file(f"{_folder(record.owner, record.key)}batch.json", path)

    async def get(self, owner: str, key: str) -> BatchRecord:
        """One of the owner's batches. Raises BatchNotFound, also where it cannot be read."""
        try:
            return BatchRecord.read(await content(self._store, f"{_folder(owner, key)}batch.json"))
        except (ObjectNotFound, ValueError):
            raise BatchNotFound("There is no such batch.") from None

    async def newest(self, owner: str) -> list[Kept]:
        """The owner's batches, newest first."""
        found = [kept async for kept in self._kept(f"{BATCHES}{_digest(owner)}/")]
        return sorted(found, key=lambda kept: (kept.modified, kept.key), reverse=True)

    async def all(self, owner: str) -> list[BatchRecord]:
        """The owner's batches that can be read."""
        return await self.get_many(owner, [kept.key for kept in await self.newest(owner)])

    async def get_many(self, owner: str, keys: list[str]) -> list[BatchRecord]:
        """Those of these batches that are there and can be read, in this order."""
        # others were erased meanwhile, or are of another version
        return await concurrently.found(partial(self.get, owner), keys, BatchNotFound)

    async def change_subject(self, owner: str, subject: str, change: Callable[[BatchVideo], BatchVideo | None]) -> bool:
        """Replace the subject's videos in all of an owner's batches by what `change` returns; None leaves one out.

        Returns whether there were any. The batches' warnings are dropped: they may name the subject.
        """
        async with self._changing:
            concerned = [
                record
                for record in await self.all(owner)
                if any(video.notes.subject == subject for video in record.videos)
            ]
            for record in concerned:
                new = (change(video) if video.notes.subject == subject else video for video in record.videos)
                videos = tuple(video for video in new if video is not None)
                await self.put(record.model_copy(update={"videos": videos, "warnings": ()}))
        return bool(concerned)

    async def remove(self, owner: str, key: str) -> None:
        """Remove a record."""
        await self._store.delete(_folder(owner, key))

    async def remove_unused(self, used: set[str], before: datetime) -> None:
        """Remove records that were written before a time and that no run belongs to. used: the batches with runs."""
        async for kept in self._kept(BATCHES):
            if kept.modified < before and kept.key not in used:
                await self._store.delete(f"{BATCHES}{kept.owner_digest}/{kept.key}/")

    async def _kept(self, prefix: str) -> AsyncIterator[Kept]:
        async for found in self._store.objects(prefix):
            _, owner, key, _ = found.key.split("/")
            yield Kept(owner, key, found.modified)


def checked_batch_key(text: str) -> str:
    """The text, if it can be a batch's key. Raises BatchNotFound."""
    try:
        return _keys.validate_python(text)
    except ValidationError:
        raise BatchNotFound("There is no such batch.") from None


def _folder(owner: str, key: str) -> str:
    return f"{BATCHES}{_digest(owner)}/{key}/"


def _digest(owner: str) -> str:
    """An owner's name as part of a key, which allows only few characters."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
