"""Vertical jumps: countermovement, squat and drop jump.

A flight is found in the pelvis alone: in the air it falls freely. The height of the soles above the floor is less
dependable in markers from a video, where it changes by a decimetre with the posture.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from humanpose3d.analysis import Event, EventKind, Parameter, Side
from humanpose3d.motion import FloatArray
from services.angles.analysis.figures import measured, over_all
from services.angles.analysis.signals import FAST_CUTOFF_HZ, GRAVITY, SIDES, Signals, runs, velocity

_FALLING: Final = 0.25
"""Downward acceleration of the filtered pelvis from which it may be in flight, in g."""

_TAKEOFF_DELAY_S: Final = 0.012
"""From that acceleration to take-off: 25 ms in captured drop jumps of one person, none in jumps constructed with a
harder push; landing is at it."""

_FREE_FALL: Final = 0.5
"""Least peak of the downward acceleration, in g: the filter takes half of that of a flight of 0.15 s."""

_LEAST_FLIGHT_S: Final = 0.12
_LEAST_SPEED: Final = 0.6
"""Speed of the pelvis, m/s, upward before a jump and downward at its end: that of a height of 2 cm."""

_LIFTED: Final = 0.03
"""Leg lengths by which the soles rise in a jump."""

_STEP: Final = 0.2
_STEP_PELVIS: Final = 0.25
"""Leg lengths by which the soles are lower after a step off a box than before, or the pelvis at its end than at its
beginning."""

_DIPPED: Final = 0.06
"""Minimum dip before take-off of a countermovement, leg lengths."""

_BEFORE_S: Final = 1.5
_AFTER_S: Final = 0.6

JumpKind = Literal["countermovement", "squat", "drop"]


@dataclass(frozen=True)
class Jump:
    """One flight; fractional frames of the resampled signals.

    touchdown  of a drop jump: the landing before it.
    """

    number: int
    takeoff: float
    landing: float
    kind: JumpKind
    touchdown: float | None = None


def find_jumps(signals: Signals) -> list[Jump]:
    """Flights that begin with an upward movement; a step off a box before a drop jump is none."""
    jumps: list[Jump] = []
    stepped: float | None = None
    for takeoff, landing in _falls(signals):
        if _steps_down(signals, takeoff, landing):
            stepped = landing
        elif _leaps(signals, takeoff, landing):
            drops = stepped is not None and 0 < takeoff - stepped < _BEFORE_S * signals.rate
            kind: JumpKind = "drop" if drops else _kind(signals, takeoff)
            jumps.append(Jump(len(jumps) + 1, takeoff, landing, kind, stepped if drops else None))
    return jumps


def _falls(signals: Signals) -> list[tuple[float, float]]:
    """Beginning and end of each stretch in which the pelvis falls freely."""
    downward = -velocity(velocity(signals.pelvis[:, 1], signals.rate), signals.rate) / GRAVITY - _FALLING
    found = []
    for run in runs(downward > 0):
        inside = run.start > 0 and run.stop < len(downward)
        if not inside or downward[run].max() + _FALLING < _FREE_FALL:
            continue
        takeoff = _crossing(downward, run.start) + _TAKEOFF_DELAY_S * signals.rate
        landing = _crossing(downward, run.stop)
        if (landing - takeoff) / signals.rate >= _LEAST_FLIGHT_S:  # not where one is NaN: beside a gap
            found.append((takeoff, landing))
    return found


def _crossing(values: FloatArray, frame: int) -> float:
    """Fractional frame at which a signal crosses 0 between the previous frame and this one."""
    before, after = values[frame - 1], values[frame]
    return float(frame - after / (after - before)) if after != before else float(frame)


def _leaps(signals: Signals, takeoff: float, landing: float) -> bool:
    """Whether the pelvis moves up fast before the flight, and down at its end, and the soles rise."""
    moved = velocity(signals.pelvis[:, 1], signals.rate)
    around = round(0.1 * signals.rate)
    up = moved[max(int(takeoff) - around, 0) : int(takeoff) + around]
    down = moved[max(int(landing) - around, 0) : int(landing) + around]
    sole = np.minimum(signals.sole("R"), signals.sole("L"))
    before = sole[max(int(takeoff) - around, 0) : int(takeoff) + 1]
    lifted = np.nanmax(sole[int(takeoff) : int(landing) + 1], initial=-np.inf) - np.nanmedian(before)
    fast = up.max() > _LEAST_SPEED and down.min() < -_LEAST_SPEED
    return bool(fast and lifted > _LIFTED * signals.leg_length)


def _steps_down(signals: Signals, takeoff: float, landing: float) -> bool:
    """Whether soles or pelvis are clearly lower afterwards."""
    pelvis = signals.pelvis[:, 1]
    if pelvis[int(takeoff)] - pelvis[int(landing)] > _STEP_PELVIS * signals.leg_length:
        return True
    sole = np.minimum(signals.sole("R"), signals.sole("L"))
    tenth = max(1, round(0.1 * signals.rate))
    before = sole[max(int(takeoff) - 2 * tenth, 0) : int(takeoff) - tenth // 2 + 1]
    after = sole[int(landing) + tenth // 2 : int(landing) + 2 * tenth]
    if not (np.isfinite(before).any() and np.isfinite(after).any()):
        return False
    return bool(np.nanmedian(before) - np.nanmedian(after) > _STEP * signals.leg_length)


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
    count = measured("repetitions", len(jumps), "1", "flights")
    return [*count, *single, *over_all(single, symmetry=True)]


def _of_jump(signals: Signals, jump: Jump) -> Iterator[Parameter]:
    flight, timing = (jump.landing - jump.takeoff) / signals.rate, signals.timing_sd_s * math.sqrt(2)
    height = GRAVITY * flight**2 / 8

    def figure(
        name: str, value: float, unit: str, method: str, sd: float | None = None, side: Side | None = None
    ) -> Iterator[Parameter]:
        return measured(name, value, unit, method, side=side, repetition=jump.number, sd=sd)

    yield from figure("flight_time", flight, "s", f"free fall of the pelvis ({jump.kind} jump)", timing)
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
