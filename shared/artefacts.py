"""The values passed between stages, as files: motion as .npz, models as .json, files unchanged."""

import os
import shutil
import types
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel

from humanpose3d.formats.npz import load_npz, save_npz
from humanpose3d.motion import AngleSd, CameraMotion, JointAngles, Landmarks, Markers, MarkerSd, MarkerSpread, Motion

_MOTION: Final = (Landmarks, Markers, MarkerSd, MarkerSpread, JointAngles, AngleSd, CameraMotion)

_LARGE: Final = 16_000_000
"""Size in bytes from which motion is kept in a file: landmarks of about three minutes at 60 frames per second."""


def kinds(owner: type) -> dict[str, type]:
    """Field name → type of a stage's inputs or outputs, `X | None` as X."""
    return {name: _without_none(hint) for name, hint in get_type_hints(owner).items()}


def save(folder: Path, name: str, value: object) -> Path:
    """Write one artefact into `folder`; returns the file, `name` with the suffix of its kind.

    Raises OutputNotWritable or OSError where it cannot be written, TypeError for a value that is not an artefact.
    """
    if isinstance(value, _MOTION):
        path = folder / f"{name}.npz"
        save_npz(path, value)
    elif isinstance(value, BaseModel):
        path = folder / f"{name}.json"
        path.write_text(value.model_dump_json(), encoding="utf-8")
    elif isinstance(value, Path):
        path = folder / f"{name}{value.suffix}"
        _link_or_copy(value, path)
    else:
        raise TypeError(f"{name} is a {type(value).__name__}, which no stage can hand on.")
    return path


def load(path: Path, kind: type) -> Any:  # noqa: ANN401 -- the type is the caller's `kind`
    """Read an artefact of that type. Raises InvalidMotion, ValidationError or OSError."""
    if issubclass(kind, _MOTION):
        return load_npz(path, kind)
    if issubclass(kind, BaseModel):
        # A stage of a neighbouring version may have written it with an additional field.
        return kind.model_validate_json(path.read_bytes(), extra="ignore")
    return path


class Shelf(Mapping[str, Any]):
    """The artefacts of a run by name; large motion is kept in files and read again on each access.

    Memory thus holds only what is in use, even for long recordings. The caller owns `folder`, which must exist while
    the shelf is in use.
    """

    def __init__(self, folder: Path, **values: object) -> None:
        self._folder = folder
        self._held: dict[str, object] = values

    def take(self, made: MutableMapping[str, object]) -> None:
        """Move outputs onto the shelf; `made` is empty afterwards, so that the caller keeps no reference to them.

        Raises OutputNotWritable.
        """
        while made:
            name, value = made.popitem()
            if value is None:
                continue
            large = isinstance(value, _MOTION) and _size(value) > _LARGE
            self._held[name] = _InFile(save(self._folder, name, value), type(value)) if large else value

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- artefacts have no common type
        value = self._held[name]
        return load(value.path, value.kind) if isinstance(value, _InFile) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


class Files(Mapping[str, Any]):
    """Artefacts by name from files written by another process; like `Shelf`, each is read again on each access."""

    def __init__(self, files: Mapping[str, Path], kinds: Mapping[str, type]) -> None:
        self._files, self._kinds = {name: path for name, path in files.items() if name in kinds}, kinds

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- artefacts have no common type
        return load(self._files[name], self._kinds[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass(frozen=True)
class _InFile:
    path: Path
    kind: type


def _size(motion: Motion) -> int:
    """Bytes of its arrays."""
    values = (getattr(motion, field.name) for field in fields(motion))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def _without_none(hint: Any) -> Any:  # noqa: ANN401 -- type hints have no common type
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
