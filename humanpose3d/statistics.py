"""Statistics of joint angles: range of motion, extremes, mean, right against left."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, Field

from humanpose3d.motion import AngleSd, FloatArray, JointAngles
from humanpose3d.skeleton import JOINT_GROUPS, mirrored


class AngleStatistics(BaseModel):
    """One angle over the run, in degrees; null where the angle could not be computed."""

    joint: str
    angle: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    range_of_motion: float | None
    uncertainty: float | None = Field(description="mean of the standard deviation that the joint refiner states")


class Asymmetry(BaseModel):
    """Right minus left of one angle's range of motion and mean, in degrees."""

    joint: str
    angle: str
    range_of_motion: float | None
    mean: float | None


def angle_statistics(angles: JointAngles, spread: AngleSd | None = None) -> list[AngleStatistics]:
    """Statistics of every angle, in the order of `JOINT_GROUPS`, over the frames in which it is known."""
    unknown = np.full_like(angles.values, np.nan) if spread is None else spread.values
    return [
        _angle(group.name, name, angles.values[:, index, axis], unknown[:, index, axis])
        for index, group in enumerate(JOINT_GROUPS)
        for axis, name in enumerate(group.angles)
    ]


def asymmetries(statistics: list[AngleStatistics]) -> list[Asymmetry]:
    """Right minus left for every joint that exists on both sides."""
    by_name = {(row.joint, row.angle): row for row in statistics}
    right = [row for row in statistics if row.joint.endswith("_r")]
    return [_asymmetry(row, by_name[mirrored(row.joint), row.angle]) for row in right]


def duration_s(angles: JointAngles) -> float:
    """Seconds from the first frame to the last."""
    return float(np.ptp(angles.times)) if angles.times.size else 0.0


def _angle(joint: str, angle: str, values: FloatArray, spread: FloatArray) -> AngleStatistics:
    def figure(of: Callable[[FloatArray], float], values: FloatArray = values) -> float | None:
        known = values[np.isfinite(values)]
        return round(float(of(known)), 3) if known.size else None

    return AngleStatistics(
        joint=joint,
        angle=angle,
        minimum=figure(np.min),
        maximum=figure(np.max),
        mean=figure(np.mean),
        range_of_motion=figure(np.ptp),
        uncertainty=figure(np.mean, spread),
    )


def _asymmetry(right: AngleStatistics, left: AngleStatistics) -> Asymmetry:
    def difference(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else round(one - other, 3)

    return Asymmetry(
        joint=right.joint.removesuffix("_r"),
        angle=right.angle,
        range_of_motion=difference(right.range_of_motion, left.range_of_motion),
        mean=difference(right.mean, left.mean),
    )
