import subprocess
import sys
from pathlib import Path

import pytest

from humanpose3d.child import application

ROOT = Path(__file__).resolve().parents[2]


def test_in_a_clone_the_application_is_the_repository():
    assert application() == ROOT


def test_a_module_runs_with_our_folder_first_on_the_path_and_without_the_working_folder(tmp_path: Path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise SystemExit('another's')")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "shared").symlink_to(tmp_path / "shared")
    (tmp_path / "elsewhere" / "probe.py").write_text(
        "import sys, shared.names\nprint(__name__, sys.argv[1:], shared.__file__, '' in sys.path, sys.path[0])"
    )
    command = [sys.executable, "-P", "-m", "humanpose3d.child", "probe", "--port", "1"]
    environment = {"PYTHONPATH": str(tmp_path / "elsewhere")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == (f"__main__ ['--port', '1'] {ROOT / 'shared' / '__init__.py'} False {ROOT}"), (
        done.stderr
    )


@pytest.mark.parametrize(("given", "expected"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_small_matrices_have_one_thread_unless_the_user_says_otherwise(
    tmp_path: Path, given: dict[str, str], expected: str
):
    (tmp_path / "probe.py").write_text("import os\nprint(os.environ['OPENBLAS_NUM_THREADS'])")
    command = [sys.executable, "-P", "-m", "humanpose3d.child", "probe"]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path), **given}, capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr
