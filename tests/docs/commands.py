"""Whether a command names subcommands, options, targets and files that exist, without running it."""

import argparse
import os
import re
import subprocess
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec

import yaml

from cli.main import parser as parser_of
from shared.runtime.settings import PREFIX, Settings
from tests.docs.blocks import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
SERVICES = {
    name: service
    for file in ("docker-compose.yml", "docker-compose.public.yml")
    for name, service in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"].items()
}
COMPOSE = {"build", "run", "up", "stop", "start", "down", "ps", "logs"}
POLICIES = (ROOT / "deploy" / "k8s" / "base" / "policies.yaml").read_text(encoding="utf-8")
BEYOND_US = {"git", "cd", "pip", "pipx", "uv", "sudo", "tar", "gh"}
"""External commands that no change to this project can break."""


def check(words: list[str], line: str) -> None:
    """Raise AssertionError or SystemExit where the command is invalid."""
    while words and re.fullmatch(r"[A-Z0-9_]+=.*", words[0]):
        key = words.pop(0).split("=")[0]
        assert not key.startswith(PREFIX) or key.removeprefix(PREFIX).lower() in Settings.model_fields
    head = words[0].removeprefix(".venv/bin/").replace("./HumanPose3D", "humanpose3d") if words else ""
    if head in BEYOND_US or not head:
        return
    if (ROOT / head).is_file():
        assert os.access(ROOT / head, os.X_OK)
        return
    checks: dict[str, Callable[[list[str], str], None]] = {
        "make": lambda rest, _: assert_targets(rest),
        "humanpose3d": lambda rest, _: assert_parses(rest),
        "docker": assert_docker,
        "kind": assert_images,
        "kubectl": assert_kubectl,
        "python": lambda rest, _: assert_module(rest),
        "cp": lambda rest, _: assert_files(rest[:-1]),
        "sed": lambda rest, _: assert_files([word for word in rest if word.startswith("deploy/")]),
    }
    assert head in checks, f"no check is defined for {head!r}: {line}"
    checks[head](words[1:], line)


def assert_targets(words: list[str]) -> None:
    assert {word for word in words if "=" not in word} <= TARGETS


def assert_parses(words: list[str]) -> None:
    try:
        parser_of(words).parse_args(words)
    except SystemExit as end:
        if end.code:
            raise


def assert_known(words: list[str]) -> None:
    """Subcommands and options exist; required arguments may be left out in running text."""
    parser = parser_of(words)
    for word in words:
        if word.startswith("-"):
            assert word.split("=")[0] in parser._option_string_actions, word
            continue
        deeper = next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)
        if deeper is not None and word != "…":
            assert word in deeper.choices, word
            parser = deeper.choices[word]


def assert_docker(words: list[str], line: str) -> None:
    if words[0] in {"save", "tag", "push"}:
        assert_images(words, line)
        return
    assert words.pop(0) == "compose", line
    while words[0] == "-f":
        assert_files([words[1]])
        words = words[2:]
    assert words[0] in COMPOSE, line
    for scaled in (words[index + 1] for index, word in enumerate(words) if word == "--scale"):
        assert scaled.split("=")[0] in SERVICES, line
    if words[0] == "run":
        service, *rest = words[2:]
        assert_parses([*SERVICES[service]["entrypoint"][3:], *rest])


def assert_images(_words: list[str], line: str) -> None:
    for names in re.findall(r"humanpose3d/\{?([a-z,]+)", line):
        assert set(names.split(",")) <= set(SERVICES), line


def assert_kubectl(words: list[str], line: str) -> None:
    if "apply" in words:
        assert (ROOT / words[words.index("-k") + 1] / "kustomization.yaml").is_file(), line
        return
    if "label" in words:
        label, _, value = words[-1].partition("=")
        assert f'{label}: "{value}"' in POLICIES, line
        return
    # kubectl itself checks the arguments and creates nothing.
    environment = {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    dry = f"{line} --dry-run=client -o name".replace("--from-file=keys", "--from-file=keys=Makefile")
    done = subprocess.run(["bash", "-c", dry], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def assert_module(words: list[str]) -> None:
    assert words[0] == "-m"
    assert find_spec(words[1]), words[1]


def assert_files(paths: list[str]) -> None:
    for path in paths:
        assert (ROOT / path).exists(), path
