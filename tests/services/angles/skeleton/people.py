"""Synthetic people: the shipped skeleton in a known motion, with markers at person-specific positions."""

from dataclasses import dataclass

import numpy as np

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import ALL_MARKERS
from services.angles.skeleton.kinematics import pose
from services.angles.skeleton.model import Model, shipped_model
from services.angles.skeleton.scaling import GROUPS, factors_of

HEIGHT = 1.78

SWINGS = {
    "pelvis_tilt": (-8.0, 6.0),
    "pelvis_list": (0.0, 4.0),
    "pelvis_rotation": (15.0, 10.0),
    "hip_flexion": (35.0, 30.0),
    "hip_adduction": (-4.0, 6.0),
    "hip_rotation": (0.0, 8.0),
    "knee_angle": (50.0, 35.0),
    "ankle_angle": (4.0, 12.0),
    "subtalar_angle": (0.0, 6.0),
    "lumbar_extension": (-12.0, 10.0),
    "lumbar_bending": (0.0, 6.0),
    "lumbar_rotation": (0.0, 8.0),
    "arm_flex": (25.0, 30.0),
    "arm_add": (-18.0, 10.0),
    "arm_rot": (0.0, 15.0),
    "elbow_flex": (60.0, 35.0),
    "pro_sup": (80.0, 25.0),
}
"""Coordinate (both sides) → mean and amplitude, degrees."""


@dataclass(frozen=True, eq=False)
class Person:
    """A skeleton, its motion, and its markers."""

    model: Model
    factors: FloatArray
    times: FloatArray
    coordinates: FloatArray

    @property
    def positions(self) -> FloatArray:
        """(T, 65, 3) metres."""
        return pose(self.model, self.coordinates).markers()

    def markers(self, noise: FloatArray | float = 0.0) -> Markers:
        return Markers(self.times, ALL_MARKERS, self.positions + noise)


def person(seconds: float = 2.0, rate: float = 60.0, seed: int = 0, varied: float = 0.0) -> Person:
    """A person `HEIGHT` tall; segment lengths differ from the average by the given share (standard deviation)."""
    rng = np.random.default_rng(seed)
    model = shipped_model().select(ALL_MARKERS)
    times = np.arange(max(1, round(seconds * rate))) / rate
    coordinates = np.tile(model.defaults, (len(times), 1))
    for index, coordinate in enumerate(model.coordinates):
        frequency, phase = rng.uniform(0.4, 0.9), rng.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * frequency * times + phase)
        name = coordinate.name.removesuffix("_r").removesuffix("_l")
        if coordinate.translates:
            coordinates[:, index] += 0.15 * wave
        elif name in SWINGS:
            middle, swing = SWINGS[name]
            coordinates[:, index] = np.radians(middle + swing * wave)
    factors = factors_of(
        model,
        np.log(HEIGHT / 1.70) + rng.normal(0, varied, len(GROUPS))
        if varied
        else np.full(len(GROUPS), np.log(HEIGHT / 1.70)),
    )
    return Person(model.scaled(factors), factors, times, coordinates)
