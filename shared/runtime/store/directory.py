"""The object store as a folder, for a single machine."""

import asyncio
import glob
import os
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar

from humanpose3d.errors import ObjectNotFound, StoreFull, StoreUnavailable
from shared.room import is_full, must_have_room
from shared.runtime.store.protocol import (
    CHUNK_BYTES,
    PresignedUpload,
    StoredObject,
    StoredPart,
    checked_key,
    checked_prefix,
)

P = ParamSpec("P")
T = TypeVar("T")

_UNFINISHED: Final = ".unfinished-"
"""Prefix of the names of files that are being written; no key has such a part."""


class DirectoryStore:
    """See `shared.runtime.store.protocol.Store`. An object is a file under `root`, written to a temporary
    file beside its place and renamed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with _translated():
            root.mkdir(parents=True, exist_ok=True)

    async def put_file(self, key: str, path: Path) -> None:
        await _in_thread(_put_file, self._path(key), path)

    async def get_file(self, key: str, path: Path) -> None:
        await _in_thread(_copy, self._path(key), path)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        path = self._path(key)
        with await _opened(path) as file:
            file.seek(start)
            left = length if length is not None else os.fstat(file.fileno()).st_size
            while left > 0 and (chunk := await _in_thread(file.read, min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    async def copy(self, source: str, target: str) -> None:
        await _in_thread(_link, self._path(source), self._path(target))

    async def stat(self, key: str) -> StoredObject:
        return await _in_thread(self._stat, self._path(key))

    async def objects(self, prefix: str) -> AsyncGenerator[StoredObject, None]:
        folder = self._root / checked_prefix(prefix)
        for found in await _in_thread(self._found, folder):
            yield found

    async def delete(self, prefix: str) -> None:
        await _in_thread(_remove, self._root / checked_prefix(prefix))

    async def presign(self, key: str, lifetime: timedelta, max_bytes: int) -> PresignedUpload | None:
        return None

    async def put_part(self, key: str, number: int, path: Path) -> None:
        await _in_thread(_put_file, _part_of(self._path(key), number), path)

    async def presign_part(self, key: str, number: int, lifetime: timedelta) -> str | None:
        return None

    async def parts(self, key: str) -> list[StoredPart]:
        return await _in_thread(_arrived, self._path(key))

    async def join_parts(self, key: str) -> None:
        await _in_thread(_join, self._path(key))

    async def discard_parts(self, key: str) -> None:
        await _in_thread(_discard, [path for _, path in _parts(self._path(key))])

    async def sweep(self, age: timedelta) -> None:
        await _in_thread(_sweep, self._root, time.time() - age.total_seconds())

    async def check(self) -> None:
        try:
            await _in_thread(must_have_room, self._root)
        except ObjectNotFound:
            raise StoreUnavailable("The store's folder is gone.") from None

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _stat(self, path: Path) -> StoredObject:
        facts = path.stat()
        modified = datetime.fromtimestamp(facts.st_mtime, UTC)
        return StoredObject(path.relative_to(self._root).as_posix(), facts.st_size, modified)

    def _found(self, folder: Path) -> list[StoredObject]:
        found = []
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.startswith(_UNFINISHED):
                with suppress(FileNotFoundError):  # removed since
                    found.append(self._stat(path))
        return sorted(found, key=lambda each: each.key)


async def _in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    with _translated():
        return await asyncio.to_thread(work, *arguments, **named)


async def _opened(path: Path) -> BinaryIO:
    """The file, open for reading; also closed if the caller was cancelled before it was opened."""

    def close(done: "asyncio.Task[BinaryIO]") -> None:
        if not done.cancelled() and done.exception() is None:
            done.result().close()

    cancelled = False

    def opened() -> BinaryIO:
        file = path.open("rb")
        if cancelled:  # the loop may have ended, and call nothing back
            file.close()
        return file

    with _translated():
        opening = asyncio.ensure_future(asyncio.to_thread(opened))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            cancelled = True
            opening.add_done_callback(close)
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """Translates the file system's errors to the store's, without paths."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ObjectNotFound("There is no such object in the store.") from None
    except OSError as error:
        if is_full(error):
            raise StoreFull("The disk of the store's folder is full. Make room; accepted runs wait.") from error
        raise StoreUnavailable(f"The store's folder cannot be used: {error.strerror}.") from error


def _put_file(target: Path, path: Path) -> None:
    with path.open("rb") as source, _begin(target) as file:
        try:
            shutil.copyfileobj(source, file, CHUNK_BYTES)
            _finish(file, target)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _part_of(target: Path, number: int) -> Path:
    return target.with_name(f"{_UNFINISHED}{target.name}.{number:05}")


def _parts(target: Path) -> list[tuple[int, Path]]:
    """Number and file of every part, by number."""
    found = target.parent.glob(f"{_UNFINISHED}{glob.escape(target.name)}.[0-9][0-9][0-9][0-9][0-9]")
    return sorted((int(path.name[-5:]), path) for path in found)


def _arrived(target: Path) -> list[StoredPart]:
    arrived = []
    for number, path in _parts(target):
        with suppress(FileNotFoundError):  # joined since
            arrived.append(StoredPart(number, path.stat().st_size))
    return arrived


def _join(target: Path) -> None:
    parts = [path for _, path in _parts(target)]
    if not parts:
        raise FileNotFoundError
    with _begin(target) as file:
        try:
            for path in parts:
                with path.open("rb") as source:
                    shutil.copyfileobj(source, file, CHUNK_BYTES)
            _finish(file, target)
        finally:
            Path(file.name).unlink(missing_ok=True)
    _discard(parts)


def _discard(parts: list[Path]) -> None:
    for path in parts:
        path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """The same file under another name as a hard link: objects are replaced and never changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        _put_file(target, source)


def _sweep(root: Path, oldest: float) -> None:
    for path in root.rglob(f"{_UNFINISHED}*"):
        with suppress(FileNotFoundError):  # finished or removed since
            if path.stat().st_mtime < oldest:
                path.unlink()


def _begin(target: Path) -> BinaryIO:
    """A new file in the target's folder, which others may erase at any time."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}").open("xb")
    except FileNotFoundError:
        raise StoreUnavailable("The object's folder was erased.") from None


def _finish(file: BinaryIO, target: Path) -> None:
    """Move the written file into place, synced so that it survives a power failure."""
    file.flush()
    os.fsync(file.fileno())
    try:
        Path(file.name).replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
    except FileNotFoundError:
        raise StoreUnavailable("The object was erased while it was being written.") from None
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(source: Path, path: Path) -> None:
    part = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    try:
        shutil.copyfile(source, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """Remove a folder, even while others still write to it."""
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
    shutil.rmtree(folder)
