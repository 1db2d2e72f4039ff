"""Key figures of gait, per stride and over all: times, lengths, speed, phases, symmetry, mean cycles.

Definitions: Perry & Burnfield 2010, Gait Analysis, 2nd ed., ch. 1; Richards et al. 2022, Whittle's Gait Analysis, 6th
ed., ch. 2. Symmetry: (right − left) / mean of both (Robinson, Herzog & Nigg 1987, J Manipulative Physiol Ther 10:172).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from humanpose3d.analysis import CYCLE_POINTS, Event, MeanCurve, Parameter, Side
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.analysis.figures import averaged, measured, over_all
from services.angles.analysis.gait import Steps, along
from services.angles.analysis.signals import FAST_CUTOFF_HZ, SIDES, Signals, velocity

_ZENI: Final = "events: foot against pelvis (Zeni 2008)"
_FLOOR: Final = "events: sole at the floor's level"
_LONGEST_STRIDE_S: Final = 2.5
_PERCENT: Final = np.linspace(0, 1, CYCLE_POINTS)
_OF_CYCLE: Final = "% of the cycle"
_LETTER: Final = {"right": "R", "left": "L"}


@dataclass(frozen=True)
class Stride:
    """One cycle of one side: from heel strike to the next, with the toe off between; frames of the resampled
    signals."""

    side: Side
    number: int
    start: int
    off: int
    end: int


def strides(steps: Steps, rate: float) -> list[Stride]:
    """All complete cycles, numbered on each side from 1."""
    found = []
    for side in SIDES:
        contacts, number = steps.contacts[_LETTER[side]], 0
        for start, end in pairwise(contacts.strikes):
            offs = [off for off in contacts.offs if start < off < end]
            if len(offs) == 1 and (end - start) / rate <= _LONGEST_STRIDE_S:
                number += 1
                found.append(Stride(side, number, start, offs[0], end))
    return found


def gait_events(steps: Steps, signals: Signals) -> list[Event]:
    """Heel strikes and toe offs of both sides, in order of time."""
    events = []
    for side in SIDES:
        contacts = steps.contacts[_LETTER[side]]
        events += [Event(time_s=signals.time(frame), kind="heel_strike", side=side) for frame in contacts.strikes]
        events += [Event(time_s=signals.time(frame), kind="toe_off", side=side) for frame in contacts.offs]
    return sorted(events, key=lambda event: event.time_s)


def gait_parameters(signals: Signals, steps: Steps, cycles: list[Stride]) -> list[Parameter]:
    """Per stride, and over all per side, with the symmetry of the sides."""
    single = [figure for cycle in cycles for figure in _of_stride(signals, steps, cycle)]
    single += _steps(signals, steps)
    return [*single, *over_all(single, symmetry=True), *_of_both(signals, steps, cycles, single)]


def _of_stride(signals: Signals, steps: Steps, cycle: Stride) -> Iterator[Parameter]:
    timing = signals.timing_sd_s * math.sqrt(2)
    duration, contact = (cycle.end - cycle.start) / signals.rate, (cycle.off - cycle.start) / signals.rate
    length, percent = stride_length(signals, steps, cycle), 100 * timing / duration
    figures: list[tuple[str, float, str, float | None]] = [
        ("stride_time", duration, "s", timing),
        ("stride_length", length, "m", None),
        ("stride_speed", length / duration, "m/s", None),
    ]
    if steps.running:
        figures += [("contact_time", contact, "s", timing), ("duty_factor", contact / duration, "1", timing / duration)]
        yield from _foot_strike(signals, cycle)
    else:
        stance = 100 * contact / duration
        figures += [("stance", stance, _OF_CYCLE, percent), ("swing", 100 - stance, _OF_CYCLE, percent)]
    for name, value, unit, sd in [*figures, *_support(signals, steps, cycle)]:
        yield from measured(name, value, unit, _method(steps), side=cycle.side, repetition=cycle.number, sd=sd)


def _foot_strike(signals: Signals, cycle: Stride) -> Iterator[Parameter]:
    """Pitch of the foot at contact against that in mid-stance, where the sole is flat; positive with the toes up."""
    letter = _LETTER[cycle.side]
    foot = signals.path(f"{letter}BigToe", FAST_CUTOFF_HZ) - signals.path(f"{letter}Heel", FAST_CUTOFF_HZ)
    pitch = np.degrees(np.arctan2(foot[:, 1], np.linalg.norm(foot[:, [0, 2]], axis=1)))
    third = max(1, (cycle.off - cycle.start) // 3)
    flat = float(np.nanmedian(pitch[cycle.start + third : cycle.start + 2 * third]))
    method = "against the foot in mid-stance; rearfoot above 8°, forefoot below −1.6° (Altman & Davis 2012)"
    angle = float(pitch[cycle.start]) - flat
    yield from measured("foot_strike_angle", angle, "°", method, side=cycle.side, repetition=cycle.number)


def stride_length(signals: Signals, steps: Steps, cycle: Stride) -> float:
    """Metres from one heel contact to the next; on a treadmill the belt's travel in that time.

    The foot's position is that at mid-stance, where it rests.
    """
    heel = signals.path(f"{_LETTER[cycle.side]}Heel")
    if steps.travels:
        settled = max(1, (cycle.off - cycle.start) // 3)
        first, second = cycle.start + settled, min(cycle.end + settled, len(heel) - 1)
        return float(np.linalg.norm((heel[second] - heel[first])[[0, 2]]))
    backward = -along(velocity(heel, signals.rate), steps.direction)[cycle.start : cycle.off]
    return float(np.nanmedian(backward)) * (cycle.end - cycle.start) / signals.rate


def _steps(signals: Signals, steps: Steps) -> Iterator[Parameter]:
    """Each heel strike that follows one of the other foot: a step of the landing foot."""
    strikes = sorted((frame, side) for side in SIDES for frame in steps.contacts[_LETTER[side]].strikes)
    heels = {side: signals.path(f"{_LETTER[side]}Heel") for side in SIDES}
    numbers = dict.fromkeys(SIDES, 0)
    for (before, other), (frame, side) in pairwise(strikes):
        seconds = (frame - before) / signals.rate
        if other == side or seconds > _LONGEST_STRIDE_S / 2:
            continue
        numbers[side] += 1
        apart = (heels[side] - heels[other])[frame, [0, 2]]
        x, z = steps.direction[frame]
        for name, value, unit, sd in (
            ("step_time", seconds, "s", signals.timing_sd_s * math.sqrt(2)),
            ("step_length", float(apart @ (x, z)), "m", None),
            ("step_width", abs(float(apart @ (z, -x))), "m", None),
        ):
            yield from measured(name, value, unit, _method(steps), side=side, repetition=numbers[side], sd=sd)


def _method(steps: Steps) -> str:
    return _FLOOR if steps.running else _ZENI


def _support(signals: Signals, steps: Steps, cycle: Stride) -> Iterator[tuple[str, float, str, float]]:
    """Double support (walking) or flight time (running), of this cycle."""
    other = steps.contacts["L" if cycle.side == "right" else "R"]
    lands = [frame for frame in other.strikes if cycle.start < frame < cycle.end]
    if len(lands) != 1:
        return
    leaves = [off for off in other.offs if cycle.start <= off < lands[0]]
    timing = signals.timing_sd_s * math.sqrt(2)
    if steps.running:
        yield "flight_time", max(lands[0] - cycle.off, 0) / signals.rate, "s", timing
    elif leaves:
        share = 100 / (cycle.end - cycle.start)
        both = (leaves[0] - cycle.start) + (cycle.off - lands[0])
        yield "double_support", both * share, _OF_CYCLE, 2 * timing * signals.rate * share


def _of_both(signals: Signals, steps: Steps, cycles: list[Stride], single: list[Parameter]) -> Iterator[Parameter]:
    """Speed and cadence of the whole recording; vertical oscillation of running."""
    values = {
        name: np.array([figure.value for figure in single if figure.name == name])
        for name in ("stride_speed", "step_time")
    }
    if values["stride_speed"].size:
        yield from averaged("speed", values["stride_speed"], "m/s", "stride length / stride time, mean of all strides")
    elif steps.travels:
        speed = np.array([_pelvis_speed(signals)])
        yield from averaged("speed", speed, "m/s", "path of the pelvis / time: no whole stride")
    periods = _periods(signals, steps)
    if periods.size:
        cadence, method = 120 / periods.mean(), "120 s / mean time between events of the same kind and foot"
        sd = cadence * periods.std(ddof=1) / periods.mean() if periods.size > 1 else None
        yield from measured("cadence", cadence, "steps/min", method, sd=sd, n=periods.size)
    elif values["step_time"].size:
        yield from averaged("cadence", 60 / values["step_time"], "steps/min", "60 s / step time: no whole stride")
    if steps.running and cycles:
        rises = np.array([np.ptp(signals.pelvis[cycle.start : cycle.end, 1]) for cycle in cycles])
        yield from averaged("vertical_oscillation", rises, "m", "range of the pelvis's height in a stride")


def _periods(signals: Signals, steps: Steps) -> FloatArray:
    """Seconds between successive heel strikes and between successive toe offs of each foot."""
    events = [frames for foot in steps.contacts.values() for frames in (foot.strikes, foot.offs)]
    periods = np.array([(end - start) / signals.rate for frames in events for start, end in pairwise(frames)])
    # Where an event is missing, the time between its neighbours is twice as long.
    return periods[periods < 1.5 * np.median(periods)] if periods.size else periods


def _pelvis_speed(signals: Signals) -> float:
    known = np.flatnonzero(np.isfinite(signals.pelvis).all(axis=1))
    way = signals.pelvis[known[-1], [0, 2]] - signals.pelvis[known[0], [0, 2]]
    return float(np.linalg.norm(way)) * signals.rate / max(int(known[-1] - known[0]), 1)


def mean_curves(signals: Signals, cycles: list[Stride]) -> list[MeanCurve]:
    """Every joint angle over the mean cycle: the side's own joints, and pelvis and trunk for both sides' cycles."""
    found = []
    for side in SIDES:
        own = [cycle for cycle in cycles if cycle.side == side]
        for index, group in enumerate(JOINT_GROUPS):
            if group.name[-2:] in ("_r", "_l") and group.name[-1] != side[0]:
                continue
            for column, angle in enumerate(group.angles):
                curves = [normalised(signals.angles[cycle.start : cycle.end + 1, index, column]) for cycle in own]
                known = np.array([curve for curve in curves if np.isfinite(curve).all()])
                if len(known):
                    found.append(_mean_curve(group.name, angle, side, known))
    return found


def normalised(values: FloatArray) -> FloatArray:
    """(101,) a cycle's (T,) values at 0, 1 … 100 % of it; NaN where there are gaps."""
    return np.interp(_PERCENT, np.linspace(0, 1, len(values)), values)


def _mean_curve(joint: str, angle: str, side: Side, curves: FloatArray) -> MeanCurve:
    mean = tuple(np.round(curves.mean(axis=0), 3).tolist())
    sd = tuple(np.round(curves.std(axis=0, ddof=1), 3).tolist()) if len(curves) > 1 else None
    return MeanCurve(joint=joint, angle=angle, side=side, mean=mean, sd=sd, n=len(curves))
