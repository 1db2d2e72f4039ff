"""The interface of the object store for gateway and workers: objects under keys such as `runs/<run>/results/x.trc`.

An object appears whole or not at all. Every call may raise StoreUnavailable, which may pass (StorageFull where room has
to be made); a key that no store takes raises InvalidKey. A prefix is a folder: it ends with `/`.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from humanpose3d.errors import InvalidKey

CHUNK_BYTES: Final = 1 << 18
"""Bytes read at a time when objects are streamed."""


@dataclass(frozen=True)
class StoredObject:
    """Metadata of an object."""

    key: str
    size: int
    """Bytes."""
    modified: datetime


@dataclass(frozen=True)
class PresignedUpload:
    """A form that uploads one object directly to the store: POST `fields` and, last, `file` to `url`."""

    url: str
    fields: dict[str, str]
    expires: datetime


@dataclass(frozen=True)
class StoredPart:
    """A part of an object that is uploaded in parts, numbered from 1."""

    number: int
    size: int
    """Bytes."""


class Store(Protocol):
    """The object store. One instance a process; safe for many tasks of one event loop."""

    async def put_file(self, key: str, path: Path) -> None:
        """Store a file."""

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object into a new file, which appears when it is complete. Raises ObjectNotFound."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of an object, or `length` of them from `start`, in chunks. Raises ObjectNotFound."""

    async def copy(self, source: str, target: str) -> None:
        """Make another object with the same content, within the store. Raises ObjectNotFound."""

    async def stat(self, key: str) -> StoredObject:
        """Size and date of an object. Raises ObjectNotFound."""

    def objects(self, prefix: str) -> AsyncGenerator[StoredObject, None]:
        """The objects under a prefix, at any depth, ordered by key."""

    async def delete(self, prefix: str) -> None:
        """Remove every object under a prefix, and the remains of interrupted uploads."""

    async def presign(self, key: str, lifetime: timedelta, max_bytes: int) -> PresignedUpload | None:
        """Allow one object to be uploaded without credentials; None where the store has no public address."""

    async def put_part(self, key: str, number: int, path: Path) -> None:
        """Store part `number` (from 1) of an object that is uploaded in parts. Sending it again is harmless.

        Every part but the last has at least 5 MiB.
        """

    async def presign_part(self, key: str, number: int, lifetime: timedelta) -> str | None:
        """A presigned address to PUT this part to; None where the store has no public address."""

    async def parts(self, key: str) -> list[StoredPart]:
        """The received parts, by number; empty where there are none, or they were joined."""

    async def join_parts(self, key: str) -> None:
        """Join the parts to the object, in order of number. Raises ObjectNotFound where there are none."""

    async def discard_parts(self, key: str) -> None:
        """Remove the received parts of an object."""

    async def sweep(self, age: timedelta) -> None:
        """Remove the remains of unfinished uploads that are older than `age`."""

    async def check(self) -> None:
        """Returns when the store answers and, as far as is known, can be written to; raises StoreUnavailable."""


def checked_key(key: str) -> str:
    """The key, if every store takes it. Raises InvalidKey."""
    plain = key.isprintable() and "\\" not in key and len(key.encode(errors="replace")) <= 1024
    if not plain or not all(_is_part(part) for part in key.split("/")):
        raise InvalidKey(
            "An object's name is made of parts of 1 to 200 bytes joined by '/', 1024 bytes in all, without control "
            "characters or backslashes; no part begins with a dot."
        )
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix, if it names a folder. Raises InvalidKey."""
    if not prefix.endswith("/"):
        raise InvalidKey("A prefix ends with '/'.")
    checked_key(prefix[:-1])
    return prefix


def _is_part(part: str) -> bool:
    return 0 < len(part.encode(errors="replace")) <= 200 and not part.startswith(".")


async def content(store: Store, key: str, start: int = 0, length: int | None = None) -> bytes:
    """The bytes of a small object, or `length` of them from `start`. Raises ObjectNotFound."""
    return b"".join([chunk async for chunk in store.read(key, start, length)])
