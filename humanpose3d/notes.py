"""What the sender notes about a run, to find and compare it; the analysis does not depend on it."""

from datetime import date
from typing import Annotated, Final, TypedDict

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from humanpose3d.options import Contract, RunKeywords

_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"

SubjectCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^(\w[\w .+()-]*)?$")]
"""A code for a person: letters, digits and `_ . + ( ) -`; it is part of addresses and of file names."""

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_LINE)]


def _split(value: object) -> object:
    """`pre, left shoe` as its labels."""
    return [label for label in value.split(",") if label.strip()] if isinstance(value, str) else value


def _none_if_empty(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _without_commas(labels: tuple[str, ...]) -> tuple[str, ...]:
    if any("," in label for label in labels):
        raise ValueError("labels should contain no comma")
    return tuple(dict.fromkeys(labels))


class RunNotes(Contract):
    """A run's subject, session and labels. All may be changed after the run."""

    subject: Annotated[
        SubjectCode,
        Field(description="code of the person, without a name; letters, digits, spaces and _ . + ( ) - (up to 64)"),
    ] = ""
    session: Annotated[
        date | None,
        BeforeValidator(_none_if_empty),
        Field(description="day of the recording, as 2026-11-30; default: the day of the submission"),
    ] = None
    labels: Annotated[
        tuple[Label, ...],
        BeforeValidator(_split),
        AfterValidator(_without_commas),
        Field(max_length=20, description="up to 20 labels, separated by commas"),
    ] = ()
    side: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=100, pattern=_LINE),
        Field(description="the side that matters, such as the operated one; free text"),
    ] = ""
    note: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"),
        Field(description="free text"),
    ] = ""

    def __bool__(self) -> bool:
        return self != NO_NOTES


NO_NOTES: Final = RunNotes()


class NotesKeywords(TypedDict, total=False):
    """The fields of `RunNotes` as keyword arguments."""

    subject: str
    session: date | str | None
    labels: "tuple[str, ...] | list[str] | str"
    side: str
    note: str


class SubmitKeywords(RunKeywords, NotesKeywords, total=False):
    """Options and notes of a run as keyword arguments."""
