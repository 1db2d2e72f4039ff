"""Marker files of other programs, TRC or C3D: read, checked for plausibility and turned so that Y is up.

Notes state what was changed in a file, or is wrong with it. `strict` is for computations on the markers: an implausible
file is refused, with what to change; a viewer shows it with a note.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d import read_c3d
from humanpose3d.formats.trc import TrcTable, read_trc_table
from humanpose3d.motion import FloatArray, Markers

STATURES_M: Final = (0.5, 2.5)
"""Metres: the accepted range of body sizes."""

_UNITS: Final = {"mm": 0.001, "cm": 0.01, "m": 1.0}
_HIGH: Final = ("head", "nose", "neck", "c7", "shoulder", "acromi")
_LOW: Final = ("ankle", "heel", "toe", "calc", "foot", "5meta")
_PLAINLY: Final = 2.0
"""Ratio by which the body must be longer along one axis than along the others."""

_TO_Y_UP: Final[dict[int, FloatArray]] = {
    0: np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    1: np.eye(3),
    2: np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
}
"""By the axis that is up: the rotation (cyclic permutation of the axes) that makes Y up."""

_UPSIDE_DOWN: Final = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Foreign:
    """Markers in metres with Y up, and notes on their file, one sentence each."""

    markers: Markers
    notes: tuple[str, ...]


def read_foreign(path: Path, *, strict: bool) -> Foreign:
    """Read a .trc or .c3d file of any program.

    Raises InvalidMotion for a file that cannot be understood; if `strict`, also where names or times repeat, where the
    stated unit implies an implausible body size, and where no axis is clearly up.
    """
    table = TrcTable.of(read_c3d(path)) if path.suffix.lower() == ".c3d" else read_trc_table(path)
    table = _without_zeros(table)
    markers, notes = _as_markers(path.name, table, strict)
    notes = [*table.notes, *notes]
    size = _size_note(path.name, markers, strict)
    markers, up = _turned(path.name, markers, strict)
    return Foreign(markers, tuple(note for note in (*notes, size, up) if note))


def _without_zeros(table: TrcTable) -> TrcTable:
    """Positions of exactly 0, 0, 0 as missing: many programs write a missing marker so."""
    zeros = (table.positions == 0).all(axis=2)
    if not zeros.any():
        return table
    positions = np.where(zeros[..., None], np.nan, table.positions)
    note = f"{zeros.sum()} positions of exactly 0, 0, 0 were taken as missing."
    return TrcTable(table.times, table.names, positions, (*table.notes, note))


def _as_markers(name: str, table: TrcTable, strict: bool) -> tuple[Markers, list[str]]:
    if strict:
        return table.markers(name), []
    notes = []
    names = _each_once(table.names)
    if names != table.names:
        notes.append("Some columns have no name or that of another; they are numbered.")
    kept = np.ones(table.times.size, dtype=bool)
    kept[1:] = np.diff(np.maximum.accumulate(table.times)) > 0
    if not kept.all():
        notes.append(f"{(~kept).sum()} frames repeat an earlier time and are left out.")
    return Markers(table.times[kept], names, table.positions[kept]), notes


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        base = name or "unnamed"
        seen[base] = seen.get(base, 0) + 1
        result.append(base if name and seen[base] == 1 else f"{base}_{seen[base]}")
    return tuple(result)


def implied_stature(markers: Markers) -> float:
    """Metres: typical extent of the body along its longest axis; NaN where fewer than two markers are present.

    For a standing person this is the stature, from sole to head or neck; for one who sits or bends it is less.
    """
    seen = np.isfinite(markers.positions).all(axis=2).sum(axis=1) > 1
    if not seen.any():
        return float("nan")
    points = markers.positions[seen]
    extents = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
    return float(np.quantile(extents.max(axis=1), 0.9))


def _size_note(name: str, markers: Markers, strict: bool) -> str | None:
    size = implied_stature(markers)
    low, high = STATURES_M
    if not np.isfinite(size) or low <= size <= high:
        return None
    fitting = [f"{unit!r}" for unit, metres in _UNITS.items() if low <= size * metres <= high]
    advice = f" Numbers like these fit the unit {' or '.join(fitting)}: correct 'Units' in the file." if fitting else ""
    message = f"In the stated unit the person would be {size:.3g} m tall.{advice}"
    if strict:
        raise InvalidMotion(f"{name}: {message}")
    return message


def _turned(name: str, markers: Markers, strict: bool) -> tuple[Markers, str | None]:
    """The markers with Y up, where the names identify head and feet."""
    upward = _upward(markers)
    if upward is None:
        return markers, None
    axis = int(np.argmax(np.abs(upward)))
    others = np.delete(np.abs(upward), axis)
    plain = abs(upward[axis]) > _PLAINLY * float(others.max())
    if axis == 1 and upward[1] > 0:
        return markers, None
    letter = "−" * int(upward[axis] < 0) + "XYZ"[axis]
    if not plain:
        message = "The head is not above the feet along any axis: the person lies, or Y is not up as in a TRC."
        if strict:
            raise InvalidMotion(f"{name}: {message} Turn the file so that Y is up.")
        return markers, message
    rotation = (_UPSIDE_DOWN if upward[axis] < 0 else np.eye(3)) @ _TO_Y_UP[axis]
    turned = Markers(markers.times, markers.names, markers.positions @ rotation.T)
    return turned, f"{letter} is up in this file; it was turned so that Y is."


def _upward(markers: Markers) -> FloatArray | None:
    """(3,) metres from feet to head, median over time; None where the names do not identify them."""
    high = [index for index, name in enumerate(markers.names) if any(word in name.lower() for word in _HIGH)]
    low = [index for index, name in enumerate(markers.names) if any(word in name.lower() for word in _LOW)]
    if not high or not low:
        return None
    rise = _middle(markers.positions[:, high]) - _middle(markers.positions[:, low])
    known = rise[np.isfinite(rise).all(axis=1)]
    return np.asarray(np.median(known, axis=0)) if len(known) else None


def _middle(points: FloatArray) -> FloatArray:
    """(T, 3) mean of the points present; NaN where there is none."""
    seen = np.asarray(np.isfinite(points).all(axis=2))
    count = np.where(seen.any(axis=1), seen.sum(axis=1), np.nan)
    return np.asarray(np.where(seen[..., None], points, 0.0).sum(axis=1) / count[:, None])
