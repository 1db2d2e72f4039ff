"""The videos of a batch: files, and those in folders."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from humanpose3d.errors import InputError, VideoNotFound

SUFFIXES: Final = (
    ".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv",
)  # fmt: skip
"""File names that are taken for videos in a folder. A file that is named itself may have any name."""


@dataclass(frozen=True)
class Video:
    """A file, and what tables call it: its path within the folder given, with slashes, or its file name.

    person   number of the person to analyse, where there is a run for each of several.
    scouted  file with what was found out about the video for all of them.
    """

    path: Path
    label: str
    person: str | None = None
    scouted: Path | None = None

    @property
    def title(self) -> str:
        """What messages and the summary call it."""
        return self.label if self.person is None else f"{self.label}, person {self.person}"


def find_videos(given: Sequence[Path], output: Path | None = None) -> list[Video]:
    """The files given, and the videos in the folders given and below; each once, in a stable order.

    Left out below a folder: what is hidden, the output folder and every run's results. A label that would not be unique
    is the whole path.

    Raises VideoNotFound with all that are missing; InputError where there is no video.
    """
    if missing := [str(path) for path in given if not path.exists()]:
        raise VideoNotFound(f"There is no file or folder {', '.join(missing)}.")
    found: dict[Path, Video] = {}
    for start in given:
        for path in _below(start, output and output.resolve()) if start.is_dir() else [start]:
            label = path.relative_to(start).as_posix() if start.is_dir() else path.name
            found.setdefault(path.resolve(), Video(path, label))
    if not found:
        raise InputError(f"There is no video in {', '.join(map(str, given))}.")
    counts = Counter(video.label for video in found.values())
    return [
        video if counts[video.label] == 1 else Video(video.path, video.path.absolute().as_posix())
        for video in found.values()
    ]


def _below(folder: Path, output: Path | None) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        if "run.json" in files:
            folders.clear()
            continue
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (Path(here) / name).resolve() != output
        )
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(here) / name
