"""The names of results' folders: one video's results never replace another's."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from shared.models import sha256
from shared.names import numbered


def free_name(output: Path, name: str, video: Path) -> str:
    """Name for the video's results; a numbered one (`walk_2`) where another video's results have that name.

    Phones reuse names such as IMG_0001. Results of the same video are replaced, those of another video never.
    """
    if not video.is_file():
        return name  # the detector reports what is wrong with it
    digest = cache(sha256)  # read only where a folder of that name is there
    owners = ((each, _video_of(output / each)) for each in numbered(name))
    return next(each for each, owner in owners if owner is None or owner == digest(video))


def free_names(output: Path, videos: Sequence[Path], wanted: Sequence[str]) -> list[str]:
    """A name for each video's results, all different, also where a file system ignores upper and lower case.

    A video keeps the name under which it has results. The others get free names, in the order of the videos. Copies of
    one video get a name each.

    wanted  of each video, the name that it gets where that is free.
    """
    owners = {folder.name: digest for folder in _folders(output) if (digest := _video_of(folder)) is not None}
    kept: dict[int, str] = {}
    for index, video in enumerate(videos):
        own = _own_names(
            video, wanted[index], {name: digest for name, digest in owners.items() if name not in kept.values()}
        )
        kept |= {index: own[0]} if own else {}
    used = {name.casefold() for name in owners}
    names = []
    for index, own_name in enumerate(wanted):
        free = (name for name in numbered(own_name) if name.casefold() not in used)
        names.append(kept[index] if index in kept else next(free))
        used.add(names[-1].casefold())
    return names


def read_run_json(results: Path) -> dict[str, Any] | None:
    """Content of `run.json` in a results folder; None where the folder is missing or holds no such file."""
    try:
        run = json.loads((results / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return run if isinstance(run, dict) else None


def _own_names(video: Path, wanted: str, owners: Mapping[str, str]) -> list[str]:
    """The names, numbered or not, under which the video has results."""
    pattern = re.compile(rf"{re.escape(wanted)}(_\d+)?", re.IGNORECASE)
    candidates = sorted((name for name in owners if pattern.fullmatch(name)), key=lambda name: (len(name), name))
    digest = sha256(video) if candidates else ""
    return [name for name in candidates if owners[name] == digest]


def _video_of(results: Path) -> str | None:
    """Hash of the video that a results folder belongs to; None where the folder is missing or does not state it."""
    run = read_run_json(results)
    return str(run["video_sha256"]) if run is not None and "video_sha256" in run else None


def _folders(output: Path) -> list[Path]:
    return sorted(path for path in output.iterdir() if path.is_dir()) if output.is_dir() else []
