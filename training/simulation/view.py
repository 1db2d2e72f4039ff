"""Ground truth of a person in the camera's view and the detector's output, in the same units.

Lengths are body heights, from the true middle of the hips, in camera axes (x right, y down, z away): people of all
sizes, near or far, become alike, and so do the detector's errors.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import ALL_MARKERS, LANDMARKS, MARKER_INDEX, mirrored
from training.data.pairs import Pair
from training.scene.camera import Camera

_NEAREST: Final = {
    "shoulder": "Shoulder",
    "elbow": "Elbow",
    "hip": "Hip",
    "knee": "Knee",
    "ankle": "Ankle",
    "heel": "Heel",
    "foot_index": "BigToe",
    "ear": "Head",
} | dict.fromkeys(("wrist", "pinky", "index", "thumb"), "Wrist")


def _nearest_marker(landmark: str) -> int:
    side, _, part = landmark.partition("_")
    marker = _NEAREST.get(part, "Nose")
    return MARKER_INDEX[marker if marker in ("Nose", "Head") else side[0].upper() + marker]


NEAREST: Final = np.array([_nearest_marker(name) for name in LANDMARKS])
"""(33,) the marker that is at or near each landmark. Those of the face lie near the nose, the ears near the head."""

MIRRORED_LANDMARKS: Final = np.array([LANDMARKS.index(mirrored(name)) for name in LANDMARKS])
_MIRRORED_MARKERS: Final = [ALL_MARKERS.index(mirrored(name)) for name in ALL_MARKERS]
_LEFT_HIP, _RIGHT_HIP = MARKER_INDEX["LHip"], MARKER_INDEX["RHip"]

FLIP: Final = np.array([-1.0, 1.0, 1.0, -1.0, 1.0])
"""Effect of mirroring on the five coordinates of `Detection.places`."""


@dataclass(frozen=True, eq=False)
class View:
    """The ground truth as seen by one camera.

    times   (T,) seconds.
    pose    (T, 65, 3) body heights: ALL_MARKERS from the middle of the hips, in camera axes.
    middle  (T, 3) metres: the middle of the hips, from the camera, in its axes.
    focal   pixels. size: width and height of the image in pixels. height: metres of the person, standing.
    """

    times: FloatArray
    pose: FloatArray
    middle: FloatArray
    focal: float
    size: tuple[int, int]
    height: float

    def in_plane(self, image: FloatArray) -> FloatArray:
        """(T, 33, 2) body heights from the middle of the hips: pixels (T, 33, 2), as if each landmark were as far
        from the camera as its nearest marker."""
        depth = self._depth()
        offset = (image - np.array(self.size) / 2) * depth[..., None] / self.focal - self.middle[:, None, :2]
        return np.asarray(offset / self.height)

    def in_image(self, plane: FloatArray) -> FloatArray:
        """(T, 33, 2) pixels: the inverse of `in_plane`."""
        offset = plane * self.height + self.middle[:, None, :2]
        return np.asarray(offset * self.focal / self._depth()[..., None] + np.array(self.size) / 2)

    def side(self) -> FloatArray:
        """(T, 2) cosine and sine of how far the pelvis is turned from facing the camera, positive where its right side
        is seen."""
        across = self.pose[:, _LEFT_HIP] - self.pose[:, _RIGHT_HIP]
        return np.asarray(across[:, [0, 2]] / np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-9)[:, None])

    def _depth(self) -> FloatArray:
        """(T, 33) metres from the camera's plane to the marker nearest to each landmark; never behind the camera."""
        return np.maximum(self.pose[:, NEAREST, 2] * self.height + self.middle[:, None, 2], 0.1)


@dataclass(frozen=True, eq=False)
class Detection:
    """The detector's output for a view.

    places      (T, 33, 5) body heights: x, y, z of its 3D from the middle of its own hips, then x, y in the image's
                plane from the middle of the true hips (`View.in_plane`). 0 where no person was found.
    visibility  (T, 33) in [0, 1].
    found       (T,) whether a person was found.
    """

    places: FloatArray
    visibility: FloatArray
    found: NDArray[np.bool_]


def view_of(markers: FloatArray, camera: Camera, times: FloatArray, height: float) -> View:
    """The view of markers (T, 65, 3) in the camera's world."""
    seen = camera.to_camera(markers)
    middle = seen[:, [_LEFT_HIP, _RIGHT_HIP]].mean(axis=1)
    return View(times, (seen - middle[:, None]) / height, middle, camera.focal, camera.size, height)


def of_pair(pair: Pair) -> tuple[View, Detection]:
    """Ground truth and detection of a pair."""
    view = view_of(pair.markers.positions, pair.camera, pair.landmarks.times, pair.height)
    return view, detection(view, pair.landmarks)


def detection(view: View, seen: Landmarks) -> Detection:
    """The detection in the units of the view."""
    places = np.concatenate([seen.world / view.height, view.in_plane(seen.pixels)], axis=-1)
    return Detection(np.nan_to_num(places), seen.visibility, seen.detected)


def landmarks(view: View, made: Detection) -> Landmarks:
    """The inverse of `detection`: the detector's output."""
    gap = np.where(made.found, 1.0, np.nan)[:, None, None]
    image = view.in_image(made.places[..., 3:]) * gap
    return Landmarks(view.times, image, made.places[..., :3] * view.height * gap, made.visibility, view.size)


def nearest(view: View) -> FloatArray:
    """(T, 33, 5) body heights: the places of a detector that would take the nearest markers for its landmarks."""
    return view.pose[:, NEAREST][..., [0, 1, 2, 0, 1]]


def mirrored_view(view: View) -> View:
    """The same seen in a mirror: left and right swapped."""
    flip = np.array([-1.0, 1.0, 1.0])
    return replace(view, pose=view.pose[:, _MIRRORED_MARKERS] * flip, middle=view.middle * flip)


def mirrored_detection(made: Detection) -> Detection:
    """The same in a mirror, each landmark under the name of its other side."""
    return Detection(made.places[:, MIRRORED_LANDMARKS] * FLIP, made.visibility[:, MIRRORED_LANDMARKS], made.found)
