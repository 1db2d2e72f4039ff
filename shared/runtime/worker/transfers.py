"""Concurrent transfers of files to and from the object store."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from shared.runtime.retrying import retry_while_unavailable
from shared.runtime.store import Store

_PATIENCE_S: Final = 60.0
"""Time that finished work waits for an unavailable store before the task is returned."""


async def fetch(store: Store, keys: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """Fetch artefacts (name → key) into a folder, each as `name` with the suffix of its key. Raises ObjectNotFound."""
    paths = {name: folder / f"{name}{PurePosixPath(key).suffix}" for name, key in keys.items()}
    for name, key in keys.items():
        await store.get_file(key, paths[name])
    return paths


async def put(store: Store, files: Mapping[str, Path]) -> None:
    """Store files (key → file), waiting for a limited time if the store is unavailable."""
    for key, path in files.items():
        await retry_while_unavailable(partial(store.put_file, key, path), _PATIENCE_S)
