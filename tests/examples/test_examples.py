"""The example programs and the notebook run unchanged on a short part of the sample video."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.clips import first_frames

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with nothing but the video."""
    first_frames(12, tmp_path / "sample.mp4")
    return tmp_path


def call(program: str, folder: Path) -> str:
    command = [sys.executable, str(EXAMPLES / program), "sample.mp4", "1.72", "70"]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_the_squat(folder: Path):
    said = call("squat.py", folder)
    flexion = re.search(r"knee flexion +right +(-?\d+)° +left +(-?\d+)°", said)
    assert flexion is not None, said
    assert all(-10 < int(degrees) < 60 for degrees in flexion.groups())  # the sample's man stands on a beam
    assert "standard deviation of the right knee's flexion" in said


def test_the_walk(folder: Path):
    said = call("walk.py", folder)
    assert re.search(r"knee flexion: right \d+°, left \d+°", said), said
    assert (folder / "out" / "sample_legs.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_compared(folder: Path):
    call("compare_two_runs.py", folder)
    rows = (folder / "out" / "differences.csv").read_text().splitlines()
    assert rows[0] == "joint,angle,rms_deg,mean_deg"
    assert len(rows) == 37
    assert max(float(row.split(",")[2]) for row in rows[1:]) > 1


def test_the_notebook(folder: Path):
    shutil.copy(EXAMPLES / "first_steps.ipynb", folder)
    notebook = nbformat.read(folder / "first_steps.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") for cell in notebook.cells), "the notebook is stored without outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("<Results of 'sample': 12 frames" in output.get("data", {}).get("text/plain", "") for output in shown)
    assert sum("image/png" in output.get("data", {}) for output in shown) == 1
