"""The standalone app built by `build.sh`: moved elsewhere, in an empty environment, with and without network.

Without network it also has no access to the clone and to the Python that built it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from services.detector.video.chunks import SHORTEST
from tests.clips import there_and_back
from tests.e2e.test_serve import children, digests

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"
SUBJECT = ("--height", "1.72", "--weight", "70")
OTHER_RUNTIME = ("--pose-runtime", "mediapipe")
GLIBC = re.compile(r"/(ld-linux[^/]*|lib(c|dl|m|pthread|resolv|rt|util|nss_\w+)\.so\.\d|locale/.*|gconv/.*)$")
LARGEST_MB = 750
STARTED_WITHIN_S = 60.0

SUBMIT_AND_FETCH = """
import sys
from pathlib import Path
from humanpose3d.client import Client

with Client(sys.argv[1]) as client:
    run_key = client.submit(Path(sys.argv[2]), height=1.72, weight=70, consent=True)
    client.wait(run_key, timeout=300)
    client.download(run_key, Path(sys.argv[3]))
"""

ALONE = """
"$1" link set lo up
"$2" -t tmpfs none "$3"
"$2" -t tmpfs none "$4"
shift 4
exec "$@"
"""


@dataclass(frozen=True)
class Place:
    """Where the app runs: its executable, the command prefix, and an empty home folder."""

    executable: Path
    before: tuple[str, ...]
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        browser = f"{self.home / 'browser'} %s"
        return {"HOME": str(self.home), "PATH": str(self.home / "empty"), "BROWSER": browser}

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "humanpose3d"

    @property
    def opened(self) -> list[str]:
        """The address that the browser was given, and its library path."""
        seen = self.home / "opened"
        return seen.read_text().splitlines() if seen.exists() else []

    def command(self, *words: str | Path) -> list[str]:
        return [*self.before, str(self.executable), *(str(word) for word in words)]

    def call(self, *words: str | Path) -> str:
        """Run the app to its end; returns what it prints."""
        done = subprocess.run(
            self.command(*words), env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def inside(self, pid: int) -> list[str]:
        """Command prefix that enters the network namespace of that process."""
        return [tool("nsenter"), "-t", str(pid), "-U", "--preserve-credentials", "-n"] if self.before else []


def tool(name: str) -> str:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or name


def alone(*hidden: Path) -> tuple[str, ...]:
    """Command prefix that removes the network and these two folders."""
    words = [tool("unshare"), "-rmn", "/bin/sh", "-euc", ALONE, "sh", tool("ip"), tool("mount"), *map(str, hidden)]
    if subprocess.run([*words, "/bin/true"], capture_output=True).returncode:
        pytest.skip("namespaces need unshare, ip and mount, and a system that lets users have them")
    return tuple(words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, in another folder than the one where it was built."""
    moved = tmp_path_factory.mktemp("elsewhere") / "Human Pose"
    return Path(shutil.copytree(ROOT / "dist" / "HumanPose3D", moved, symlinks=True))


@pytest.fixture(params=["network", "alone"])
def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Place:
    python = Path(sys.base_prefix)
    hidden = (ROOT, python if python != Path("/usr") else ROOT)
    (tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1 ${{LD_LIBRARY_PATH-unset}}" >> {tmp_path}/opened\n')
    (tmp_path / "browser").chmod(0o755)
    (tmp_path / "empty").mkdir()
    shutil.copy(SAMPLE, tmp_path / "sample.mp4")
    return Place(folder / "HumanPose3D", alone(*hidden) if request.param == "alone" else (), tmp_path)


def made_by_the_clone(video: Path, output: Path) -> dict[str, str]:
    """Digests of the results of the clone's own `run`."""
    words = ["run", "--video", str(video), *SUBJECT, "--output", str(output)]
    subprocess.run([sys.executable, "-m", "cli.main", *words], cwd=ROOT, check=True, capture_output=True)
    return digests(output / video.stem)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return made_by_the_clone(SAMPLE, tmp_path_factory.mktemp("clone"))


@pytest.fixture
def started(place: Place) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app started as by a double click, and the address that it prints."""
    process = subprocess.Popen(
        place.command(), env=place.environment, cwd=place.home, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    watchdog = threading.Timer(STARTED_WITHIN_S, process.kill)
    watchdog.start()
    try:
        assert process.stdout.readline() == "HumanPose3D is starting ...\n"
        said = process.stdout.readline()
        watchdog.cancel()
        address = re.match(r"HumanPose3D is at (http://127\.0\.0\.1:\d+) .*stop with Ctrl-C", said)
        assert address, said
        yield process, address[1]
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


def test_it_takes_no_more_disk_than_the_documentation_says(folder: Path):
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    assert size / 1e6 < LARGEST_MB


def test_it_says_the_version_that_it_was_built_from(place: Place):
    assert re.fullmatch(r"humanpose3d \d+\.\d+\.\d+\S*\n", place.call("--version"))


def test_run_gives_the_same_results_as_the_clone(place: Place, expected: dict[str, str]):
    images = ("--plot-all-joint-angles", "--export-preview")
    said = place.call("run", "--video", "sample.mp4", *SUBJECT, "--output", "out", *images)
    assert "Results in out/sample" in said
    results = place.home / "out" / "sample"
    assert digests(results) == expected
    for image in ("joint_angles/sample_all_joint_angles.png", "sample_preview.mp4"):
        assert (results / image).stat().st_size > 10_000
    versions = json.loads((results / "run.json").read_text())["versions"]
    assert versions.keys() >= {"python", "humanpose3d", "mediapipe", "onnxruntime", "numpy"}


def test_the_other_commands_work(place: Place):
    place.call("run", "--video", "sample.mp4", *SUBJECT, "--output", "out", "--no-main-refiner", *OTHER_RUNTIME)
    place.call("refine", "out/sample/sample_final.trc", "refined.trc")
    assert (place.home / "refined.trc").read_text().startswith("PathFileType")
    place.call("view", "refined.trc", "--html", "refined.html")
    assert "three" in (place.home / "refined.html").read_text()
    place.call("keys", "add", "--owner", "me", "--file", "keys")
    assert "me" in (place.home / "keys").read_text()


def test_a_double_click_serves_the_page_and_analyses_as_run_does(
    place: Place, folder: Path, started: tuple[subprocess.Popen[str], str], expected: dict[str, str]
):
    before = sorted(folder.rglob("*"))
    process, url = started
    assert made_by_the_page(SAMPLE, url, place.inside(process.pid), place.home / "served") == expected
    assert place.opened == [f"{url} unset"]
    assert sorted(folder.rglob("*")) == before, "data belong into the user's data folder"

    running = [process.pid, *(child.pid for child in children(place.data))]
    grandchildren = [child.pid for pid in running for child in psutil.Process(pid).children(recursive=True)]
    assert len({*running, *grandchildren}) >= 10
    for pid in {*running, *grandchildren}:
        assert not files_from_elsewhere(pid, folder, place.home)


def made_by_the_page(video: Path, url: str, reach: list[str], output: Path) -> dict[str, str]:
    """Digests of the results of a video uploaded through the page."""
    words = [*reach, sys.executable, "-c", SUBMIT_AND_FETCH, url, str(video), str(output)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return digests(output)


@pytest.mark.parametrize("place", ["alone"], indirect=True)
def test_a_long_video_is_detected_by_processes_side_by_side(place: Place, started: tuple[subprocess.Popen[str], str]):
    process, url = started
    video = there_and_back(2 * SHORTEST, place.home / "long.mp4", 0.5)
    expected = made_by_the_clone(video, place.home / "clone")
    place.call("run", "--video", video.name, *SUBJECT, "--output", "out")
    assert digests(place.home / "out" / "long") == expected
    assert made_by_the_page(video, url, place.inside(process.pid), place.home / "served") == expected
    assert not (place.home / ".cache" / "Microsoft").exists(), "ONNX Runtime notes what it would send there"


def files_from_elsewhere(pid: int, *folders: Path) -> list[str]:
    """Files that a process has loaded, except from these folders and the system's C library."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    mapped = {line.split(maxsplit=5)[5] for line in lines if "/" in line}
    elsewhere = [path for path in mapped if not path.startswith((*map(str, folders), "/dev/", "/memfd:"))]
    return [path for path in elsewhere if not GLIBC.search(path)]


def test_a_second_start_opens_the_page_of_the_first(place: Place, started: tuple[subprocess.Popen[str], str]):
    _, url = started
    said = place.call()
    assert f"HumanPose3D is running already, at {url}." in said
    assert place.opened == [f"{url} unset"] * 2


@pytest.mark.parametrize("place", ["network"], indirect=True)
def test_it_takes_the_next_port_where_the_first_is_taken(
    place: Place, started: tuple[subprocess.Popen[str], str], tmp_path_factory: pytest.TempPathFactory
):
    _, first = started
    other = tmp_path_factory.mktemp("another user's data")
    words = place.command("serve", "--data", str(other))
    process = subprocess.Popen(words, env=place.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert address
        assert int(address[0].rsplit(":")[-1]) > int(first.rsplit(":")[-1])
        assert httpx.get(f"{address[0]}/readyz").status_code == httpx.get(f"{first}/readyz").status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
