"""What quality.json says about the joint refinement: what it changed, and how sure it is."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import AngleSd, FloatArray, JointAngles
from humanpose3d.options import QualityWarning, StageReport
from humanpose3d.skeleton import JOINT_GROUPS

_WIDE_DEG: Final = 20.0
"""A mean standard deviation from here on is worth a warning: ±1 of it is then two thirds of what a knee bends by in
walking (60°, Perry and Burnfield 2010, Gait Analysis, 2nd ed.)."""


def report(before: JointAngles, after: JointAngles, spread: AngleSd, models: Mapping[str, str]) -> StageReport:
    """Range before and after, mean change and mean standard deviation of every angle."""
    groups: dict[str, JsonValue] = {}
    uncertain = []
    for index, group in enumerate(JOINT_GROUPS):
        angles: dict[str, JsonValue] = {}
        for axis, name in enumerate(group.angles):
            old, new, sd = (part.values[:, index, axis] for part in (before, after, spread))
            angles[name] = _angle_facts(old, new, sd)
            if np.isfinite(sd).any() and np.nanmean(sd) > _WIDE_DEG:
                uncertain.append(f"{group.name} {name.replace('_', ' ')} (±{np.nanmean(sd):.0f}°)")
        groups[group.name] = angles
    return StageReport(facts={"groups": groups}, warnings=_warnings(uncertain), models=dict(models))


def _angle_facts(before: FloatArray, after: FloatArray, spread: FloatArray) -> JsonValue:
    """None for an angle that was never there."""
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


def _warnings(uncertain: list[str]) -> tuple[QualityWarning, ...]:
    if not uncertain:
        return ()
    message = (
        f"By its own account the joint refiner is unsure of these angles (±1 standard deviation, mean of the clip): "
        f"{', '.join(uncertain)}. Do not build a finding on them; film from the side that shows the joint, with "
        "the whole body in view."
    )
    return (QualityWarning(code="joint-angles-uncertain", message=message),)
