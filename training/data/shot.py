"""Recording of a clip: camera position, tilt and shake, occluders, light."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from humanpose3d.motion import FloatArray
from training.data.posture import wander
from training.scene.backdrop import Backdrop, box, thing
from training.scene.camera import Camera, camera_angles, look
from training.scene.render import Light

FRAME_RATES: Final = tuple(Fraction(*rate) for rate in ((24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1)))
_SHAPES: Final = ((16, 9), (9, 16), (4, 3), (3, 4))
_SHORT_SIDES: Final = (360, 480, 720)
_LEAST_SHARE: Final = 0.35
"""Fraction of the image's height that a subject fills on average; if it would be smaller, the camera follows it."""

_GOLDEN: Final = 0.618033988749895


@dataclass(frozen=True)
class Shot:
    """Recording parameters, independent of the subject. Angles in radians.

    size (width, height) pixels; focal in units of the longer side; azimuth: from which side of the subject (0 in
    front, positive to the camera's right of it); pitch up positive; height: of the camera in metres, which then decides
    the pitch (0: the pitch decides the height); fill: share of the image that the subject's
    path takes; shift: of the subject from the middle of the image, in images; shake: radians; follows: whether
    the camera pans with the subject; occluders: boxes in the line of sight; shutter: fraction of a frame it is open (0:
    no blur); quality: of the compression (rate factor); softness: pixels of blur; grain: sensor noise in grey levels;
    exposure: mean grey level that the camera exposes for.
    """

    size: tuple[int, int]
    frame_rate: Fraction
    focal: float
    azimuth: float
    pitch: float
    roll: float
    height: float
    hung: bool
    fill: float
    shift: tuple[float, float]
    shake: float
    follows: bool
    occluders: int
    shutter: float
    quality: int
    softness: float
    grain: float
    exposure: float


def random_shot(rng: np.random.Generator, turn: int) -> Shot:
    """Random recording parameters. turn: a count; successive ones view from evenly spaced sides."""
    width, height = _SHAPES[rng.choice(4, p=[0.42, 0.42, 0.1, 0.06])]
    short = int(rng.choice(_SHORT_SIDES, p=[0.65, 0.28, 0.07]))
    scale = short / min(width, height)
    cropped = rng.random() < 0.08
    return Shot(
        size=(round(width * scale / 2) * 2, round(height * scale / 2) * 2),
        frame_rate=FRAME_RATES[rng.choice(6, p=[0.08, 0.14, 0.2, 0.28, 0.1, 0.2])],
        focal=_focal(rng),
        azimuth=float((turn * _GOLDEN % 1.0) * 2 * np.pi - np.pi),
        pitch=float(np.radians(rng.normal(0, 3) if rng.random() < 0.4 else rng.uniform(-20, 20))),
        roll=float(np.radians(rng.uniform(-10, 10) if rng.random() < 0.15 else rng.normal(0, 1.2))),
        height=0.0,
        hung=False,
        fill=float(rng.uniform(1.02, 1.3) if cropped else rng.uniform(0.45, 0.93)),
        shift=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        shake=float(np.radians(rng.exponential(0.35)) if rng.random() < 0.35 else 0.0),
        follows=bool(rng.random() < 0.2),
        occluders=int(rng.choice(3, p=[0.86, 0.11, 0.03])),
        shutter=float(rng.uniform(0.3, 0.8) if rng.random() < 0.12 else 0.0),
        quality=int(rng.integers(17, 32)),
        softness=float(rng.uniform(0.6, 1.3) if rng.random() < 0.3 else rng.uniform(0.4, 0.6)),
        grain=float(rng.exponential(2.5)),
        exposure=float(rng.uniform(75, 145)),
    )


def _focal(rng: np.random.Generator) -> float:
    """In units of the longer side: 85 % from a phone's wide camera to twice that, the others longer."""
    return float(np.exp(np.interp(rng.random(), [0.0, 0.85, 1.0], np.log([0.6, 1.2, 1.6]))))


def as_people_record(shot: Shot, rng: np.random.Generator) -> Shot:
    """Half of the shots frontal or oblique, from hip to head height; of the others a third at that height too.

    For training and validation; test clips keep to `random_shot`.
    """
    if rng.random() < 0.5:
        azimuth = float(np.radians(np.clip(rng.normal(0, 35), -90, 90)))
        return replace(shot, azimuth=azimuth, height=float(rng.uniform(0.75, 1.8)))
    return replace(shot, height=float(rng.uniform(0.75, 1.8))) if rng.random() < 1 / 3 else shot


def from_above(shot: Shot, rng: np.random.Generator) -> Shot:
    """Three in ten from a camera mounted or held high, looking down more steeply and rolled.

    For training only: evaluation uses `random_shot`.
    """
    if rng.random() > 0.3:
        return shot
    pitch, roll = rng.uniform([-38, -28], [-5, 28])
    return replace(shot, pitch=float(np.radians(pitch)), roll=float(np.radians(roll)), height=0.0, hung=True)


def place_camera(
    shot: Shot, rng: np.random.Generator, times: FloatArray, markers: FloatArray, heading: float, ceiling: float
) -> Camera:
    """Position the camera so that the subject's path (T, N, 3) fills the image as specified; tilt sets its height."""
    direction = heading + shot.azimuth
    low, high = markers.min(axis=(0, 1)), markers.max(axis=(0, 1))
    middle = (low + high) / 2
    away = np.array([np.sin(direction), 0.0, np.cos(direction)])
    beside = np.ptp(markers.mean(axis=1) @ np.array([away[2], 0.0, -away[0]]))
    follows = shot.follows or float(beside) > 2.5
    shown = markers - markers.mean(axis=1, keepdims=True) * [1, 0, 1] + middle * [1, 0, 1] if follows else markers
    nearest = max(
        1.2, float(((markers - middle) @ away).max()) + 0.9
    )  # a person walking towards the camera stops in front of it
    distance, pitch = max(4.0, nearest), shot.pitch
    for _ in range(6):  # apparent size is nearly inversely proportional to distance: a few iterations converge
        camera, pitch = _stand(shot, middle, direction, distance, pitch, ceiling)
        seen = camera.project(shown[:: max(1, len(shown) // 20)].reshape(1, -1, 3))[0]
        extent = np.nanmax(np.abs(seen - np.array(shot.size) / 2) * 2 / np.array(shot.size), axis=0)
        grow = float(np.clip(extent.max() / shot.fill, 0.5, 2.0))
        distance = float(np.clip(distance * grow, nearest, max(14.0, nearest)))
    camera, _ = _stand(shot, middle, direction, distance, pitch, ceiling)
    if not follows and np.nanmean(np.ptp(camera.project(markers)[..., 1], axis=1)) < _LEAST_SHARE * shot.size[1]:
        return place_camera(replace(shot, follows=True), rng, times, markers, heading, ceiling)
    return _moving(shot, rng, times, markers if follows else None, camera)


def _stand(
    shot: Shot, middle: FloatArray, direction: float, distance: float, pitch: float, ceiling: float
) -> tuple[Camera, float]:
    """One still frame: the subject's middle is in the middle of the image; the tilt is limited by floor and roof."""
    rise = shot.height or middle[1] - distance * np.tan(pitch)
    height = float(np.clip(rise, 0.15, np.inf if shot.hung else ceiling))
    pitch = float(np.arctan2(middle[1] - height, distance))
    centre = np.array([middle[0] + np.sin(direction) * distance, height, middle[2] + np.cos(direction) * distance])
    rotation = look(direction, pitch, shot.roll)[None]
    return Camera(shot.size, shot.focal * max(shot.size), rotation, centre[None]), pitch


def _moving(
    shot: Shot, rng: np.random.Generator, times: FloatArray, followed: FloatArray | None, still: Camera
) -> Camera:
    """Add off-centre framing, shake and panning to a still camera."""
    azimuth, pitch, roll = camera_angles(still.rotations)[0]
    angles = np.tile([azimuth, pitch, roll], (len(times), 1))
    room = np.clip(1 - shot.fill, 0, 0.5) / 2 * np.array(shot.size) / still.focal
    angles[:, :2] += room * shot.shift
    if followed is not None:
        away = followed.mean(axis=1) - still.centres[0]
        bearing = np.unwrap(np.arctan2(-away[:, 0], -away[:, 2]))
        angles[:, 0] += _lagging(bearing, times) - azimuth
    angles += wander(rng, times, 3, 0.25) * shot.shake
    centres = still.centres + wander(rng, times, 3, 0.4) * shot.shake * 1.5
    rotations = np.array([look(*row) for row in angles])
    return Camera(shot.size, still.focal, rotations, centres)


def _lagging(values: FloatArray, times: FloatArray) -> FloatArray:
    """Hand-held tracking: smoothed over about half a second."""
    return np.asarray(gaussian_filter1d(values, 0.5 / float(np.median(np.diff(times))), mode="nearest"))


def random_light(rng: np.random.Generator, indoors: bool) -> Light:
    """A lamp or the sun, and ambient light, warmer or cooler."""
    elevation, azimuth = rng.uniform(np.radians(35), np.radians(85)), rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(elevation), np.sin(azimuth) * np.cos(elevation)])
    hard = rng.uniform(0.15, 0.6) if indoors else rng.uniform(0.2, 1.1)
    warmth = rng.normal(0, 0.08)
    colour = np.array([1 + warmth, 1.0, 1 - warmth])
    return Light(direction, hard * colour, rng.uniform(0.3, 0.8) * colour[::-1], float(hard / (hard + 0.7)))


def without_obstacles(backdrop: Backdrop, camera: Camera, path: FloatArray) -> FloatArray:
    """The scene's triangles, without objects in the subject's path (T, 3) or in the line of sight."""
    start, end = camera.centres[0] * [1, 0, 1], path.mean(axis=0) * [1, 0, 1]
    span = end - start
    kept = [backdrop.vertices]
    for triangles in backdrop.clutter:
        centre = triangles[:, :3].mean(axis=0) * [1, 0, 1]
        radius = np.linalg.norm(triangles[:, [0, 2]] - centre[[0, 2]], axis=1).max()
        share = np.clip((centre - start) @ span / (span @ span), 0, 1)
        off_line = np.linalg.norm(centre - start - share * span)
        off_path = np.linalg.norm(path[:, [0, 2]] - centre[[0, 2]], axis=1).min()
        if off_line > radius + 0.9 and off_path > radius + 0.6:
            kept.append(triangles)
    return np.concatenate(kept)


def occluders(shot: Shot, rng: np.random.Generator, camera: Camera, path: FloatArray) -> FloatArray:
    """Boxes between the camera and the subject that occlude a leg, both shanks or one side."""
    parts = [np.zeros((0, 12))]
    start, end = camera.centres[0] * [1, 0, 1], path.mean(axis=0) * [1, 0, 1]
    span = end - start
    across = np.array([span[2], 0.0, -span[0]]) / np.linalg.norm(span)
    for _ in range(shot.occluders):
        place = start + span * rng.uniform(0.55, 0.8) + across * rng.uniform(-0.7, 0.7)
        tall = rng.random() < 0.3
        size = rng.uniform([0.05, 1.0, 0.05], [0.25, 2.2, 0.25]) if tall else rng.uniform(0.25, [1.2, 0.75, 0.6])
        parts.append(box(place, size, rng.uniform(0, np.pi), thing(rng), rng.uniform(0.5, 1.1, 3)))
    return np.concatenate(parts)
