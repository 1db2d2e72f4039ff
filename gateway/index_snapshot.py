"""A copy of the list of runs in the store, from which a gateway without the list's file begins.

It only saves time: what has happened since comes from the bus, and without the copy all does. Every gateway looks now
and then whether the copy is old, and replaces it; of two that do so at once, either copy is as good.
"""

import asyncio
import contextlib
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.index_file import VERSION, IndexFile
from humanpose3d.errors import ObjectNotFound
from shared.runtime.store import Store
from shared.scratch import scratch_folder

KEY: Final = f"index/{VERSION}.sqlite.zlib"
"""Object key; gateways of another version have another one."""

_OLD: Final = timedelta(hours=1)
_WORTH_IT: Final = 10_000
"""Fewer runs are filled from the bus in seconds."""
_BLOCK: Final = 1 << 20
_LEVEL: Final = 1


async def fetch(store: Store, path: Path) -> None:
    """Write the stored copy, if there is one, to a new file. Raises StoreUnavailable."""
    with scratch_folder() as scratch, contextlib.suppress(ObjectNotFound):
        packed = scratch / "packed"
        await store.get_file(KEY, packed)
        await asyncio.to_thread(_unpack, packed, path)


async def renew(store: Store, file: IndexFile) -> None:
    """Store a copy of a long list, unless there is one that is not old. Raises StoreUnavailable."""
    if await asyncio.to_thread(file.count) < _WORTH_IT:
        return
    with contextlib.suppress(ObjectNotFound):
        if (await store.stat(KEY)).modified > datetime.now(UTC) - _OLD:
            return
    with scratch_folder() as scratch:
        copy, packed = scratch / "copy", scratch / "packed"
        await asyncio.to_thread(file.copy_to, copy)
        await asyncio.to_thread(_pack, copy, packed)
        await store.put_file(KEY, packed)


def _pack(source: Path, target: Path) -> None:
    packing = zlib.compressobj(_LEVEL)
    with source.open("rb") as whole, target.open("wb") as packed:
        while block := whole.read(_BLOCK):
            packed.write(packing.compress(block))
        packed.write(packing.flush())


def _unpack(source: Path, target: Path) -> None:
    """A damaged copy leaves a file that is found damaged when it is opened."""
    unpacking = zlib.decompressobj()
    with source.open("rb") as packed, target.open("wb") as whole, contextlib.suppress(zlib.error):
        while block := packed.read(_BLOCK):
            whole.write(unpacking.decompress(block))
