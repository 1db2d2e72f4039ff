"""Manifest of a data set: its sources, sufficient to recreate it and to verify that it is the same."""

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from humanpose3d.errors import InvalidOption
from training.data.pairs import pair_files, read_pair
from training.mocap.library import MotionFile

NAME: Final = "manifest.json"
FORMAT: Final = 5
"""Increased when the same seed no longer produces the same clips."""

_PACKAGES: Final = ("humanpose3d", "mediapipe", "numpy", "opencv-python-headless", "av", "moderngl", "anny")


def begin(folder: Path, seed: int, motions: Sequence[MotionFile], models: dict[str, str]) -> None:
    """Write the manifest of a new data set, or check that the existing one has the same seed, motions and models.

    Raises InvalidOption otherwise: clips of different recipes must not be mixed.
    """
    recipe: dict[str, JsonValue] = {
        "format": FORMAT,
        "seed": seed,
        "motions": {motion.name: motion.sha256() for motion in motions},
        "models": dict(models),
    }
    path = folder / NAME
    if not path.exists():
        _write(path, {"recipe": recipe, "versions": _versions(), "clips": {}})
    elif json.loads(path.read_text(encoding="utf-8"))["recipe"] != recipe:
        fault = (
            f"{folder} holds clips of another seed, other motions, or another detector model. "
            "Name an empty folder, or go on with the same"
        )
        raise InvalidOption({"out": fault})


def finish(folder: Path, renderer: str) -> dict[str, JsonValue]:
    """List and count all clips with their hash and description; returns the manifest."""
    path = folder / NAME
    manifest: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
    clips: dict[str, JsonValue] = {}
    counts: dict[str, int] = {}
    for file in pair_files(folder):
        pair = read_pair(file)
        frames, seen = len(pair.landmarks.times), int(pair.landmarks.detected.sum())
        kept = {key: pair.facts[key] for key in ("split", "motion", "person", "backdrop")}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        clips[file.name] = {**kept, "frames": frames, "detected": seen, "sha256": digest}
        counts[pair.split] = counts.get(pair.split, 0) + frames
    manifest |= {"clips": clips, "frames": dict(counts), "renderer": renderer}
    _write(path, manifest)
    return manifest


def _versions() -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _write(path: Path, manifest: dict[str, JsonValue]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)
