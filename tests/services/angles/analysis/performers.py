"""Movements whose ground truth is known by construction: walking, squatting, jumping, standing up and sitting down.

Planar legs (thigh 0.42 m, shank 0.42 m, foot 0.2 m) below a pelvis 0.2 m wide; knees from two-link inverse kinematics.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly

from humanpose3d.motion import FloatArray, JointAngles, Markers
from humanpose3d.skeleton import JOINT_GROUP_INDEX

State = tuple[float, float, float]

THIGH, SHANK, FOOT, ANKLE_HEIGHT, TRUNK = 0.42, 0.42, 0.2, 0.08, 0.5
LEG = THIGH + SHANK


@dataclass(frozen=True)
class Performance:
    """Markers and angles, and the true event times: (side or "", kind) → seconds."""

    markers: Markers
    angles: JointAngles
    events: dict[tuple[str, str], list[float]]


def times_of(seconds: float, rate: float) -> FloatArray:
    return np.arange(round(seconds * rate)) / rate


def body(
    times: FloatArray,
    pelvis: FloatArray,
    heels: dict[str, FloatArray],
    pitches: dict[str, FloatArray],
    lean: FloatArray | float = 0.0,
    heading: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Markers, JointAngles]:
    """All markers, rotated to `heading`, from pelvis (T, 3), heels (T, 3) and pitch of the feet (T,), x forward.

    lean: radians of the trunk; heading: radians about the vertical; noise: metres, smoothed over a tenth of a second.
    """
    paths: dict[str, FloatArray] = {}
    values = np.zeros((len(times), len(JOINT_GROUP_INDEX), 3))
    for side, sign in (("R", 1.0), ("L", -1.0)):
        pitch = pitches[side]
        forward = np.column_stack([np.cos(pitch), np.sin(pitch), np.zeros_like(pitch)])
        upward = np.column_stack([-np.sin(pitch), np.cos(pitch), np.zeros_like(pitch)])
        hip = pelvis + [0, 0, 0.1 * sign]
        ankle = heels[side] + 0.05 * forward + ANKLE_HEIGHT * upward
        knee, bent, thigh = _knee(hip, ankle)
        paths |= {f"{side}Hip": hip, f"{side}Knee": knee, f"{side}Ankle": ankle, f"{side}Heel": heels[side]}
        paths[f"{side}BigToe"] = heels[side] + FOOT * forward
        paths[f"{side}SmallToe"] = paths[f"{side}BigToe"] + [-0.03, 0, 0.05 * sign]
        low = side.lower()
        values[:, JOINT_GROUP_INDEX[f"knee_{low}"], 0] = np.degrees(bent)
        values[:, JOINT_GROUP_INDEX[f"hip_{low}"], 0] = np.degrees(thigh + lean)
        values[:, JOINT_GROUP_INDEX[f"ankle_{low}"], 0] = np.degrees(pitch + bent - thigh)
    lean = np.broadcast_to(lean, times.shape)
    paths["Neck"] = pelvis + TRUNK * np.column_stack([np.sin(lean), np.cos(lean), np.zeros_like(lean)])
    positions = np.stack(list(paths.values()), axis=1) @ _about_y(heading).T
    if noise:
        positions = positions + noise * _wander(times, positions.shape, seed)
    return Markers(times, tuple(paths), positions), JointAngles(times, values)


def walking(
    seconds: float = 8.0,
    rate: float = 60.0,
    stride_s: float = 1.1,
    stride_m: float = 1.4,
    stance: float = 0.62,
    treadmill: bool = False,
    heading: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Performance:
    """Level walking at constant speed; the left foot half a stride behind the right."""
    times = times_of(seconds, rate)
    speed = stride_m / stride_s
    pelvis = np.column_stack([speed * times, 0.83 + 0.02 * np.cos(4 * np.pi * times / stride_s), np.zeros_like(times)])
    heels, pitches, events = {}, {}, {}
    for side, offset in (("R", 0.0), ("L", 0.5)):
        phase = times / stride_s - offset
        heels[side], pitches[side] = _walking_foot(phase, stride_m, stance, offset)
        heels[side][:, 2] = 0.07 if side == "R" else -0.07
        last = times[-1] / stride_s - offset
        cycle = np.arange(-1, int(last) + 1)
        name = "right" if side == "R" else "left"
        events[name, "heel_strike"] = _inside((cycle + offset) * stride_s, times)
        events[name, "toe_off"] = _inside((cycle + offset + stance) * stride_s, times)
    if treadmill:
        belt = np.column_stack([speed * times, np.zeros((len(times), 2))])
        pelvis, heels = pelvis - belt, {side: path - belt for side, path in heels.items()}
    markers, angles = body(times, pelvis, heels, pitches, heading=heading, noise=noise, seed=seed)
    return Performance(markers, angles, events)


def running(
    seconds: float = 6.0,
    rate: float = 120.0,
    stride_s: float = 0.7,
    speed: float = 3.0,
    contact_s: float = 0.25,
    strike_deg: float = 15.0,
) -> Performance:
    """Level running: a parabola in flight, half a period of a sine in contact; feet land with the toes up."""
    times = times_of(seconds, rate)
    flight = stride_s / 2 - contact_s
    part = times % (stride_s / 2)
    fall = 9.81 * flight / 2  # the speed with which the pelvis comes down
    down = -fall * contact_s / np.pi * np.sin(np.pi * part / contact_s)
    rise = fall * (part - contact_s) - 9.81 / 2 * (part - contact_s) ** 2
    height = 0.80 + np.where(part < contact_s, down, rise)
    pelvis = np.column_stack([speed * times, height, np.zeros_like(times)])
    heels, pitches, events = {}, {}, {}
    for side, name, offset in (("R", "right", 0.0), ("L", "left", 0.5)):
        cycle, inside = np.divmod(times / stride_s - offset, 1)
        stance = contact_s / stride_s
        swing = _smooth((inside - stance) / (1 - stance))
        start = (cycle + offset) * stride_s * speed + speed * contact_s / 2
        x = start + speed * stride_s * swing
        y = np.where(
            inside < stance, 0.0, 0.25 * np.sin(np.pi * np.clip((inside - stance) / (1 - stance), 0, 1)) ** 0.5
        )
        heels[side] = np.column_stack([x, y, np.full_like(x, 0.05 if side == "R" else -0.05)])
        landing = np.clip(1 - inside / (0.2 * stance), 0, 1)
        swung = np.clip((inside - stance) / (1 - stance), 0, 1)
        pitches[side] = np.radians(strike_deg) * np.where(inside < stance, landing, swung)
        first = np.arange(-1, int(times[-1] / stride_s) + 1) + offset
        events[name, "heel_strike"] = _inside(first * stride_s, times)
        events[name, "toe_off"] = _inside(first * stride_s + contact_s, times)
    markers, angles = body(times, pelvis, heels, pitches)
    return Performance(markers, angles, events)


def squatting(
    count: int = 5, depth: float = 0.35, rate: float = 60.0, noise: float = 0.0, partial: int = 0, seed: int = 0
) -> Performance:
    """Squats of 2 s with a second of standing between, the last `partial` of them to a third of the depth."""
    times = times_of(3.0 * count + 1.0, rate)
    depths = np.array([depth] * (count - partial) + [depth / 3] * partial)
    down = sum(d * _pulse(times, 1.0 + 3.0 * n, 2.0) for n, d in enumerate(depths))
    pelvis = np.column_stack([-0.3 * down, 0.9 - down, np.zeros_like(times)])
    markers, angles = body(times, pelvis, *_standing(times), lean=1.2 * np.asarray(down), noise=noise, seed=seed)
    return Performance(markers, angles, {("", "lowest"): [2.0 + 3.0 * n for n in range(count)]})


def standing_up(count: int = 5, rate: float = 60.0, noise: float = 0.0, seed: int = 0) -> Performance:
    """From a chair of 0.45 m to standing in a second, a second of standing, down in a second, a second of sitting."""
    times = times_of(4.0 * count + 1.0, rate)
    up = np.zeros_like(times)
    for n in range(count):
        start = 1.0 + 4.0 * n
        up += _ramp(times, start, 1.0) - _ramp(times, start + 2.0, 1.0)
    lean = 0.7 * sum(_pulse(times, 1.0 + 4.0 * n + at, 1.0) for n in range(count) for at in (0.0, 2.0))
    pelvis = np.column_stack([-0.42 * (1 - up), 0.5 + 0.4 * up, np.zeros_like(times)])
    markers, angles = body(times, pelvis, *_standing(times), lean=np.asarray(lean), noise=noise, seed=seed)
    return Performance(markers, angles, {("", "standing"): [2.0 + 4.0 * n for n in range(count)]})


def jumping(height: float = 0.3, rate: float = 60.0, noise: float = 0.0, seed: int = 0) -> Performance:
    """A countermovement jump: 1.5 s of standing, down in 0.5 s, up, flight, landing with bent knees.

    The higher the jump, the deeper the dip before it; the push-off takes 0.25 to 0.3 s.
    """
    times = times_of(4.0, rate)
    speed, dip = np.sqrt(2 * 9.81 * height), 0.12 + 0.55 * height
    push_s = 2.2 * dip / speed
    takeoff = 2.0 + push_s
    flight = 2 * speed / 9.81
    rise = _flown(times, takeoff, speed)
    down = np.where(times < 2.0, -dip * _ramp(times, 1.5, 0.5), 0.0)
    push = _between(times, 2.0, push_s, (-dip, 0.0, 0.0), (0.0, speed, -9.81))
    pelvis = np.column_stack(
        [np.zeros_like(times), 0.9 + down + push + rise + _landed(times, takeoff + flight, speed), 0 * times]
    )
    heels, pitches = _standing(times)
    heels = {side: path + np.column_stack([0 * rise, rise, 0 * rise]) for side, path in heels.items()}
    markers, angles = body(times, pelvis, heels, pitches, noise=noise, seed=seed)
    return Performance(markers, angles, {("", "take_off"): [takeoff], ("", "landing"): [takeoff + flight]})


def dropping(height: float = 0.3, contact_s: float = 0.25, rate: float = 120.0) -> Performance:
    """A drop jump: a step off a box of 0.3 m, contact, a jump of this height."""
    times = times_of(4.0, rate)
    box, fall = 0.3, np.sqrt(2 * 0.3 / 9.81)
    touchdown = 1.5 + fall
    takeoff, speed = touchdown + contact_s, np.sqrt(2 * 9.81 * height)
    flight = 2 * speed / 9.81
    above = np.where(times < 1.5, box, np.where(times < touchdown, box - 9.81 / 2 * (times - 1.5) ** 2, 0.0))
    above = above + _flown(times, takeoff, speed)
    contact = _between(times, touchdown, contact_s, (0.0, -9.81 * fall, -9.81), (0.0, speed, -9.81))
    pelvis = np.column_stack(
        [np.zeros_like(times), 0.9 + contact + above + _landed(times, takeoff + flight, speed), 0 * times]
    )
    heels, pitches = _standing(times)
    heels = {side: path + np.column_stack([0 * above, above, 0 * above]) for side, path in heels.items()}
    markers, angles = body(times, pelvis, heels, pitches)
    return Performance(markers, angles, {("", "take_off"): [takeoff], ("", "landing"): [takeoff + flight]})


def raising_an_arm(peak: float = 150.0, count: int = 3, rate: float = 30.0) -> Performance:
    """Abduction of the right arm, `count` times, standing still."""
    times = times_of(3.0 * count + 1.0, rate)
    markers, angles = body(times, np.tile([0, 0.9, 0], (len(times), 1)), *_standing(times))
    values = np.array(angles.values)
    group = JOINT_GROUP_INDEX["shoulder_r"]
    values[:, group, 1] = 10 + (peak - 10) * sum(_pulse(times, 1.0 + 3.0 * n, 2.0) for n in range(count))
    return Performance(markers, JointAngles(times, values), {("right", "peak"): [2.0 + 3.0 * n for n in range(count)]})


def _flown(times: FloatArray, takeoff: float, speed: float) -> FloatArray:
    """Height above that of take-off, in flight; otherwise 0."""
    since = times - takeoff
    return np.where((since > 0) & (since < 2 * speed / 9.81), speed * since - 9.81 / 2 * since**2, 0.0)


def _landed(times: FloatArray, landing: float, speed: float) -> FloatArray:
    """Bending of the knees from touch-down at this speed, and standing up again."""
    low = -0.06 - 0.06 * speed
    bend = _between(times, landing, 0.2, (0.0, -speed, -9.81), (low, 0.0, 0.0))
    return bend + np.where(times >= landing + 0.2, low * (1 - _ramp(times, landing + 0.3, 0.5)), 0.0)


def _between(times: FloatArray, start: float, seconds: float, first: State, last: State) -> FloatArray:
    """From one position, speed and acceleration to another in this time, smoothly; 0 before and after it."""
    path = BPoly.from_derivatives([0, seconds], [first, last])(np.clip(times - start, 0, seconds))
    return np.where((times >= start) & (times < start + seconds), path, 0.0)


def _standing(times: FloatArray) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    still = np.zeros_like(times)
    heels = {side: np.tile([-0.05, 0.0, z], (len(times), 1)) for side, z in (("R", 0.1), ("L", -0.1))}
    return heels, {"R": still, "L": still}


def _walking_foot(phase: FloatArray, stride: float, stance: float, offset: float) -> tuple[FloatArray, FloatArray]:
    """(T, 3) heel and (T,) pitch: flat, then turning over the toe, then swinging; strikes at whole phases."""
    cycle, part = np.floor(phase), phase - np.floor(phase)
    pitch = np.zeros_like(part)
    landing = part < 0.08
    pitch[landing] = 0.3 * (1 - part[landing] / 0.08)
    rolling = (part >= 0.6 * stance) & (part < stance)
    pitch[rolling] = -1.1 * ((part[rolling] - 0.6 * stance) / (0.4 * stance)) ** 2
    swinging = part >= stance
    swing = (part[swinging] - stance) / (1 - stance)
    pitch[swinging] = -1.1 + 1.4 * _smooth(swing)
    start = (cycle + offset) * stride + 0.28
    heel = np.zeros((len(part), 3))
    toe = start + FOOT
    heel[:, 0] = np.where(rolling, toe - FOOT * np.cos(pitch), start)
    heel[:, 1] = np.where(rolling, -FOOT * np.sin(pitch), 0.0)
    off = np.array([FOOT - FOOT * np.cos(-1.1), FOOT * np.sin(1.1)])
    leaving = FOOT * np.sin(1.1) * 2.2 / (0.4 * stance)  # metres per stride: as the heel rotates about the toes
    heel[swinging, 0] = (start[swinging] + off[0]) + _hermite(
        swing, stride - off[0], leaving * (1 - stance), 0.4 * stride * (1 - stance)
    )
    heel[swinging, 1] = off[1] * (1 - _smooth(swing)) + 0.03 * np.sin(np.pi * swing)
    return heel, pitch


def _knee(hip: FloatArray, ankle: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Knee position from two-link inverse kinematics, knee flexion and thigh elevation in radians."""
    line = ankle - hip
    reach = np.clip(np.linalg.norm(line[:, :2], axis=1), 0.2, LEG - 1e-6)
    inner = np.arccos((THIGH**2 + reach**2 - SHANK**2) / (2 * THIGH * reach))
    bent = np.pi - np.arccos(np.clip((THIGH**2 + SHANK**2 - reach**2) / (2 * THIGH * SHANK), -1, 1))
    thigh = np.arctan2(line[:, 0], -line[:, 1]) + inner
    return hip + THIGH * np.column_stack([np.sin(thigh), -np.cos(thigh), 0 * thigh]), bent, thigh


def _smooth(x: FloatArray) -> FloatArray:
    """Minimum jerk from 0 to 1 (Flash & Hogan 1985)."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def _hermite(x: FloatArray, way: float, first: float, last: float) -> FloatArray:
    """From 0 to `way` with these end speeds: a foot lands with about 0.4 of the walking speed."""
    return (x**3 - 2 * x**2 + x) * first + (3 * x**2 - 2 * x**3) * way + (x**3 - x**2) * last


def _ramp(times: FloatArray, start: float, seconds: float) -> FloatArray:
    return _smooth((times - start) / seconds)


def _pulse(times: FloatArray, start: float, seconds: float) -> FloatArray:
    return _ramp(times, start, seconds / 2) - _ramp(times, start + seconds / 2, seconds / 2)


def _inside(moments: Iterable[float], times: FloatArray) -> list[float]:
    return [float(moment) for moment in moments if times[0] + 0.15 < moment < times[-1] - 0.15]


def _about_y(angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _wander(times: FloatArray, shape: tuple[int, ...], seed: int) -> FloatArray:
    """Detector-like noise: unit standard deviation, correlated over about 0.1 s."""
    white = np.random.default_rng(seed).normal(size=shape)
    width = max(1, round(0.1 / float(np.median(np.diff(times)))))
    kernel = np.hanning(width + 2)[1:-1]
    smooth = np.apply_along_axis(np.convolve, 0, white, kernel / np.sqrt((kernel**2).sum()), mode="same")
    return np.asarray(smooth)
