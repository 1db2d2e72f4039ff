"""`humanpose3d norms`: from runs to a file that a run can be compared with."""

from pathlib import Path

import pytest

from cli.main import main
from humanpose3d.analysis import Analysis, MeanCurve
from humanpose3d.formats.analysis_files import write_analysis
from humanpose3d.formats.norms import read_norms


def walk(folder: Path, degrees: float) -> str:
    curve = MeanCurve(joint="knee_r", angle="flexion", side="right", mean=(degrees,) * 101, sd=None, n=1)
    folder.mkdir()
    write_analysis(folder, Analysis(task="gait", recognised=True, view="lateral", timing_s=0.01, curves=(curve,)))
    return str(folder)


def test_norms_of_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [walk(tmp_path / "ana", 10.0), walk(tmp_path / "ben", 20.0)]
    assert main(["norms", str(tmp_path / "norms.csv"), *runs, "--about", "2 adults"]) == 0
    assert "1 angles of 2 runs" in capsys.readouterr().out
    norms = read_norms(tmp_path / "norms.csv")
    assert norms.source == "2 adults"
    assert norms.bands["knee", "flexion"][0][50] == pytest.approx(15)


def test_one_run_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["norms", str(tmp_path / "norms.csv"), walk(tmp_path / "ana", 10.0), "--about", "1 adult"]) == 2
    assert "two runs or more" in capsys.readouterr().err
    assert not (tmp_path / "norms.csv").exists()
