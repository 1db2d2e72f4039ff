"""Whether the image's upright lines are upright: furniture, shadows and the floor's joints have steep edges too.

The tilt that the network estimates without them is the other evidence. Where both agree the lines decide, being more
precise; where they do not, the stated standard deviation includes how far apart they are.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.options import FOCAL_LENGTH, Verticals
from services.refiner.depth.evidence import UNKNOWN_FOCAL
from services.refiner.depth.gravity import LINES_DEG, Gravity, tilt_of
from services.refiner.vectors import unit

_OTHERWISE: Final = 0.1
"""Probability a priori that the common direction of the steep edges is not the vertical: 3 of 96 rendered clips with
lines, where real rooms have more furniture."""

_RANGE_DEG: Final = 60.0
"""Pitch and roll of lines that are not upright are equally likely within this range."""


def tilt_by_lines(verticals: Verticals, focal_length: float | None) -> Gravity:
    """The vertical of the lines alone. focal_length: in longer sides, where it is known."""
    ratio = 1.0 if focal_length is None else focal_length / FOCAL_LENGTH
    up = unit(np.array([verticals.lateral_slope, -1.0, verticals.forward_slope * ratio]))
    pitch, roll = tilt_of(up)
    unknown = 0.0 if focal_length else abs(pitch) * float(UNKNOWN_FOCAL.std()) / FOCAL_LENGTH
    roll_sd, pitch_sd = np.hypot(LINES_DEG, (0.0, np.hypot(verticals.forward_slope_sd_deg, unknown)))
    return Gravity(up, pitch, roll, float(pitch_sd), float(roll_sd), estimated=True, lines=True)


def probability_upright(lines: Gravity, without: Gravity) -> float:
    """By Bayes' rule, from the vertical of the lines and the one estimated without them.

    If the lines are upright, the distance has Student's t distribution with three degrees of freedom: a few of the
    network's tilts are wrong by much more than it states. On 69 rendered clips of the training and validation splits
    with lines, pitch and roll are wrong by 2.0 and 0.3° with this rule, and by 2.3 and 0.4° without; a normal
    distribution discards lines that are right (2.6 and 0.9°).
    """
    off = np.array([lines.pitch_deg - without.pitch_deg, lines.roll_deg - without.roll_deg])
    sd = np.hypot((lines.pitch_sd_deg, lines.roll_sd_deg), (without.pitch_sd_deg, without.roll_sd_deg))
    upright = (1 - _OTHERWISE) * float(np.prod(student(off, sd)))
    return upright / (upright + _OTHERWISE / _RANGE_DEG**2)


def student(off: FloatArray | float, sd: FloatArray | float) -> FloatArray:
    """Density of Student's t distribution with three degrees of freedom at distances `off`, scaled by `sd`."""
    return np.asarray(2 / (np.pi * np.sqrt(3) * np.square(1 + np.square(np.divide(off, sd)) / 3)) / sd)


def doubted(gravity: Gravity, other: Gravity, probability: float) -> Gravity:
    """The same vertical, its standard deviations increased for the probability that the other one is right."""
    off = np.sqrt(probability) * np.array([gravity.pitch_deg - other.pitch_deg, gravity.roll_deg - other.roll_deg])
    pitch_sd, roll_sd = np.hypot((gravity.pitch_sd_deg, gravity.roll_sd_deg), off)
    return replace(gravity, pitch_sd_deg=float(pitch_sd), roll_sd_deg=float(roll_sd))
