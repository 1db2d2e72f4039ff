"""The floor as evidence of the camera's tilt: the feet of a person who travels show how level ground slopes in the
camera's axes.

The known stature gives the distance of every step, so the lowest points of the feet are on a plane in the camera's
frame, whatever the posture. Only slopes along the path are observed: walking towards the camera shows its pitch,
walking across the image its roll. A ramp cannot be told from a tilted camera; steep ones and jumps can.

The geometric reconstruction makes no use of it: its body leans by the error of the detector's depth, which balance
removes together with the tilt. With the floor, the tilt of 13 rendered clips is wrong by 5.3 instead of 6.1°, but the
markers by 16.6 instead of 16.4 cm.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from services.refiner.depth.camera import Person
from services.refiner.depth.evidence import Evidence, ratios
from services.refiner.depth.gravity import Gravity, slope_of, uprightness
from services.refiner.depth.upright import student
from services.refiner.vectors import columns, pair, part

FLOOR_QUANTILE: Final = 0.25
"""Quantile of the lowest foot point's heights: above the noise of the lowest frames, below a jump's flight."""

TRAVELLED_M: Final = 1.5
"""Minimum path length for an estimate of the floor's slope."""

_ACROSS_M: Final = 0.25
"""Minimum extent of their path in the image, at their mean distance. Approaching a camera that is 1 m above the floor
from 4 to 2.5 m moves them by 0.5 m."""

_OUTERMOST: Final = 0.03
"""Share of the frames at either end of a path that does not count for its length."""

_UNKNOWNS: Final = 2
"""The floor's height and its slope along the path."""

_STEP_S: Final = 0.5
"""Frames closer in time than this are one observation of the floor."""

_ROUGH_M: Final = 0.1
"""Scatter of the lowest foot point about the floor above which the feet do not walk on it: jumps, stairs, dances."""

_LEAST_M: Final = 0.01
"""Smallest scatter of the feet about the floor."""

_UPRIGHT: Final = 0.5
"""Of `Stance.upright`, below which frames do not count: the distance of a person who sits or squats is less certain."""

_ROUNDS: Final = 5
_ROUNDS_OF_WEIGHTS: Final = 30

_SYSTEMATIC_DEG: Final = 1.5
"""Error that more steps do not reduce. With it, the pitch of the network and the floor together, the focal length
unknown, is within one (two) stated standard deviations in 73 (98) % of 133 walks simulated from motions of the training
split, and 56 (95) % of 87 from the validation split: wrong by 1.6 and 1.9°, by the network alone 4.4 and 4.8°. On 19
rendered clips of both splits: 53 (95) %, 3.2 and 6.2°."""

_OTHERWISE: Final = 0.1
"""Probability a priori that the ground is not level, or not followed by the feet."""

_RANGE_DEG: Final = 60.0
"""Slopes of ground that is not level are equally likely within this range."""

_WIDER: Final = 4.0
"""The tilt known without the floor, its standard deviation this many times larger, decides slopes across the path."""


def floor_evidence(
    landmarks: Landmarks, person: Person, gravity: Gravity, visibility_min: float, *, focal_known: bool
) -> Evidence | None:
    """The slope of the floor under the path of a person, at the assumed focal length.

    landmarks: as detected. gravity: as known without the floor. Frames count in which the person stands with both feet
    in the image. None where the path is short, the feet do not follow a plane, or gravity contradicts it.
    """
    counts = [_counts(part(landmarks, frames), body, visibility_min) for frames, body in person.pieces()]
    seen = np.concatenate(counts)
    feet = np.concatenate([feet_of(body) for _, body in person.pieces()])[seen]
    steps = _steps(landmarks.times[seen])
    if steps <= _UNKNOWNS or not _travels(feet):
        return None
    slope, scatter = _plane(feet, gravity, steps)
    if scatter > _ROUGH_M:
        return None
    path = feet.mean(axis=1)[:, [0, 2]]
    information = np.cov(path.T, bias=True) * (steps - _UNKNOWNS) / np.degrees(scatter) ** 2
    covariance = np.linalg.inv(information + np.eye(2) / _RANGE_DEG**2) + np.eye(2) * _SYSTEMATIC_DEG**2
    found = Evidence(slope, covariance, scaling=-1)
    tried = [_probability_level(found.at(ratio), gravity) for ratio in ratios(focal_known=focal_known)]
    return found if max(tried) > 1 / 2 else None


def _counts(seen: Landmarks, body: FloatArray, visibility_min: float) -> NDArray[np.bool_]:
    """(T,) whether the body (T, 33, 3) stands upright with heels and toes in the image, beyond which they are
    guessed."""
    places = seen.pixels[:, [*columns("heel"), *columns("foot_index")]] / seen.image_size
    inside = ((places >= 0) & (places <= 1)).all(axis=(1, 2))
    known = np.isfinite(feet_of(body)).all(axis=(1, 2))
    return np.asarray(inside & known & (uprightness(body, seen.visibility >= visibility_min) > _UPRIGHT))


def feet_of(body: FloatArray) -> FloatArray:
    """(T, 4, 3) heels and toes of a body (T, 33, 3)."""
    return np.concatenate([pair(body, "heel"), pair(body, "foot_index")], axis=1)


def _travels(feet: FloatArray) -> bool:
    """Whether the feet (T, 4, 3) travel, in the image too: that of a person who only bends down may seem to."""
    middle = feet.mean(axis=1)
    across = middle[:, :2] / middle[:, 2:] * np.median(middle[:, 2])
    return bool(_extent(middle[:, [0, 2]]) >= TRAVELLED_M and _extent(across) >= _ACROSS_M)


def _extent(path: FloatArray) -> float:
    """Metres along the longer axis of a path (T, 2), without its outermost frames."""
    low, high = np.quantile(path, [_OUTERMOST, 1 - _OUTERMOST], axis=0)
    return float((high - low).max())


def _steps(times: FloatArray) -> float:
    """Number of independent observations in frames at these times (T,)."""
    return float(np.minimum(np.diff(times), _STEP_S).sum()) / _STEP_S


def _plane(feet: FloatArray, gravity: Gravity, steps: float) -> tuple[FloatArray, float]:
    """Slope (2,) of up on the plane through the lowest points of feet (T, 4, 3), and the root mean square of their
    distances from it, metres.

    Quantile regression by iterated least squares, from the vertical that is known without it.
    """
    slope = known = slope_of(gravity.up)
    prior = np.diag(np.tan(np.radians(_WIDER * np.array([gravity.roll_sd_deg, gravity.pitch_sd_deg]))) ** -2.0)
    scatter = _ROUGH_M
    for _ in range(_ROUNDS):
        lowest = feet[np.arange(len(feet)), (feet @ [slope[0], -1.0, slope[1]]).argmin(axis=1)]
        path, heights = lowest[:, [0, 2]], lowest @ [known[0], -1.0, known[1]]
        rise, residual = regressed(path, heights, prior * scatter**2 / steps)
        slope, scatter = known - rise, max(float(np.sqrt(np.mean(residual**2))), _LEAST_M)
    return slope, scatter


def regressed(path: FloatArray, heights: FloatArray, ridge: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Slope (2,) of the `FLOOR_QUANTILE` of heights (T,) on a path (T, 2), and the heights (T,) above that plane.

    Quantile regression by iterated least squares. ridge (2, 2) metres²: pulls the slope towards zero as a path of that
    variance on level ground would.
    """
    design = np.column_stack([np.ones(len(path)), path - path.mean(axis=0)])
    pull = np.zeros((3, 3))
    pull[1:, 1:] = ridge
    weights = np.ones(len(path))
    for _ in range(_ROUNDS_OF_WEIGHTS):
        weighted = design * weights[:, None]
        fit = np.linalg.solve(weighted.T @ design + pull * weights.sum(), weighted.T @ heights)
        residual = heights - design @ fit
        weights = np.where(residual < 0, 1 - FLOOR_QUANTILE, FLOOR_QUANTILE) / np.maximum(np.abs(residual), _LEAST_M)
    return np.asarray(fit[1:]), residual


def _probability_level(floor: Evidence, gravity: Gravity) -> float:
    """By Bayes' rule, as in `upright.py`: that the plane is level, from its slope along the path."""
    variances, axes = np.linalg.eigh(floor.covariance)
    along = axes[:, 0]
    off = np.degrees((np.arctan(floor.slope) - np.arctan(slope_of(gravity.up))) @ along)
    known = np.square([gravity.roll_sd_deg, gravity.pitch_sd_deg]) @ along**2
    level = (1 - _OTHERWISE) * student(float(off), float(np.sqrt(variances[0] + known)))
    return float(level / (level + _OTHERWISE / _RANGE_DEG))
