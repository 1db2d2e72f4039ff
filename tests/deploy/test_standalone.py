"""Tests of the standalone app that need no build; tests/standalone tests the built app."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "standalone"
HERE = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), "windows")


@pytest.fixture
def entry(tmp_path: Path):
    """Run the app's entry point as Python's main program; returns what it prints."""

    def call(*words: str, **environment: str) -> str:
        environment = {"PYTHONPATH": str(REPOSITORY), **environment}
        words = (sys.executable, str(FOLDER / "entry.py"), *words)
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_the_executable_runs_modules_as_python_does(entry, tmp_path: Path):
    (tmp_path / "module.py").write_text("import sys\nprint(__name__, sys.argv[1:])")
    assert entry("-P", "-m", "module", "--port", "8000", PYTHONPATH=f"{REPOSITORY}:{tmp_path}") == (
        "__main__ ['--port', '8000']\n"
    )


def test_without_m_it_is_the_command_line(entry):
    assert entry("--version").startswith("humanpose3d ")


@pytest.mark.parametrize(
    ("original", "seen"), [({}, "None"), ({"LD_LIBRARY_PATH_ORIG": "/usr/local/lib"}, "/usr/local/lib")]
)
def test_other_programs_get_the_system_s_libraries_and_the_bus_comes_from_the_app(entry, tmp_path, original, seen):
    (tmp_path / "module.py").write_text(
        "import os\nprint(os.environ.get('LD_LIBRARY_PATH'), os.environ['NATS_SERVER_BIN'])"
    )
    said = entry(
        "-P", "-m", "module", PYTHONPATH=f"{REPOSITORY}:{tmp_path}", LD_LIBRARY_PATH="/app/_internal", **original
    )
    assert said == f"{seen} {FOLDER / 'nats-server'}\n"


@pytest.mark.parametrize(
    ("terminal", "words"), [("xterm", ["-e"]), ("gnome-terminal", ["--"]), ("xfce4-terminal", ["-x"])]
)
def test_a_double_click_on_the_launcher_opens_a_terminal(tmp_path: Path, terminal: str, words: list[str]):
    launcher = tmp_path / "an app" / "start.sh"
    launcher.parent.mkdir()
    launcher.write_bytes((FOLDER / "start.sh").read_bytes())
    (tmp_path / terminal).write_text('#!/bin/sh\nprintf "%s\\n" "$@"')
    (tmp_path / terminal).chmod(0o755)
    for name in ("dirname", "readlink"):
        (tmp_path / name).symlink_to(Path("/usr/bin") / name)
    done = subprocess.run(["/bin/sh", launcher], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.stdout.splitlines() == [*words, str(launcher.parent / "HumanPose3D")]


def test_without_a_terminal_program_the_launcher_says_what_to_do(tmp_path: Path):
    for name in ("dirname", "readlink"):
        (tmp_path / name).symlink_to(Path("/usr/bin") / name)
    words = ["/bin/sh", str(FOLDER / "start.sh")]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "in a terminal yourself" in done.stderr


@pytest.mark.parametrize("system", sorted({"linux", "macos", "windows", "beos", ""} - {HERE}))
def test_an_app_for_another_system_is_not_built(system: str):
    done = subprocess.run([FOLDER / "build.sh", *system.split()], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: " in done.stderr
