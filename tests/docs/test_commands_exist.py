"""Every command in README and docs names subcommands, options, targets and files that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from shared.runtime.settings import PREFIX, Settings
from tests.docs.blocks import PAGES, ROOT, Block, all_blocks, commands, inline
from tests.docs.commands import assert_known, assert_targets, check

BLOCKS = all_blocks()
_PLACEHOLDER = re.compile(r"[A-Z.]+|<.*>|…")
"""A placeholder in running text that the reader replaces."""

CHECKED = [block for block in BLOCKS if block.tag != "run" and block.language != "python"]


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
        head, *words = (word for word in shlex.split(command) if not _PLACEHOLDER.fullmatch(word))
        if head == "make":
            assert_targets(words)
        else:
            assert_known(words)


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_call_what_exists(path: Path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert any("run" in step for step in steps)
    for line in (step["run"] for step in steps if "run" in step):
        check(shlex.split(line), line)
    # Without the history there are no tags, and the version would be the fallback.
    assert all(
        step["with"]["fetch-depth"] == 0 for step in steps if step.get("uses", "").startswith("actions/checkout")
    )


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
        "docker compose up --scale no person=2",
        "docker compose run --rm keys --no-such-option",
        "docker push registry.lab.example/humanpose3d/no person:1.0",
        "kubectl label namespace keda humanpose3d/no-such-label=true",
        "kubectl apply -k deploy/k8s/overlays/no-such",
        "no-such-program",
        "cp no-such-file b",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str):
    with pytest.raises((AssertionError, SystemExit)):
        check(shlex.split(wrong), wrong)
