"""Exercises that are often recorded but hardly captured, generated on the skeleton of one captured person.

Squats, lunges, sit-to-stand, leg raises, arm raises. The path of the pelvis, the inclination of the trunk and
the arms are random; the legs follow from the positions of the feet (two-bone inverse kinematics). The same name always
gives the same motion.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray
from training.mocap.motion import BONE_INDEX, LEAD_OF_SIDE, BoneMotion

FRAME_RATE: Final = 50.0
DURATION_S: Final = 12.0

_REACH: Final = 0.993
"""Largest distance from hip to ankle as a share of thigh plus shank: knees are never fully straight."""

_UP, _AHEAD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class _Course:
    """The parameters of an exercise over T frames. Metres and radians.

    drop    (T,) of the pelvis below the greatest height that the legs allow.
    shift   (T,) of the pelvis forward of the midpoint of the ankles.
    pelvis  (T,) anterior tilt, beyond that in standing. trunk: (T,) forward inclination of the thorax.
    ankles  (T, 2, 3) left and right, from the midpoint of the ankles in stance.
    heels   (T, 2) pitch of the feet, toes down.
    arms    (T, 2, 4) elevation, plane of elevation (0: frontal, π/2: sagittal), axial rotation, elbow flexion.
    """

    drop: FloatArray
    shift: FloatArray
    pelvis: FloatArray
    trunk: FloatArray
    ankles: FloatArray
    heels: FloatArray
    arms: FloatArray


def exercise(name: str, standing: BoneMotion) -> BoneMotion:
    """The exercise of that name (`squat-12`: a kind and a number) by the skeleton of a motion in which it stands."""
    kind = name.rsplit("-", 1)[0]
    rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()[:8]))
    times = np.arange(0, DURATION_S, 1 / FRAME_RATE)
    course = _swaying(_KINDS[kind](rng, times, standing.leg_length()), rng, times)
    return _performed(replace(standing, name=name), times, replace(course, pelvis=course.pelvis + _tilt(standing)))


def repetitions(rng: np.random.Generator, times: FloatArray, still: float = 0.5) -> FloatArray:
    """(T,) repetitions from 0 to about 1 and back, each slightly different, with rests of up to `still` seconds."""
    period = rng.uniform(1.0, 4.0)
    marks, values, now = [0.0], [0.0], rng.uniform(0, still)
    depth = rng.uniform(0.6, 1.0)
    while now < times[-1]:
        down, up = period * rng.uniform(0.35, 0.6, 2)
        low, high = rng.uniform(0, still, 2)
        top = depth * rng.uniform(0.85, 1.15)
        for step, value in ((0.0, 0.0), (down, top), (low, top), (up, 0.0)):
            now += step + 1e-3
            marks.append(now)
            values.append(value)
        now += high
    raised = np.interp(times, marks, values)
    smooth = np.ones(7) / 7
    eased = depth * 1.15 * (1 - np.cos(np.pi * np.clip(raised / (depth * 1.15), 0, 1))) / 2
    return np.asarray(np.convolve(np.pad(eased, 3, mode="edge"), smooth, mode="valid"))


def _squat(rng: np.random.Generator, times: FloatArray, leg: float) -> _Course:
    phase = repetitions(rng, times)
    trunk = np.radians(rng.uniform(10, 55)) * phase
    return _Course(
        drop=leg * rng.uniform(0.2, 0.6) * phase,
        shift=0.05 - 0.26 * np.sin(trunk) + rng.normal(0, 0.02),
        pelvis=trunk * rng.uniform(0.3, 0.9),
        trunk=trunk,
        ankles=_feet(rng, times),
        heels=np.zeros((len(times), 2)),
        arms=_arms(rng, phase),
    )


def _sit_to_stand(rng: np.random.Generator, times: FloatArray, leg: float) -> _Course:
    phase = repetitions(rng, times, still=1.5)
    if rng.random() < 0.5:
        phase = phase.max() - phase
    sitting = phase / phase.max()
    # the trunk leans furthest forward half-way between sitting and standing
    trunk = np.radians(rng.uniform(-5, 15)) * sitting + np.radians(rng.uniform(20, 50)) * 4 * sitting * (1 - sitting)
    return _Course(
        drop=leg * rng.uniform(0.4, 0.58) * sitting,
        shift=0.04 - leg * rng.uniform(0.38, 0.52) * sitting,
        pelvis=trunk * rng.uniform(0.5, 0.9) - np.radians(rng.uniform(0, 15)) * sitting,
        trunk=trunk,
        ankles=_feet(rng, times),
        heels=np.zeros((len(times), 2)),
        arms=_arms(rng, phase),
    )


def _lunge(rng: np.random.Generator, times: FloatArray, leg: float) -> _Course:
    phase = repetitions(rng, times)
    ankles = _feet(rng, times)
    front = int(rng.integers(2))
    stride = leg * rng.uniform(0.5, 1.0)
    ankles[:, front, 2] += stride / 2
    ankles[:, 1 - front, 2] -= stride / 2
    rise = np.radians(rng.uniform(30, 60))
    heels = np.zeros((len(times), 2))
    heels[:, 1 - front] = rise * (0.4 + 0.6 * phase)
    ankles[:, 1 - front, 1] += 0.13 * np.sin(heels[:, 1 - front])
    trunk = np.radians(rng.uniform(-5, 25)) * np.ones(len(times))
    drop, shift = leg * rng.uniform(0.15, 0.42) * phase, rng.normal(0.0, 0.04) * np.ones(len(times))
    return _Course(drop, shift, trunk * 0.3, trunk, ankles, heels, _arms(rng, phase))


def _leg_raise(rng: np.random.Generator, times: FloatArray, leg: float) -> _Course:
    phase = repetitions(rng, times)
    ankles = _feet(rng, times)
    raised = int(rng.integers(2))
    lead = 1.0 if raised == 0 else -1.0
    aside, ahead, up = rng.uniform([0.0, -0.4, 0.1], [0.6, 0.6, 0.5]) * leg
    ankles[:, raised] += np.outer(phase, [lead * aside, up, ahead])
    heels = np.zeros((len(times), 2))
    heels[:, raised] = phase * np.radians(rng.uniform(-20, 60))
    trunk = phase * np.radians(rng.uniform(-10, 15))
    drop = leg * rng.uniform(0.0, 0.2) * phase * (rng.random() < 0.4)
    return _Course(drop, 0.05 + 0 * phase, trunk * 0.5, trunk, ankles, heels, _arms(rng, phase))


def _arm_raise(rng: np.random.Generator, times: FloatArray, _leg: float) -> _Course:
    phase = repetitions(rng, times)
    arms = _arms(rng, 0 * phase, low=True)
    sides = [0, 1] if rng.random() < 0.6 else [int(rng.integers(2))]
    plane = rng.choice([rng.uniform(-0.2, 0.3), rng.uniform(0.4, 1.0), rng.uniform(1.3, 1.7)])
    arms[:, sides, 0] += (np.radians(rng.uniform(60, 175)) * phase)[:, None]
    arms[:, sides, 1] = plane
    arms[:, sides, 3] *= rng.uniform(0.0, 1.0)
    none = np.zeros(len(times))
    trunk = none + np.radians(rng.normal(0, 4))
    return _Course(none, none + 0.05, trunk * 0.5, trunk, _feet(rng, times), np.zeros((len(times), 2)), arms)


_KINDS: Final[dict[str, Callable[[np.random.Generator, FloatArray, float], _Course]]] = {
    "squat": _squat,
    "sit to stand": _sit_to_stand,
    "lunge": _lunge,
    "leg raise": _leg_raise,
    "arm raise": _arm_raise,
}
KINDS: Final = tuple(_KINDS)
"""The kinds that `exercise` generates."""


def _feet(rng: np.random.Generator, times: FloatArray) -> FloatArray:
    """(T, 2, 3) metres: positions of the ankles in stance, one slightly ahead of the other."""
    ankles = np.zeros((len(times), 2, 3))
    ankles[..., 0] = np.array([1.0, -1.0]) * rng.uniform(0.07, 0.24)
    ankles[..., 2] = np.array([1.0, -1.0]) * rng.normal(0, 0.02)
    return ankles


def _arms(rng: np.random.Generator, phase: FloatArray, *, low: bool = False) -> FloatArray:
    """(T, 2, 4) random arm positions, nearly symmetric, changing with the exercise; or (`low`) hanging."""
    start = rng.uniform([0.05, -0.2, -0.8, 0.05], [0.35, 1.7, 0.8, 0.6])
    end = start
    if not low and rng.random() < 0.7:
        end = rng.uniform([0.2, 0.0, -1.0, 0.0], [1.9, 1.9, 1.2, 2.3])
    if not low and rng.random() < 0.4:
        start = end
    both = start + np.clip(phase, 0, 1)[:, None] * (end - start)
    return np.asarray(both[:, None] + rng.normal(0, 0.06, (1, 2, 4)))


def _swaying(course: _Course, rng: np.random.Generator, times: FloatArray) -> _Course:
    """The same with small involuntary movements of pelvis, trunk and arms."""

    def sway(shape: tuple[int, ...], size: float) -> FloatArray:
        rates, phases = rng.uniform(0.1, 1.2, (3, *shape)), rng.uniform(0, 2 * np.pi, (3, *shape))
        waves = np.sin(2 * np.pi * rates * times.reshape(-1, *[1] * (len(shape) + 1)) + phases)
        return np.asarray(waves.mean(axis=1) * size)

    return replace(
        course,
        shift=course.shift + sway((), 0.012),
        pelvis=course.pelvis + sway((), 0.04),
        trunk=course.trunk + sway((), 0.05),
        arms=course.arms + sway((2, 4), 0.08),
    )


def _performed(standing: BoneMotion, times: FloatArray, course: _Course) -> BoneMotion:
    """The course performed by the skeleton of `standing`; the pelvis's origin is the midpoint of the hip joints."""
    frames = len(times)
    rotations = np.tile(np.eye(3), (frames, len(standing.rotations[0]), 1, 1))
    pelvis = _about_x(course.pelvis)
    thorax = _about_x(course.trunk)
    rotations[:, BONE_INDEX["pelvis"]] = pelvis
    rotations[:, BONE_INDEX["lumbar"]] = _about_x(course.pelvis * 2 / 3 + course.trunk / 3)
    rotations[:, BONE_INDEX["spine"]] = _about_x(course.pelvis / 3 + course.trunk * 2 / 3)
    rotations[:, BONE_INDEX["thorax"]] = thorax
    rotations[:, [BONE_INDEX["neck"], BONE_INDEX["head"]]] = _about_x(course.trunk * 0.4)[:, None]
    hips = _hips(standing)
    thigh, shank = _lengths(standing)
    middle = np.stack([0 * course.shift, _height(course, thigh + shank, pelvis, hips), course.shift], axis=1)
    for column, (side, lead) in enumerate(LEAD_OF_SIDE.items()):
        hip = middle + pelvis @ hips[column]
        out = np.radians(6.0) * lead
        ahead = Rotation.from_euler("y", out).apply(_AHEAD)
        for bone, turn in _leg(standing, side, course.ankles[:, column] - hip, (thigh, shank), ahead).items():
            rotations[:, BONE_INDEX[bone]] = turn
        foot = Rotation.from_euler("y", out).as_matrix() @ _about_x(course.heels[:, column])
        rotations[:, BONE_INDEX[f"foot_{side}"]] = foot
        rotations[:, BONE_INDEX[f"toes_{side}"]] = Rotation.from_euler("y", out).as_matrix()
        for bone, turn in _arm(standing, side, lead, course.arms[:, column]).items():
            rotations[:, BONE_INDEX[bone]] = thorax @ turn
        rise = lead * 0.2 * np.maximum(course.arms[:, column, 0] - 0.5, 0)
        turn = Rotation.from_rotvec(np.outer(rise, _AHEAD)).as_matrix()
        rotations[:, BONE_INDEX[f"clavicle_{side}"]] = thorax @ turn
    # only the pelvis's path is used when a body is driven; the other bones keep their distances from it
    rest = standing.origins[:1] - standing.origins[:1, :1]
    return replace(standing, times=times, rotations=rotations, origins=middle[:, None] + rest)


def _height(course: _Course, reach: float, pelvis: FloatArray, hips: FloatArray) -> FloatArray:
    """(T,) metres of the hip joints above the ankles: the greatest height that both legs allow, less the drop."""
    limits = []
    for column in range(2):
        offset = pelvis @ hips[column]
        across = course.ankles[:, column] - offset - course.shift[:, None] * _AHEAD
        room = np.sqrt(np.maximum((_REACH * reach) ** 2 - across[:, 0] ** 2 - across[:, 2] ** 2, 0.01))
        limits.append(course.ankles[:, column, 1] + room - offset[:, 1])
    return np.asarray(np.min(limits, axis=0) - course.drop)


def _leg(
    standing: BoneMotion, side: str, span: FloatArray, lengths: tuple[float, float], ahead: FloatArray
) -> dict[str, FloatArray]:
    """Rotations (T, 3, 3) of thigh and shank from hip to ankle, `span` (T, 3) apart, the knee pointing `ahead`."""
    thigh, shank = lengths
    distance = np.clip(np.linalg.norm(span, axis=1), abs(thigh - shank) + 0.05, _REACH * (thigh + shank))[:, None]
    along = span / np.linalg.norm(span, axis=1, keepdims=True)
    first = (thigh**2 - shank**2 + distance**2) / (2 * distance)
    bow = np.sqrt(np.maximum(thigh**2 - first**2, 0))
    front = ahead - along * (along @ ahead)[:, None]
    front /= np.linalg.norm(front, axis=1, keepdims=True)
    knee = first * along + bow * front
    axis = np.cross(-along, front)
    parts = {f"femur_{side}": knee, f"tibia_{side}": distance * along - knee}
    across = np.array([1.0, 0.0, 0.0])
    return {
        bone: _frame(way, axis) @ _frame(standing.rest.directions[bone][None], across[None]).swapaxes(1, 2)
        for bone, way in parts.items()
    }


def _arm(standing: BoneMotion, side: str, lead: float, angles: FloatArray) -> dict[str, FloatArray]:
    """Rotations (T, 3, 3) of upper arm, forearm and hand relative to the thorax."""
    elevation, plane, turn, bend = angles.T
    hinge = Rotation.from_rotvec(np.outer(lead * turn, _UP)).apply([-1.0, 0.0, 0.0])
    axis = np.stack([-np.sin(plane), 0 * plane, lead * np.cos(plane)], axis=1)
    lift = Rotation.from_rotvec(axis * elevation[:, None])
    upper, hinge = lift.apply(-_UP), lift.apply(hinge)
    lower = Rotation.from_rotvec(hinge * np.clip(bend, 0, 2.5)[:, None]).apply(upper)
    rest = standing.rest

    def turned(bone: str, way: FloatArray, second: FloatArray) -> FloatArray:
        own = _frame(rest.directions[bone][None], rest.seconds[bone][None])
        return np.asarray(_frame(way, second) @ own.swapaxes(1, 2))

    thumb = np.cross(hinge, lower)
    return {
        f"humerus_{side}": turned(f"humerus_{side}", upper, hinge),
        f"forearm_{side}": turned(f"forearm_{side}", lower, hinge),
        f"hand_{side}": turned(f"hand_{side}", lower, thumb),
    }


def _tilt(standing: BoneMotion) -> float:
    """Radians of anterior pelvic tilt, mean over time."""
    forward = standing.rotations[:, BONE_INDEX["pelvis"], :, 2]
    return float(np.arcsin(-forward[:, 1]).mean())


def _hips(standing: BoneMotion) -> FloatArray:
    """(2, 3) metres: the hip joints, left and right, from their middle, in the pelvis's axes."""
    joints = standing.origins[0, [BONE_INDEX["femur_l"], BONE_INDEX["femur_r"]]]
    return np.asarray((joints - joints.mean(axis=0)) @ standing.rotations[0, BONE_INDEX["pelvis"]])


def _lengths(standing: BoneMotion) -> tuple[float, float]:
    """Metres of thigh and shank, means of both sides."""
    chains = (("femur", "tibia"), ("tibia", "foot"))
    start, end = ([BONE_INDEX[f"{pair[i]}_{side}"] for pair in chains for side in "lr"] for i in (0, 1))
    thigh, shank = np.linalg.norm(standing.origins[0, end] - standing.origins[0, start], axis=1).reshape(2, 2).mean(1)
    return float(thigh), float(shank)


def _about_x(angle: FloatArray) -> FloatArray:
    """(T, 3, 3): leaning forward by (T,) radians."""
    return np.asarray(Rotation.from_rotvec(np.outer(angle, [1.0, 0.0, 0.0])).as_matrix())


def _frame(direction: FloatArray, second: FloatArray) -> FloatArray:
    """(T, 3, 3) columns: the direction, the second vector made square to it, and their normal."""
    first = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    square = second - first * (first * second).sum(axis=1, keepdims=True)
    square = square / np.linalg.norm(square, axis=1, keepdims=True)
    return np.stack([first, square, np.cross(first, square)], axis=-1)
