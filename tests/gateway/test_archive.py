"""The archive of a run is streamed: its files may exceed the memory."""

import asyncio
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
from starlette.responses import StreamingResponse

from gateway.downloads import archive_response, run_members
from shared.runtime.store.directory import DirectoryStore
from tests.makers import new_state

ROWS = "".join(f"{value:.6f}\n" for value in np.random.default_rng(0).normal(size=40_000)).encode()


async def written(store: DirectoryStore, results: dict[str, str], target: Path) -> int:
    """Write the archive to a file; returns the peak memory in bytes."""
    state = new_state().model_copy(update={"results": results})
    response = archive_response("walk", run_members(store, "walk", state))
    assert isinstance(response, StreamingResponse)
    with target.open("wb") as file:
        tracemalloc.start()
        try:
            async for chunk in response.body_iterator:
                file.write(chunk)  # type: ignore[arg-type]  # bytes, though it might be text
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_an_archive_does_not_hold_its_files_in_memory(tmp_path: Path):
    table = tmp_path / "table.trc"
    with table.open("wb") as file:
        file.writelines([ROWS] * 100)  # 36 MB

    async def whole() -> int:
        store = DirectoryStore(tmp_path / "store")
        await store.put_file("runs/one/results/table.trc", table)
        key = "runs/one/results/table.trc"
        return await written(store, {"table.trc": key, "again.trc": key}, tmp_path / "walk.zip")

    assert asyncio.run(whole()) < 5_000_000
    archive = zipfile.ZipFile(tmp_path / "walk.zip")
    assert sorted(archive.namelist()) == ["walk/again.trc", "walk/table.trc"]
    assert archive.testzip() is None
    sizes = {entry.filename: (entry.file_size, entry.compress_size) for entry in archive.infolist()}
    assert all(size == table.stat().st_size and packed < 0.6 * size for size, packed in sizes.values())
