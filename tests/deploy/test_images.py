"""Each image holds what its service needs: the files and packages that the Dockerfile names, assembled here.

No container engine is needed: the files are copied into a folder and the requirement file is installed into a separate
environment, in which the service and its stage are imported.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
UV = shutil.which("uv") or (str(ROOT / ".tools" / "bin" / "uv") if (ROOT / ".tools" / "bin" / "uv").exists() else None)
MODULES = {
    "gateway": ("gateway.app", "cli.main", "cli.keys", "shared.runtime.healthcheck"),
    "detector": (
        "services.detector.app",
        "services.detector.limits",
        "shared.runtime.worker.stage_child",
        "shared.runtime.healthcheck",
    ),
    "refiner": (
        "services.refiner.app",
        "services.refiner.depth.stage",
        "services.refiner.joints.stage",
        "shared.runtime.worker.stage_child",
        "shared.runtime.worker.write_results",
        "shared.results.plots",
    ),
    "augmenter": ("services.augmenter.app", "services.augmenter.stage", "shared.runtime.worker.stage_child"),
    "angles": (
        "services.angles.app",
        "services.angles.stage",
        "services.angles.analysis.stage",
        "shared.runtime.worker.write_results",
        "shared.results.plots",
    ),
}

needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed (make installs it into .tools)")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Name of each build stage → its base stage and its instructions."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in DOCKERFILE.splitlines():
        if begin := re.match(r"FROM (\S+) AS (\S+)", line):
            name = begin[2]
            found[name] = (begin[1], [])
        elif name:
            found[name][1].append(line)
    return found


def copy_tree(target: str, folder: Path) -> None:
    """The project files that the COPY instructions of a target and of its base stages copy."""
    base, instructions = stages()[target]
    if base in stages():
        copy_tree(base, folder)
    for line in instructions:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, destination = shlex.split(line)[1:]
            _copy(sources, folder / destination, whole=destination.endswith("/"))


def ignored(path: str) -> bool:
    """Whether .dockerignore excludes a project file from the build: the last matching pattern decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line.strip() and not line.startswith("#"):
            here = path if "/" in pattern or not line.startswith("**/") else path.split("/")[-1]
            parents = [here, *map(str, Path(here).parents)]
            if any(fnmatch.fnmatchcase(each, pattern) and each.count("/") == pattern.count("/") for each in parents):
                out = not line.startswith("!")
    return out


def _copy(sources: list[str], destination: Path, *, whole: bool) -> None:
    for source in sources:
        paths = list(ROOT.glob(source.rstrip("/")))
        assert paths, f"COPY {source} finds nothing"
        for path in paths:
            if path.is_dir():
                shutil.copytree(path, destination, dirs_exist_ok=True, ignore=_ignored)
            elif not ignored(str(path.relative_to(ROOT))):
                target = destination / path.name if whole else destination
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def _ignored(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or ignored(str(Path(folder, name).relative_to(ROOT)))]


@pytest.mark.parametrize(
    ("path", "kept_out"),
    [
        ("README.md", True),
        (".venv/bin/python", True),
        ("tests/servers.py", True),
        ("cli/run.py", True),
        ("cli/keys.py", False),
        ("shared/names.py", False),
        ("shared/runtime/local_system.py", True),
        ("shared/runtime/bus/nats.py", False),
        ("deploy/install.sh", False),
        ("deploy/README.md", True),
        ("lab-ca.pem", False),
        ("requirements/images/gateway.txt", False),
        ("requirements/test.txt", True),
    ],
)
def test_the_build_context_holds_what_the_images_copy_and_nothing_else(path: str, kept_out: bool):
    assert ignored(path) is kept_out


@pytest.mark.parametrize(
    ("service", "of_shared"),
    [
        ("gateway", {"results", "runtime", "runtime/bus", "runtime/store"}),
        ("detector", {"runtime", "runtime/bus", "runtime/store", "runtime/worker"}),
        ("augmenter", {"runtime", "runtime/bus", "runtime/store", "runtime/worker"}),
    ],
)
def test_an_image_holds_only_what_its_service_needs_of_what_is_shared(
    service: str, of_shared: set[str], tmp_path: Path
):
    copy_tree(service, tmp_path)
    shared = tmp_path / "shared"
    assert {str(path.relative_to(shared)) for path in shared.rglob("*") if path.is_dir()} == of_shared
    assert not list(tmp_path.rglob("local_system.py"))


def test_an_image_knows_its_version(tmp_path: Path):
    runs = [line for line in stages()["base"][1] if line.startswith("RUN ") and "dist-info" in line]
    subprocess.run(["sh", "-c", runs[0].removeprefix("RUN ")], cwd=tmp_path, env={"VERSION": "1.2.3"}, check=True)
    ask = "from importlib.metadata import version; print(version('humanpose3d'))"
    done = subprocess.run([sys.executable, "-S", "-c", ask], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "1.2.3\n", done.stderr


@needs_uv
@pytest.mark.parametrize("service", MODULES)
def test_an_image_holds_what_its_service_imports(service: str, tmp_path: Path):
    assert UV is not None
    requirements = ROOT / "requirements" / "images" / f"{service}.txt"
    [install] = [line for line in stages()[f"{service}-environment"][1] if line.startswith("RUN ")]
    assert shlex.split(install)[-1].replace("${FLAVOUR}", "") == requirements.name
    python = tmp_path / "venv" / "bin" / "python"
    make = [UV, "venv", "-q", "--no-python-downloads", "--python", sys.executable, str(tmp_path / "venv")]
    subprocess.run(make, check=True)
    subprocess.run([UV, "pip", "sync", "-q", "--require-hashes", "--python", str(python), requirements], check=True)
    app = tmp_path / "app"
    copy_tree(service, app)
    imports = "; ".join(f"import {module}" for module in MODULES[service])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(app)}
    done = subprocess.run([python, "-c", imports], cwd=app, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    size = sum(path.stat().st_size for path in (tmp_path / "venv" / "lib").rglob("*") if path.is_file())
    print(f"{service}: {size / 1e6:.0f} MB of packages")
