"""Range of motion: each movement of a joint from its start to its peak and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.analysis import Event, EventKind, Parameter, Side
from humanpose3d.motion import FloatArray
from services.angles.analysis.figures import measured
from services.angles.analysis.peaks import find_peaks
from services.angles.analysis.signals import SIDES, Signals, low_pass

LEAST_RANGE_DEG: Final = 25.0
"""Minimum range of a movement that counts: above changes due to posture and noise."""

_SETTLED: Final = 0.1
"""Share of the range within which an angle counts as returned to its start."""

_MOVEMENTS: Final = (
    ("shoulder", "elevation"),
    ("hip", "flexion"),
    ("hip", "adduction"),
    ("knee", "flexion"),
    ("ankle", "dorsiflexion"),
    ("elbow", "flexion"),
)
_TRUNK: Final = ("flexion", "lateral_bending", "rotation")
_SHARE_OF_LARGEST: Final = 0.5
"""Movements smaller than this share of the largest are considered secondary to it and not part of the task."""


@dataclass(frozen=True)
class Movement:
    """One movement of one angle; frames of the resampled signals."""

    joint: str
    angle: str
    side: Side | None
    number: int
    start: int
    peak: int
    end: int | None
    range_deg: float
    peak_deg: float


def find_movements(signals: Signals) -> list[Movement]:
    """The prominent movements of each joint."""
    found = [movement for joint, angle, side in _angles() for movement in _of_angle(signals, joint, angle, side)]
    largest = max((movement.range_deg for movement in found), default=0.0)
    return [movement for movement in found if movement.range_deg >= _SHARE_OF_LARGEST * largest]


def _angles() -> Iterator[tuple[str, str, Side | None]]:
    yield from ((f"{joint}_{side[0]}", angle, side) for joint, angle in _MOVEMENTS for side in SIDES)
    yield from (("trunk", angle, None) for angle in _TRUNK)


def _of_angle(signals: Signals, joint: str, angle: str, side: Side | None) -> Iterator[Movement]:
    values = low_pass(signals.angle(joint, angle)[:, None], signals.rate, 3.0)[:, 0]
    known = np.isfinite(values)
    if known.sum() < 5:
        return
    filled = np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
    rest = float(np.median(np.concatenate([filled[: _quarter(signals)], filled[-_quarter(signals) :]])))
    away = np.abs(filled - rest)
    peaks = find_peaks(np.pad(away, 1), LEAST_RANGE_DEG, distance=max(1, round(0.5 * signals.rate)))
    for number, peak in enumerate(peaks, 1):
        yield _movement(filled, away, peak.frame - 1, (joint, angle, side, number))


def _quarter(signals: Signals) -> int:
    return max(1, round(0.25 * signals.rate))


def _movement(values: FloatArray, away: FloatArray, peak: int, named: tuple[str, str, Side | None, int]) -> Movement:
    settled = away <= _SETTLED * away[peak]
    before, after = np.flatnonzero(settled[:peak]), np.flatnonzero(settled[peak:])
    start = int(before[-1]) if before.size else 0
    end = peak + int(after[0]) if after.size else None
    return Movement(*named, start, peak, end, float(away[peak]), float(values[peak]))


def movement_events(signals: Signals, found: list[Movement]) -> list[Event]:
    """Start, peak and return of each movement."""
    moments: list[tuple[EventKind, int, Movement]] = []
    for each in found:
        moments += [("start", each.start, each), ("peak", each.peak, each)]
        moments += [("end", each.end, each)] if each.end is not None else []
    return [
        Event(time_s=signals.time(frame), kind=kind, side=each.side, repetition=each.number)
        for kind, frame, each in moments
    ]


def movement_parameters(signals: Signals, found: list[Movement]) -> list[Parameter]:
    """Range and peak of each movement, and overall for the same joint, angle and side."""
    single = [figure for each in found for figure in _of_movement(signals, each)]
    return [*single, *_best(single)]


def _name(signals: Signals, each: Movement) -> str:
    """The movement in a clinician's terms; a raised arm is abducted or flexed by its plane of elevation."""
    joint = each.joint.split("_")[0]
    if joint != "shoulder":
        return f"{joint}_{each.angle}"
    plane = signals.angle(each.joint, "plane_of_elevation")[each.start : each.peak + 1]
    raised = signals.angle(each.joint, "elevation")[each.start : each.peak + 1] > 30
    planes = plane[raised & np.isfinite(plane)]
    return "shoulder_flexion" if planes.size and abs(float(np.median(planes))) > 45 else "shoulder_abduction"


def _of_movement(signals: Signals, each: Movement) -> Iterator[Parameter]:
    name = _name(signals, each)
    for what, value in (("range", each.range_deg), ("peak", each.peak_deg)):
        method = "from the position of rest to the peak" if what == "range" else "the angle at its peak"
        sd = signals.sd_at(each.joint, each.angle, each.peak) if what == "peak" else None
        yield from measured(f"{name}_{what}", value, "°", method, side=each.side, repetition=each.number, sd=sd)


def _best(single: list[Parameter]) -> Iterator[Parameter]:
    """The largest of the repetitions, as range of motion is usually reported (Norkin & White 2016, 5th ed., ch. 1)."""
    grouped: dict[tuple[str, Side | None], list[Parameter]] = {}
    for figure in single:
        grouped.setdefault((figure.name, figure.side), []).append(figure)
    for figures in grouped.values():
        best = max(figures, key=lambda figure: abs(figure.value))
        yield best.model_copy(update={"repetition": None, "n": len(figures), "method": f"{best.method}, largest"})
