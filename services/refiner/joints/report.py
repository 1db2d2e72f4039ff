"""Facts about the joint refinement for quality.json: changes and uncertainty."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import AngleSd, FloatArray, JointAngles
from humanpose3d.options import QualityWarning, StageReport, warning
from humanpose3d.skeleton import JOINT_GROUPS
from shared.body_parts import body_parts

_WIDE_DEG: Final = 20.0
"""Mean standard deviation from which a warning is issued: ±1 of it is then two thirds of the knee's flexion range in
walking (60°, Perry and Burnfield 2010, Gait Analysis, 2nd ed.)."""


def report(before: JointAngles, after: JointAngles, spread: AngleSd, models: Mapping[str, str]) -> StageReport:
    """Range before and after, mean change and mean standard deviation of every angle."""
    groups: dict[str, JsonValue] = {}
    uncertain: dict[str, float] = {}
    for index, group in enumerate(JOINT_GROUPS):
        angles: dict[str, JsonValue] = {}
        for axis, name in enumerate(group.angles):
            old, new, sd = (part.values[:, index, axis] for part in (before, after, spread))
            angles[name] = _angle_facts(old, new, sd)
            if np.isfinite(sd).any() and np.nanmean(sd) > _WIDE_DEG:
                uncertain[group.name] = max(uncertain.get(group.name, 0.0), float(np.nanmean(sd)))
        groups[group.name] = angles
    return StageReport(facts={"groups": groups}, warnings=_warnings(uncertain), models=dict(models))


def _angle_facts(before: FloatArray, after: FloatArray, spread: FloatArray) -> JsonValue:
    """None for an angle that is missing throughout."""
    known = np.isfinite(after)
    if not known.any():
        return None
    before, after, spread = before[known], after[known], spread[known]
    change = np.abs((after - before + 180) % 360 - 180)
    return {
        "minimum_before_deg": round(float(before.min()), 2),
        "maximum_before_deg": round(float(before.max()), 2),
        "minimum_deg": round(float(after.min()), 2),
        "maximum_deg": round(float(after.max()), 2),
        "change_mean_deg": round(float(change.mean()), 2),
        "sd_mean_deg": round(float(spread.mean()), 2),
    }


def _warnings(uncertain: Mapping[str, float]) -> tuple[QualityWarning, ...]:
    """uncertain: joint group → the largest mean standard deviation of its angles, degrees."""
    if not uncertain:
        return ()
    return (
        warning(
            "joint-angles-uncertain",
            "Joint angles are uncertain by up to ±{degrees:.0f}° ({parts}): do not build a finding on "
            "them; record from the side that shows the joint, with the whole body in view. These are the "
            "joint refiner's own standard deviations, mean of the clip; each angle's is in quality.json "
            "(sd_mean_deg).",
            degrees=max(uncertain.values()),
            parts=body_parts(uncertain),
        ),
    )
