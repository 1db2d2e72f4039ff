"""Vertical jumps: countermovement, squat and drop jump."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from humanpose3d.analysis import Event, EventKind, Parameter, Side
from services.angles.analysis.figures import measured, over_all
from services.angles.analysis.signals import FAST_CUTOFF_HZ, GRAVITY, SIDES, Signals, runs

_LIFTED: Final = 0.035
"""Leg lengths by which a sole is above the floor before it counts as lifted: 3 cm, the noise of a heel's height."""

_LEAST_FLIGHT_S: Final = 0.12
_DIPPED: Final = 0.06
"""Minimum dip before take-off of a countermovement, leg lengths."""

_BEFORE_S: Final = 1.5
_AFTER_S: Final = 0.6
_RELATIVE_ACCELERATION: Final = (0.4, 1.8)
"""Range of the pelvis's acceleration in flight, in g: excludes markers that move by error."""

JumpKind = Literal["countermovement", "squat", "drop"]


@dataclass(frozen=True)
class Jump:
    """One flight; frames of the resampled signals, the first in the air and the first on the floor again.

    takeoff, landing  fractional frames, where the soles cross the threshold.
    touchdown         of a drop jump: the landing before it.
    """

    number: int
    takeoff: float
    landing: float
    kind: JumpKind
    touchdown: float | None = None


def find_jumps(signals: Signals) -> list[Jump]:
    """Flights of both feet in which the pelvis is in free fall, without the step off a box before a drop jump."""
    sole = np.minimum(signals.sole("R"), signals.sole("L"))
    height = sole - np.nanquantile(sole, 0.15) - _LIFTED * signals.leg_length
    flights = [
        _flight(_crossing(height, run.start), _crossing(height, run.stop), signals)
        for run in runs(height > 0)
        if run.start > 0 and run.stop < len(height)
    ]
    flights = [flight for flight in flights if _falls(signals, *flight)]
    jumps: list[Jump] = []
    for takeoff, landing in flights:
        before = _landing_before(signals, takeoff, height)
        kind: JumpKind = "drop" if before is not None else _kind(signals, takeoff)
        jumps.append(Jump(len(jumps) + 1, takeoff, landing, kind, before))
    return jumps


def _crossing(height: np.ndarray, frame: int) -> float:
    """Fractional frame at which a signal crosses 0 between the previous frame and this one."""
    before, after = height[frame - 1], height[frame]
    return float(frame - after / (after - before)) if after != before else float(frame)


def _flight(above: float, below: float, signals: Signals) -> tuple[float, float]:
    """Take-off and landing, from the times between which the soles are above the threshold h.

    A body in free flight for T seconds is above h for √(T² − 8 h / g): the time below h on either side is added.
    """
    seconds = (below - above) / signals.rate
    beyond = (math.sqrt(seconds**2 + 8 * _LIFTED * signals.leg_length / GRAVITY) - seconds) / 2 * signals.rate
    return max(above - beyond, 0.0), min(below + beyond, len(signals.times) - 1.0)


def _falls(signals: Signals, takeoff: float, landing: float) -> bool:
    """Whether the flight is long enough and the pelvis's height a parabola of about 1 g."""
    if not (landing - takeoff) / signals.rate >= _LEAST_FLIGHT_S:  # NaN: it begins or ends in a gap
        return False
    frames = np.arange(int(np.ceil(takeoff)), int(landing) + 1)
    if len(frames) < 4:
        return True
    height = signals.mean_path("RHip", "LHip", cutoff_hz=FAST_CUTOFF_HZ)[frames, 1]
    if not np.isfinite(height).all():
        return False
    fall = -2 * np.polyfit(frames / signals.rate, height, 2)[0] / GRAVITY
    return bool(_RELATIVE_ACCELERATION[0] < fall < _RELATIVE_ACCELERATION[1])


def _landing_before(signals: Signals, takeoff: float, height: np.ndarray) -> float | None:
    """The landing from a box shortly before: the soles come from well above the floor and not from a jump."""
    first = max(int(takeoff - _BEFORE_S * signals.rate), 0)
    stretch = height[first : int(takeoff)]
    on_floor = runs(stretch <= 0)
    if not on_floor or on_floor[-1].start == 0:
        return None
    touch = first + on_floor[-1].start
    came_from = height[max(touch - int(0.6 * signals.rate), 0) : touch]
    return _crossing(height, touch) if came_from.max() > 0.12 * signals.leg_length else None


def _kind(signals: Signals, takeoff: float) -> JumpKind:
    """A squat jump starts from a held low position; a countermovement jump starts with a downward movement."""
    down = signals.drop[max(int(takeoff - _BEFORE_S * signals.rate), 0) : int(takeoff)]
    lowest = int(np.nanargmax(down))
    return "countermovement" if down[lowest] - np.nanmin(down[: lowest + 1]) > _DIPPED else "squat"


def jump_events(signals: Signals, jumps: list[Jump]) -> list[Event]:
    """Take-off and landing, as fractional frames."""
    moments: list[tuple[EventKind, float, int]] = []
    for jump in jumps:
        moments += [("take_off", jump.takeoff, jump.number), ("landing", jump.landing, jump.number)]
    return [Event(time_s=signals.time(frame), kind=kind, repetition=number) for kind, frame, number in moments]


def jump_parameters(signals: Signals, jumps: list[Jump]) -> list[Parameter]:
    """Heights, times and landings of each jump and over all."""
    single = [figure for jump in jumps for figure in _of_jump(signals, jump)]
    count = measured("repetitions", len(jumps), "1", "flights of both feet")
    return [*count, *single, *over_all(single, symmetry=True)]


def _of_jump(signals: Signals, jump: Jump) -> Iterator[Parameter]:
    flight, timing = (jump.landing - jump.takeoff) / signals.rate, signals.timing_sd_s * math.sqrt(2)
    height = GRAVITY * flight**2 / 8

    def figure(
        name: str, value: float, unit: str, method: str, sd: float | None = None, side: Side | None = None
    ) -> Iterator[Parameter]:
        return measured(name, value, unit, method, side=side, repetition=jump.number, sd=sd)

    yield from figure("flight_time", flight, "s", f"soles off the floor ({jump.kind} jump)", timing)
    by_time = "g · flight time² / 8 (Bosco 1983)"
    yield from figure("jump_height_flight", height, "m", by_time, GRAVITY * flight * timing / 4)
    pelvis = signals.mean_path("RHip", "LHip", cutoff_hz=FAST_CUTOFF_HZ)[:, 1]
    frames = slice(int(jump.takeoff), int(np.ceil(jump.landing)) + 1)
    rise = float(np.nanmax(pelvis[frames]) - np.interp(jump.takeoff, np.arange(len(pelvis)), pelvis))
    yield from figure("jump_height_pelvis", rise, "m", "pelvis, from take-off to the highest point")
    if jump.touchdown is not None:
        contact = (jump.takeoff - jump.touchdown) / signals.rate
        yield from figure("contact_time", contact, "s", "from touch-down to take-off", timing)
        yield from figure("reactive_strength_index", height / contact, "m/s", "jump height / contact time (Young 1995)")
    landed = slice(int(np.ceil(jump.landing)), int(jump.landing + _AFTER_S * signals.rate) + 1)
    for side in SIDES:
        peak, sd = signals.peak(f"knee_{side[0]}", "flexion", landed)
        yield from figure("landing_knee_flexion", peak, "°", f"largest within {_AFTER_S} s of landing", sd, side)
