"""Gait events of walking and running: when each foot makes and ends contact with the floor.

Walking: the heel is furthest in front of the pelvis near heel strike, the toes furthest behind it near toe off (Zeni,
Richards & Higginson 2008, Gait Posture 27:710), over ground and on a treadmill. At these instants the foot moves as
fast as the pelvis: the toes just leave the floor, and the heel lands a fixed time later.
Running: where the foot reaches and leaves the floor's level, since the furthest point is in flight.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.analysis.peaks import find_peaks
from services.angles.analysis.signals import GRAVITY, Signals, low_pass, velocity

TRAVELLED: Final = 0.8
"""Minimum path of travelling gait, leg lengths; on a treadmill the pelvis stays in place."""

_LEAST_STRIDE_S: Final = 0.45
"""Minimum stride time: about that of sprinters (Mann & Hagy 1980, Am J Sports Med 8:345)."""

_LANDING_S: Final = 0.025
"""From the heel's foremost position to contact: on average 9 and 18 ms to the 9 contacts annotated in two recordings
that come with gaitkit 1.5 (MIT), 45 ms to the peak of the heel's upward acceleration (Hreljac & Marshall 2000, J
Biomech 33:783) in 98 contacts of captured walks of three people. To search for it in the foot's own speed is less
accurate with markers from a video."""

_EDGE_S: Final = 0.05


@dataclass(frozen=True)
class Contacts:
    """The events of one foot, as frames of the resampled signals, in order."""

    strikes: tuple[int, ...]
    offs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Steps:
    """Both feet's contacts and the direction of progression.

    direction  (T, 2) horizontal unit vectors (x, z).
    travels    whether the person moves over the ground; False: on a treadmill or on the spot.
    running    whether there are phases without any foot on the floor.
    """

    contacts: dict[str, Contacts]
    direction: FloatArray
    travels: bool
    running: bool


def find_steps(signals: Signals) -> Steps:
    """The contacts of both feet."""
    direction, travels = progression(signals)
    walking = {side: _walking_contacts(signals, side, direction) for side in "RL"}
    if not _airborne(signals):
        return Steps(walking, direction, travels, running=False)
    return Steps({side: _running_contacts(signals, side) for side in "RL"}, direction, travels, running=True)


def progression(signals: Signals) -> tuple[FloatArray, bool]:
    """(T, 2) direction of travel, or heading where the body does not travel; and whether it travels."""
    pelvis = low_pass(signals.pelvis, signals.rate, 0.5)[:, [0, 2]]
    known = pelvis[np.isfinite(pelvis).all(axis=1)]
    if len(known) < 2 or np.linalg.norm(np.ptp(known, axis=0)) < TRAVELLED * signals.leg_length:
        return signals.heading, False
    moved = velocity(pelvis, signals.rate)
    speed = np.linalg.norm(moved, axis=1, keepdims=True)
    slow = speed < 0.25 * np.nanmax(speed)
    return np.where(slow, signals.heading, moved / np.maximum(speed, 1e-9)), True


def alternation(signals: Signals) -> tuple[int, float]:
    """How often the ankles pass each other, and their largest fore–aft distance, in leg lengths."""
    direction, _ = progression(signals)
    apart = along(signals.path("RAnkle") - signals.path("LAnkle"), direction)
    known = apart[np.isfinite(apart)]
    if known.size < 3:
        return 0, 0.0
    reach = 0.12 * signals.leg_length
    sides = np.sign(known[np.abs(known) > reach])
    reached = float(np.quantile(np.abs(known), 0.9))
    return int((np.diff(sides) != 0).sum()), reached / signals.leg_length


def along(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """(T,) metres of (T, 3) along horizontal directions (T, 2)."""
    return np.asarray((vectors[:, [0, 2]] * direction).sum(axis=1))


def _walking_contacts(signals: Signals, side: str, direction: FloatArray) -> Contacts:
    heel, toe = signals.path(f"{side}Heel"), signals.path(f"{side}BigToe")
    ahead = along(heel - signals.pelvis, direction)
    behind = -along(toe - signals.pelvis, direction)
    landing, last = round(_LANDING_S * signals.rate), len(ahead) - 1
    strikes = (min(frame + landing, last) for frame in _extremes(ahead, signals))
    return Contacts(tuple(strikes), tuple(_extremes(behind, signals)))


def _extremes(values: FloatArray, signals: Signals) -> list[int]:
    """Peaks with a prominence of a third of the whole range, at least a stride apart, also near the recording's ends.

    A maximum in the first or last frames is not a peak: the movement may continue beyond.
    """
    known = np.isfinite(values)
    if known.sum() < 3:
        return []
    filled = np.pad(np.where(known, values, np.nanmin(values)), 1, constant_values=np.nanmin(values))
    prominence = max(0.35 * float(np.ptp(values[known])), 0.1 * signals.leg_length)
    peaks = find_peaks(filled, prominence, distance=max(1, round(_LEAST_STRIDE_S * signals.rate)))
    edge = max(2, round(_EDGE_S * signals.rate))
    frames = [peak.frame - 1 for peak in peaks]
    return [frame for frame in frames if known[frame] and edge <= frame < len(values) - edge]


def _airborne(signals: Signals) -> bool:
    """Whether there are phases of flight, as in running: both soles off the floor, and the pelvis falls freely.

    In walking the pelvis's downward acceleration is below half of gravity at any usual speed.
    """
    share = np.mean(_lifted(signals, "R") & _lifted(signals, "L"))
    downward = -velocity(velocity(signals.pelvis[:, 1], signals.rate), signals.rate)
    return bool(share > 0.12 and np.nanquantile(downward, 0.9) > 0.55 * GRAVITY)


def _lifted(signals: Signals, side: str) -> NDArray[np.bool_]:
    """(T,) whether a foot is off the floor: above its own level by 4 % of the leg's length."""
    sole = signals.sole(side)
    return np.asarray(sole - np.nanquantile(sole, 0.1) > 0.04 * signals.leg_length)


def _running_contacts(signals: Signals, side: str) -> Contacts:
    lifted = _lifted(signals, side).astype(int)
    changes = np.diff(lifted)
    return Contacts(
        tuple(int(frame) + 1 for frame in np.flatnonzero(changes == -1)),
        tuple(int(frame) + 1 for frame in np.flatnonzero(changes == 1)),
    )
