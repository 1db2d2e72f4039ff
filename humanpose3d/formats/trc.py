"""TRC, the marker file of OpenSim, Pose2Sim and Motion Analysis: tab-separated text, a uniform rate, Y up.

Written in metres with six decimals (1 µm), times with nine; a missing marker is three empty cells, and every row ends
with a tab, without which OpenSim 4.6 refuses a row whose last marker is missing (checked with its
`TimeSeriesTableVec3` and `MarkerData` and with the reader of Pose2Sim 0.10.49).
"""

from pathlib import Path
from typing import Final

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


def read_trc(path: str | Path) -> Markers:
    """Read markers, in metres whatever the file's unit; a marker with an empty or NaN coordinate is missing.

    Blank lines, trailing tabs, CRLF, cells beyond the last marker and wrong counts in the header do no harm. Raises
    InvalidMotion, naming the line, for what is not a TRC, an unknown unit, rows cut short and cells that are no number.
    """
    path = Path(path)
    text = read_lines(path)
    if len(text) < _HEADER_LINES or not text[0].startswith("PathFileType"):
        raise InvalidMotion(f"{path.name} is not a TRC file: it does not begin with 'PathFileType' and a header.")
    facts = dict(zip(text[1].split(), text[2].split(), strict=False))
    unit = facts.get("Units", "")
    if unit.lower() not in _METRES:
        raise InvalidMotion(f"{path.name}, line 3: the unit is {unit!r}; it must be one of: {', '.join(_METRES)}.")
    names = tuple(name.strip() for name in text[3].split("\t")[2:] if name.strip())
    if not names:
        raise InvalidMotion(f"{path.name}, line 4: no marker is named after 'Frame#' and 'Time'.")
    table = _rows(path.name, text, 2 + 3 * len(names))
    positions = table[:, 2:].reshape(len(table), len(names), 3) * _METRES[unit.lower()]
    positions[np.isnan(positions).any(axis=2)] = np.nan
    with faults_of(path):
        return Markers(table[:, 1], names, positions)


def _rows(name: str, text: list[str], width: int) -> FloatArray:
    rows = []
    for number, line in enumerate(text[_HEADER_LINES:], start=_HEADER_LINES + 1):
        if not line or line.isspace():
            continue
        cells = line.split("\t")
        if len(cells) < width:
            raise InvalidMotion(f"{name}, line {number}: {len(cells)} cells where {width} are expected.")
        rows.append(np.array(parse(f"{name}, line {number}", cells[:width])))
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


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
