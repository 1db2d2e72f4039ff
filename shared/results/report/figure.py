"""The person as a drawn figure at one instant: no image of the person is needed, so none can be recognised."""

from typing import Final

import numpy as np

from humanpose3d.analysis import Analysis
from humanpose3d.language import Translator
from humanpose3d.motion import FloatArray, Markers
from shared.results.report.markup import Html, element

_HEIGHT: Final = 200.0
_MARGIN_M: Final = 0.15
_HEAD_M: Final = 0.1

_LIMBS: Final = tuple(
    (f"{side}{start}", f"{side}{end}", width)
    for side in "RL"
    for start, end, width in (
        ("Hip", "Knee", 0.13),
        ("Knee", "Ankle", 0.09),
        ("Heel", "BigToe", 0.06),
        ("Shoulder", "Elbow", 0.08),
        ("Elbow", "Wrist", 0.06),
    )
)
"""Ends and width in metres."""
_MIDDLE: Final = (("Hip", "Neck", 0.2), ("RHip", "LHip", 0.16), ("RShoulder", "LShoulder", 0.1))
_INSTANTS: Final = ("lowest", "peak", "seated", "take_off", "heel_strike")
"""Events that show a task best, the best first."""


def person(markers: Markers, analysis: Analysis | None, t: Translator) -> Html:
    """The figure as the camera sees it, and seen from a right angle to that."""
    frame = _frame(markers, analysis)
    body = {name: markers.position(name)[frame] for name in markers.names}
    instant = t("{time:.2f} s", time=float(markers.times[frame])) if markers.times.size else ""
    views = (
        (t("As the camera sees it, {instant}", instant=instant), (0, 2)),
        (t("Seen from the right of that image"), (2, 0)),
    )
    return element(
        "div",
        *(element("figure", _drawn(body, axes), element("figcaption", words)) for words, axes in views),
        class_="person",
    )


def _frame(markers: Markers, analysis: Analysis | None) -> int:
    """The frame of the first event that shows the task, or the middle one."""
    events = () if analysis is None else analysis.events
    for kind in _INSTANTS:
        for event in events:
            if event.kind == kind:
                return int(np.abs(markers.times - event.time_s).argmin())
    return markers.times.size // 2


def _drawn(body: dict[str, FloatArray], axes: tuple[int, int]) -> Html:
    """axes: of the world, to the side and towards the viewer. From the right (+X), the camera (+Z) is to the left."""
    aside, towards = axes
    sign = 1.0 if aside == 0 else -1.0
    flat = {name: np.array([sign * place[aside], -place[1], place[towards]]) for name, place in body.items()}
    known = [place[:2] for place in flat.values() if np.isfinite(place).all()]
    low, high = (np.min(known, axis=0), np.max(known, axis=0)) if known else (np.zeros(2), np.ones(2))
    low, size = low - _MARGIN_M, high - low + 2 * _MARGIN_M
    lines = [(*line, "right" if line[0].startswith("R") else "left") for line in _LIMBS]
    lines += [(*line, "middle") for line in _MIDDLE]
    shapes = [shape for line in lines if (shape := _line(flat, *line))]
    shapes += [shape for shape in [_head(flat)] if shape]
    return element(
        "svg",
        *(shape for _, shape in sorted(shapes, key=lambda shape: shape[0])),
        viewBox=" ".join(f"{value:.3f}" for value in (*low, *size)),
        height=_HEIGHT,
        role="img",
    )


def _line(flat: dict[str, FloatArray], start: str, end: str, width: float, kind: str) -> tuple[float, Html] | None:
    """Depth and shape of a segment; None where an end is missing."""
    ends = np.array([flat[start], flat[end]])
    if not np.isfinite(ends).all():
        return None
    (x, y, _), (x2, y2, _) = ends
    shape = element("path", d=f"M{x:.3f} {y:.3f}L{x2:.3f} {y2:.3f}", stroke_width=f"{width:g}", class_=f"limb {kind}")
    return float(ends[:, 2].mean()), shape


def _head(flat: dict[str, FloatArray]) -> tuple[float, Html] | None:
    place = (flat["Head"] + flat["Nose"]) / 2
    if not np.isfinite(place).all():
        return None
    shape = element("circle", cx=f"{place[0]:.3f}", cy=f"{place[1]:.3f}", r=f"{_HEAD_M:g}", class_="limb head")
    return float(place[2]), shape
