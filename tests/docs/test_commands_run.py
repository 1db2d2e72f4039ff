"""Commands and programs in README and docs that are tagged `run` are run unchanged: real CLI, real server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import outputs
from humanpose3d.client import Client
from tests.clips import first_frames
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.servers import free_port

RUN = [page for page in PAGES if any(block.tag == "run" for block in blocks(page))]
SERVER = "http://127.0.0.1:8000"
KEY = "<run_key>"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the pages' commands use curl")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for the detector, short enough for `make test`."""
    return first_frames(12, tmp_path_factory.mktemp("video") / "walk.mp4")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    scripts = sysconfig.get_path("scripts")
    return {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[str]:
    """`humanpose3d serve` as the pages start it, on a free port and in a separate folder."""
    port, data = free_port(), tmp_path_factory.mktemp("data")
    environment = {**environment, "HUMANPOSE3D_SHARE_SECRET": "x" * 32}
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--data", str(data), "--detectors", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in first, first + process.stdout.read()
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)
        process.stdout.close()


@pytest.fixture(scope="module")
def results(video: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of `humanpose3d run` with all its figures."""
    folder = tmp_path_factory.mktemp("out")
    images = ["--export-preview", *(f"--{name.replace('_', '-')}" for name in ("plot_landmarks", "plot_augmented"))]
    images += ["--plot-all-joint-angles", "--save-angle-comparison", "--opensim", "--c3d"]
    words = ["run", "--video", str(video), "--height", "1.72", "--weight", "70", "--output", str(folder), *images]
    subprocess.run([sys.executable, "-m", "cli.main", *words], check=True, env=environment, capture_output=True)
    return folder / "walk"


@pytest.fixture
def folder(tmp_path: Path, video: Path, results: Path) -> Path:
    """A reader's working folder: the project with a video and, for most pages, results."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(sysconfig.get_path("scripts"))
    shutil.copy(video, tmp_path / "walk.mp4")
    shutil.copytree(results, tmp_path / "out" / "walk")
    return tmp_path


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_a_page_s_commands_run(page: Path, folder: Path, environment: dict[str, str], request: pytest.FixtureRequest):
    wanted = [block for block in blocks(page) if block.tag == "run"]
    known = {}
    if any(SERVER in block.text for block in wanted):
        known[SERVER] = request.getfixturevalue("server")
    if any(KEY in block.text for block in wanted):
        known[KEY] = finished_run(known[SERVER], folder / "walk.mp4")
    for block in wanted:
        done = run(block, known, folder, environment)
        assert done.returncode == 0, f"{block.where}\n{done.stdout}\n{done.stderr}"


def run(
    block: Block, known: dict[str, str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    text = block.text
    for placeholder, value in known.items():
        text = text.replace(placeholder, value)
    command = [sys.executable, "-c", text] if block.language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def finished_run(url: str, video: Path) -> str:
    with Client(url) as client:
        run_key = client.submit(video, height=1.72, weight=70, consent=True)
        client.wait(run_key, timeout=600)
    return run_key


def test_every_file_of_a_result_is_described(results: Path):
    groups = {path.name for path in results.rglob("walk_angles_*.csv")}
    assert len(groups) == 12
    described = {
        path.replace("<video>", "walk").replace(".*", f".{kind}") for path in outputs.FILES for kind in outputs.KINDS
    }
    written = {
        "joint_angles/walk_angles_<group>.csv" if path.name in groups else str(path.relative_to(results))
        for path in results.rglob("*")
        if path.is_file()
    }
    cycles = {"cycles.csv", "joint_angles/walk_gait_cycles.png", "joint_angles/walk_gait_cycles.svg"}
    assert described - written == {*cycles, "report.pdf"}, "no whole stride, no PDF requested"
    assert written <= described


def fields(value: object, path: str = "") -> Iterator[str]:
    """Paths of all leaves, with dots; an empty object is a leaf."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}".lstrip("."))
    else:
        yield path


@pytest.mark.parametrize(("name", "described"), [("quality.json", outputs.QUALITY), ("run.json", outputs.RUN)])
def test_every_field_of_a_report_is_described(name: str, described: dict[str, object], results: Path):
    there = set(fields(json.loads((results / name).read_text(encoding="utf-8"))))
    assert len(there) > 20
    assert not [field for field in sorted(there) if not outputs.described(field, described)]
    idle = [pattern for pattern in described if not any(outputs.described(field, [pattern]) for field in there)]
    assert idle == [pattern for pattern in idle if pattern in outputs.SOMETIMES]
