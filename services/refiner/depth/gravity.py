"""Which way is up: the camera's pitch and roll, judged from how the person stands.

The detector's world landmarks keep the camera's axes, so a tilted camera tilts the person. What tells the tilt is
balance: over a while, the body's centre of mass is above the middle of its support (else the body would fall), whether
it stands, walks or squats. The mean direction from the feet to the centre of mass is therefore up. Where the picture
shows upright lines (walls, doors), these tell it better.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.options import Verticals
from humanpose3d.skeleton import LANDMARKS
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
"""Both sides' mass over body mass, centre of mass from the proximal end, proximal and distal landmark: Dempster's data
in Winter (2009), table 4.1 (head and neck, trunk, upper arm, forearm with hand, thigh, leg with foot)."""

_SUPPORT_AHEAD_OF_ANKLE: Final = 0.03
"""Of stature: in quiet standing the centre of mass and of pressure lie about 5 cm before the ankles (Winter 1995,
Gait & Posture 3:193). The foot's direction is used, not its length, which the detector underestimates by half."""

_LIFTED_M: Final = 0.1
_LIFT_HZ: Final = 0.3
"""A foot that is held higher than the other by more than about `_LIFTED_M` for a few seconds does not support; the feet
of a walker take turns within 1.2 s and count alike, since it is their middle that the walker stays above."""

_UPRIGHT: Final = (0.80, 0.95)
"""Distance from ankle to shoulder over the length of the leg and trunk between: frames below the first do not count
(sitting, crouching: the seat or the depth error of bent knees decides), those above the second count in full."""

_FARTHEST_TILT_DEG: Final = 50.0
"""A body farther than this from the picture's vertical lies or hangs rather than being filmed by a camera so tilted."""

_SYSTEMATIC_DEG: Final = np.array([2.5, 4.0])
"""Roll and pitch: what averaging does not remove, since the detector's depth errs by 6–9 cm for a whole clip alike."""

_LEVEL_DEG: Final = 20.0
"""Standard deviation of the tilt of a camera of which nothing is known; the estimate is drawn towards level with it."""

_LINES_DEG: Final = 1.0
"""Standard deviation of the upright lines' direction where the focal length is known: 0.5° on drawn scenes, in which
walls are plumb."""

_FOCAL_SD: Final = 0.25
"""Of the true focal length as a share of the assumed one."""

_CONTRADICTION: Final = 3.0
"""Standard deviations between two that cannot both be right."""

_MEMORY_S: Final = 0.5
"""Frames closer than this are one observation: half a stride."""

_LEAST_S: Final = 0.3
"""Less upright time than this is no evidence."""


@dataclass(frozen=True)
class Gravity:
    """Up in the camera's frame, and how sure that is.

    up                          (3,) unit vector, camera frame: x right, y down, z away.
    pitch_deg, roll_deg         the camera's: pitch positive when it looks down, roll positive when upright things lean
                                to the right of the picture. Both 0 where they could not be estimated.
    pitch_sd_deg, roll_sd_deg   standard deviations.
    estimated                   False where nothing in the clip told the tilt and a level camera is assumed.
    lines                       whether upright lines in the picture helped.
    """

    up: FloatArray
    pitch_deg: float
    roll_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float
    estimated: bool
    lines: bool = False


@dataclass(frozen=True, eq=False)
class Stance:
    """What tells how a body stands.

    upright  (T,) 0 to 1: how far leg and trunk are stretched, 0 where they are hidden or the body does not stand.
    mass     (T, 3) metres: its centre of mass.
    feet     (T, 2, 3) metres: what left and right foot stand on.
    """

    upright: FloatArray
    mass: FloatArray
    feet: FloatArray

    @classmethod
    def of(cls, body: FloatArray, seen: NDArray[np.bool_], stature: float) -> Self:
        """Of a body (T, 33, 3), metres in the camera's frame; seen (T, 33) True where a landmark is visible."""
        return cls(_uprightness(body, seen), _centre_of_mass(body), _feet(body, stature))

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """One after the other."""
        every = [(each.upright, each.mass, each.feet) for each in parts]
        return cls(*(np.concatenate(values) for values in zip(*every, strict=True)))


def estimate_gravity(times: FloatArray, stance: Stance, verticals: Verticals | None = None) -> Gravity:
    """Up from balance and from the picture's upright lines, each counting by its certainty, shrunk towards a level
    camera by what is left of uncertainty; times (T,) seconds.

    A slope here is (x, z) of the direction (x, -1, z), so that small angles add up.
    """
    balance, lines = _balance(times, stance), _lines(verticals)
    if balance and lines and _contradict(balance, lines):
        lines = None
    evidence = [each for each in (balance, lines) if each is not None]
    slope, sd = _combined([*evidence, _Evidence(np.zeros(2), np.full(2, _LEVEL_DEG))])
    return _gravity(slope, sd, estimated=bool(evidence), lines=lines is not None)


class _Evidence(NamedTuple):
    """A slope (2,) and its standard deviations (2,) in degrees."""

    slope: FloatArray
    sd_deg: FloatArray


def _balance(times: FloatArray, stance: Stance) -> _Evidence | None:
    """From the body; None where it hardly stands."""
    weights = stance.upright * np.gradient(times) if len(times) > 1 else np.zeros(len(times))
    if weights.sum() < _LEAST_S:
        return None
    up = np.array([0.0, -1.0, 0.0])
    for _ in range(5):  # which foot is lifted depends on up; five rounds change it by less than 0.01°
        lean = stance.mass - _support(times, stance.feet, up)
        up = unit(np.nansum(weights[:, None] * lean, axis=0))
    return _Evidence(up[[0, 2]] / -up[1], _standard_error(lean, weights))


def _lines(verticals: Verticals | None) -> _Evidence | None:
    """From the picture: their slope ahead is as uncertain as the focal length."""
    if verticals is None:
        return None
    slope = np.array([verticals.aside, verticals.ahead])
    unsure = np.array([0.0, _FOCAL_SD * np.degrees(np.arctan(np.abs(verticals.ahead)))])
    return _Evidence(slope, np.hypot(_LINES_DEG, unsure))


def _contradict(one: _Evidence, other: _Evidence) -> bool:
    """Whether they cannot both be right: what runs upright in this picture is no plumb line, or nobody stands in it."""
    between = np.degrees(np.arctan(one.slope) - np.arctan(other.slope))
    return bool((np.abs(between) > _CONTRADICTION * np.hypot(one.sd_deg, other.sd_deg)).any())


def _combined(evidence: Sequence[_Evidence]) -> tuple[FloatArray, FloatArray]:
    """The mean slope, weighted by certainty, and its standard deviation in degrees."""
    weights = np.array([1 / np.square(each.sd_deg) for each in evidence])
    slopes = np.array([each.slope for each in evidence])
    return (weights * slopes).sum(axis=0) / weights.sum(axis=0), 1 / np.sqrt(weights.sum(axis=0))


def world_axes(up: FloatArray) -> FloatArray:
    """(3, 3) rotation from the camera's frame (x right, y down, z away) to the world's: right-handed, Y up.

    The camera's heading is kept: Z points back towards the camera along the ground, X to the right of the picture.
    """
    back = np.array([0.0, 0.0, -1.0])
    z = unit(back - (back @ up) * up)
    return np.stack([np.cross(up, z), up, z])


def _gravity(slope: FloatArray, sd_deg: FloatArray, *, estimated: bool, lines: bool) -> Gravity:
    up = unit(np.array([slope[0], -1.0, slope[1]]))
    roll, pitch = np.degrees([np.arctan2(up[0], -up[1]), -np.arcsin(up[2])])
    return Gravity(up, float(pitch), float(roll), float(sd_deg[1]), float(sd_deg[0]), estimated, lines)


def _standard_error(lean: FloatArray, weights: FloatArray) -> FloatArray:
    """(2,) degrees: of the mean slope, from its scatter over half-strides, and what no average removes."""
    used = weights > 0
    slopes = np.degrees(np.arctan(lean[used][:, [0, 2]] / -lean[used][:, 1:2]))
    variance = np.average(
        (slopes - np.average(slopes, axis=0, weights=weights[used])) ** 2, axis=0, weights=weights[used]
    )
    observations = max(1.0, weights.sum() / _MEMORY_S)
    return np.asarray(np.sqrt(variance / observations + _SYSTEMATIC_DEG**2))


def _uprightness(body: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """(T,) 0 to 1: how far leg and trunk are stretched, 0 where they are hidden or the body is not filmed upright."""
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
    """(T, 2, 3) metres: where left and right foot carry the body."""
    forward = unit(pair(body, "foot_index") - pair(body, "heel"))
    return np.asarray(pair(body, "ankle") + _SUPPORT_AHEAD_OF_ANKLE * stature * forward)


def _support(times: FloatArray, feet: FloatArray, up: FloatArray) -> FloatArray:
    """(T, 3) metres: the point between the feet, or under the one foot, that carries the body."""
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
