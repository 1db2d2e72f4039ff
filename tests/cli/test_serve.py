"""What `serve` refuses before starting any process."""

from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--port", "99999"], {}, "--port is a number from 1 to 65535, not 99999"),
        (["--port", "0"], {}, "--port is a number"),
        (["--port", "-1"], {}, "--port is a number"),
        (["--detectors", "0"], {}, "--detectors is at least 1, not 0"),
        (["--detectors", "-2", "--port", "70000"], {}, "--detectors is at least 1"),
        (["--host", "0.0.0.0"], {}, "HUMANPOSE3D_API_KEYS_FILE"),
        (["--host", ""], {}, "HUMANPOSE3D_API_KEYS_FILE"),
        (["--host", "192.168.1.5"], {}, "humanpose3d keys add"),
        ([], {"PUBLISHED_ON": "127.0.0.1, pose.example.org"}, "pose.example.org"),
        ([], {"MAX_VIDEO_S": "long"}, "HUMANPOSE3D_MAX_VIDEO_S"),
        ([], {"API_KEYS_FILE": "no/such/file"}, "HUMANPOSE3D_API_KEYS_FILE"),
    ],
)
def test_what_cannot_be_served_is_reported_before_anything_starts(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for name, value in environment.items():
        monkeypatch.setenv(f"HUMANPOSE3D_{name}", value)
    assert main(["serve", "--data", str(tmp_path / "data"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
