"""Command-line flags derived from the contracts: an option's name, description and limits are defined once."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject

_METAVARS: Final = {"subject": "CODE", "session": "DATE", "labels": "A,B"}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add `--height`, `--weight` and a dashed flag for every field of RunNotes and RunOptions; none has a default."""
    subject = parser.add_argument_group("the person in the video", argument_default=argparse.SUPPRESS)
    for name, field in Subject.model_fields.items():
        aliases = ["--mass"] if name == "weight" else []
        subject.add_argument(_flag(name), *aliases, type=_number, help=field.description)
    notes = parser.add_argument_group("notes", "they change no result", argument_default=argparse.SUPPRESS)
    for name, field in RunNotes.model_fields.items():
        notes.add_argument(_flag(name), metavar=_METAVARS.get(name, "TEXT"), help=field.description)
    options = parser.add_argument_group("options", argument_default=argparse.SUPPRESS)
    for name, field in RunOptions.model_fields.items():
        _add(options, name, field)


def subject_given(parsed: argparse.Namespace) -> dict[str, object]:
    """What the command line says about the person."""
    return _given(parsed, Subject)


def subject(parsed: argparse.Namespace) -> Subject:
    """The subject as given on the command line. Raises InvalidOption."""
    return Subject.parse(subject_given(parsed))


def notes_given(parsed: argparse.Namespace) -> dict[str, object]:
    """What the command line notes about the run."""
    return _given(parsed, RunNotes)


def run_options(parsed: argparse.Namespace, configured: Mapping[str, object] | None = None) -> RunOptions:
    """The options as given on the command line; what is not given there as `configured`. Raises InvalidOption."""
    return RunOptions.parse({**(configured or {}), **_given(parsed, RunOptions)})


def is_path(name: str) -> bool:
    """Whether an option's value is a path on this machine."""
    return name.endswith("_path") or name == "neutral_run"


def _given(parsed: argparse.Namespace, contract: type[BaseModel]) -> dict[str, object]:
    return {name: getattr(parsed, name) for name in contract.model_fields if hasattr(parsed, name)}


def _add(group: argparse._ArgumentGroup, name: str, field: FieldInfo) -> None:
    default = field.default
    if field.annotation is bool:
        help_text = f"{field.description} (default {'on' if default else 'off'})"
        group.add_argument(_flag(name), action=argparse.BooleanOptionalAction, help=help_text)
    elif is_path(name):
        metavar = "FILE" if name.endswith("_path") else "RUN"
        group.add_argument(_flag(name), type=_absolute, metavar=metavar, help=field.description)
    elif name == "neutral":
        group.add_argument(_flag(name), nargs=2, type=_number, metavar=("START", "END"), help=field.description)
    elif NoneType in (kinds := get_args(field.annotation)):
        kind = _number if kinds[0] is float else kinds[0]
        group.add_argument(_flag(name), type=kind, metavar="N", help=field.description)
    elif choices := kinds:
        help_text = f"{field.description} (default {default})"
        group.add_argument(_flag(name), choices=choices, help=help_text)
    else:
        kind = _number if isinstance(default, float) else type(default)
        metavar = "WHO" if field.annotation is str else "N"
        help_text = f"{field.description} (default {default})"
        group.add_argument(_flag(name), type=kind, metavar=metavar, help=help_text)


def _number(text: str) -> float:
    """A number with a decimal point or comma."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _absolute(path: str) -> str:
    return str(Path(path).absolute())
