"""Temporary working folders."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from shared import scratch


def test_a_folder_is_private_and_gone_afterwards():
    with scratch.scratch_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "video.mp4").write_bytes(b"video")
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = "import os\nfrom shared.scratch import scratch_folder\nwith scratch_folder(): os._exit(9)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    (left,) = tmp_path.iterdir()
    living = tmp_path / f"humanpose3d-{os.getppid()}-abc"
    foreign = tmp_path / "humanpose3d-notes-1"
    for folder in (living, foreign):
        folder.mkdir()
    scratch.clear_leftovers()
    assert not left.exists()
    assert living.exists()
    assert foreign.exists()


def test_a_leftover_folder_with_our_own_pid_is_removed_too(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = Path(tmp_path / f"humanpose3d-{os.getpid()}-abc")
    left.mkdir()
    scratch.clear_leftovers()
    assert not left.exists()
