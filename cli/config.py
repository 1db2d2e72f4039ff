"""`--config FILE`: the options of an earlier run (`run.json`), or of a TOML file."""

import json
import tomllib
from pathlib import Path
from typing import Any

from cli.options import is_path
from humanpose3d.errors import InvalidOption
from humanpose3d.options import RunOptions


def read_config(path: Path | None) -> dict[str, object]:
    """The options in the file; none without a file. Raises InvalidOption where it cannot be read or holds others.

    The person is not taken from a `run.json`: height and weight are given for each video. Relative paths in a TOML file
    start from its folder.
    """
    if path is None:
        return {}
    options = _run_json(path) if path.suffix.lower() == ".json" else _toml(path)
    try:
        checked = RunOptions.parse(options)
    except InvalidOption as error:
        faults = "; ".join(f"{name} {fault}" for name, fault in error.faults.items())
        raise InvalidOption({"config": f"{path}: {faults}"}) from None
    return {name: value for name, value in checked.model_dump().items() if name in options}


def _run_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(_text(path))["options"])
    except (ValueError, KeyError, TypeError):
        raise InvalidOption({"config": f"{path} is not the run.json of a run"}) from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        options = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidOption({"config": f"{path} is neither a run.json nor TOML ({error})"}) from None
    named = {name.replace("-", "_"): value for name, value in options.items()}
    return {
        name: str(path.absolute().parent / value) if isinstance(value, str) and is_path(name) else value
        for name, value in named.items()
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidOption({"config": f"{path} cannot be read: {reason}"}) from None
