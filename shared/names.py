"""Names derived from users' file names."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

LONGEST_NAME: Final = 150
"""Bytes; the longest file name derived from it is below the limit of 255 of file systems."""

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def safe_name(video: Path) -> str:
    """Stem of the video's file name, made valid on every system; letters of all scripts are kept.

    >>> [safe_name(Path(name)) for name in ("clips/Gehen (1).MOV", "a:b.mp4", "..", "nul.avi")]
    ['Gehen (1)', 'a_b', 'video', 'nul_']
    """
    stem = unicodedata.normalize("NFC", video.stem)
    stem = "".join("_" if unicodedata.category(letter)[0] == "C" else letter for letter in stem)
    stem = re.sub(r'[<>:"/\\|?*]', "_", stem).strip(" .") or "video"
    if _RESERVED.fullmatch(stem):
        stem += "_"
    return _shortened(stem)


def numbered(name: str) -> Iterator[str]:
    """The name, then `name_2`, `name_3` …"""
    return (name if count == 1 else f"{name}_{count}" for count in itertools.count(1))


def distinct(names: Iterable[str]) -> list[str]:
    """The names, numbered where one is taken, also where a file system ignores upper and lower case.

    >>> distinct(["walk", "Walk", "walk_2"])
    ['walk', 'Walk_2', 'walk_2_2']
    """
    used: set[str] = set()
    found = []
    for name in names:
        found.append(next(each for each in numbered(name) if each.casefold() not in used))
        used.add(found[-1].casefold())
    return found


def _shortened(stem: str) -> str:
    """The stem or, where it is too long, its beginning and a digest that keeps it unique."""
    encoded = stem.encode()
    if len(encoded) <= LONGEST_NAME:
        return stem
    digest = sha256(encoded).hexdigest()[:8]
    return f"{encoded[: LONGEST_NAME - 9].decode(errors='ignore').rstrip(' .')}-{digest}"
