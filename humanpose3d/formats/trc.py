"""TRC, the marker file of OpenSim, Pose2Sim and Motion Analysis: tab-separated text, a uniform rate, Y up.

Written in metres with six decimals (1 µm), times with nine; a missing marker is three empty cells, and every row ends
with a tab, without which OpenSim 4.6 refuses a row whose last marker is missing (checked with its
`TimeSeriesTableVec3` and `MarkerData` and with the reader of Pose2Sim 0.10.49).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import faults_of, printable, read_lines, write_atomic
from humanpose3d.formats.tables import lines, parse
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.resampling import resample

_KEYS: Final = "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"
_METRES: Final = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001, "millimeters": 0.001}
_HEADER_LINES: Final = 5


def write_trc(path: Path, markers: Markers, rate_hz: float | None = None) -> None:
    """Write markers at a uniform rate: their own, or `rate_hz`; irregular frames are interpolated on time.

    Raises InvalidMotion where a name cannot stand in a TRC, there is no marker or fewer than two frames;
    OutputNotWritable where the file cannot be written.
    """
    _check_names(markers.names)
    uniform, rate = resample(markers, rate_hz)
    count = uniform.times.size
    table = [
        (np.arange(1.0, count + 1)[:, None], 0),
        (uniform.times[:, None], 9),
        (uniform.positions.reshape(count, -1), 6),
    ]
    with write_atomic(path) as file:
        file.write(_header(path.name, uniform, f"{rate:.6f}".rstrip("0").rstrip(".")).encode())
        file.writelines(lines(table, delimiter="\t", end="\t\n"))


@dataclass(frozen=True, eq=False)
class TrcTable:
    """Content of a TRC, in metres, before it is checked.

    times (T,) seconds; names M, possibly empty or repeated; positions (T, M, 3), NaN where missing; notes: deviations
    from the format and how they were interpreted.
    """

    times: FloatArray
    names: tuple[str, ...]
    positions: FloatArray
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, markers: Markers) -> Self:
        """The same markers as a table."""
        return cls(markers.times, markers.names, markers.positions)

    def markers(self, file: str) -> Markers:
        """As markers. Raises InvalidMotion, naming the file, for names and times that repeat and nameless columns."""
        if not all(self.names):
            raise InvalidMotion(f"{file}: a column between the markers has no name.")
        with faults_of(Path(file)):
            return Markers(self.times, self.names, self.positions)


def read_trc(path: str | Path) -> Markers:
    """Read markers, in metres whatever the file's unit; a marker with an empty or NaN coordinate is missing.

    Blank lines, trailing tabs, CRLF, cells beyond the last marker and wrong counts in the header are accepted. Raises
    InvalidMotion, naming the line, for what is not a TRC, an unknown unit, truncated rows and non-numeric cells.
    """
    return read_trc_table(Path(path)).markers(Path(path).name)


def read_trc_table(path: Path) -> TrcTable:
    """Read a TRC of any program: as `read_trc`, with names and times as they are in the file.

    Missing are empty cells and any notation for "not a number" (`humanpose3d.formats.tables.parse`). Cells may be
    separated by blanks instead of tabs; the decimal separator may be a comma.
    """
    text = read_lines(path)
    if len(text) < _HEADER_LINES or not text[0].startswith("PathFileType"):
        raise InvalidMotion(f"{path.name} is not a TRC file: it does not begin with 'PathFileType' and a header.")
    facts = dict(zip(text[1].split(), text[2].split(), strict=False))
    unit = facts.get("Units", "")
    if unit.lower() not in _METRES:
        raise InvalidMotion(f"{path.name}, line 3: the unit is {unit!r}; it must be one of: {', '.join(_METRES)}.")
    names = _names(text[3], facts.get("NumMarkers", ""))
    if not any(names):
        raise InvalidMotion(f"{path.name}, line 4: no marker is named after 'Frame#' and 'Time'.")
    width = 2 + 3 * len(names)
    cells = list(_cells(path.name, text, width))
    notes = ["Numbers are written with a decimal comma, and were read so."] if _has_decimal_commas(cells) else []
    table = np.array([parse(where, row) for where, row in cells], dtype=np.float64).reshape(len(cells), width)
    positions = table[:, 2 : 2 + 3 * len(names)].reshape(len(table), len(names), 3) * _METRES[unit.lower()]
    positions[np.isnan(positions).any(axis=2)] = np.nan
    return TrcTable(table[:, 1] if len(table) else np.zeros(0), names, positions, tuple(notes))


def _names(line: str, stated: str) -> tuple[str, ...]:
    """The name of every third column from the third on; empty where a column between others has none."""
    cells = [cell.strip() for cell in line.split("\t")[2:]]
    if len(cells) < 2:
        return tuple(line.split()[2:])  # blanks instead of tabs
    placed = cells[::3]
    if [name for name in cells if name] != [name for name in placed if name]:
        return tuple(name for name in cells if name)  # names one after the other, without room for their coordinates
    last = max((index for index, name in enumerate(placed) if name), default=-1)
    count = int(stated) if stated.isdigit() else 0
    return tuple((placed + [""] * count)[: max(last + 1, min(count, len(placed)))])


def _cells(name: str, text: list[str], width: int) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(text[_HEADER_LINES:], start=_HEADER_LINES + 1):
        if not line or line.isspace():
            continue
        cells = line.split("\t")
        if len(cells) < width and len(line.split()) >= width:
            cells = line.split()
        if len(cells) < width:
            raise InvalidMotion(f"{name}, line {number}: {len(cells)} cells where {width} are expected.")
        yield f"{name}, line {number}", cells[:width]


def _has_decimal_commas(cells: list[tuple[str, list[str]]]) -> bool:
    return any("," in cell for _, row in cells[:20] for cell in row)


def _header(name: str, markers: Markers, rate: str) -> str:
    count = str(markers.times.size)
    facts = (rate, rate, count, str(len(markers.names)), "m", rate, "1", count)
    axes = "\t".join(f"X{index}\tY{index}\tZ{index}" for index in range(1, len(markers.names) + 1))
    return "\n".join(
        (
            f"PathFileType\t4\t(X/Y/Z)\t{printable(name)}",
            _KEYS,
            "\t".join(facts),
            "Frame#\tTime\t" + "\t\t\t".join(markers.names) + "\t\t\t",
            f"\t\t{axes}\t\n",
        )
    )


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise InvalidMotion("A TRC holds at least one marker.")
    for name in names:
        if not name or name != name.strip() or not name.isprintable():
            raise InvalidMotion(
                f"The marker name {name!r} cannot stand in a TRC: use printable text without outer spaces."
            )
