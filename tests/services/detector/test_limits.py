from pathlib import Path

import pytest

from services.detector.limits import LIMITED, check_limits
from services.detector.stage import DetectorInputs
from services.detector.video import probe
from shared.contracts import RunOptions
from shared.errors import VideoTooLarge
from shared.settings import Settings
from shared.stage import silent

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample.mp4"


def settings(**changes: float) -> Settings:
    return Settings.model_validate({"nats_url": "nats://127.0.0.1:1", "store_directory": Path("unused"), **changes})


def test_the_sample_is_within_the_default_limits():
    check_limits(probe(SAMPLE), settings())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_video_pixels": 1080 * 1920 - 1}, r"1080 × 1920 pixels; this server takes 2\.1 million"),
        ({"max_video_s": 1.0}, r"lasts 0\.0 minutes"),
    ],
)
def test_what_is_over_a_limit_is_refused_before_it_is_decoded(
    changes: dict[str, float], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Settings, "from_environment", lambda: settings(**changes))
    with pytest.raises(VideoTooLarge, match=message):
        LIMITED.run(DetectorInputs(SAMPLE, tmp_path), RunOptions(), _never)


def _never(done: int, total: int | None) -> None:
    pytest.fail("a frame was decoded")


def test_what_is_within_them_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Settings, "from_environment", settings)
    outputs = LIMITED.run(DetectorInputs(SAMPLE, tmp_path), RunOptions(pose_model="lite"), silent)
    assert outputs.landmarks.detected.all()
