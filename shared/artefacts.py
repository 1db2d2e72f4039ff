"""The values that stages exchange, as files: motion as .npz, models as .json, files as they are."""

import os
import shutil
import types
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from shared.formats.npz import load_npz, save_npz
from shared.motion import AngleSpread, JointAngles, Landmarks, Markers, MarkerSpread

_MOTION: Final = (Landmarks, Markers, MarkerSpread, JointAngles, AngleSpread)


def kinds(owner: type) -> dict[str, type]:
    """Field name → type of a stage's inputs or outputs, `X | None` as X."""
    return {name: _without_none(hint) for name, hint in get_type_hints(owner).items()}


def save(folder: Path, name: str, value: object) -> Path:
    """Write one artefact into `folder`; returns the file, `name` with the suffix of its kind.

    Raises OutputNotWritable or OSError where it cannot be written, TypeError for what is no artefact.
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
    """Read an artefact of that type back. Raises InvalidMotion, ValidationError or OSError."""
    if issubclass(kind, _MOTION):
        return load_npz(path, kind)
    if issubclass(kind, BaseModel):
        return kind.model_validate_json(path.read_bytes())
    return path


def _without_none(hint: Any) -> Any:  # noqa: ANN401 -- type hints have no common type
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
