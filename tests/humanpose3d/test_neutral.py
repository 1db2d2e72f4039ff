import json
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import InvalidOption
from humanpose3d.motion import JointAngles
from humanpose3d.neutral import NeutralStance, by_name, demand_height, read_stance, rest

TIMES = np.arange(90) / 30


def stance(height: float = 1.78) -> NeutralStance:
    offsets = by_name(np.arange(36.0).reshape(12, 3))
    return NeutralStance(start_s=0, end_s=1, height=height, offsets_deg=offsets, segment_scales={"femur": 1.02})


def test_an_angle_at_rest_has_a_mean_and_one_that_moves_or_is_missing_has_none():
    values = np.full((90, 12, 3), 7.0)
    values[60:] = 50.0  # after the stance
    values[:60, 1, 0] = 7 + np.linspace(-10, 10, 60)
    values[:40, 2, 1] = np.nan
    values[:20, 3, 2] = np.nan
    found = rest(JointAngles(TIMES, values), 0.0, 59 / 30)
    assert np.argwhere(np.isnan(found.means)).tolist() == [[1, 0], [2, 1]]
    assert found.means[3, 2] == pytest.approx(7.0)
    assert found.range[1, 0] == pytest.approx(18.0, abs=0.1)
    assert found.seen[2, 1] == pytest.approx(1 / 3)


def test_a_time_without_frames_is_refused():
    with pytest.raises(InvalidOption, match=r"no frame from 4 to 5 s; analysed: 0 to 2\.9"):
        rest(JointAngles(TIMES, np.zeros((90, 12, 3))), 4, 5)


def test_a_stance_is_read_as_it_was_stated(tmp_path: Path):
    unknown = stance().model_copy(update={"offsets_deg": by_name(np.where(np.eye(12, 3) > 0, np.nan, 1.0))})
    (tmp_path / "quality.json").write_text(json.dumps({"neutral": unknown.model_dump()}), encoding="utf-8")
    assert read_stance(tmp_path) == unknown
    assert np.isnan(read_stance(tmp_path).offsets[0, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no quality.json"),
        ("not JSON", "not the folder"),
        ("{}", "without a neutral stance"),
        ('{"neutral": {"start_s": 1}}', "not the folder"),
    ],
)
def test_a_folder_without_a_stance_is_refused(tmp_path: Path, content: str | None, message: str):
    if content is not None:
        (tmp_path / "quality.json").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidOption, match=message):
        read_stance(tmp_path)


def test_another_person_s_stance_is_refused():
    demand_height(1.78, 1.79)
    with pytest.raises(InvalidOption, match=r"1\.78 m tall, this one is 1\.7 m"):
        demand_height(1.78, 1.70)
