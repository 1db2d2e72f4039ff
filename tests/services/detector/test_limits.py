from pathlib import Path
from typing import Any

import pytest

from humanpose3d.errors import VideoTooLarge
from humanpose3d.options import RunOptions
from services.detector.app import stage
from services.detector.limits import Limits, limited
from services.detector.stage import DetectorInputs, DetectorPlan
from shared.stage import Stage

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample.mp4"


def _plan(stage: Stage[Any, Any], folder: Path) -> DetectorPlan:
    assert stage.division is not None
    made: DetectorPlan = stage.division.plan(DetectorInputs(SAMPLE, folder), RunOptions())
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANPOSE3D_NATS_URL", "nats://127.0.0.1:1")
    monkeypatch.setenv("HUMANPOSE3D_STORE_DIRECTORY", "unused")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(1080 * 1920 - 1, 3600), r"1080 × 1920 pixels; this server takes 2\.1 million"),
        (Limits(7680 * 4320, 1.0), r"lasts 0\.0 minutes"),
    ],
)
def test_a_video_over_a_limit_is_refused_before_decoding(limits: Limits, message: str, tmp_path: Path):
    with pytest.raises(VideoTooLarge, match=message):
        _plan(limited(limits), tmp_path)


@pytest.mark.usefixtures("server")
def test_the_sample_is_within_the_default_limits(tmp_path: Path):
    assert [part.frames for part in _plan(stage(), tmp_path).parts] == [100]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("key", "value"), [("MAX_VIDEO_PIXELS", "1000"), ("MAX_VIDEO_S", "1")])
def test_the_service_has_the_limits_of_its_settings(
    key: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"HUMANPOSE3D_{key}", value)
    with pytest.raises(VideoTooLarge):
        _plan(stage(), tmp_path)
