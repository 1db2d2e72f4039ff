"""Tests specific to the directory store: a file system."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from humanpose3d.errors import StoreUnavailable
from shared.runtime.store.directory import DirectoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"x" * 1000)
    return path


async def test_there_is_no_upload_address(root):
    assert await DirectoryStore(root).presign("runs/x/video", timedelta(minutes=1), 1) is None
    assert await DirectoryStore(root).presign_part("runs/x/video", 1, timedelta(minutes=1)) is None


async def test_an_unfinished_object_is_not_listed_and_is_deleted_with_its_run(root, source):
    store = DirectoryStore(root)
    await store.put_file("runs/one/a", source)
    left = root / "runs" / "one" / ".unfinished-0123"
    left.write_bytes(b"half")
    assert [found.key async for found in store.objects("runs/one/")] == ["runs/one/a"]
    await store.delete("runs/one/")
    assert not left.exists()


async def test_a_full_disk_is_unavailable_and_leaves_nothing(root, source):
    """A file size limit simulates the full disk: both end a write half way with an OSError."""
    program = f"""
import asyncio, resource, signal
from pathlib import Path
from humanpose3d.errors import StoreUnavailable
from shared.runtime.store.directory import DirectoryStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    asyncio.run(DirectoryStore(Path({str(root)!r})).put_file("runs/one/a", Path({str(source)!r})))
except StoreUnavailable as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "File too large" in said
    assert str(root) not in said
    assert list((root / "runs" / "one").iterdir()) == []


async def test_a_deleted_folder_is_unavailable(root, source):
    store = DirectoryStore(root)
    root.rmdir()
    with pytest.raises(StoreUnavailable):
        await store.check()
