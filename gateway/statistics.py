"""Statistics of joint angles: range of motion, extremes, mean, right against left."""

from collections.abc import Callable

import numpy as np

from gateway.resources import AngleStatistics, Asymmetry, Statistics
from shared.motion import AngleSpread, FloatArray, JointAngles
from shared.skeleton import JOINT_GROUPS, mirrored


def describe(run_id: str, angles: JointAngles, spread: AngleSpread | None = None) -> Statistics:
    """Statistics of every angle over the frames in which it is known, and the mean of `spread` over these."""
    unknown = np.full_like(angles.values, np.nan) if spread is None else spread.values
    rows = [
        _angle(group.name, name, angles.values[:, index, axis], unknown[:, index, axis])
        for index, group in enumerate(JOINT_GROUPS)
        for axis, name in enumerate(group.angles)
    ]
    by_name = {(row.joint, row.angle): row for row in rows}
    right = [row for row in rows if row.joint.endswith("_r")]
    pairs = [(row, by_name[mirrored(row.joint), row.angle]) for row in right]
    return Statistics(
        run_key=run_id,
        frames=angles.times.size,
        duration_s=float(np.ptp(angles.times)) if angles.times.size else 0.0,
        angles=rows,
        asymmetries=[_asymmetry(one, other) for one, other in pairs],
    )


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
