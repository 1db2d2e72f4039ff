"""Every command in README and docs names subcommands, options, targets and files that exist."""

import argparse
import os
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.main import _parser
from shared.settings import PREFIX, Settings
from tests.docs.blocks import PAGES, ROOT, Block, all_blocks, commands, inline

BLOCKS = all_blocks()
CHECKED = [block for block in BLOCKS if block.tag != "run" and block.language != "python"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
COMPOSE = {"up", "stop", "start", "down", "ps", "logs"}
BEYOND_US = {"git", "cd", "pip", "apt-get"}
"""Commands of which nothing is this project's to break."""


def name_of(block: Block) -> str:
    return block.where


def test_blocks_are_found():
    assert len(BLOCKS) > 20
    assert {block.page.name for block in BLOCKS} >= {"README.md", "start.md", "api.md", "outputs.md"}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language], ids=name_of)
def test_every_block_is_run_or_says_why_not(block: Block):
    assert block.tag, f"{block.where}: put <!-- run --> or <!-- check: why it is not run --> before this block"
    assert (block.tag == "check") == bool(block.reason), f"{block.where}: 'check' needs a reason, 'run' needs none"


@pytest.mark.parametrize("block", CHECKED, ids=name_of)
def test_what_is_not_run_exists(block: Block):
    for line in commands(block.text):
        check(shlex.split(line, comments=True), line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_running_text_exist(page: Path):
    for command in inline(page):
        for words in _alternatives(shlex.split(command)):
            head, *rest = words
            if head == "make":
                assert_targets(rest)
            else:
                assert_known(rest)


def test_settings_that_pages_name_exist():
    elsewhere = "".join(
        (ROOT / file).read_text(encoding="utf-8") for file in ("docker-compose.yml", ".env.example", "cli/main.py")
    )
    known = {PREFIX + name.upper() for name in Settings.model_fields} | set(
        re.findall(rf"{PREFIX}[A-Z0-9_]+", elsewhere)
    )
    for page in PAGES:
        named = set(re.findall(rf"{PREFIX}[A-Z0-9_]+", page.read_text(encoding="utf-8")))
        assert named <= known, f"{page.name} names settings that there are not"


@pytest.mark.parametrize(
    "wrong",
    [
        "make no-such-target",
        "humanpose3d no-such-command",
        "humanpose3d run --video a.mp4 --height 1.7 --weight 70 --no-such-option",
        "docker compose -f no-such-file.yml up",
        "docker compose up --scale nobody=2",
        "kubectl apply -k deploy/k8s/overlays/no-such",
        "no-such-program",
        "cp no-such-file b",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str):
    with pytest.raises((AssertionError, SystemExit)):
        check(shlex.split(wrong), wrong)


def check(words: list[str], line: str) -> None:
    """Raises AssertionError or SystemExit where the command cannot be one."""
    while words and re.fullmatch(r"[A-Z0-9_]+=.*", words[0]):
        key = words.pop(0).split("=")[0]
        assert not key.startswith(PREFIX) or key.removeprefix(PREFIX).lower() in Settings.model_fields
    head = words[0].removeprefix(".venv/bin/") if words else ""
    if head in BEYOND_US or not head:
        return
    if (ROOT / head).is_file():
        assert os.access(ROOT / head, os.X_OK)
        return
    checks: dict[str, Callable[[list[str], str], None]] = {
        "make": lambda rest, _: assert_targets(rest),
        "humanpose3d": lambda rest, _: assert_parses(rest),
        "docker": assert_compose,
        "kubectl": assert_kubectl,
        "cp": lambda rest, _: assert_files(rest[:-1]),
    }
    assert head in checks, f"a test has to know how to check {head!r}: {line}"
    checks[head](words[1:], line)


def assert_targets(words: list[str]) -> None:
    assert {word for word in words if "=" not in word} <= TARGETS


def assert_parses(words: list[str]) -> None:
    try:
        _parser().parse_args(words)
    except SystemExit as end:
        if end.code:
            raise


def assert_known(words: list[str]) -> None:
    """Subcommands and options exist; what they need may be left out in running text."""
    parser = _parser()
    for word in words:
        if word.startswith("-"):
            assert word.split("=")[0] in parser._option_string_actions, word
            continue
        deeper = next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)
        if deeper is not None and word != "…":
            assert word in deeper.choices, word
            parser = deeper.choices[word]


def assert_compose(words: list[str], line: str) -> None:
    assert words.pop(0) == "compose", line
    while words[0] == "-f":
        assert_files([words[1]])
        words = words[2:]
    assert words[0] in COMPOSE, line
    for scaled in (words[index + 1] for index, word in enumerate(words) if word == "--scale"):
        assert scaled.split("=")[0] in SERVICES, line


def assert_kubectl(words: list[str], line: str) -> None:
    if "apply" in words:
        assert (ROOT / words[words.index("-k") + 1] / "kustomization.yaml").is_file(), line
        return
    # kubectl itself checks the words, and makes nothing.
    environment = {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    dry = f"{line} --dry-run=client -o name".replace("--from-file=keys", "--from-file=keys=Makefile")
    done = subprocess.run(["bash", "-c", dry], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def assert_files(paths: list[str]) -> None:
    for path in paths:
        assert (ROOT / path).exists(), path


def _alternatives(words: list[str]) -> list[list[str]]:
    """`make a b` as it is; words in capitals and placeholders stand for what the reader puts there."""
    return [[word for word in words if not re.fullmatch(r"[A-Z.]+|<.*>|…", word) or word.startswith("-")]]
