import errno
import mmap
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.mapped import blocks, empty, mapped, missing, release
from humanpose3d.motion import Markers, read_only

LARGE = (40_000, 65, 1)  # 21 MB


def file_pages_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssFile:")[1].split()[0]) / 1024


def test_a_large_array_is_in_a_file_without_a_name(tmp_path):
    array = empty(LARGE, tmp_path)
    assert isinstance(array.base, mmap.mmap)
    assert not list(tmp_path.iterdir())
    array[:] = np.arange(len(array))[:, None, None]
    release(array[5:10])
    assert array[-1, -1, 0] == len(array) - 1


@pytest.mark.parametrize("shape", [(0, 65, 3), (1000, 65, 3)])
def test_a_small_array_is_in_memory(tmp_path, shape):
    assert empty(shape, tmp_path).base is None


def test_without_a_folder_every_array_is_in_memory():
    assert empty(LARGE, None).base is None


def test_where_files_in_use_cannot_be_removed_arrays_are_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("humanpose3d.mapped._MAPS", False)
    path = tmp_path / "values"
    path.write_bytes(b"header" + np.arange(12.0).tobytes())
    with path.open("rb") as file:
        found = mapped(file, (2, 6), 6)
    assert not isinstance(found.base, mmap.mmap)
    assert np.array_equal(found, np.arange(12.0).reshape(2, 6))
    assert empty(LARGE, tmp_path).base is None


def test_a_full_disk_is_reported_before_the_array_is_used(tmp_path, monkeypatch):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full.open("wb", buffering=0))
    with pytest.raises(OSError, match="space") as error:
        empty(LARGE, tmp_path)
    assert error.value.errno == errno.ENOSPC


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_pages_leave_memory_and_blocks_release_theirs(tmp_path):
    array = empty(LARGE, tmp_path)
    release(array)
    before = file_pages_mb()
    assert array.sum() == 0
    assert file_pages_mb() > before + 15
    release(array)
    assert file_pages_mb() < before + 5
    assert sum(block.sum() for block in blocks(array)) == 0
    assert file_pages_mb() < before + 5


def test_blocks_are_the_whole_array_in_order():
    array = np.arange(10_000.0)
    np.testing.assert_array_equal(np.concatenate(list(blocks(array))), array)


def test_a_marker_is_missing_where_a_coordinate_is():
    positions = np.zeros((10_000, 2, 3))
    positions[7000, 1, 2] = np.nan
    assert np.argwhere(missing(positions)).tolist() == [[7000, 1]]
    assert missing(positions[:0]).shape == (0, 2)


def test_markers_use_a_read_only_array_in_a_file_without_a_copy(tmp_path):
    array = empty((50_000, 20, 3), tmp_path)
    markers = Markers(np.arange(50_000.0), tuple("abcdefghijklmnopqrst"), read_only(array))
    assert markers.positions.base is array.base
