"""The compose files and Kubernetes overlays as Docker Compose and kubectl read them."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from tests.servers import REPOSITORY

TOOLS = Path(sysconfig.get_path("scripts"))
K8S = REPOSITORY / "deploy" / "k8s"
OVERLAYS = ("lab-cpu", "lab-gpu")

Resource = dict[str, Any]


def compose(*files: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`docker compose config` with these files and nothing else in the environment."""
    arguments = [argument for file in files for argument in ("-f", file)]
    command = [str(TOOLS / "docker-compose"), "--env-file", os.devnull, *arguments, "config", "--format", "json"]
    return subprocess.run(
        command, cwd=REPOSITORY, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True
    )


def composed(*files: str, **environment: str) -> Resource:
    """The configuration that Compose resolves from these files."""
    made = compose(*files, HUMANPOSE3D_S3_SECRET_KEY="secret", **environment)
    assert made.returncode == 0, made.stderr
    configuration: Resource = json.loads(made.stdout)
    return configuration


def render(folder: Path) -> list[Resource]:
    """Every resource of an overlay."""
    made = subprocess.run([TOOLS / "kubectl", "kustomize", folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return [resource for resource in yaml.safe_load_all(made.stdout) if resource]


def of_kind(resources: list[Resource], *kinds: str) -> dict[str, Resource]:
    """Name → resource of these kinds."""
    return {resource["metadata"]["name"]: resource for resource in resources if resource["kind"] in kinds}
