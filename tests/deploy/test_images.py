"""Each image holds what its service needs: the tree and the packages that the Dockerfile names, put together here.

No engine runs here, so the steps that matter are done by hand: the files into a folder, the requirement file into an
environment of its own; in that, the service and its stage are imported.
"""

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
    "gateway": ("gateway.app",),
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
        "shared.runtime.worker.write_results",
        "shared.results.plots",
    ),
}

needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed (make installs it into .tools)")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Name of each build stage → the stage it starts from, and its instructions."""
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
    """What the COPY instructions of a target and of those it starts from bring from the project."""
    base, instructions = stages()[target]
    if base in stages():
        copy_tree(base, folder)
    for line in instructions:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, destination = shlex.split(line)[1:]
            _copy(sources, folder / destination, whole=destination.endswith("/"))


def _copy(sources: list[str], destination: Path, *, whole: bool) -> None:
    for source in sources:
        paths = list(ROOT.glob(source.rstrip("/")))
        assert paths, f"COPY {source} finds nothing"
        for path in paths:
            if path.is_dir():
                shutil.copytree(path, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target = destination / path.name if whole else destination
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


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
    assert f"/requirements/{service}" in "\n".join(stages()[f"{service}-environment"][1])
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
