"""Whether a disk has free space."""

from pathlib import Path

import pytest

from shared.room import is_full, must_have_room
from tests.disks import fill, small_disk


def test_a_full_disk_is_recognised_and_the_probe_leaves_nothing(tmp_path: Path):
    with small_disk(tmp_path / "disk", 4) as disk:
        must_have_room(disk)
        filler = fill(disk)
        with pytest.raises(OSError) as raised:  # noqa: PT011 -- errno is checked below
            must_have_room(disk)
        assert is_full(raised.value)
        filler.unlink()
        must_have_room(disk)
        assert list(disk.iterdir()) == []


def test_a_missing_folder_is_not_a_full_disk(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as raised:
        must_have_room(tmp_path / "missing")
    assert not is_full(raised.value)
