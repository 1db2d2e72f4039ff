"""The tables of a result folder: raw landmarks, and joint angles. Plain CSV with one header line.

Times have nine decimals, metres, degrees and visibility six, pixels three; a missing value is an empty cell. Written
with commas and decimal points; read also with semicolons and decimal commas (`humanpose3d.formats.csv_style`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.csv_style import delimiter_of
from humanpose3d.formats.files import faults_of, read_lines, write_atomic
from humanpose3d.formats.tables import fixed, join, lines, parse
from humanpose3d.mapped import release
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Landmarks, MarkerSd
from humanpose3d.skeleton import JOINT_GROUPS, LANDMARKS, MARKERS, JointGroup

LANDMARK_COLUMNS: Final = ("timestamp_s", "landmark", "x_m", "y_m", "z_m", "visibility", "x_px", "y_px")
"""The columns of the landmark file, as described in `write_landmarks_csv`."""

WIDE: Final = "joint_angles.csv"
LONG: Final = "joint_angles_long.csv"
LONG_COLUMNS: Final = ("time_s", "side", "joint", "angle", "value_deg", "sd_deg")
"""The columns of the long table, as described in `write_angle_tables`."""

_SIDES: Final = {"r": "right", "l": "left", "": ""}
_FRAMES_AT_ONCE: Final = 2000


def write_landmarks_csv(path: Path, landmarks: Landmarks) -> None:
    """Write one row for each landmark of each frame; a frame without a person has rows of empty cells, visibility 0.

    Columns: `timestamp_s` (the frame's own timestamp), `landmark` (name), `x_m`, `y_m`, `z_m` (hip-centred, axes of the
    camera: x right, y down, z away), `visibility` (0 to 1), `x_px`, `y_px` (in the upright image). Raises
    OutputNotWritable.
    """
    with write_atomic(path) as file:
        file.write((",".join(LANDMARK_COLUMNS) + "\n").encode())
        for first in range(0, landmarks.times.size, _FRAMES_AT_ONCE):
            file.write(_landmark_rows(landmarks, slice(first, first + _FRAMES_AT_ONCE)))
            release(landmarks.pixels, landmarks.world, landmarks.visibility)


def read_landmarks_csv(path: Path, image_size: tuple[int, int]) -> Landmarks:
    """Read raw landmarks; the image size is not in the file, but in `video` of quality.json.

    Raises InvalidMotion, naming the line, where the file is not as `write_landmarks_csv` makes it.
    """
    _, rows = _read(path, LANDMARK_COLUMNS)
    numbers = np.empty((len(rows), len(LANDMARK_COLUMNS) - 1))
    for index, (where, cells) in enumerate(rows):
        if cells[1] != LANDMARKS[index % len(LANDMARKS)]:
            raise InvalidMotion(f"{where}: {cells[1]!r} where {LANDMARKS[index % len(LANDMARKS)]!r} is expected.")
        numbers[index] = parse(where, [cells[0], *cells[2:]])
    if len(rows) % len(LANDMARKS):
        raise InvalidMotion(f"{path.name}: the last frame lacks landmarks; the file is cut short.")
    table = numbers.reshape(-1, len(LANDMARKS), numbers.shape[1])
    with faults_of(path):
        return Landmarks(table[:, 0, 0], table[..., 5:7], table[..., 1:4], table[..., 4], image_size)


def angles_csv_name(video: str, group: JointGroup) -> str:
    """File name of one joint group's angles."""
    return f"{video}_angles_{group.name}.csv"


def write_angles_csv(
    folder: Path,
    video: str,
    angles: JointAngles,
    spread: AngleSd | None = None,
    neutral: FloatArray | None = None,
) -> None:
    """Write 12 files, one per joint group: `time_s`, then `<group>_<angle>_deg` for its three angles.

    Where their standard deviation is known, three columns follow, `<group>_<angle>_sd_deg`; where the angles of a
    neutral stance are, (12, 3) degrees, three more, `<group>_<angle>_from_neutral_deg`, the angles less these. Raises
    OutputNotWritable.
    """
    for index, group in enumerate(JOINT_GROUPS):
        columns = [(angles.times[:, None], 9), (angles.values[:, index], 6)]
        if spread is not None:
            columns.append((spread.values[:, index], 6))
        if neutral is not None:
            columns.append((angles.values[:, index] - neutral[index], 6))
        with write_atomic(folder / angles_csv_name(video, group)) as file:
            named = angle_columns(group, spread=spread is not None, neutral=neutral is not None)
            file.write((",".join(named) + "\n").encode())
            file.writelines(lines(columns, delimiter=","))


def write_angle_tables(folder: Path, angles: JointAngles, spread: AngleSd | None = None) -> list[Path]:
    """Write all joint angles as one table, in two forms: `joint_angles.csv` and `joint_angles_long.csv`; returns both.

    The first has one row a frame: `time_s`, then `<group>_<angle>_deg` for all angles. The second has one row for each
    angle of each frame: `time_s`, `side` (right, left; empty for pelvis and trunk), `joint`, `angle`, `value_deg`, and
    `sd_deg`, empty where it is not known. Raises OutputNotWritable.
    """
    names = [f"{group.name}_{angle}_deg" for group in JOINT_GROUPS for angle in group.angles]
    columns = [(angles.times[:, None], 9), (angles.values.reshape(angles.times.size, len(names)), 6)]
    with write_atomic(folder / WIDE) as file:
        file.write((",".join(["time_s", *names]) + "\n").encode())
        file.writelines(lines(columns, delimiter=","))
    with write_atomic(folder / LONG) as file:
        file.write((",".join(LONG_COLUMNS) + "\n").encode())
        for first in range(0, angles.times.size, _FRAMES_AT_ONCE):
            file.write(_long_rows(angles, spread, slice(first, first + _FRAMES_AT_ONCE)))
            release(angles.values, *(() if spread is None else (spread.values,)))
    return [folder / WIDE, folder / LONG]


def write_marker_sd_csv(path: Path, spread: MarkerSd) -> None:
    """Write the markers' standard deviations: `time_s`, then `<marker>_sd_m` for each. Raises OutputNotWritable."""
    columns = [(spread.times[:, None], 9), (spread.values, 6)]
    with write_atomic(path) as file:
        file.write((",".join(_sd_columns(spread.names)) + "\n").encode())
        file.writelines(lines(columns, delimiter=","))


def read_marker_sd_csv(path: Path) -> MarkerSd:
    """Read the standard deviations of the 22 markers. Raises InvalidMotion, naming the line, for any other table."""
    _, cells = _read(path, _sd_columns(MARKERS))
    rows = np.array([parse(where, row) for where, row in cells]).reshape(-1, 1 + len(MARKERS))
    with faults_of(path):
        return MarkerSd(rows[:, 0], MARKERS, rows[:, 1:])


def _sd_columns(names: Sequence[str]) -> tuple[str, ...]:
    return "time_s", *(f"{name}_sd_m" for name in names)


def _long_rows(angles: JointAngles, spread: AngleSd | None, frames: slice) -> bytes:
    values = angles.values[frames].reshape(-1, 1)
    own = np.full_like(values, np.nan) if spread is None else spread.values[frames].reshape(-1, 1)
    times = fixed(angles.times[frames, None], 9, ",")
    names = np.array(_long_names(), dtype=np.bytes_)
    blocks = [
        np.repeat(times, len(names), axis=0),
        np.tile(names.view(np.uint8).reshape(len(names), -1), (len(times), 1)),
        fixed(values, 6, ","),
        fixed(own, 6, ","),
    ]
    return join(blocks, "\n")


def _long_names() -> list[str]:
    """The cells of side, joint and angle."""
    named = [(*group.name.partition("_"), angle) for group in JOINT_GROUPS for angle in group.angles]
    return [f"{_SIDES[side]},{joint},{angle}," for joint, _, side, angle in named]


def read_angles_csv(folder: Path, video: str) -> JointAngles:
    """Read the angles of the 12 files, whatever columns are beside them.

    Raises InvalidMotion where a file is missing, damaged or has other times than the first.
    """
    times, values = _read_groups(folder, video)
    with faults_of(folder / angles_csv_name(video, JOINT_GROUPS[0])):
        return JointAngles(times, values[..., :3])


def read_angle_sd_csv(folder: Path, video: str) -> AngleSd | None:
    """Read the standard deviations of the 12 files; None where there are none. Raises as `read_angles_csv` does."""
    times, values = _read_groups(folder, video)
    with faults_of(folder / angles_csv_name(video, JOINT_GROUPS[0])):
        return AngleSd(times, values[..., 3:6]) if values.shape[2] in (6, 9) else None


def _read_groups(folder: Path, video: str) -> tuple[FloatArray, FloatArray]:
    """(T,) times and (T, 12, 3 to 9) values: angles and, where all files have them, the columns beside them."""
    tables = [_read_group(folder / angles_csv_name(video, group), group) for group in JOINT_GROUPS]
    for table, group in zip(tables, JOINT_GROUPS, strict=True):
        if not np.array_equal(table[:, 0], tables[0][:, 0]):
            raise InvalidMotion(f"{angles_csv_name(video, group)} has other times than the files beside it.")
    width = min(table.shape[1] for table in tables)
    return tables[0][:, 0], np.stack([table[:, 1:width] for table in tables], axis=1)


def _landmark_rows(landmarks: Landmarks, frames: slice) -> bytes:
    world = landmarks.world[frames]
    times = fixed(landmarks.times[frames, None], 9, ",")
    names = np.array([f"{name}," for name in LANDMARKS], dtype=np.bytes_)
    blocks = [
        np.repeat(times, len(LANDMARKS), axis=0),
        np.tile(names.view(np.uint8).reshape(len(LANDMARKS), -1), (len(world), 1)),
        fixed(world.reshape(-1, 3), 6, ","),
        fixed(landmarks.visibility[frames].reshape(-1, 1), 6, ","),
        fixed(landmarks.pixels[frames].reshape(-1, 2), 3, ","),
    ]
    return join(blocks, "\n")


def angle_columns(group: JointGroup, *, spread: bool, neutral: bool = False) -> tuple[str, ...]:
    """The columns of one joint group's file, with or without those of the standard deviation and neutral stance."""
    kinds = ("", *(("_sd",) if spread else ()), *(("_from_neutral",) if neutral else ()))
    return "time_s", *(f"{group.name}_{angle}{kind}_deg" for kind in kinds for angle in group.angles)


def _read_group(path: Path, group: JointGroup) -> FloatArray:
    """(T, 4 to 10) time, angles and, where the file has them, the columns beside them."""
    layouts = [
        angle_columns(group, spread=spread, neutral=neutral) for neutral in (False, True) for spread in (False, True)
    ]
    columns, cells = _read(path, *layouts)
    rows = [parse(where, row) for where, row in cells]
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _read(path: Path, *layouts: Sequence[str]) -> tuple[int, list[tuple[str, list[str]]]]:
    """Number of columns; for each row its location and its cells. The first line must be one of the layouts."""
    text = read_lines(path)
    delimiter = delimiter_of(text[0])
    columns = text[0].split(delimiter)
    if columns not in [list(layout) for layout in layouts]:
        raise InvalidMotion(f"{path.name}: the first line must be {','.join(layouts[0])!r}.")
    rows = [
        (f"{path.name}, line {number}", line.split(delimiter))
        for number, line in enumerate(text[1:], start=2)
        if line.strip()
    ]
    for where, cells in rows:
        if len(cells) != len(columns):
            raise InvalidMotion(f"{where}: {len(cells)} cells where {len(columns)} are expected.")
    return len(columns), rows
