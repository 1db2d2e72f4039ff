"""CSV with commas and decimal points or, as many countries' spreadsheets expect, semicolons and decimal commas."""

import csv
import io
import re
from pathlib import Path
from typing import Final

from humanpose3d.formats.files import write_atomic

_BYTES_AT_ONCE: Final = 2**24
_SWAPPED: Final = bytes.maketrans(b",.", b";,")
_NUMBER: Final = re.compile(r"([+-]?\d+)[.,](\d+(?:[eE][+-]?\d+)?)")
_ANY_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_FORMULA: Final = re.compile(r"'*[=+@\t\r\n＝＋＠－-]")
"""How a text begins that a spreadsheet takes for a formula, or that is one with apostrophes before it."""


def delimiter_of(header: str) -> str:
    """The delimiter of a table, by its first line."""
    return ";" if ";" in header else ","


def decimal_point(cell: str) -> str:
    """A number's cell with a decimal point; any other text unchanged.

    >>> decimal_point("-1,5"), decimal_point("Zeni et al., 2008")
    ('-1.5', 'Zeni et al., 2008')
    """
    return f"{number[1]}.{number[2]}" if (number := _NUMBER.fullmatch(cell)) else cell


def guarded(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: such a text gets an apostrophe before it, numbers stay.

    Apostrophes that were there before are kept: `unguarded` returns exactly the text.

    >>> guarded("=1+1"), guarded("-1.5"), guarded("'=1+1"), guarded("P07")
    ("'=1+1", '-1.5', "''=1+1", 'P07')
    """
    is_formula = isinstance(cell, str) and _FORMULA.match(cell) and not _ANY_NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def unguarded(cell: str) -> str:
    """The text of a guarded cell.

    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'s-Hertogenbosch")
    ('=1+1', "'=1+1", "'s-Hertogenbosch")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def use_semicolons(path: Path, *, prose: bool) -> None:
    """Rewrite a table with commas. prose: whether cells hold text with punctuation. Raises OutputNotWritable."""
    with write_atomic(path) as file, path.open("rb") as table:
        if prose:
            file.write(with_semicolons(table.read().decode()).encode())
            return
        while piece := table.read(_BYTES_AT_ONCE):
            file.write(piece.translate(_SWAPPED))


def with_semicolons(text: str) -> str:
    """A table with commas as one with semicolons; cells may hold text with punctuation."""
    written = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(text, newline=""))
    csv.writer(written, delimiter=";", lineterminator="\n").writerows(
        [_NUMBER.sub(r"\1,\2", cell) if _NUMBER.fullmatch(cell) else cell for cell in row] for row in rows
    )
    return written.getvalue()
