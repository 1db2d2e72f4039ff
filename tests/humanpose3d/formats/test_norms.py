"""Files of gait norms: written and read, errors by line, and the mirror image of a left cycle."""

from pathlib import Path

import numpy as np
import pytest

from humanpose3d.analysis import Analysis, MeanCurve
from humanpose3d.errors import InvalidMotion, InvalidOption
from humanpose3d.formats.norms import norms_of, read_norms, write_norms

SINE = 30 * np.sin(np.linspace(0, 2 * np.pi, 101))
HEAD = "joint,angle,percent,mean,sd\n"


def curve(joint: str, angle: str, side: str, mean: np.ndarray) -> MeanCurve:
    return MeanCurve(joint=joint, angle=angle, side=side, mean=tuple(mean), sd=None, n=1)  # type: ignore[arg-type]


def walk(offset: float) -> Analysis:
    curves = (
        curve("knee_r", "flexion", "right", SINE + offset),
        curve("knee_l", "flexion", "left", SINE + offset + 2),
        curve("pelvis", "obliquity", "right", SINE / 10 + offset),
        curve("pelvis", "obliquity", "left", -SINE / 10 - offset),
    )
    return Analysis(task="gait", recognised=True, view="lateral", timing_s=0.01, curves=curves)


def test_norms_of_runs_are_written_and_read(tmp_path: Path):
    write_norms(tmp_path / "norms.csv", norms_of([walk(0.0), walk(4.0)], "two adults"))
    norms = read_norms(tmp_path / "norms.csv")
    assert norms.source == "two adults"
    mean, sd = norms.bands["knee", "flexion"]
    assert mean == pytest.approx(SINE + 3, abs=0.001)
    assert sd == pytest.approx(np.full(101, 4 / np.sqrt(2)), abs=0.001)
    right, left = (norms.of(curve("pelvis", "obliquity", side, SINE)) for side in ("right", "left"))
    assert right is not None
    assert left is not None
    assert right[0] == pytest.approx(SINE / 10 + 2, abs=0.001)
    assert left[0] == pytest.approx(-right[0])
    assert norms.of(curve("ankle_r", "dorsiflexion", "right", SINE)) is None


def test_fewer_points_are_interpolated(tmp_path: Path):
    (tmp_path / "norms.csv").write_text(f"# 10 adults\n# own pace\n{HEAD}knee,flexion,0,0,5\nknee,flexion,100,50,10\n")
    norms = read_norms(tmp_path / "norms.csv")
    assert norms.source == "10 adults own pace"
    assert norms.bands["knee", "flexion"][0] == pytest.approx(np.linspace(0, 50, 101))
    assert norms.bands["knee", "flexion"][1][50] == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "the columns should be joint,angle,percent,mean,sd"),
        ("joint,angle,mean\n", "not joint,angle,mean"),
        (f"{HEAD}knee,bend,0,1,1\n", "there is no angle knee bend"),
        (f"{HEAD}knee_r,flexion,0,1,1\n", "there is no angle knee_r flexion"),
        (f"{HEAD}knee,flexion,zero,1,1\n", "'knee,flexion,zero,1,1' is not joint,angle,percent,mean,sd"),
        (f"{HEAD}knee,flexion,0,1,0\n", "sd above 0"),
        (f"{HEAD}knee,flexion,0,nan,1\n", "sd above 0"),
        (f"{HEAD}knee,flexion,0,1,1\nknee,flexion,90,1,1\n", "percent should increase from 0 to 100"),
        (f"{HEAD}knee,flexion,100,1,1\nknee,flexion,0,1,1\n", "percent should increase from 0 to 100"),
    ],
)
def test_faults_are_named(tmp_path: Path, content: str, complaint: str):
    (tmp_path / "norms.csv").write_text(content)
    with pytest.raises(InvalidOption, match=complaint):
        read_norms(tmp_path / "norms.csv")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InvalidOption, match=r"there is no readable file nowhere\.csv"):
        read_norms(tmp_path / "nowhere.csv")


def test_norms_need_two_runs():
    with pytest.raises(InvalidMotion, match="two runs or more"):
        norms_of([walk(0.0)], "one adult")
