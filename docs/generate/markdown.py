"""Small pieces of Markdown."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

POINTS: Final = ("Markers", "x", "y", "z", "Sequence", "Signs", "Range", "Singular")
"""Words with which a docstring of the joint angles begins a point."""

_POINT_INSIDE: Final = re.compile(r"\.\s+([xyz]):")
_ROOM: Final = 100
"""Docstrings are wrapped at 120 characters: a shorter line that ends a sentence ends a paragraph."""

_SECTION: Final = re.compile(r"^#{1,6} ")
_FENCE: Final = re.compile(r"^(```|~~~)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold Markdown of one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(value: object) -> str:
    """As code, on one line."""
    return f"`{value}`"


def paragraphs(docstring: str) -> str:
    """A docstring of this project as Markdown.

    A line that begins with one of `POINTS`, or such a word after a full stop, begins a point of a list; a line that
    begins again although the one before it had room begins a paragraph; indented lines with a gap are a list of names.
    """
    lines: list[str] = []
    before = ""
    for line in _POINT_INSIDE.sub(r".\n\1:", docstring).splitlines():
        if point := re.match(rf"({'|'.join(POINTS)}): (.*)", line):
            lines += ["", f"- **{point[1]}**: {point[2]}"]
        elif named := re.match(r"\s{4,}(\S.*?)\s{2,}(.*)", line):
            lines += ["", f"- **{named[1]}**: {named[2]}"]
        elif before.endswith(".") and len(before) < _ROOM:
            lines += ["", line]
        else:
            lines.append(f"  {line}" if line.strip() and _in_point(lines) else line)
        before = line.rstrip()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _in_point(lines: Sequence[str]) -> bool:
    return bool(lines) and lines[-1].startswith(("- ", "  "))


def deeper(text: str, by: int) -> str:
    """The same text with its headings `by` levels lower; lines of code stay as they are."""
    result, in_code = [], False
    for line in text.splitlines():
        in_code ^= bool(_FENCE.match(line))
        result.append("#" * by + line if by and not in_code and _SECTION.match(line) else line)
    return "\n".join(result)


def section(text: str, title: str) -> str:
    """What stands under the heading `title`, up to the next heading of its level. Raises KeyError without one."""
    found: list[str] = []
    level, in_code = 0, False
    for line in text.splitlines():
        in_code ^= bool(_FENCE.match(line))
        depth = len(line) - len(line.lstrip("#")) if not in_code and _SECTION.match(line) else 0
        if level and depth and depth <= level:
            break
        if level:
            found.append(line)
        elif depth and line.lstrip("# ").strip() == title:
            level = depth
    if not level:
        raise KeyError(title)
    return "\n".join(found).strip()
