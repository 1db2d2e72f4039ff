"""Squats, lunges and sit-to-stands: each a lowering and a rise of the pelvis, counted and measured."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.analysis import Event, EventKind, NotMeasurable, Parameter, Side, Task, unmeasurable
from humanpose3d.motion import FloatArray
from services.angles.analysis.figures import measured, over_all
from services.angles.analysis.peaks import find_peaks
from services.angles.analysis.signals import SIDES, Signals, runs

LEAST_DROP: Final = 0.12
"""Minimum lowering of the pelvis in a repetition, leg lengths."""

_PARTIAL: Final = 0.6
"""Share of the deepest repetition's depth below which a repetition is partial."""

_MOVING: Final = 0.08
"""Share of a repetition's depth by which the pelvis has left standing height, or seated height."""

_CHAIR_STAND_S: Final = 30.0

_LETTER: Final = {"right": "R", "left": "L"}


@dataclass(frozen=True)
class Repetition:
    """One lowering and rise; frames of the resampled signals. partial: clearly less deep than the deepest.

    start: the pelvis leaves the upper level (or, of a sit-to-stand, the seat); lowest: it is at its lowest (seated:
    the last frame on the seat); end: it is back at the upper level.
    """

    number: int
    start: int
    lowest: int
    end: int
    depth: float
    partial: bool


def find_repetitions(signals: Signals) -> list[Repetition]:
    """Lowerings of the pelvis, from upper level to upper level. Ones cut off by the recording do not count."""
    down = signals.drop
    known = np.isfinite(down)
    if known.sum() < 5:
        return []
    filled = np.interp(np.arange(len(down)), np.flatnonzero(known), down[known])
    prominence = max(LEAST_DROP, 0.3 * float(np.quantile(filled, 0.98)))
    peaks = find_peaks(filled, prominence, distance=max(1, round(0.4 * signals.rate)))
    found = [_repetition(signals, filled, *peak) for peak in peaks]
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
    """Peak bases extend over shallower neighbours: a repetition starts no earlier than the previous one ended."""
    last = 0
    for start, lowest, end, depth in sorted(found):
        yield max(start, last), lowest, end, depth
        last = end


def find_rises(signals: Signals) -> list[Repetition]:
    """Sit-to-stands: from a seat, on which the pelvis rests, up to standing; the recording may start seated."""
    down = signals.drop
    most = float(np.nanmax(down))
    seated, upright = runs(down > 0.7 * most), runs(down < 0.3 * most)
    found: list[Repetition] = []
    for seat in seated:
        after = next((stand for stand in upright if stand.start >= seat.stop), None)
        if after is None or any(seat.stop <= later.start < after.start for later in seated):
            continue
        low, high = float(np.nanquantile(down[seat], 0.8)), float(np.nanquantile(down[after], 0.2))
        margin = _MOVING * (low - high)
        start = seat.start + int(np.flatnonzero(down[seat.start : after.start] >= low - margin)[-1])
        end = after.start + int(np.flatnonzero(down[after] <= high + margin)[0])
        depth = (low - high) * signals.leg_length
        found.append(Repetition(len(found) + 1, start, start, end, depth, partial=False))
    return found


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
    """Figures of each repetition and overall; `frontal`: seen from the front, so that knee valgus can be measured."""
    measurable = frontal and task != "sit_to_stand"
    valgus = {side: knee_valgus(signals, side) for side in SIDES} if measurable else {}
    single = [figure for each in found for figure in _of_repetition(signals, task, each, valgus)]
    whole = [figure for figure in single if not found[(figure.repetition or 1) - 1].partial]
    partial = sum(each.partial for each in found)
    counts = [*measured("repetitions", len(found) - partial, "1", "lowerings and rises of the pelvis")]
    if partial:
        counts += measured("partial_repetitions", partial, "1", f"less deep than {_PARTIAL:.0%} of the deepest")
    scores = list(_sit_to_stand_scores(signals, found)) if task == "sit_to_stand" else []
    return [*counts, *scores, *single, *over_all(whole, symmetry=True)]


def _of_repetition(
    signals: Signals, task: Task, each: Repetition, valgus: Mapping[Side, FloatArray]
) -> Iterator[Parameter]:
    frames, timing = slice(each.start, each.end + 1), signals.timing_sd_s * math.sqrt(2)

    def figure(
        name: str, value: float, unit: str, method: str, side: Side | None = None, sd: float | None = None
    ) -> Iterator[Parameter]:
        sd = timing if unit == "s" else sd
        return measured(name, value, unit, method, side=side, repetition=each.number, sd=sd)

    if task == "sit_to_stand":
        yield from figure("rise_time", (each.end - each.start) / signals.rate, "s", "from the seat to standing")
        yield from figure("rise_height", each.depth, "m", "pelvis, from the seat to standing")
    else:
        yield from figure("depth", each.depth, "m", "pelvis, upper level to lowest point")
        yield from figure("time_down", (each.lowest - each.start) / signals.rate, "s", "pelvis")
        yield from figure("time_up", (each.end - each.lowest) / signals.rate, "s", "pelvis")
    yield from figure("trunk_lean_peak", _peak(signals.trunk_lean[frames]), "°", "trunk's axis against the vertical")
    for side in SIDES:
        for joint, angle in (("hip", "flexion"), ("knee", "flexion"), ("ankle", "dorsiflexion")):
            peak, sd = signals.peak(f"{joint}_{side[0]}", angle, frames)
            yield from figure(f"{joint}_{angle}_peak", peak, "°", "largest of the joint angle", side, sd)
        if side in valgus:
            projected = float(valgus[side][each.lowest])
            yield from figure("knee_valgus", projected, "°", "frontal plane projection angle (Willson 2006)", side)


def _peak(values: FloatArray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def knee_valgus(signals: Signals, side: Side) -> FloatArray:
    """(T,) degrees by which the knee is medial to the line from hip to ankle, seen along the pelvis's heading.

    Frontal plane projection angle: Willson & Davis 2006, Am J Sports Med 34:2013. Positive: valgus.
    """
    letter, outward = _LETTER[side], 1.0 if side == "right" else -1.0
    right = np.column_stack([-signals.heading[:, 1], np.zeros(len(signals.times)), signals.heading[:, 0]])
    hip, knee, ankle = (signals.path(f"{letter}{joint}") for joint in ("Hip", "Knee", "Ankle"))

    def lean(upper: FloatArray, lower: FloatArray) -> FloatArray:
        along = ((upper - lower) * right).sum(axis=1) * outward
        return np.asarray(np.degrees(np.arctan2(along, upper[:, 1] - lower[:, 1])))

    return lean(hip, knee) - lean(knee, ankle)


def missing_scores(signals: Signals, found: list[Repetition]) -> Iterator[NotMeasurable]:
    """The sit-to-stand scores for which the recording is too short, and why."""
    if len(found) < 5:
        yield unmeasurable("five-times sit-to-stand", "{count} of 5 rises were found", count=len(found))
    seconds = signals.duration_s - found[0].start / signals.rate if found else 0.0
    if seconds < _CHAIR_STAND_S:
        yield unmeasurable(
            "30-second sit-to-stand",
            "{seconds:.0f} s from the first rise to the end; {needed:.0f} s are needed",
            seconds=seconds,
            needed=_CHAIR_STAND_S,
        )


def _sit_to_stand_scores(signals: Signals, found: list[Repetition]) -> Iterator[Parameter]:
    """Five-times sit-to-stand: from leaving the seat to the fifth standing. 30-second chair stand: stands in 30 s.

    Bohannon 2006 (Percept Mot Skills 103:215); Jones, Rikli & Beam 1999 (Res Q Exerc Sport 70:113).
    """
    if len(found) >= 5:
        yield from measured(
            "five_times_sit_to_stand",
            (found[4].end - found[0].start) / signals.rate,
            "s",
            "from leaving the seat to the fifth standing (Bohannon 2006)",
            sd=signals.timing_sd_s * math.sqrt(2),
        )
    if found and signals.duration_s - found[0].start / signals.rate >= _CHAIR_STAND_S:
        within = sum((each.end - found[0].start) / signals.rate <= _CHAIR_STAND_S for each in found)
        yield Parameter(name="thirty_second_sit_to_stand", value=within, unit="1", method="stands in 30 s (Jones 1999)")
