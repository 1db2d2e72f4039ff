"""Numbers as text and back: whole arrays at once, the same bytes on every machine.

A block is an array of bytes, one row for each row of the file, in which zeros stand for "nothing here"; blocks lie
side by side.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray

Block = NDArray[np.uint8]

LARGEST: Final = 1e9
"""Numbers from here on are refused: no plausible time (s), length (m, pixels) or angle (degrees) is this large."""

_CELLS_AT_ONCE: Final = 400_000


def fixed(values: FloatArray, decimals: int, delimiter: str, missing: str = "") -> Block:
    """Every number with this many decimals and a delimiter after it; NaN becomes `missing`, −0 becomes 0.

    `values` has shape (rows, columns). Numbers are rounded half to even after scaling, which IEEE 754 makes the same
    on all machines. Raises InvalidMotion for numbers that are infinite or not below `LARGEST`.
    """
    absent = np.isnan(values)
    magnitude = np.where(absent, 0.0, np.abs(values))
    if magnitude.size and magnitude.max() >= LARGEST:
        raise InvalidMotion(f"Numbers must be finite and smaller than {LARGEST:.0e} to be written.")
    left = np.rint(magnitude * 10.0**decimals).astype(np.int64)
    negative = (values < 0) & (left > 0)
    width = max(decimals + 1, len(str(int(left.max(initial=0)))))
    cells = np.zeros((*values.shape, max(width + 2, len(missing)) + 1), dtype=np.uint8)
    cells[negative, 0] = ord("-")
    for place in range(width):
        left, digit = np.divmod(left, 10)
        column = width - place + (place < decimals)
        cells[..., column] = np.where((left > 0) | (digit > 0) | (place <= decimals), digit + ord("0"), 0)
    if decimals:
        cells[..., width + 1 - decimals] = ord(".")
    cells[absent] = 0
    cells[absent, : len(missing)] = np.frombuffer(missing.encode(), dtype=np.uint8)
    cells[..., -1] = ord(delimiter)
    return cells.reshape(len(values), -1)


def lines(
    columns: Sequence[tuple[FloatArray, int]], delimiter: str, end: str = "\n", missing: str = ""
) -> Iterator[bytes]:
    """The rows of a table in pieces of bounded size, from (values of shape (rows, columns), decimals) side by side.

    The delimiter stands between cells; a row ends with `end`.
    """
    rows = len(columns[0][0])
    step = max(1, _CELLS_AT_ONCE // sum(values.shape[1] for values, _ in columns))
    for first in range(0, rows, step):
        piece = slice(first, first + step)
        yield join([fixed(values[piece], decimals, delimiter, missing) for values, decimals in columns], end)
        release(*(values for values, _ in columns))


def join(blocks: Sequence[Block], end: str) -> bytes:
    """Blocks side by side as rows of text; `end` replaces the delimiter that the last block ends with."""
    last = np.frombuffer(end.encode(), dtype=np.uint8)
    rows = len(blocks[0])
    row = np.hstack([*blocks[:-1], blocks[-1][:, :-1], np.broadcast_to(last, (rows, last.size))])
    return row[row > 0].tobytes()


_NO_NUMBER: Final = re.compile(r"[-+]?(?:nan(?:\(.*\))?|1\.#(?:qnan|snan|ind)\d*)|n/?a|none|null|-+", re.IGNORECASE)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        text = cell.strip()
        if not text or _NO_NUMBER.fullmatch(text):
            return math.nan
        if text.count(",") == 1 and "." not in text:
            return float(text.replace(",", "."))
        raise


def parse(where: str, cells: Sequence[str]) -> list[float]:
    """Numbers of a row, with a decimal point or comma; NaN where a cell is empty or marked as missing.

    Missing is written as `NaN`, `-nan(ind)`, `1.#QNAN`, `NA`, `None`, `null` or `-`. Raises InvalidMotion, with the
    location, for infinite numbers and cells that are not numbers.
    """
    try:
        numbers = [_number(cell) for cell in cells]
    except ValueError as error:
        raise InvalidMotion(f"{where}: {error}.") from None
    if math.inf in numbers or -math.inf in numbers:
        raise InvalidMotion(f"{where}: an infinite number.")
    return numbers
