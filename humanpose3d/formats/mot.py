"""OpenSim motion and storage files (.mot, .sto): a header of `key=value` lines, then one row of numbers per time."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import printable, read_lines, write_atomic
from humanpose3d.formats.tables import lines, parse
from humanpose3d.motion import FloatArray, JointAngles
from humanpose3d.skeleton import JOINT_GROUPS

_TRANSLATION: Final = re.compile(r"_t[xyz]$")


@dataclass(frozen=True, eq=False)
class Table:
    """Content of a .mot or .sto file.

    times       (T,) seconds, as in the file: OpenSim may repeat one.
    names       C column names, without the time.
    values      (T, C) in the file's units.
    in_degrees  unit of the rotations as stated in the header; False (radians) where it is not, as in OpenSim.
    """

    times: FloatArray
    names: tuple[str, ...]
    values: FloatArray
    in_degrees: bool

    def column(self, name: str) -> FloatArray:
        """(T,) one column. Raises InvalidMotion where there is none of that name."""
        if name not in self.names:
            raise InvalidMotion(f"There is no column {name!r} among: {', '.join(self.names)}.")
        return self.values[:, self.names.index(name)]

    def to_degrees(self) -> "Table":
        """The same with its rotations in degrees; columns named like a translation (`pelvis_tx`) stay as they are."""
        if self.in_degrees:
            return self
        rotations = np.array([not _TRANSLATION.search(name) for name in self.names], dtype=bool)
        return Table(self.times, self.names, np.where(rotations, np.degrees(self.values), self.values), in_degrees=True)


def read_mot(path: Path) -> Table:
    """Read a .mot or .sto file. Raises InvalidMotion, naming the line, for what cannot be parsed."""
    text = read_lines(path)
    end = next((index for index, line in enumerate(text) if line.strip().lower() == "endheader"), None)
    if end is None:
        raise InvalidMotion(f"{path.name} is not an OpenSim motion file: there is no line 'endheader'.")
    body = [(number, line.split()) for number, line in enumerate(text[end + 1 :], start=end + 2) if line.strip()]
    if not body or body[0][1][0].lower() != "time":
        raise InvalidMotion(f"{path.name}: the first column after 'endheader' must be 'time'.")
    names = tuple(body[0][1])
    rows = np.array([_row(path.name, number, cells, len(names)) for number, cells in body[1:]], dtype=np.float64)
    rows = rows.reshape(-1, len(names))
    return Table(rows[:, 0], names[1:], rows[:, 1:], _in_degrees(text[:end]))


def write_mot(path: Path, angles: JointAngles) -> None:
    """Write joint angles as columns `<group>_<angle>` in degrees (six decimals), which OpenSim reads.

    The angles follow the ISB; OpenSim's coordinates (`hip_flexion_r`, …) have other names. Raises OutputNotWritable.
    """
    names = tuple(f"{group.name}_{angle}" for group in JOINT_GROUPS for angle in group.angles)
    write_table(path, Table(angles.times, names, angles.values.reshape(angles.times.size, -1), in_degrees=True))


def write_table(path: Path, table: Table) -> None:
    """Write a table (six decimals), as OpenSim does. Raises OutputNotWritable."""
    names = ("time", *table.names)
    header = (
        f"{printable(path.stem)}\nversion=1\nnRows={table.times.size}\nnColumns={len(names)}\n"
        f"inDegrees={'yes' if table.in_degrees else 'no'}\n\n"
        "Units are S.I. units (second, meters, Newtons, ...)\n"
        f"Angles are in {'degrees' if table.in_degrees else 'radians'}.\n\nendheader\n"
    )
    with write_atomic(path) as file:
        file.write((header + "\t".join(names) + "\n").encode())
        file.writelines(lines([(table.times[:, None], 9), (table.values, 6)], delimiter="\t", missing="NaN"))


def _row(name: str, number: int, cells: list[str], width: int) -> list[float]:
    if len(cells) != width:
        raise InvalidMotion(f"{name}, line {number}: {len(cells)} numbers where {width} are expected.")
    return parse(f"{name}, line {number}", cells)


def _in_degrees(header: list[str]) -> bool:
    stated = re.search(r"^\s*inDegrees\s*=?\s*(yes|no|true|false)\b", "\n".join(header), re.IGNORECASE | re.MULTILINE)
    return stated is not None and stated[1].lower() in ("yes", "true")
