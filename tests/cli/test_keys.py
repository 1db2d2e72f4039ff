from pathlib import Path

import pytest

from cli.main import main
from gateway.api_keys import KeyRing


def test_a_key_is_shown_once_and_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "keys"
    assert main(["keys", "add", "--owner", "gait-lab", "--file", str(file), "--runs-per-day", "20"]) == 0
    secret = capsys.readouterr().out.split()[-1]
    assert secret not in file.read_text()
    key = KeyRing(file).authenticate(secret)
    assert (key.owner, key.runs_per_day) == ("gait-lab", 20)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["keys", "add", "--owner", "x", "--file", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_no_quota_below_one(tmp_path: Path):
    assert main(["keys", "add", "--owner", "x", "--file", str(tmp_path / "keys"), "--runs-per-day", "0"]) == 2
    assert not (tmp_path / "keys").exists()
