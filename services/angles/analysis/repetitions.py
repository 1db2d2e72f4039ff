"""Squats, lunges and sit-to-stands: each a lowering and a rise of the pelvis, counted and measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import find_peaks

from humanpose3d.analysis import Event, EventKind, Parameter, Side, Task
from humanpose3d.motion import FloatArray
from services.angles.analysis.figures import over_all
from services.angles.analysis.signals import SIDES, Signals, low_pass, unit, velocity

LEAST_DROP: Final = 0.12
"""Leg lengths by which the pelvis goes down in a repetition at least."""

_PARTIAL: Final = 0.6
"""Of the deepest repetition's depth, below which a repetition is a partial one."""

_MOVING: Final = 0.08
"""Of a repetition's depth, by which the pelvis has left the height of standing, or of sitting."""

_LETTER: Final = {"right": "R", "left": "L"}


@dataclass(frozen=True)
class Repetition:
    """One lowering and rise; frames of the even clock. partial: clearly less deep than the deepest.

    start: the pelvis leaves the upper level (or, of a sit-to-stand, the seat); lowest: it is at its lowest (seated:
    the last frame on the seat); end: it is back at the upper level.
    """

    number: int
    start: int
    lowest: int
    end: int
    depth: float
    partial: bool


def drop(signals: Signals) -> FloatArray:
    """(T,) leg lengths by which the pelvis is below its height in standing."""
    height = signals.pelvis[:, 1] - _floor(signals)
    return np.asarray((np.nanquantile(height, 0.95) - height) / signals.leg_length)


def _floor(signals: Signals) -> float:
    return float(np.nanquantile(np.minimum(signals.sole("R"), signals.sole("L")), 0.2))


def find_repetitions(signals: Signals) -> list[Repetition]:
    """Lowerings of the pelvis, from upper level to upper level. One that the recording cuts off does not count."""
    down = drop(signals)
    known = np.isfinite(down)
    if known.sum() < 5:
        return []
    filled = np.interp(np.arange(len(down)), np.flatnonzero(known), down[known])
    prominence = max(LEAST_DROP, 0.3 * float(np.quantile(filled, 0.98)))
    peaks, shape = find_peaks(filled, prominence=prominence, distance=max(1, round(0.4 * signals.rate)))
    found = [
        _repetition(signals, filled, int(peak), int(left), int(right))
        for peak, left, right in zip(peaks, shape["left_bases"], shape["right_bases"], strict=True)
    ]
    deepest = max((depth for *_, depth in found), default=0.0)
    return [
        Repetition(number, start, lowest, end, depth, depth < _PARTIAL * deepest)
        for number, (start, lowest, end, depth) in enumerate(_apart(found), 1)
    ]


def _repetition(signals: Signals, down: FloatArray, peak: int, left: int, right: int) -> tuple[int, int, int, float]:
    """From the last frame at the upper level before the lowest point to the first one after it."""
    upper_left, upper_right = down[left : peak + 1].min(), down[peak : right + 1].min()
    margin = _MOVING * (down[peak] - max(upper_left, upper_right))
    start = peak - int(np.argmax((down[: peak + 1] <= upper_left + margin)[::-1]))
    end = peak + int(np.argmax(down[peak:] <= upper_right + margin))
    depth = (down[peak] - np.mean([upper_left, upper_right])) * signals.leg_length
    return start, peak, end, float(depth)


def _apart(found: list[tuple[int, int, int, float]]) -> Iterator[tuple[int, int, int, float]]:
    """Bases reach over shallower neighbours: a repetition begins where the one before has ended."""
    last = 0
    for start, lowest, end, depth in sorted(found):
        yield max(start, last), lowest, end, depth
        last = end


def find_rises(signals: Signals) -> list[Repetition]:
    """Sit-to-stands: from a seat, on which the pelvis rests, up to standing; the first may begin the recording."""
    down = drop(signals)
    moving = np.abs(velocity(low_pass(signals.pelvis, signals.rate, 3.0)[:, 1], signals.rate))
    seated = (down > 0.5 * np.nanmax(down)) & (moving < 0.25 * signals.leg_length)
    upright = down < 0.25 * np.nanmax(down)
    found: list[Repetition] = []
    frame, count = 0, len(down)
    while frame < count:
        sits = np.flatnonzero(seated[frame:])
        if not sits.size:
            break
        stands = np.flatnonzero(upright[frame + sits[0] :])
        if not stands.size:
            break
        standing = frame + int(sits[0] + stands[0])
        last = frame + int(np.flatnonzero(seated[frame:standing])[-1])
        top = _settles(down, standing, float(np.nanmax(down)))
        depth = float((down[last] - down[top]) * signals.leg_length)
        found.append(Repetition(len(found) + 1, last, last, top, depth, partial=False))
        frame = standing + int(np.argmax(~upright[standing:])) if not upright[standing:].all() else count
    return found


def _settles(down: FloatArray, standing: int, most: float) -> int:
    """The first frame at which the pelvis is at its upper level, to 8 % of the way."""
    later = down[standing:]
    up = np.flatnonzero(later < np.nanmin(later[: max(len(later) // 2, 1)]) + _MOVING * most)
    return standing + int(up[0]) if up.size else standing


def repetition_events(signals: Signals, task: Task, found: list[Repetition]) -> list[Event]:
    """Start, lowest point and end of squats and lunges; leaving the seat and standing of sit-to-stands."""
    moments: list[tuple[EventKind, int, int]] = []
    for each in found:
        moments.append(("start", each.start, each.number))
        if task == "sit_to_stand":
            moments.append(("standing", each.end, each.number))
        else:
            moments += [("lowest", each.lowest, each.number), ("end", each.end, each.number)]
    return [Event(time_s=signals.time(frame), kind=kind, repetition=number) for kind, frame, number in moments]


def repetition_parameters(signals: Signals, task: Task, found: list[Repetition], frontal: bool) -> list[Parameter]:
    """Of each repetition and over all; `frontal`: seen from the front, so that knee valgus can be measured."""
    single = [figure for each in found for figure in _of_repetition(signals, task, each, frontal)]
    whole = [figure for figure in single if not found[(figure.repetition or 1) - 1].partial]
    count = Parameter(
        name="repetitions", value=len(found) - _partial(found), unit="1", method="lowerings and rises of the pelvis"
    )
    partial = [
        Parameter(
            name="partial_repetitions",
            value=_partial(found),
            unit="1",
            method=f"less deep than {_PARTIAL:.0%} of the deepest",
        )
    ]
    scores = list(_sit_to_stand_scores(signals, found)) if task == "sit_to_stand" else []
    return [count, *(partial if _partial(found) else []), *scores, *single, *over_all(whole, symmetry=True)]


def _partial(found: list[Repetition]) -> int:
    return sum(each.partial for each in found)


def _of_repetition(signals: Signals, task: Task, each: Repetition, frontal: bool) -> Iterator[Parameter]:
    frames, timing = slice(each.start, each.end + 1), signals.timing_sd_s * np.sqrt(2)

    def figure(name: str, value: float, unit_: str, method: str, side: Side | None = None) -> Parameter:
        sd = timing if unit_ == "s" else None
        return Parameter(name=name, side=side, repetition=each.number, value=value, sd=sd, unit=unit_, method=method)

    if task == "sit_to_stand":
        yield figure("rise_time", (each.end - each.start) / signals.rate, "s", "from the seat to standing")
        yield figure("rise_height", each.depth, "m", "pelvis, from the seat to standing")
    else:
        yield figure("depth", each.depth, "m", "pelvis, upper level to lowest point")
        yield figure("time_down", (each.lowest - each.start) / signals.rate, "s", "pelvis")
        yield figure("time_up", (each.end - each.lowest) / signals.rate, "s", "pelvis")
    yield figure("trunk_lean_peak", _peak(trunk_lean(signals)[frames]), "°", "trunk's axis against the vertical")
    for side in SIDES:
        for joint, angle in (("hip", "flexion"), ("knee", "flexion"), ("ankle", "dorsiflexion")):
            values = signals.angle(f"{joint}_{side[0]}", angle)[frames]
            yield figure(f"{joint}_{angle}_peak", _peak(values), "°", "largest of the joint angle", side)
        if frontal and task != "sit_to_stand":
            value = knee_valgus(signals, side)[frames][np.nanargmax(drop(signals)[frames])]
            yield figure("knee_valgus", float(value), "°", "frontal plane projection angle (Willson 2006)", side)


def _peak(values: FloatArray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def trunk_lean(signals: Signals) -> FloatArray:
    """(T,) degrees between the line from the pelvis to the neck and the vertical."""
    axis = unit(signals.path("Neck") - signals.pelvis)
    return np.asarray(np.degrees(np.arccos(np.clip(axis[:, 1], -1, 1))))


def knee_valgus(signals: Signals, side: Side) -> FloatArray:
    """(T,) degrees by which the knee lies inside the line from hip to ankle, seen along the pelvis's heading.

    Frontal plane projection angle: Willson & Davis 2006, Am J Sports Med 34:2013. Positive: valgus.
    """
    letter, outward = _LETTER[side], 1.0 if side == "right" else -1.0
    right = np.column_stack([-signals.heading[:, 1], np.zeros(len(signals.times)), signals.heading[:, 0]])
    hip, knee, ankle = (signals.path(f"{letter}{joint}") for joint in ("Hip", "Knee", "Ankle"))

    def lean(upper: FloatArray, lower: FloatArray) -> FloatArray:
        along = ((upper - lower) * right).sum(axis=1) * outward
        return np.asarray(np.degrees(np.arctan2(along, upper[:, 1] - lower[:, 1])))

    return lean(hip, knee) - lean(knee, ankle)


def _sit_to_stand_scores(signals: Signals, found: list[Repetition]) -> Iterator[Parameter]:
    """Five-times sit-to-stand: from leaving the seat to the fifth standing. 30-second chair stand: stands in 30 s.

    Bohannon 2006 (Percept Mot Skills 103:215); Jones, Rikli & Beam 1999 (Res Q Exerc Sport 70:113).
    """
    if len(found) >= 5:
        yield Parameter(
            name="five_times_sit_to_stand",
            value=(found[4].end - found[0].start) / signals.rate,
            sd=signals.timing_sd_s * float(np.sqrt(2)),
            unit="s",
            method="from leaving the seat to the fifth standing (Bohannon 2006)",
        )
    if found and signals.duration_s - found[0].start / signals.rate >= 30:
        within = sum((each.end - found[0].start) / signals.rate <= 30 for each in found)
        yield Parameter(name="thirty_second_sit_to_stand", value=within, unit="1", method="stands in 30 s (Jones 1999)")
