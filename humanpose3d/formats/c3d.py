"""C3D, the binary marker file of Vicon, Qualisys and Visual3D, through the library `c3d`.

Points are written as 32-bit floats in millimetres, Y up, at a uniform rate; a missing marker is an invalid point. The
format counts frames from the start of the clip, so a first time between two frames is rounded to the nearest.
"""

import io
import warnings
from pathlib import Path
from typing import Final

import c3d
import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import faults_of, read_bytes, write_atomic
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.resampling import nearest_standard_rate, resample

_METRES: Final = {"mm": 0.001, "cm": 0.01, "m": 1.0}
_LABEL_LENGTH: Final = 127
_POINTS: Final = 255


def write_c3d(path: Path, markers: Markers, rate_hz: float | None = None) -> None:
    """Write markers at a uniform rate: their own, or `rate_hz`; irregular frames are interpolated on time.

    Raises InvalidMotion for names that are not printable ASCII of at most 127 characters, more than 255 markers, none,
    or fewer than two frames; OutputNotWritable where the file cannot be written.
    """
    _check_names(markers.names)
    uniform, rate = resample(markers, rate_hz)
    points = np.zeros((*uniform.positions.shape[:2], 5))
    points[..., :3] = uniform.positions * 1000
    points[np.isnan(uniform.positions).any(axis=2)] = (0, 0, 0, -1, -1)
    writer = c3d.Writer(point_rate=rate, point_units="mm")
    writer.set_point_labels(list(markers.names))
    writer.set_screen_axis("+X", "+Y")
    writer.set_start_frame(max(1, round(uniform.times[0] * rate) + 1))
    no_analog = np.zeros((0, 0))
    for frame in points:
        writer.add_frames((frame, no_analog))
    with write_atomic(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns that there is no analog data
        writer.write(file)


def read_c3d(path: Path) -> Markers:
    """Read the labelled points of a C3D in metres, whatever its unit; the axes are not changed.

    Raises InvalidMotion for a file that is no C3D, is cut short, or holds no labelled point.
    """
    content = read_bytes(path)
    try:
        with faults_of(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing analog data, and a file cut short, which is found below
            return _markers(c3d.Reader(io.BytesIO(content)))
    except InvalidMotion:
        raise
    except Exception as error:  # a damaged header can make the library raise anything
        raise InvalidMotion(f"{path.name} is damaged or is not a C3D file.") from error


def _markers(reader: c3d.Reader) -> Markers:
    if reader.point_used == 0:
        raise InvalidMotion("it holds no points.")
    unit = reader.get("POINT:UNITS").string_value.strip().lower()
    if unit not in _METRES:
        raise InvalidMotion(f"the unit is {unit!r}; it must be one of: {', '.join(_METRES)}.")
    labels = [label.strip() for label in reader.point_labels[: reader.point_used]]
    named = [index for index, label in enumerate(labels) if label]
    if not named:
        raise InvalidMotion("no point has a label.")
    points = _points(reader)
    if len(points) != reader.last_frame - reader.first_frame + 1:
        raise InvalidMotion(f"it is cut short after {len(points)} frames.")
    times = (np.arange(len(points)) + reader.first_frame - 1) / _rate(reader.point_rate)
    return Markers(times, tuple(labels[index] for index in named), points[:, named] * _METRES[unit])


def _points(reader: c3d.Reader) -> FloatArray:
    points = np.array([frame for _, frame, _ in reader.read_frames()], dtype=np.float64)
    points = points.reshape(-1, reader.point_used, 5)
    points[points[..., 3] < 0] = np.nan
    return points[..., :3]


def _rate(stored: float) -> float:
    """The rate before it was rounded to 32 bits."""
    standard = nearest_standard_rate(stored)
    return standard if np.float32(standard) == np.float32(stored) else float(stored)


def _check_names(names: tuple[str, ...]) -> None:
    if not 0 < len(names) <= _POINTS:
        raise InvalidMotion(f"A C3D file holds 1 to {_POINTS} markers, not {len(names)}.")
    for name in names:
        if not (name.isascii() and name.isprintable() and name == name.strip() and 0 < len(name) <= _LABEL_LENGTH):
            raise InvalidMotion(f"The marker name {name!r} cannot stand in a C3D file: use plain ASCII text.")
