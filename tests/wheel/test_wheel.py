"""The wheel, as somebody gets it who has no clone: built, installed into a clean environment, run from elsewhere."""

import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clips import first_frames
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv") or "uv is missing: make test-wheel installs it"
IDENTITY = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}


def call(*words: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean clone of what is committed, without tags."""
    folder = tmp_path_factory.mktemp("clone") / "humanpose3d"
    call("git", "clone", "-q", "--no-tags", ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(UV, "build", "-q", "--wheel", "--out-dir", folder, clone)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what `requirements/run.txt` names, nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    call(UV, "venv", "-q", "--no-python-downloads", "--python", sys.executable, folder)
    call(UV, "pip", "sync", "-q", "--python", python, "--require-hashes", ROOT / "requirements" / "run.txt")
    locked = call(UV, "pip", "freeze", "--python", python).splitlines()
    call(UV, "pip", "install", "-q", "--python", python, f"humanpose3d[cpu] @ {wheel.as_uri()}")
    installed = call(UV, "pip", "freeze", "--python", python).splitlines()
    assert [line for line in installed if not line.startswith("humanpose3d")] == locked, "the wheel asks for more"
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_frames(12, tmp_path_factory.mktemp("video") / "walk.mp4")


def version_of(project: Path) -> str:
    return call(UV, "tool", "run", "-q", "--with", "hatch-vcs", "hatchling", "version", cwd=project)


def test_a_clone_without_tags_builds_a_development_version_of_the_first_release(clone: Path):
    assert re.fullmatch(r"0\.1\.0\.dev\d+\+g[0-9a-f]+", version_of(clone))


def test_the_version_is_the_tag_and_what_follows_is_a_development_version(clone: Path, tmp_path: Path):
    tagged = tmp_path / "tagged"
    call("git", "clone", "-q", "--no-tags", clone, tagged)
    call("git", "tag", "v1.2.3", cwd=tagged)
    assert version_of(tagged) == "1.2.3"
    call("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=tagged, **IDENTITY)
    assert re.fullmatch(r"1\.2\.4\.dev1\+g[0-9a-f]+", version_of(tagged))


def test_an_archive_without_history_has_the_fallback_version(clone: Path, tmp_path: Path):
    (tmp_path / "archive").mkdir()
    call("git", "archive", "--output", tmp_path / "archive.tar", "HEAD", cwd=clone)
    call("tar", "-xf", tmp_path / "archive.tar", "-C", tmp_path / "archive")
    assert version_of(tmp_path / "archive") == "0.1.0.dev0"


def test_the_wheel_holds_the_page_the_models_and_the_licences_and_no_tests(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("gateway/static/index.html", "models/pose_landmarker_full.task", "models/augmenter_lower.onnx"):
        assert name in names
    assert {Path(name).name for name in names if "/licenses/" in name} >= {"LICENSE", "NOTICE"}
    allowed = {"humanpose3d", "shared", "services", "cli", "gateway", "models", "training"}
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == allowed


def test_it_says_its_version(environment: Path, wheel: Path, tmp_path: Path):
    said = call(environment / "bin" / "humanpose3d", "--version", cwd=tmp_path)
    assert said == f"humanpose3d {wheel.name.split('-')[1]}"


def test_it_gives_the_same_results_as_the_clone(environment: Path, video: Path, tmp_path: Path):
    arguments = ["run", "--video", str(video), "--height", "1.72", "--weight", "70", "--output"]
    call(environment / "bin" / "humanpose3d", *arguments, tmp_path / "wheel", cwd=tmp_path, PYTHONPATH="")
    call(sys.executable, "-m", "cli.main", *arguments, tmp_path / "clone", cwd=ROOT)
    for name in ("walk_final.trc", "quality.json", "joint_angles/walk_angles_knee_r.csv"):
        assert (tmp_path / "wheel" / "walk" / name).read_bytes() == (tmp_path / "clone" / "walk" / name).read_bytes()


@pytest.fixture
def server(environment: Path, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [
        str(environment / "bin" / "humanpose3d"),
        "serve",
        "--port",
        str(port),
        "--data",
        "data",
        "--detectors",
        "1",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


def test_it_serves_the_page_and_says_its_version(server: str, wheel: Path):
    assert "HumanPose3D" in httpx.get(server).text
    assert httpx.get(f"{server}/openapi.json").json()["info"]["version"] == wheel.name.split("-")[1]
