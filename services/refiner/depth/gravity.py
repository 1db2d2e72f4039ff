"""Direction of gravity: the camera's pitch and roll, estimated from the person's balance.

The detector's world landmarks keep the camera's axes, so a tilted camera tilts the person. Balance reveals the tilt:
on average, the body's centre of mass is above the centre of its support (else the body would fall), whether standing,
walking or squatting. The mean direction from the feet to the centre of mass is therefore up. Upright lines in the image
(walls, doors) are more precise. Both depend on the focal length; where that is unknown, the estimate is the mean over
all usual ones (`evidence.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.options import Verticals
from humanpose3d.skeleton import LANDMARKS
from services.refiner.depth.evidence import Evidence, estimate, ratios
from services.refiner.depth.smoothing import low_pass
from services.refiner.vectors import columns, length, pair, unit

_SEGMENTS: Final = (
    (0.081, 1.0, "ear", "ear"),
    (0.497, 0.5, "shoulder", "hip"),
    (0.056, 0.436, "shoulder", "elbow"),
    (0.044, 0.682, "elbow", "wrist"),
    (0.200, 0.433, "hip", "knee"),
    (0.122, 0.606, "knee", "ankle"),
)
"""Mass of both sides over body mass, centre of mass from the proximal end, proximal and distal landmark: Dempster's
data in Winter (2009), table 4.1 (head and neck, trunk, upper arm, forearm with hand, thigh, leg with foot)."""

_SUPPORT_AHEAD_OF_ANKLE: Final = 0.03
"""Of stature: in quiet standing the centre of mass and of pressure lie about 5 cm before the ankles (Winter 1995,
Gait & Posture 3:193). In laboratory markers 2–3 % in walking and 4 % in standing. The foot's direction is used, not its
length, which the detector underestimates by half."""

_LIFTED_M: Final = 0.1
_LIFT_HZ: Final = 0.3
"""A foot held higher than the other by more than about `_LIFTED_M` for a few seconds does not support the body; in
walking the feet alternate within 1.2 s and count equally, since the body stays above their midpoint."""

_UPRIGHT: Final = (0.80, 0.95)
"""Distance from ankle to shoulder over the length of the leg and trunk between: frames below the first do not count
(sitting, crouching: the seat or the depth error of bent knees decides), those above the second count in full."""

_FARTHEST_TILT_DEG: Final = 50.0
"""A body farther than this from the image's vertical is taken to lie or hang, not the camera to be so tilted."""

_SYSTEMATIC_DEG: Final = np.array([3.0, 7.0])
"""Roll and pitch: error that averaging does not remove. The detector's depth has a bias over the whole clip, and
posture is not exactly balanced. With these, the stated standard deviations cover 67 % of the errors of pitch and 73 %
of those of roll on 113 rendered training and validation clips with focal lengths from 0.6 to 1.2, none known (69, 73 %
where known)."""

_UNKNOWN_SUPPORT: Final = 1 / np.sqrt(12)
"""Of the mean distance between the feet, by direction: uncertainty of the weight's position between them."""

LINES_DEG: Final = np.array([0.3, 0.7])
"""Roll and pitch: standard deviation of the upright lines' direction where the focal length is known, on rendered
clips, which have vertical walls and no lens distortion."""

_CONTRADICTION: Final = 3.0
"""Distance of two estimates, in standard deviations, from which they contradict each other."""

_MEMORY_S: Final = 0.5
"""Frames closer in time than this are one observation: half a stride."""

_LEAST_S: Final = 0.3
"""Minimum upright time for an estimate."""


@dataclass(frozen=True)
class Gravity:
    """Up in the camera frame, with its uncertainty.

    up                          (3,) unit vector, camera frame: x right, y down, z away.
    pitch_deg, roll_deg         the camera's: pitch positive when it looks down, roll positive when upright things lean
                                to the right of the image. Both 0 where they could not be estimated.
    pitch_sd_deg, roll_sd_deg   standard deviations.
    estimated                   False where the clip has no evidence and a level camera is assumed.
    lines, floor                whether upright lines in the image, and the floor under the person's path, were used.
    """

    up: FloatArray
    pitch_deg: float
    roll_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float
    estimated: bool
    lines: bool = False
    floor: bool = False


@dataclass(frozen=True, eq=False)
class Stance:
    """A body's balance over time.

    upright  (T,) 0 to 1: how far leg and trunk are stretched, 0 where they are occluded or the body does not stand.
    mass     (T, 3) metres: its centre of mass.
    feet     (T, 2, 3) metres: support points of left and right foot.
    rise     (T,) slope of the viewing ray to the hips, downwards.
    """

    upright: FloatArray
    mass: FloatArray
    feet: FloatArray
    rise: FloatArray

    @classmethod
    def of(cls, body: FloatArray, seen: NDArray[np.bool_], stature: float) -> Self:
        """From a body (T, 33, 3), metres in the camera frame; seen (T, 33) True where a landmark is visible."""
        hips = pair(body, "hip").mean(axis=1)
        rise = hips[:, 1] / np.where(hips[:, 2] > 0, hips[:, 2], np.nan)
        return cls(uprightness(body, seen), _centre_of_mass(body), _feet(body, stature), rise)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Concatenate in time."""
        every = [(each.upright, each.mass, each.feet, each.rise) for each in parts]
        return cls(*(np.concatenate(values) for values in zip(*every, strict=True)))


def estimate_gravity(
    times: FloatArray,
    stance: Stance,
    verticals: Verticals | None = None,
    *,
    focal_known: bool = False,
) -> Gravity:
    """Up from balance and from the image's upright lines, weighted by precision and shrunk towards a level camera;
    times (T,) seconds.

    Both assume a camera of FOCAL_LENGTH. Unless the true one is known, every usual focal length is tried.
    """
    balance, lines = _balance(times, stance), None if verticals is None else by_lines(verticals)
    if balance is not None and lines is not None:
        tried = [(balance.at(ratio), lines.at(ratio)) for ratio in ratios(focal_known=focal_known)]
        lines = None if all(_contradict(*both) for both in tried) else lines
    evidence = [each for each in (balance, lines) if each is not None]
    slope, sd = estimate(evidence, focal_known=focal_known)
    return gravity_of(slope, sd, estimated=bool(evidence), lines=lines is not None, floor=False)


def _balance(times: FloatArray, stance: Stance) -> Evidence | None:
    """Estimate from the body; None where it hardly stands."""
    weights = stance.upright * np.gradient(times) if len(times) > 1 else np.zeros(len(times))
    if weights.sum() < _LEAST_S:
        return None
    up = np.array([0.0, -1.0, 0.0])
    for _ in range(5):  # which foot is lifted depends on up; five rounds change it by less than 0.01°
        lean = stance.mass - _support(times, stance.feet, up)
        up = unit(np.nansum(weights[:, None] * lean, axis=0))
    rise = np.nan_to_num(stance.rise)
    sd = np.hypot(_standard_error(lean, weights), _support_error(stance.feet, lean, weights))
    return Evidence(slope_of(up), np.diag(sd**2), rise=float(np.average(rise, weights=weights)))


def by_lines(verticals: Verticals) -> Evidence:
    """From the image's upright lines."""
    sd_deg = np.hypot(LINES_DEG, [0.0, verticals.forward_slope_sd_deg])
    return Evidence(np.array([verticals.lateral_slope, verticals.forward_slope]), np.diag(sd_deg**2), scaling=1)


def _contradict(one: Evidence, other: Evidence) -> bool:
    """Whether they contradict each other: the upright lines in the image are not vertical, or the body leans."""
    between = np.degrees(np.arctan(one.slope) - np.arctan(other.slope))
    return bool((np.abs(between) > _CONTRADICTION * np.hypot(one.sd_deg, other.sd_deg)).any())


def world_axes(up: FloatArray) -> FloatArray:
    """(3, 3) rotation from the camera's frame (x right, y down, z away) to the world's: right-handed, Y up.

    The camera's heading is kept: Z points back towards the camera along the ground, X to the right of the image.
    """
    back = np.array([0.0, 0.0, -1.0])
    z = unit(back - (back @ up) * up)
    return np.stack([np.cross(up, z), up, z])


def gravity_of(slope: FloatArray, sd_deg: FloatArray, *, estimated: bool = True, lines: bool, floor: bool) -> Gravity:
    """From a slope (2,) and its standard deviations (2,) in degrees."""
    up = unit(np.array([slope[0], -1.0, slope[1]]))
    return Gravity(up, *tilt_of(up), float(sd_deg[1]), float(sd_deg[0]), estimated, lines, floor)


def slope_of(up: FloatArray) -> FloatArray:
    """(2,) the slope of up (3,), as in `Evidence`."""
    return np.asarray(up[[0, 2]] / -up[1])


def tilt_of(up: FloatArray) -> tuple[float, float]:
    """Pitch and roll of a camera in degrees, as in `Gravity`, from up (3,) in its frame."""
    return float(np.degrees(-np.arcsin(up[2]))), float(np.degrees(np.arctan2(up[0], -up[1])))


def _standard_error(lean: FloatArray, weights: FloatArray) -> FloatArray:
    """(2,) degrees: standard deviation of the mean slope, from its scatter over half-strides, and the bias."""
    used = weights > 0
    slopes = np.degrees(np.arctan(lean[used][:, [0, 2]] / -lean[used][:, 1:2]))
    variance = np.average(
        (slopes - np.average(slopes, axis=0, weights=weights[used])) ** 2, axis=0, weights=weights[used]
    )
    observations = max(1.0, weights.sum() / _MEMORY_S)
    return np.asarray(np.sqrt(variance / observations + _SYSTEMATIC_DEG**2))


def uprightness(body: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """(T,) 0 to 1: how far leg and trunk are stretched, 0 where they are occluded or the body is not upright."""
    shoulder, hip, knee, ankle = (pair(body, joint) for joint in _CHAIN)
    chain = length(shoulder - hip) + length(hip - knee) + length(knee - ankle)
    stretched = (length(shoulder - ankle) / chain).max(axis=1)
    low, high = _UPRIGHT
    tall = unit((shoulder - ankle).mean(axis=1))[:, 1] < -np.cos(np.radians(_FARTHEST_TILT_DEG))
    visible = np.all([seen[:, columns(joint)].any(axis=1) for joint in _CHAIN], axis=0)
    return np.where(tall & visible, np.clip((stretched - low) / (high - low), 0, 1), 0.0)


def _centre_of_mass(body: FloatArray) -> FloatArray:
    """(T, 3) metres."""
    return np.asarray(np.einsum("i,tij->tj", _MASS, body))


def _feet(body: FloatArray, stature: float) -> FloatArray:
    """(T, 2, 3) metres: support points of left and right foot."""
    forward = unit(pair(body, "foot_index") - pair(body, "heel"))
    return np.asarray(pair(body, "ankle") + _SUPPORT_AHEAD_OF_ANKLE * stature * forward)


def _support_error(feet: FloatArray, lean: FloatArray, weights: FloatArray) -> FloatArray:
    """(2,) degrees: uncertainty due to the unknown distribution of weight between the feet."""
    used = weights > 0
    apart = np.abs(np.average(feet[used, 0] - feet[used, 1], axis=0, weights=weights[used]))[[0, 2]]
    height = np.average(length(lean[used]), weights=weights[used])
    return np.asarray(np.degrees(np.arctan(_UNKNOWN_SUPPORT * apart / height)))


def _support(times: FloatArray, feet: FloatArray, up: FloatArray) -> FloatArray:
    """(T, 3) metres: the point between the feet, or under the one foot, that supports the body."""
    lift = low_pass(times, (feet[:, 0] - feet[:, 1]) @ up, _LIFT_HZ)
    left = 1 / (1 + np.exp(lift / _LIFTED_M))[:, None]
    return np.asarray(left * feet[:, 0] + (1 - left) * feet[:, 1])


def _mass_of_landmarks() -> FloatArray:
    """(33,) the weight of each landmark in the centre of mass."""
    weights = np.zeros(len(LANDMARKS))
    for mass, distal_share, proximal, distal in _SEGMENTS:
        for joint, share in ((proximal, 1 - distal_share), (distal, distal_share)):
            weights[columns(joint)] += mass * share / 2
    return weights


_MASS: Final = _mass_of_landmarks()
_CHAIN: Final = ("shoulder", "hip", "knee", "ankle")
