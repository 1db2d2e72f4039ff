"""What the object store offers to gateway and workers: whole objects under keys such as `runs/<run>/results/x.trc`.

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
"""How much is read at a time where objects are streamed."""


@dataclass(frozen=True)
class StoredObject:
    """What the store knows about an object."""

    key: str
    size: int
    """Bytes."""
    modified: datetime


@dataclass(frozen=True)
class PresignedUpload:
    """A form that uploads one object straight to the store: POST `fields` and, last, `file` to `url`."""

    url: str
    fields: dict[str, str]
    expires: datetime


@dataclass(frozen=True)
class StoredPart:
    """A piece of an object that arrives in parts, numbered from 1."""

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
        """Remove every object under a prefix, and what was left of uploads that broke off."""

    async def presign(self, key: str, lifetime: timedelta, max_bytes: int) -> PresignedUpload | None:
        """Let a person without credentials upload one object; None where the store has no address of its own."""

    async def put_part(self, key: str, number: int, path: Path) -> None:
        """Store part `number` (from 1) of an object that arrives in parts. It may be sent again, the same.

        Every part but the last has at least 5 MiB.
        """

    async def presign_part(self, key: str, number: int, lifetime: timedelta) -> str | None:
        """An address that takes this part by PUT from anybody; None where the store has no address of its own."""

    async def parts(self, key: str) -> list[StoredPart]:
        """The parts that have arrived, by number; none where nothing has, or they were joined."""

    async def join_parts(self, key: str) -> None:
        """Make the object of its parts, in order of number. Raises ObjectNotFound where none has arrived."""

    async def discard_parts(self, key: str) -> None:
        """Remove the parts that have arrived of an object."""

    async def sweep(self, age: timedelta) -> None:
        """Remove what was left for longer than `age` of uploads that no person finished."""

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
