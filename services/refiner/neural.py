"""The learned way from landmarks to markers: a network that has seen many people filmed, and knows where they were.

`models/depth_refiner.md` says what it was trained on and how far to trust it. It answers in an upright frame that looks
where the camera looks, from the middle of the hips, and mends exchanged sides, short feet and timid depth by itself.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from services.refiner.body import pair, unit
from services.refiner.camera import placed
from services.refiner.geometric import Reconstruct, Reconstruction, geometric, tilt_facts, tilt_warnings
from services.refiner.gravity import Gravity, world_axes
from services.refiner.ground import place
from services.refiner.markers import MARKER_LANDMARKS
from services.refiner.quality import number
from services.refiner.windows import WINDOW, blended, window_indices
from shared.contracts import Subject
from shared.motion import FloatArray, Landmarks
from shared.networks import WINDOWS_AT_ONCE, Refiner
from shared.skeleton import LANDMARK_INDEX, MARKER_INDEX, MARKERS

INPUTS: Final = ("image", "world", "visibility", "detected", "times", "size", "height")
OUTPUTS: Final = ("markers", "spread", "tilt", "tilt_spread", "bearing")

_FALLBACK_STEP_S: Final = 1 / 30
"""Between the frames of a clip that has only one."""


class Answer(NamedTuple):
    """What the network says of every frame, NaN where nobody was detected.

    markers (T, 22, 3) metres from the middle of the hips: x to the right of the picture, y up, z towards the camera;
    spread (T, 22) metres, tilt (T, 2) pitch (up) and roll (clockwise, from behind) of the camera in radians, and their
    standard deviations (T, 2).
    """

    markers: FloatArray
    spread: FloatArray
    tilt: FloatArray
    tilt_spread: FloatArray


def neural(network: Refiner) -> Reconstruct:
    """The reconstruction by this network; its initial markers are those of the geometric one."""

    def reconstruct(landmarks: Landmarks, subject: Subject, visibility_min: float) -> Reconstruction:
        base = geometric(landmarks, subject, visibility_min)
        answer = ask(network, landmarks, subject.height)
        gravity = _gravity(answer)
        return Reconstruction(
            initial=base.initial,
            markers=_in_world(landmarks, answer, gravity),
            facts=base.facts | tilt_facts(gravity, "from a network") | {"marker_sd_m": _mean_spread(answer.spread)},
            warnings=(*(w for w in base.warnings if not w.code.startswith("camera-tilt")), *tilt_warnings(gravity)),
            models=network.models,
            spread=answer.spread,
        )

    return reconstruct


def ask(network: Refiner, landmarks: Landmarks, height: float) -> Answer:
    """Ask the network about a whole clip, window by window.

    Where the landmarks have no picture (`image` all NaN) it answers from the 3D alone; then z need not point to any
    camera.
    """
    indices = window_indices(max(len(landmarks.times), WINDOW))
    parts = [network.run(feed) for feed in _feeds(landmarks, height, indices)]
    frames = int(indices.max()) + 1
    every = {name: blended(np.concatenate([part[name] for part in parts]), indices, frames) for name in OUTPUTS}
    seen = landmarks.detected
    own = {name: np.where(seen.reshape(-1, *[1] * (v.ndim - 1)), v[: len(seen)], np.nan) for name, v in every.items()}
    return Answer(_turned(own["markers"], own["bearing"]), own["spread"], own["tilt"], own["tilt_spread"])


def _feeds(landmarks: Landmarks, height: float, indices: NDArray[np.int64]) -> Iterator[dict[str, FloatArray]]:
    """The network's inputs for some windows after the other; a clip shorter than a window holds its last frame."""
    lack = max(WINDOW - len(landmarks.times), 0)
    detected = landmarks.detected.astype(float)
    times = landmarks.times - landmarks.times[0]
    step = float(np.median(np.diff(times))) if len(times) > 1 else _FALLBACK_STEP_S
    longer = {
        "image": np.nan_to_num(landmarks.image),
        "world": np.nan_to_num(landmarks.world),
        "visibility": landmarks.visibility,
        "detected": detected,
    }
    longer = {name: np.pad(v, [(0, lack), *[(0, 0)] * (v.ndim - 1)], mode="edge") for name, v in longer.items()}
    longer["times"] = np.append(times, times[-1] + step * np.arange(1, lack + 1))
    pictured = bool(np.isfinite(landmarks.image).any())
    size = np.array(landmarks.image_size, dtype=float) * pictured
    for first in range(0, len(indices), WINDOWS_AT_ONCE):
        rows = indices[first : first + WINDOWS_AT_ONCE]
        cut = {name: values[rows] for name, values in longer.items()}
        yield {**cut, "size": np.tile(size, (len(rows), 1)), "height": np.full(len(rows), height)}


def _turned(points: FloatArray, bearing: FloatArray) -> FloatArray:
    """Points (T, N, 3) of the vertical plane through camera and hips, seen by the camera, which looks `bearing` (T,)
    radians to the left of them."""
    c, s = np.cos(bearing)[:, None], np.sin(bearing)[:, None]
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([c * x - s * z, y, c * z + s * x], axis=-1)


def _gravity(answer: Answer) -> Gravity:
    """Up in the camera's frame, the mean over the clip: a camera on a stand, or one that sways about it."""
    pitch, roll = answer.tilt.T
    up = np.stack([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), np.sin(pitch)], axis=1)
    mean = unit(np.nanmean(up, axis=0))
    roll_deg, pitch_deg = np.degrees([np.arctan2(mean[0], -mean[1]), -np.arcsin(mean[2])])
    # the errors of neighbouring frames are one error: their mean is as uncertain as any of them
    sd = np.degrees(np.nanmean(answer.tilt_spread, axis=0))
    return Gravity(mean, float(pitch_deg), float(roll_deg), float(sd[0]), float(sd[1]), estimated=True)


def _in_world(landmarks: Landmarks, answer: Answer, gravity: Gravity) -> FloatArray:
    """(T, 22, 3) metres: the markers where the picture shows them, over a floor at Y = 0."""
    body = np.where(landmarks.detected[:, None, None], np.zeros((1, len(LANDMARK_INDEX), 3)), np.nan)
    body[:, _LANDMARKS] = answer.markers[:, _MARKERS] @ world_axes(gravity.up)
    standing = placed(landmarks, body)
    points = place(standing, gravity).to_world(standing)
    return np.asarray(pair(points, "hip").mean(axis=1)[:, None] + answer.markers - _mid_hip(answer.markers))


def _mean_spread(spread: FloatArray) -> dict[str, JsonValue]:
    """The standard deviation that the network states of each marker, its mean over the clip."""
    return {name: number(value) for name, value in zip(MARKERS, np.nanmean(spread, axis=0), strict=True)}


def _mid_hip(markers: FloatArray) -> FloatArray:
    return np.asarray(markers[:, [MARKER_INDEX["LHip"], MARKER_INDEX["RHip"]]].mean(axis=1, keepdims=True))


_MARKERS: Final = [MARKER_INDEX[marker] for marker in MARKER_LANDMARKS]
_LANDMARKS: Final = [LANDMARK_INDEX[landmark] for landmark in MARKER_LANDMARKS.values()]
