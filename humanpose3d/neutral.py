"""A neutral stance: what a person who stands still says of the zero of each angle, and of segment lengths."""

import json
from pathlib import Path
from typing import Final, Self

import numpy as np

from humanpose3d.errors import InvalidOption
from humanpose3d.motion import FloatArray, JointAngles
from humanpose3d.options import Contract
from humanpose3d.skeleton import JOINT_GROUPS

STILL_DEG: Final = 12.0
"""Degrees between the 5th and the 95th percentile of an angle that is at rest: sway, and the jitter of markers from
one camera."""

LEAST_SEEN: Final = 0.5
"""Share of the frames in which an angle must be known for a mean."""

_HEIGHT_M: Final = 0.02


class NeutralStance(Contract):
    """What a quiet stance says of a person.

    start_s, end_s  of the stance, seconds in the recording that holds it.
    run             name of the run that this recording belongs to; None: the recording that is being analysed.
    height          of the person, metres.
    offsets_deg     joint group → angle → its mean, degrees; None where it is missing or not at rest.
    segment_scales  part of the skeleton → factor by which the included model was scaled to the person.
    """

    start_s: float
    end_s: float
    run: str | None = None
    height: float
    offsets_deg: dict[str, dict[str, float | None]]
    segment_scales: dict[str, float]

    @property
    def offsets(self) -> FloatArray:
        """(12, 3) degrees, NaN where not known."""
        return np.array(
            [[self.offsets_deg[group.name][angle] for angle in group.angles] for group in JOINT_GROUPS], dtype=float
        )

    def measured_in(self, angles: JointAngles) -> Self:
        """The same stance with the offsets of other angles of the same recording."""
        means = rest(angles, self.start_s, self.end_s).means
        return self.model_copy(update={"offsets_deg": by_name(means)})


class Rest:
    """Angles during a stance.

    seen    (12, 3) share of the frames in which an angle is known. range: (12, 3) degrees from its 5th to its 95th
            percentile, NaN where it is never known.
    means   (12, 3) degrees, NaN where it is not known in enough frames or not at rest.
    """

    def __init__(self, values: FloatArray) -> None:
        """Of (T, 12, 3) degrees, at least one frame."""
        known = np.isfinite(values)
        some = np.where(known.any(axis=0), values, 0.0)
        self.seen: FloatArray = known.mean(axis=0)
        low, high = np.nanpercentile(some, (5, 95), axis=0)
        self.range: FloatArray = np.where(known.any(axis=0), high - low, np.nan)
        settled = (self.seen >= LEAST_SEEN) & (self.range <= STILL_DEG)
        self.means: FloatArray = np.where(settled, np.nanmean(some, axis=0), np.nan)


def rest(angles: JointAngles, start_s: float, end_s: float) -> Rest:
    """Of the frames from start to end. Raises InvalidOption where there are none."""
    inside = (angles.times >= start_s) & (angles.times <= end_s)
    if not inside.any():
        recorded = f"{angles.times[0]:g} to {angles.times[-1]:g} s" if angles.times.size else "nothing"
        raise InvalidOption({"neutral": f"there is no frame from {start_s:g} to {end_s:g} s; analysed: {recorded}"})
    return Rest(angles.values[inside])


def by_name(offsets: FloatArray) -> dict[str, dict[str, float | None]]:
    """(12, 3) degrees by joint group and angle, None where NaN."""
    return {
        group.name: {
            angle: round(value, 3) if np.isfinite(value) else None
            for angle, value in zip(group.angles, values, strict=True)
        }
        for group, values in zip(JOINT_GROUPS, offsets.tolist(), strict=True)
    }


def read_stance(folder: Path) -> NeutralStance:
    """The stance that a finished run states in its quality.json. Raises InvalidOption where it states none."""
    try:
        stated = json.loads((folder / "quality.json").read_bytes())
        return NeutralStance.model_validate(stated["neutral"], extra="ignore")
    except (OSError, ValueError, TypeError):
        raise InvalidOption({"neutral_run": "is not the folder of a finished run (it holds no quality.json)"}) from None
    except KeyError:
        raise InvalidOption({"neutral_run": NONE_STATED}) from None


NONE_STATED: Final = (
    "was analysed without a neutral stance; analyse it again and state from when to when the person stands still there "
    "(neutral)"
)


def demand_height(stated: float, height: float) -> None:
    """Raises InvalidOption where the stance is of a person of another height: another person."""
    if abs(stated - height) > _HEIGHT_M:
        raise InvalidOption(
            {"neutral_run": f"is of a person {stated:g} m tall, this one is {height:g} m: use a run of the same person"}
        )
