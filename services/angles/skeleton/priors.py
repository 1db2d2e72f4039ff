"""What is known of a coordinate before a marker is seen: where it is, how far from there, and how fast it changes."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.skeleton.model import Coordinate, Model


@dataclass(frozen=True)
class Prior:
    """Degrees (metres for a translation): the middle and the standard deviation of postures, None: nothing known.

    acceleration: standard deviation of its acceleration, per s², where that is taken to last for `LASTING`.
    """

    centre: float
    sd: float | None
    acceleration: float


LASTING: Final = 0.05
"""Seconds."""

_BY_NAME: Final = {
    "pelvis_tilt": Prior(0.0, None, 4500.0),
    "pelvis_list": Prior(0.0, None, 4500.0),
    "pelvis_rotation": Prior(0.0, None, 4500.0),
    "pelvis_t": Prior(0.0, None, 24.0),  # the three translations
    "hip_flexion": Prior(20.0, 60.0, 7500.0),
    "hip_adduction": Prior(0.0, 20.0, 3600.0),
    "hip_rotation": Prior(0.0, 15.0, 3600.0),
    "knee_angle": Prior(30.0, 60.0, 12000.0),
    "ankle_angle": Prior(5.0, 25.0, 7500.0),
    "subtalar_angle": Prior(0.0, 10.0, 3000.0),
    "lumbar_extension": Prior(-10.0, 25.0, 3600.0),
    "lumbar_bending": Prior(0.0, 15.0, 3600.0),
    "lumbar_rotation": Prior(0.0, 15.0, 3600.0),
    "arm_flex": Prior(20.0, 90.0, 12000.0),
    "arm_add": Prior(-20.0, 60.0, 12000.0),
    "arm_rot": Prior(0.0, 45.0, 9000.0),
    "elbow_flex": Prior(50.0, 60.0, 12000.0),
    "pro_sup": Prior(90.0, 45.0, 7500.0),
}
"""By the beginning of the coordinate's name. Wide: about the range of daily activities; they matter only for what the
markers leave open."""

_UNKNOWN: Final = Prior(0.0, 90.0, 9000.0)
LIMIT_SD: Final = np.radians(1.5)
"""How softly the end of a joint's range gives way."""


@dataclass(frozen=True, eq=False)
class Priors:
    """The same for all n coordinates of a model as arrays, radians and metres.

    fitted: those that are not locked. densities: of white-noise acceleration, unit²/s³.
    """

    centre: FloatArray
    precision: FloatArray
    densities: FloatArray
    lowest: FloatArray
    highest: FloatArray
    fitted: NDArray[np.intp]

    @classmethod
    def of(cls, model: Model) -> Self:
        """Those of a model's coordinates."""
        priors = [_of(coordinate) for coordinate in model.coordinates]
        unit = np.array([1.0 if c.translates else np.pi / 180 for c in model.coordinates])
        sd = np.array([np.inf if prior.sd is None else prior.sd for prior in priors]) * unit
        clamped = np.array([c.clamped for c in model.coordinates])
        return cls(
            centre=np.array([prior.centre for prior in priors]) * unit,
            precision=1 / sd**2,
            densities=(np.array([prior.acceleration for prior in priors]) * unit) ** 2 * LASTING,
            lowest=np.where(clamped, [c.lowest for c in model.coordinates], -np.inf),
            highest=np.where(clamped, [c.highest for c in model.coordinates], np.inf),
            fitted=np.array([i for i, c in enumerate(model.coordinates) if not c.locked], dtype=np.intp),
        )


def _of(coordinate: Coordinate) -> Prior:
    return next((prior for name, prior in _BY_NAME.items() if coordinate.name.startswith(name)), _UNKNOWN)
