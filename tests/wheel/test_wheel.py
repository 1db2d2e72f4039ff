"""The wheel as a user without a clone gets it: built from the sdist, installed into a clean environment, run elsewhere.

The working folder holds the user's own packages, which have the same names as ours.
"""

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

from humanpose3d import Client
from tests.clips import first_frames
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("shared", "services", "gateway", "cli", "models", "training", "humanpose3d")
"""Names of our packages that a user may also have."""

SUBJECT = ("--height", "1.72", "--weight", "70")

NOTEBOOK = """
import sys, shared
import humanpose3d
from humanpose3d import read_trc, run

results = run(sys.argv[1], height=1.72, weight=70, output=sys.argv[2], progress=False)
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"mediapipe", "onnxruntime", "cv2", "av", "services", "gateway", "pandas"}, loaded
assert shared.__file__.startswith(sys.argv[3]), shared.__file__
assert humanpose3d.__file__.startswith(sys.prefix), humanpose3d.__file__
print(results.joint_angles.values.shape, len(read_trc(results.folder / "walk_final.trc").names))
try:
    results.angles
except ImportError as error:
    print(error)
"""
OF_A_USER = """
from humanpose3d import Client, InvalidOption, JointAngles, Markers, read_angles, read_run, read_trc, run

markers: Markers = read_trc("a.trc")
angles: JointAngles = read_angles("out/walk")
run("walk.mp4", height=1.78, weight=75, pose_model="heavy").joint_angles.values.mean()
read_run("out/walk").marker_positions.position("Neck").max()
run("walk.mp4", height=1.78, weight=75, pose_model="huge")
run("walk.mp4", height=1.78, weight=75, no_such_option=True)
Client("http://127.0.0.1:8000").submit("walk.mp4", height=1.78, weight=75)
"""
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
    """A clean clone of the current commit, without tags."""
    folder = tmp_path_factory.mktemp("clone") / "humanpose3d"
    call("git", "clone", "-q", "--no-tags", ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the sdist."""
    folder = tmp_path_factory.mktemp("wheel")
    call(UV, "build", "-q", "--out-dir", folder, clone)
    assert len(list(folder.glob("*.tar.gz"))) == 1
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with only the wheel and the packages of `requirements/run.txt`."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    call(UV, "venv", "-q", "--no-python-downloads", "--python", sys.executable, folder)
    call(UV, "pip", "sync", "-q", "--python", python, "--require-hashes", ROOT / "requirements" / "run.txt")
    locked = call(UV, "pip", "freeze", "--python", python).splitlines()
    before = {path.name for path in packages_of(folder).iterdir()}
    call(UV, "pip", "install", "-q", "--python", python, wheel)
    added = {path.name for path in packages_of(folder).iterdir()} - before
    assert added == {"humanpose3d", f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"}
    installed = call(UV, "pip", "freeze", "--python", python).splitlines()
    assert [line for line in installed if not line.startswith("humanpose3d")] == locked, "the wheel requests more"
    return folder


def packages_of(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A working folder with the user's own packages; none of them may be imported by mistake."""
    folder = tmp_path / "elsewhere"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        said = f"raise SystemExit('{name} of another was imported')\n"
        for file in ("__init__.py", "app.py", "main.py", "__main__.py", "child.py"):
            (folder / name / file).write_text(said)
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
        assert f"humanpose3d/_app/{name}" in names
    assert "humanpose3d/py.typed" in names
    assert {Path(name).name for name in names if "/licenses/" in name} >= {"LICENSE", "NOTICE"}
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"humanpose3d"}
    assert not [name for name in names if "tests" in name or "benchmarks" in name]


def test_the_sdist_and_the_clone_give_the_same_wheel(wheel: Path, clone: Path, tmp_path: Path):
    call(UV, "build", "-q", "--wheel", "--out-dir", tmp_path, clone)

    def files(path: Path) -> dict[str, int]:
        return {item.filename: item.CRC for item in zipfile.ZipFile(path).infolist()}

    assert files(next(tmp_path.glob("*.whl"))) == files(wheel)


def test_it_says_its_version(environment: Path, wheel: Path, elsewhere: Path):
    said = call(environment / "bin" / "humanpose3d", "--version", cwd=elsewhere)
    assert said == f"humanpose3d {wheel.name.split('-')[1]}"


def test_it_gives_the_same_results_as_the_clone(environment: Path, video: Path, tmp_path: Path, elsewhere: Path):
    arguments = ["run", "--video", str(video), *SUBJECT, "--plot-landmarks", "--output"]
    call(environment / "bin" / "humanpose3d", *arguments, tmp_path / "wheel", cwd=elsewhere, PYTHONPATH="")
    call(sys.executable, "-m", "cli.main", *arguments, tmp_path / "clone", cwd=ROOT)
    for name in ("walk_final.trc", "quality.json", "joint_angles/walk_angles_knee_r.csv"):
        assert (tmp_path / "wheel" / "walk" / name).read_bytes() == (tmp_path / "clone" / "walk" / name).read_bytes()


def test_the_library_runs_beside_a_user_s_shared_module(environment: Path, video: Path, tmp_path: Path):
    """A bare installation, in a folder with a `shared.py`; the results need neither pandas nor a native library."""
    (tmp_path / "shared.py").write_text("mine = True\n")
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    python = environment / "bin" / "python"
    said = call(python, "notebook.py", video, tmp_path / "out", tmp_path, cwd=tmp_path, PYTHONPATH="").splitlines()
    assert said == ["(12, 12, 3) 65", 'This needs pandas: pip install "humanpose3d[notebook]"']


def test_a_user_s_file_is_checked_against_our_types(environment: Path, tmp_path: Path):
    (tmp_path / "analysis.py").write_text(OF_A_USER)
    command = [sys.executable, "-m", "mypy", "--strict", f"--python-executable={environment / 'bin' / 'python'}"]
    done = subprocess.run([*command, "analysis.py"], cwd=tmp_path, capture_output=True, text=True)
    assert re.findall(r":(\d+): error: .*\[(.+)\]", done.stdout) == [
        ("8", "arg-type"),
        ("9", "call-arg"),
        ("10", "call-arg"),
    ], done.stdout


@pytest.fixture
def server(environment: Path, tmp_path: Path, elsewhere: Path) -> Iterator[str]:
    port = free_port()
    command = [
        str(environment / "bin" / "humanpose3d"),
        "serve",
        "--port",
        str(port),
        "--data",
        str(tmp_path / "data"),
        "--detectors",
        "1",
    ]
    process = subprocess.Popen(
        command, cwd=elsewhere, env={**os.environ, "PYTHONPATH": ""}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


def test_it_serves_the_page_and_analyses_a_video(server: str, wheel: Path, video: Path):
    assert "HumanPose3D" in httpx.get(server).text
    assert httpx.get(f"{server}/openapi.json").json()["info"]["version"] == wheel.name.split("-")[1]
    with Client(server) as client:
        run_key = client.submit(video, height=1.72, weight=70, consent=True)
        assert client.wait(run_key, timeout=120).status == "completed"
