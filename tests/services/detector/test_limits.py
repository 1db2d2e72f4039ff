from pathlib import Path

import pytest

from humanpose3d.errors import VideoTooLarge
from humanpose3d.options import RunOptions
from services.detector.limits import LIMITED, check_limits
from services.detector.stage import DetectorInputs, DetectorPlan
from services.detector.video.reader import survey
from shared.runtime.settings import Settings

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample.mp4"


def _plan(path: Path, folder: Path) -> DetectorPlan:
    assert LIMITED.division is not None
    made: DetectorPlan = LIMITED.division.plan(DetectorInputs(path, folder), RunOptions())
    return made


def settings(**changes: float) -> Settings:
    return Settings.model_validate({"nats_url": "nats://127.0.0.1:1", "store_directory": Path("unused"), **changes})


def test_the_sample_is_within_the_default_limits():
    check_limits(survey(SAMPLE).facts, settings())


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
        _plan(SAMPLE, tmp_path)


def test_what_is_within_them_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Settings, "from_environment", settings)
    made = _plan(SAMPLE, tmp_path)
    assert [part.frames for part in made.parts] == [100]
