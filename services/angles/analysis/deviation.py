"""How far mean gait cycles are from norms.

Gait variable score: root mean square of the difference from the norm's mean over the cycle, for one angle; gait profile
score: root mean square of the gait variable scores (Baker et al. 2009, Gait Posture 30:265). The movement analysis
profile is the list of them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from humanpose3d.analysis import MeanCurve, Parameter
from humanpose3d.formats.norms import Norms
from services.angles.analysis.figures import measured
from services.angles.analysis.signals import SIDES

PROFILE: Final = (
    ("pelvis", "tilt"),
    ("pelvis", "obliquity"),
    ("pelvis", "rotation"),
    ("hip", "flexion"),
    ("hip", "adduction"),
    ("hip", "internal_rotation"),
    ("knee", "flexion"),
    ("ankle", "dorsiflexion"),
)
"""Angles of the profile; foot progression, the ninth of the original, is not measured."""


def with_norms(curves: Sequence[MeanCurve], norms: Norms) -> list[MeanCurve]:
    """The curves with the norm's band, where there is one."""
    return [_with_norm(curve, norms) for curve in curves]


def _with_norm(curve: MeanCurve, norms: Norms) -> MeanCurve:
    band = norms.of(curve)
    if band is None:
        return curve
    mean, sd = (tuple(np.round(values, 3).tolist()) for values in band)
    return curve.model_copy(update={"norm_mean": mean, "norm_sd": sd})


def deviations(curves: Sequence[MeanCurve]) -> Iterator[Parameter]:
    """Gait variable scores and gait profile score of each side; the curves carry their norms."""
    for side in SIDES:
        scores = {}
        for curve in curves:
            if curve.side == side and curve.sideless in PROFILE and curve.norm_mean is not None:
                apart = np.array(curve.mean) - np.array(curve.norm_mean)
                scores[curve.sideless] = float(np.sqrt(np.mean(apart**2)))
        for (joint, angle), score in scores.items():
            method = "root mean square of the difference from the norm (Baker 2009)"
            yield from measured(f"gait_variable_score_{joint}_{angle}", score, "°", method, side=side)
        if scores:
            method = f"root mean square of {len(scores)} gait variable scores, without foot progression (Baker 2009)"
            whole = float(np.sqrt(np.mean(np.square(list(scores.values())))))
            yield from measured("gait_profile_score", whole, "°", method, side=side)
