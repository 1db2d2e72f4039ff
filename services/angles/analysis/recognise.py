"""Recognises the task of a recording from the movement of pelvis and feet."""

from typing import Final

import numpy as np

from humanpose3d.analysis import Task
from services.angles.analysis.gait import alternation, progression
from services.angles.analysis.jump import find_jumps
from services.angles.analysis.range_of_motion import find_movements
from services.angles.analysis.repetitions import Repetition, find_repetitions
from services.angles.analysis.signals import Signals, distance, low_pass, runs, velocity

_PASSES: Final = (1, 3)
"""Minimum number of times that the ankles pass each other in walking over ground, and on the spot."""

_STRIDE: Final = 0.25
_SPLIT_STANCE: Final = 0.55
"""Leg lengths between the feet from which a lowering is a lunge."""

_BEHIND: Final = 0.33
"""Minimum distance of the hips behind the ankles when seated, leg lengths; in a squat it is less."""

_LOWERINGS: Final = 3
"""Most lowerings of the pelvis for each jump: before, after, and one of the posture. With more of them, what looks like
a flight is an error."""

_REST_S: Final = 0.3
_REST_SPEED: Final = 0.08
"""Pelvis speed below which it is at rest, leg lengths per second."""


def recognise(signals: Signals) -> Task:
    """The task; `none` where none is recognised."""
    if signals.duration_s < 0.5 or not np.isfinite(signals.pelvis).any():
        return "none"
    passes, reach = alternation(signals)
    _, travels = progression(signals)
    walks = passes >= _PASSES[0 if travels else 1] and reach > _STRIDE
    lowerings, jumps = find_repetitions(signals), find_jumps(signals)
    if _LOWERINGS * len(jumps) >= max(len(lowerings), 1) and not (walks and travels):
        return "jump"
    if walks:
        return "gait"
    if _sits(signals, lowerings):
        return "sit_to_stand"
    if lowerings:
        return "lunge" if _is_split(signals, lowerings) else "squat"
    return "range_of_motion" if find_movements(signals) else "none"


def _is_split(signals: Signals, found: list[Repetition]) -> bool:
    apart = distance(signals.path("RAnkle"), signals.path("LAnkle")) / signals.leg_length
    return float(np.nanmedian([apart[each.lowest] for each in found])) > _SPLIT_STANCE


def _sits(signals: Signals, found: list[Repetition]) -> bool:
    """Whether the low positions are seated: the pelvis rests far behind the ankles with the trunk upright."""
    down, lean = signals.drop, signals.trunk_lean
    most = float(np.nanmax(down))
    if most < 0.2:
        return False
    ankles = signals.mean_path("RAnkle", "LAnkle")
    behind = distance(ankles * [1, 0, 1], signals.pelvis * [1, 0, 1]) / signals.leg_length
    speed = np.linalg.norm(velocity(low_pass(signals.pelvis, signals.rate, 3.0), signals.rate), axis=1)
    resting = (down > 0.7 * most) & (speed < _REST_SPEED * signals.leg_length)
    rests = [run for run in runs(resting) if (run.stop - run.start) / signals.rate >= _REST_S]
    seated = [run for run in rests if np.nanmedian(behind[run]) > _BEHIND and np.nanmedian(lean[run]) < 40]
    starts_low = float(np.nanmedian(down[: max(1, round(0.3 * signals.rate))])) > 0.7 * most
    return bool(seated) or (starts_low and bool(rests) and len(found) != 1)
