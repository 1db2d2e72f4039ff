"""A person with known segment lengths who stands, squats or walks, and a tilted camera with a detector's errors.

The world is right-handed with Y up and the floor at Y = 0; a person who faces +Z faces a camera with azimuth 0.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS
from services.refiner.depth.camera import person_in_camera
from services.refiner.vectors import part

STATURE = 1.75
FPS = 30.0
TRUNK, THIGH, SHANK = (STATURE * share for share in (0.2916, 0.2275, 0.2493))
ANKLE_HEIGHT = 0.07
UPPER_ARM, FOREARM = 0.29, 0.26
HIP_HALF, SHOULDER_HALF = 0.085, 0.18
HEEL = np.array([0.0, -0.05, -0.04])
TOE = np.array([0.0, -0.05, 0.19])
"""Relative to the ankle, in the foot's axes: right is -X when facing +Z, so these hold for both feet."""

FACE = {
    "nose": (0.0, -0.01, 0.11),
    "eye_inner": (0.018, 0.03, 0.082),
    "eye": (0.032, 0.03, 0.078),
    "eye_outer": (0.045, 0.03, 0.07),
    "ear": (0.075, 0.0, 0.0),
    "mouth": (0.025, -0.045, 0.08),
}
"""Relative to the midpoint of the ears: lateral, upward, forward."""


@dataclass(frozen=True)
class Camera:
    """Tilt and noise. Angles in degrees: pitch positive looking down, roll positive turning the camera anticlockwise,
    so that upright objects are inclined to the right in the image."""

    pitch: float = 0.0
    roll: float = 0.0
    azimuth: float = 0.0
    distance: float = 4.0
    focal: float = 0.85
    size: tuple[int, int] = (1920, 1080)
    noise: float = 0.0
    """Metres, sd in x and y, plus a constant error of half that sd; twice as much in depth. Correlated over 0.3 s."""

    def axes(self) -> FloatArray:
        """(3, 3) from world to camera (x right, y down, z away)."""
        tilt = Rotation.from_euler("xz", [self.pitch, self.roll], degrees=True).as_matrix()
        azimuth = Rotation.from_euler("y", -self.azimuth, degrees=True).as_matrix()
        return np.asarray(tilt @ np.diag([1.0, -1.0, -1.0]) @ azimuth)

    def up(self) -> FloatArray:
        """(3,) the world's up in the camera's frame."""
        return self.axes()[:, 1]


def clock(seconds: float, fps: float = FPS) -> FloatArray:
    return np.arange(round(seconds * fps)) / fps


def standing(times: FloatArray) -> FloatArray:
    """(T, 33, 3) quiet standing, facing +Z."""
    still = np.zeros(len(times))
    return _body(_pelvis(still, ahead=0.05), _feet(still, still, still, still))


def squatting(times: FloatArray, period: float = 2.0) -> FloatArray:
    """(T, 33, 3) squats down to thighs 60° from vertical; pelvis back, trunk forward, balanced over the feet."""
    depth = (1 - np.cos(2 * np.pi * times / period)) / 2
    still = np.zeros(len(times))
    pelvis = _pelvis(still, ahead=0.05)
    pelvis[:, 1] -= 0.35 * depth
    pelvis[:, 2] -= 0.18 * depth
    return _body(pelvis, _feet(still, still, still, still), lean=np.radians(40) * depth)


def walking(times: FloatArray, speed: float = 1.2, stride: float = 1.1) -> FloatArray:
    """(T, 33, 3) level walking towards +Z: 60 % stance and 40 % swing for each foot."""
    ahead, lift = zip(*(_step(times / stride + half, speed * stride) for half in (0.0, 0.5)), strict=True)
    right = ahead[0]
    left = ahead[1] - 0.5 * speed * stride
    pelvis = _pelvis(speed * times - 0.3 * speed * stride, ahead=0.05)
    pelvis[:, 1] -= 0.06
    swing = 0.35 * np.sin(2 * np.pi * times / stride)
    return _body(pelvis, _feet(left, right, lift[1], lift[0]), arms=np.stack([swing, -swing], axis=1))


def on_one_leg(times: FloatArray) -> FloatArray:
    """(T, 33, 3) standing on the left leg, the right foot raised forward; the body over the left foot."""
    still = np.zeros(len(times))
    pelvis = _pelvis(still, ahead=0.05)
    pelvis[:, 0] += HIP_HALF - 0.02
    return _body(pelvis, _feet(still, still + 0.35, still, still + 0.3))


def turned(points: FloatArray, degrees: float) -> FloatArray:
    """The motion rotated about a vertical axis."""
    return np.asarray(points @ Rotation.from_euler("y", degrees, degrees=True).as_matrix().T)


def recorded(times: FloatArray, points: FloatArray, camera: Camera, seed: int = 0) -> Landmarks:
    """A detector's image and world landmarks, the latter in the axes of a camera directed at the hips."""
    random = np.random.default_rng(seed)
    hips = points[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1)
    in_camera = (points - hips.mean(axis=0)) @ camera.axes().T + [0, 0, camera.distance]
    hips = in_camera[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1)
    world = np.stack([_look_at(hip).apply(frame - hip) for hip, frame in zip(hips, in_camera, strict=True)])
    world += _errors(random, times, camera.noise)
    world -= world[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1, keepdims=True)
    focal = camera.focal * max(camera.size)
    image = in_camera[..., :2] / in_camera[..., 2:] * focal + np.array(camera.size) / 2
    image += random.normal(0, 40 * camera.noise, image.shape)
    return Landmarks(times, image, world, np.ones(image.shape[:2]), camera.size)


def in_front(landmarks: Landmarks, scale: float) -> FloatArray:
    """(T, 33, 3) all landmarks in the camera frame."""
    return person_in_camera(landmarks.times, partial(part, landmarks), scale)(slice(None))


def occluded(landmarks: Landmarks, names: tuple[str, ...], frames: slice) -> Landmarks:
    """The landmarks with some of them occluded in some frames."""
    visibility = landmarks.visibility.copy()
    for name in names:
        visibility[frames, LANDMARK_INDEX[name]] = 0.05
    return replace(landmarks, visibility=visibility)


def undetected(landmarks: Landmarks, frames: slice) -> Landmarks:
    """The landmarks without a detected person in some frames."""
    image, world, visibility = landmarks.pixels.copy(), landmarks.world.copy(), landmarks.visibility.copy()
    image[frames], world[frames], visibility[frames] = np.nan, np.nan, 0
    return replace(landmarks, pixels=image, world=world, visibility=visibility)


def _look_at(hip: FloatArray) -> Rotation:
    """From the camera's axes to those of a camera directed at the hip."""
    ray = hip / np.linalg.norm(hip)
    axis = np.cross(ray, [0, 0, 1])
    return Rotation.from_rotvec(axis / max(np.linalg.norm(axis), 1e-12) * np.arccos(np.clip(ray[2], -1, 1)))


def _errors(random: np.random.Generator, times: FloatArray, noise: float) -> FloatArray:
    """(T, 33, 3) metres: first-order autoregressive over 0.3 s, and constant for the clip."""
    keep = np.exp(-np.median(np.diff(times)) / 0.3)
    drift = random.normal(size=(len(times), len(LANDMARKS), 3))
    for frame in range(1, len(times)):
        drift[frame] = keep * drift[frame - 1] + np.sqrt(1 - keep**2) * drift[frame]
    constant = random.normal(size=(len(LANDMARKS), 3))
    return np.asarray(noise * (drift + 0.5 * constant) * [1, 1, 2])


def _step(phase: FloatArray, length: float) -> tuple[FloatArray, FloatArray]:
    """Foot forward position and lift at a stride phase (1 = a stride); standing from 0 to 0.6."""
    whole, part = np.divmod(phase, 1)
    swing = np.clip((part - 0.6) / 0.4, 0, 1)
    return length * (whole + (1 - np.cos(np.pi * swing)) / 2), 0.12 * np.sin(np.pi * swing)


def _pelvis(forward: FloatArray, ahead: float) -> FloatArray:
    """(T, 3) midpoint of the hips, `ahead` of the ankles so that the body's weight is over the feet."""
    height = ANKLE_HEIGHT + 0.995 * (THIGH + SHANK)
    return np.stack([np.zeros_like(forward), np.full_like(forward, height), forward + ahead], axis=1)


def _feet(left: FloatArray, right: FloatArray, left_lift: FloatArray, right_lift: FloatArray) -> FloatArray:
    """(T, 2, 3) ankles, left then right."""
    ankles = [
        np.stack([np.full_like(ahead, side * HIP_HALF), ANKLE_HEIGHT + lift, ahead], axis=1)
        for side, ahead, lift in ((1, left, left_lift), (-1, right, right_lift))
    ]
    return np.stack(ankles, axis=1)


def _body(
    pelvis: FloatArray, ankles: FloatArray, lean: FloatArray | None = None, arms: FloatArray | None = None
) -> FloatArray:
    """All 33 landmarks of a person who faces +Z: left is +X."""
    frames = len(pelvis)
    lean = np.zeros(frames) if lean is None else lean
    arms = np.zeros((frames, 2)) if arms is None else arms
    points = np.full((frames, len(LANDMARKS), 3), np.nan)
    upward = np.stack([np.zeros(frames), np.cos(lean), np.sin(lean)], axis=1)
    forward = np.stack([np.zeros(frames), -np.sin(lean), np.cos(lean)], axis=1)
    neck = pelvis + TRUNK * upward
    _put_head(points, neck + 0.14 * upward, upward, forward)
    for index, (side, sign) in enumerate((("left", 1.0), ("right", -1.0))):
        across = sign * np.array([1.0, 0, 0])
        _put_leg(points, side, pelvis + HIP_HALF * across, ankles[:, index])
        _put_arm(points, side, neck + SHOULDER_HALF * across, arms[:, index])
    assert np.isfinite(points).all()
    return points


def _put(points: FloatArray, name: str, where: FloatArray) -> None:
    points[:, LANDMARK_INDEX[name]] = where


def _put_head(points: FloatArray, ears: FloatArray, upward: FloatArray, forward: FloatArray) -> None:
    for name, (across, up, ahead) in FACE.items():
        for side, sign in (("left", 1.0), ("right", -1.0)):
            landmark = {"nose": "nose", "mouth": f"mouth_{side}"}.get(name, f"{side}_{name}")
            _put(points, landmark, ears + up * upward + ahead * forward + [sign * across, 0, 0])


def _put_leg(points: FloatArray, side: str, hip: FloatArray, ankle: FloatArray) -> None:
    """Hip, a knee that bends forward, ankle and a foot level with the ground."""
    reach = ankle - hip
    distance = np.minimum(np.linalg.norm(reach, axis=1), 0.9999 * (THIGH + SHANK))
    along = (THIGH**2 - SHANK**2 + distance**2) / (2 * distance)
    down = reach / np.linalg.norm(reach, axis=1, keepdims=True)
    ahead = np.array([0, 0, 1.0]) - down[:, 2:] * down
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    knee = hip + along[:, None] * down + np.sqrt(np.maximum(THIGH**2 - along**2, 0))[:, None] * ahead
    for name, where in (
        ("hip", hip),
        ("knee", knee),
        ("ankle", ankle),
        ("heel", ankle + HEEL),
        ("foot_index", ankle + TOE),
    ):
        _put(points, f"{side}_{name}", where)


def _put_arm(points: FloatArray, side: str, shoulder: FloatArray, swing: FloatArray) -> None:
    """An arm that hangs, swung forward by an angle (rad), the elbow slightly bent."""
    upper = np.stack([np.zeros_like(swing), -np.cos(swing), np.sin(swing)], axis=1)
    lower = np.stack([np.zeros_like(swing), -np.cos(swing + 0.3), np.sin(swing + 0.3)], axis=1)
    elbow = shoulder + UPPER_ARM * upper
    wrist = elbow + FOREARM * lower
    for name, where in (("shoulder", shoulder), ("elbow", elbow), ("wrist", wrist)):
        _put(points, f"{side}_{name}", where)
    for finger in ("pinky", "index", "thumb"):
        _put(points, f"{side}_{finger}", wrist + 0.08 * lower)
