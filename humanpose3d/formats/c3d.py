"""C3D, the binary file of Vicon, Qualisys, Mokka and Visual3D, through the library ezc3d.

Points are 32-bit floats in millimetres, Y up, at a uniform rate; a missing one has residual −1. Joint angles are points
of the group POINT:ANGLES, in degrees; events are in the group EVENT, named as Vicon and Mokka name them.

The format counts frames from the start of the clip in 16 bits: the first frame's time is rounded to the nearest frame,
a longer recording is written at a fraction of its rate, and one that begins later starts at 0. It has room for about
1000 events; later ones are left out.
"""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import ezc3d
import numpy as np

from humanpose3d.analysis import Event, EventKind
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d_check import frames_stated
from humanpose3d.formats.files import faults_of, read_bytes, write_atomic
from humanpose3d.motion import JointAngles, Markers
from humanpose3d.resampling import nearest_standard_rate, resample
from humanpose3d.skeleton import JOINT_GROUPS, JointGroup

EVENT_NAMES: Final[dict[EventKind, str]] = {
    "heel_strike": "Foot Strike",
    "toe_off": "Foot Off",
    "start": "Start",
    "peak": "Peak",
    "end": "End",
    "lowest": "Lowest",
    "seated": "Seated",
    "standing": "Standing",
    "take_off": "Take Off",
    "landing": "Landing",
}
"""EVENT:LABELS; the first two are those of Vicon and Mokka."""

_CONTEXTS: Final = {"right": "Right", "left": "Left", None: "General"}
_ICONS: Final[dict[EventKind, int]] = {"heel_strike": 1, "toe_off": 2}
_METRES: Final = {"mm": 0.001, "cm": 0.01, "m": 1.0}
_LABEL_LENGTH: Final = 127
_POINTS: Final = 255
_FRAMES: Final = 2**16 - 1
_AT_ONCE: Final = 255
"""Entries of one parameter; more go into a second one, as LABELS2."""
_EVENTS: Final = 4 * _AT_ONCE


def angle_label(group: JointGroup) -> str:
    """Label of a joint group's angles: `RHipAngles`, `PelvisAngles`.

    >>> angle_label(JOINT_GROUPS[0]), angle_label(JOINT_GROUPS[1])
    ('PelvisAngles', 'RHipAngles')
    """
    joint, _, side = group.name.partition("_")
    return f"{side.upper()}{joint.capitalize()}Angles"


def write_c3d(path: Path, markers: Markers, angles: JointAngles | None = None, events: Sequence[Event] = ()) -> None:
    """Write markers and, where given, joint angles and events; irregular frames are interpolated on time.

    Raises InvalidMotion for names that are not printable ASCII of at most 127 characters, no marker, more than 255
    points, or fewer than two frames; OutputNotWritable where the file cannot be written.
    """
    _check_names(markers.names)
    uniform, rate = resample(markers)
    if uniform.times.size > _FRAMES:
        uniform, rate = resample(markers, rate / math.ceil(uniform.times.size / _FRAMES))
    if angles is not None:
        uniform = _with_angles(uniform, angles, rate)
    if len(uniform.names) > _POINTS:
        raise InvalidMotion(f"A C3D file holds at most {_POINTS} points, not {len(uniform.names)}.")
    first = round(uniform.times[0] * rate)
    first = first if first >= 0 and first + uniform.times.size <= _FRAMES else 0
    content = _content(uniform, rate, first, len(markers.names))
    _add_events(content, events, first / rate - uniform.times[0])
    with tempfile.TemporaryDirectory() as folder, write_atomic(path) as file:
        content.write(str(Path(folder, "points.c3d")))
        file.write(Path(folder, "points.c3d").read_bytes())


def read_c3d(path: Path) -> Markers:
    """Read the labelled points of a C3D in metres, whatever its unit; the axes are not changed.

    Points that are angles, forces or other quantities are left out. Raises InvalidMotion for a file that is no C3D, is
    cut short, or holds no labelled point.
    """
    content = read_bytes(path)
    with faults_of(path):
        frames = frames_stated(content)
        try:
            found = _opened(content)
        except Exception as error:  # a damaged header can make the library raise anything
            raise InvalidMotion("it is damaged or is not a C3D file.") from error
        markers = _markers(found)
        if markers.times.size < frames:
            raise InvalidMotion(f"it is cut short after {markers.times.size} of {frames} frames.")
        return markers


def _opened(content: bytes) -> Any:  # noqa: ANN401 -- ezc3d has no types
    """The file as ezc3d reads it, from a copy: the library does not take every name on every system."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "points.c3d")
        copy.write_bytes(content)
        return ezc3d.c3d(str(copy))


def _markers(content: Any) -> Markers:  # noqa: ANN401 -- ezc3d has no types
    parameters, positions = content["parameters"]["POINT"], content["data"]["points"][:3]
    if not positions.shape[1]:
        raise InvalidMotion("it holds no points.")
    unit = "".join(_values(parameters, "UNITS")[:1]).strip().lower()
    if unit not in _METRES:
        raise InvalidMotion(f"the unit is {unit!r}; it must be one of: {', '.join(_METRES)}.")
    labels = [label.strip() for label in _numbered(parameters, "LABELS")]
    others = {label.strip() for group in _groups(parameters) for label in _numbered(parameters, group)}
    named = [index for index, label in enumerate(labels) if label and label not in others]
    if not named:
        raise InvalidMotion("no point has a label.")
    frames, first = positions.shape[2], int(content["header"]["points"]["first_frame"])
    times = (np.arange(frames) + first) / _rate(float(parameters["RATE"]["value"][0]))
    return Markers(times, tuple(labels[index] for index in named), positions[:, named].T * _METRES[unit])


def _values(parameters: dict[str, Any], name: str) -> list[str]:
    return list(parameters[name]["value"]) if name in parameters else []


def _numbered(parameters: dict[str, Any], name: str) -> list[str]:
    """The entries of NAME, NAME2, NAME3 …"""
    found, number = _values(parameters, name), 2
    while f"{name}{number}" in parameters:
        found += _values(parameters, f"{name}{number}")
        number += 1
    return found


def _groups(parameters: dict[str, Any]) -> list[str]:
    """Names of the parameters that list points which are not markers: ANGLES beside ANGLE_UNITS, and so on."""
    return [f"{name.removesuffix('_UNITS')}S" for name in parameters if name.endswith("_UNITS")]


def _with_angles(markers: Markers, angles: JointAngles, rate: float) -> Markers:
    """Joint angles as points beside the markers, at their times."""
    points, _ = resample(Markers(angles.times, tuple(map(angle_label, JOINT_GROUPS)), angles.values), rate)
    if points.times.size != markers.times.size:
        raise InvalidMotion("The joint angles have other times than the markers.")
    joined = np.concatenate([markers.positions, points.positions], axis=1)
    return Markers(markers.times, (*markers.names, *points.names), joined)


def _content(points: Markers, rate: float, first: int, markers: int) -> Any:  # noqa: ANN401 -- ezc3d has no types
    values = points.positions.transpose(2, 1, 0).copy()
    values[:, :markers] *= 1000
    missing = np.isnan(values).any(axis=0)
    values[:, missing] = 0
    content = ezc3d.c3d()
    content["header"]["points"]["first_frame"] = first
    content["data"]["points"] = np.concatenate([values, np.ones((1, *missing.shape))])
    content["data"]["meta_points"]["residuals"] = np.where(missing, -1.0, 0.0)[None]
    angles = list(points.names[markers:])
    named = [", ".join(group.angles).replace("_", " ") for group in JOINT_GROUPS] if angles else []
    for name, value in {
        "RATE": [rate],
        "UNITS": ["mm"],
        "LABELS": list(points.names),
        "DESCRIPTIONS": [""] * markers + named,
        "X_SCREEN": ["+X"],
        "Y_SCREEN": ["+Y"],
    }.items():
        content.add_parameter("POINT", name, value)
    if angles:
        content.add_parameter("POINT", "ANGLES", angles)
        content.add_parameter("POINT", "ANGLE_UNITS", ["deg"])
        content.add_parameter("POINT", "TYPE_GROUPS", ["ANGLES", "ANGLE_UNITS"])
    return content


def _add_events(content: Any, events: Sequence[Event], shift: float) -> None:  # noqa: ANN401 -- ezc3d has no types
    """Events in order of time, `shift` seconds later than stated."""
    chosen = sorted(events, key=lambda event: event.time_s)[:_EVENTS]
    if not chosen:
        return
    content.add_parameter("EVENT", "USED", len(chosen))
    for first in range(0, len(chosen), _AT_ONCE):
        part, number = chosen[first : first + _AT_ONCE], first // _AT_ONCE + 1
        times = np.array([divmod(event.time_s + shift, 60) for event in part]).T
        for name, value in {
            "CONTEXTS": [_CONTEXTS[event.side] for event in part],
            "LABELS": [EVENT_NAMES[event.kind] for event in part],
            "DESCRIPTIONS": [f"no. {event.repetition}" if event.repetition else "" for event in part],
            "TIMES": times,
            "SUBJECTS": [""] * len(part),
            "ICON_IDS": [float(_ICONS.get(event.kind, 0)) for event in part],
            "GENERIC_FLAGS": [0.0] * len(part),
        }.items():
            content.add_parameter("EVENT", name if number == 1 else f"{name}{number}", value)


def _rate(stored: float) -> float:
    """The rate before it was rounded to 32 bits."""
    standard = nearest_standard_rate(stored)
    return standard if np.float32(standard) == np.float32(stored) else stored


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise InvalidMotion("A C3D file holds at least one marker.")
    for name in names:
        if not (name.isascii() and name.isprintable() and name == name.strip() and 0 < len(name) <= _LABEL_LENGTH):
            raise InvalidMotion(f"The marker name {name!r} cannot stand in a C3D file: use plain ASCII text.")
