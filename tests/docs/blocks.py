"""The commands and programs in README and docs, as blocks with a tag that states how they are tested.

A comment before a fence tags it: `<!-- run -->` is run, `<!-- check: why -->` is only checked, for the stated reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "deploy" / "README.md",
    ROOT / "training" / "README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
COMMANDS: Final = ("make ", "humanpose3d ")

_FENCE: Final = re.compile(r"^```(\w*)\s*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_TAG: Final = re.compile(r"<!-- (run|check)(?:: (.+?))? -->\s*$")
_INLINE: Final = re.compile(r"`((?:make|humanpose3d) [^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    tag: str
    reason: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of sh and python, and unlabelled ones that begin with a command of this project."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        if fence[1] not in ("sh", "python") and not (not fence[1] and fence[2].startswith(COMMANDS)):
            continue
        tag = _TAG.search(text[: fence.start()])
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, fence[1], fence[2], tag[1] if tag else "", (tag and tag[2]) or ""))
    return found


def all_blocks() -> list[Block]:
    """The blocks of all pages."""
    return [block for page in PAGES for block in blocks(page)]


def inline(page: Path) -> list[str]:
    """Commands of this project that stand in running text or in tables."""
    return _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def commands(text: str) -> list[str]:
    """The lines of a block, with continuation lines joined."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
