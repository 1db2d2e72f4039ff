"""Draws the figures of the page on conventions: `python -m docs.generate.anatomy`.

The frames that are drawn are those that the code computes.
"""

from collections.abc import Callable
from math import cos, radians, sin
from pathlib import Path
from typing import Final

import numpy as np

from docs.generate.drawing import ACCENT, AXES, FAINT, INK, QUIET, Drawing, Point
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import mirrored
from services.angles import segments

RIGHT_SIDE: Final = {
    "r.ASIS_study": (0.09, 0.99, 0.12),
    "r.PSIS_study": (-0.08, 1.02, 0.05),
    "RHJC_study": (0.03, 0.92, 0.085),
    "r_knee_study": (0.02, 0.50, 0.135),
    "r_mknee_study": (0.02, 0.50, 0.045),
    "r_ankle_study": (-0.03, 0.08, 0.125),
    "r_mankle_study": (-0.02, 0.10, 0.055),
    "r_calc_study": (-0.08, 0.04, 0.095),
    "r_toe_study": (0.13, 0.03, 0.115),
    "r_shoulder_study": (-0.01, 1.47, 0.19),
    "RShoulder": (0.0, 1.41, 0.18),
    "r_lelbow_study": (-0.01, 1.12, 0.29),
    "r_melbow_study": (0.01, 1.11, 0.22),
    "r_lwrist_study": (0.04, 0.87, 0.345),
    "r_mwrist_study": (0.03, 0.86, 0.295),
}
"""Metres: a person who stands at the origin, faces +x, and holds the palms forward; the left side is its mirror."""

MIDLINE: Final = {"C7_study": (-0.06, 1.50, 0.0)}

_ORIGINS: Final = {
    "pelvis": ("r.ASIS_study", "L.ASIS_study", "r.PSIS_study", "L.PSIS_study"),
    "trunk": ("r_shoulder_study", "L_shoulder_study", "r.PSIS_study", "L.PSIS_study"),
    "thigh": ("RHJC_study", "r_knee_study", "r_mknee_study"),
    "shank": ("r_knee_study", "r_mknee_study", "r_ankle_study", "r_mankle_study"),
    "foot": ("r_calc_study", "r_toe_study"),
    "humerus": ("RShoulder", "r_lelbow_study", "r_melbow_study"),
    "forearm": ("r_lelbow_study", "r_melbow_study", "r_lwrist_study", "r_mwrist_study"),
}
"""The markers in the middle of which a segment's frame is drawn."""

_NAMES: Final = {"humerus": "upper arm"}
_ON_THE_LEFT: Final = ("humerus", "forearm", "shank", "thigh", "foot")

_LINES: Final = (
    ("RHJC_study", "r_knee_study", "r_mknee_study", "RHJC_study"),
    ("r_knee_study", "r_ankle_study", "r_mankle_study", "r_mknee_study"),
    ("r_calc_study", "r_toe_study"),
    ("RShoulder", "r_lelbow_study", "r_melbow_study", "RShoulder"),
    ("r_lelbow_study", "r_lwrist_study", "r_mwrist_study", "r_melbow_study"),
)


def standing() -> Markers:
    """One frame of the person above."""
    left = {mirrored(name): (x, y, -z) for name, (x, y, z) in RIGHT_SIDE.items()}
    points = {**RIGHT_SIDE, **left, **MIDLINE}
    return Markers(np.zeros(1), tuple(points), np.array([list(points.values())]))


def segment_frames() -> Drawing:
    """All frames of the right side, as the code computes them."""
    drawing = Drawing(760, 760, "The frames of pelvis, trunk, thigh, shank, foot, upper arm and forearm")
    markers = standing()
    points = segments.both_sides(markers)
    _bones(drawing, markers)
    drawing.circle(_seen(np.array([0.03, 1.64, 0.0])), 38, "#eceff1", FAINT)
    for name in markers.names:
        drawing.circle(_seen(markers.position(name)[0]), 4 if name in RIGHT_SIDE or name in MIDLINE else 3, QUIET)
    for name, around in _ORIGINS.items():
        frame: Callable[[segments.Points], FloatArray] = getattr(segments, name)
        origin = np.mean([markers.position(marker)[0] for marker in around], axis=0)
        _axes(drawing, origin, frame(points)[0, 0])
        at, side = _seen(origin), -1 if name in _ON_THE_LEFT else 1
        anchor = "end" if side < 0 else "start"
        drawing.text((at[0] + 62 * side, at[1] + 30), _NAMES.get(name, name), 16, INK, anchor, bold=True)
    _legend(drawing, (560, 90))
    return drawing


def signs() -> Drawing:
    """What positive means in the sagittal plane."""
    drawing = Drawing(
        760, 470, "Positive hip, knee, ankle, elbow, shoulder and pelvis angles, seen from the right side"
    )
    panels = (_hip, _knee, _ankle, _elbow, _shoulder, _pelvis)
    for index, panel in enumerate(panels):
        panel(drawing, (20.0 + 243 * (index % 3), 20.0 + 220 * (index // 3)))
    return drawing


def worlds() -> Drawing:
    """The frame of the camera and that of the results."""
    drawing = Drawing(
        760, 290, "Camera frame: x right, y down, z away. World frame: x right, y up, z towards the camera"
    )
    for left, title, directions in (
        (60.0, "raw landmarks: the camera's frame", {"x": (90, 0), "y": (0, 74), "z": (52, -40)}),
        (430.0, "markers: the world's frame", {"x": (90, 0), "y": (0, -80), "z": (-52, 40)}),
    ):
        drawing.text((left + 130, 36), title, 16, INK, bold=True)
        origin = (left + 110, 150.0)
        for axis, (dx, dy) in directions.items():
            end = (origin[0] + dx, origin[1] + dy)
            drawing.arrow(origin, end, AXES[axis], 3, 11)
            drawing.text((end[0] + dx * 0.16, end[1] + dy * 0.16 + 5), axis, 17, AXES[axis], bold=True)
        drawing.circle(origin, 5, INK)
    drawing.text((170, 274), "origin: middle of the hips, y along the image", 14, QUIET)
    drawing.text((560, 274), "y against gravity; the floor is at y = 0", 14, QUIET)
    return drawing


def _seen(point: FloatArray) -> Point:
    """A point in metres as it appears from in front, a little from the right and from above."""
    x, y, z = (float(value) for value in point)
    turn, pitch = radians(38), radians(12)
    across = x * sin(turn) - z * cos(turn)
    depth = x * cos(turn) + z * sin(turn)
    return 330 + 415 * across, 715 - 415 * (y * cos(pitch) - depth * sin(pitch))


def _axes(drawing: Drawing, origin: FloatArray, frame: FloatArray) -> None:
    for column, axis in enumerate("xyz"):
        end = origin + 0.17 * frame[:, column]
        drawing.arrow(_seen(origin), _seen(end), AXES[axis], 3, 10)


def _bones(drawing: Drawing, markers: Markers) -> None:
    for line in _LINES:
        for names, colour in ((map(mirrored, line), FAINT), (line, "#b0bec5")):
            drawing.line([_seen(markers.position(name)[0]) for name in names], colour, 3)
    pelvis = ("r.ASIS_study", "L.ASIS_study", "L.PSIS_study", "r.PSIS_study", "r.ASIS_study")
    trunk = ("L_shoulder_study", "C7_study", "r_shoulder_study")
    for closed in (pelvis, trunk):
        drawing.line([_seen(markers.position(name)[0]) for name in closed], "#b0bec5", 3)
    back = (markers.position("r.PSIS_study")[0] + markers.position("L.PSIS_study")[0]) / 2
    drawing.line([_seen(markers.position("C7_study")[0]), _seen(back)], "#b0bec5", 3)


def _legend(drawing: Drawing, at: Point) -> None:
    for index, (axis, words) in enumerate((("x", "anterior"), ("y", "superior"), ("z", "to the right"))):
        y = at[1] + 26 * index
        drawing.arrow((at[0], y), (at[0] + 40, y), AXES[axis], 3, 10)
        drawing.text((at[0] + 52, y + 5), f"{axis}  {words}", 15, INK, "start")


def _limb(start: Point, degrees: float, length: float) -> Point:
    """The end of a limb that hangs, turned forward (to the right) by this angle."""
    return start[0] + length * sin(radians(degrees)), start[1] + length * cos(radians(degrees))


def _panel(drawing: Drawing, at: Point, title: str) -> None:
    drawing.box(at, (233, 208), "#ffffff", FAINT, 8)
    drawing.text((at[0] + 116, at[1] + 196), title, 14, INK, bold=True)


def _joint(drawing: Drawing, at: Point, radius: float, neutral: float, moved: float) -> None:
    """The arc from the neutral direction to the positive one; directions as in `_limb`."""
    drawing.arc(at, radius, radians(90 - neutral), radians(90 - moved))
    drawing.circle(at, 6, INK)


def _hip(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "hip flexion +")
    hip = (at[0] + 95, at[1] + 70)
    drawing.line([(hip[0], hip[1] - 50), hip], QUIET, 16)
    drawing.line([hip, _limb(hip, 0, 88)], FAINT, 13)
    drawing.line([hip, _limb(hip, 50, 88)], ACCENT, 13)
    _joint(drawing, hip, 62, 0, 50)


def _knee(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "knee flexion +")
    hip = (at[0] + 115, at[1] + 22)
    knee = _limb(hip, 8, 72)
    drawing.line([hip, knee], QUIET, 14)
    drawing.line([knee, _limb(knee, 8, 72)], FAINT, 12)
    drawing.line([knee, _limb(knee, -55, 72)], ACCENT, 12)
    _joint(drawing, knee, 52, 8, -55)


def _ankle(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "ankle dorsiflexion +")
    ankle = (at[0] + 85, at[1] + 122)
    drawing.line([(ankle[0], ankle[1] - 90), ankle], QUIET, 13)
    drawing.line([ankle, _limb(ankle, 90, 92)], FAINT, 11)
    drawing.line([ankle, _limb(ankle, 118, 92)], ACCENT, 11)
    _joint(drawing, ankle, 70, 90, 118)


def _elbow(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "elbow flexion +")
    shoulder = (at[0] + 85, at[1] + 22)
    elbow = _limb(shoulder, 0, 72)
    drawing.line([shoulder, elbow], QUIET, 13)
    drawing.line([elbow, _limb(elbow, 0, 68)], FAINT, 11)
    drawing.line([elbow, _limb(elbow, 75, 68)], ACCENT, 11)
    _joint(drawing, elbow, 50, 0, 75)


def _shoulder(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "shoulder elevation +")
    shoulder = (at[0] + 85, at[1] + 52)
    drawing.line([(shoulder[0], shoulder[1] + 112), shoulder], QUIET, 20)
    drawing.line([shoulder, _limb(shoulder, 4, 88)], FAINT, 11)
    drawing.line([shoulder, _limb(shoulder, 70, 92)], ACCENT, 11)
    _joint(drawing, shoulder, 62, 4, 70)


def _pelvis(drawing: Drawing, at: Point) -> None:
    _panel(drawing, at, "pelvis tilt + (front down)")
    middle = (at[0] + 105, at[1] + 95)
    for angle, colour in ((0, FAINT), (22, ACCENT)):
        turn = radians(angle)
        ends = [(middle[0] + reach * cos(turn), middle[1] + reach * sin(turn)) for reach in (-55, 70)]
        drawing.line(ends, colour, 13)
    drawing.text((middle[0] - 62, middle[1] + 10), "back", 13, QUIET, "end")
    drawing.text((middle[0] + 82, middle[1] - 10), "front", 13, QUIET, "start")
    drawing.arc(middle, 88, 0, radians(22))
    drawing.circle(middle, 6, INK)


FOLDER: Final = Path(__file__).resolve().parents[1] / "images"
FIGURES: Final = {"segment_frames": segment_frames, "signs": signs, "worlds": worlds}


if __name__ == "__main__":
    for name, draw in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
