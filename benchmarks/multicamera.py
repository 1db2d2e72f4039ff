"""What really happened, from several calibrated cameras: what the detector saw in each of them, triangulated.

A detector takes left for right and errs by itself in each image. So, frame by frame, every camera may have its left
and right swapped (the swap that makes the cameras agree best is taken), and for every landmark one camera may be
left out (the one without which the others agree, where they do not all). Nothing is judged by anything but the distance
between a detection and the point projected back into its image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARKS, mirrored

OUTLIER_PX: Final = 20.0
"""Where some camera's detection lies farther than this from the point of all of them, one camera may be left out: twice
what they agree to otherwise (about 10 pixels in the balancing clip, where the man is 750 pixels tall)."""

_LEAST_CAMERAS: Final = 3
"""That stay when one is left out: two agree on nearly anything."""

_MIRROR: Final = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]
_ROUNDS: Final = 3
"""Of weighting the equations by distance, so that what is least is pixels; the third changes less than 0.1 mm."""

_TURNED_OVER: Final = np.diag([1.0, -1.0, -1.0])
_SUBPIXELS: Final = 64.0


@dataclass(frozen=True, eq=False)
class CalibratedCamera:
    """A camera whose place and lens are known.

    matrix (3, 3) of its lens, pixels; distortion (4,) k1, k2, p1, p2 as OpenCV has them. A point p (3,) of the world,
    metres, is at rotation @ p + shift in the camera's axes (x right, y down, z away).
    """

    name: str
    matrix: FloatArray
    distortion: FloatArray
    rotation: FloatArray
    shift: FloatArray

    @property
    def projection(self) -> FloatArray:
        """(3, 4) from homogeneous points of the world to homogeneous pixels of a lens that distorts nothing."""
        return np.asarray(self.matrix @ np.column_stack([self.rotation, self.shift]))

    @property
    def centre(self) -> FloatArray:
        """(3,) metres: where it stands in the world."""
        return np.asarray(-self.rotation.T @ self.shift)

    def straightened(self, image: FloatArray) -> FloatArray:
        """(..., 2) pixels as a lens that distorts nothing would show them, from pixels of the image; NaN stays."""
        points = np.nan_to_num(image).reshape(-1, 1, 2)
        flat = cv2.undistortPoints(points, self.matrix, self.distortion, P=self.matrix).reshape(image.shape)
        return np.where(np.isfinite(image), flat, np.nan)


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Landmarks in the world of the calibration.

    points    (T, 33, 3) metres; NaN where fewer than two cameras saw a person.
    swapped   (C, T) whether a camera had left and right swapped.
    used      (C, T, 33) whether a camera's detection counted.
    error_px  (C, T, 33) pixels between what a camera detected (swaps corrected) and the point projected back.
    """

    points: FloatArray
    swapped: NDArray[np.bool_]
    used: NDArray[np.bool_]
    error_px: FloatArray


def read_qualisys(path: Path) -> list[CalibratedCamera]:
    """The cameras of a Qualisys calibration (`*.qca.txt`: lens in 64ths of a pixel, places in mm); world Z up, metres.

    Raises InvalidMotion where the file is not one.
    """
    try:
        cameras = [_qualisys_camera(element) for element in ElementTree.parse(path).iter("camera")]
    except (ElementTree.ParseError, KeyError, ValueError, OSError) as error:
        raise InvalidMotion(f"{path.name} is not a Qualisys calibration: {error}.") from None
    if len(cameras) < 2:
        raise InvalidMotion(f"{path.name} holds {len(cameras)} cameras; two at least are needed to triangulate.")
    return cameras


def triangulate(cameras: Sequence[CalibratedCamera], images: FloatArray) -> Triangulation:
    """Landmarks in the world from what every camera detected: images (C, T, 33, 2) pixels, NaN where no person was."""
    seen = np.stack([camera.straightened(image) for camera, image in zip(cameras, images, strict=True)])
    swapped = find_swaps(cameras, seen)
    corrected = np.where(swapped[..., None, None], seen[:, :, _MIRROR], seen)
    points, used = _without_outliers(cameras, corrected)
    return Triangulation(points, swapped, used, distances(cameras, corrected, points))


def least_squares(
    cameras: Sequence[CalibratedCamera], seen: FloatArray, used: NDArray[np.bool_] | None = None
) -> FloatArray:
    """(T, N, 3) metres: the points nearest, in pixels, to what the used cameras (C, T, N) see, all where None.

    seen (C, T, N, 2) straightened pixels, NaN where not seen. NaN where fewer than two cameras are left.
    """
    there = np.asarray(np.isfinite(seen).all(axis=-1)) & (True if used is None else used)
    projections = np.stack([camera.projection for camera in cameras])[:, None, None]
    rows = np.nan_to_num(seen)[..., None] * projections[..., 2:, :] - projections[..., :2, :]
    depth = np.ones(there.shape)
    points = np.zeros((*there.shape[1:], 3))
    enough = there.sum(axis=0) >= 2
    for _ in range(_ROUNDS):
        weighted = rows * (there / depth)[..., None, None]
        normal = np.einsum("ctnri,ctnrj->tnij", weighted, weighted)
        normal[~enough] = np.eye(4)
        points = np.linalg.solve(normal[..., :3, :3], -normal[..., :3, 3:])[..., 0]
        depth = np.einsum("...i,...i->...", projections[..., 2, :3], points) + projections[..., 2, 3]
    return np.where(enough[..., None], points, np.nan)


def distances(cameras: Sequence[CalibratedCamera], seen: FloatArray, points: FloatArray) -> FloatArray:
    """(C, T, N) pixels between seen (C, T, N, 2) and points (T, N, 3) projected back."""
    projections = np.stack([camera.projection for camera in cameras])
    shown = np.einsum("cij,tnj->ctni", projections[..., :3], points) + projections[:, None, None, :, 3]
    return np.asarray(np.linalg.norm(shown[..., :2] / shown[..., 2:] - seen, axis=-1))


def find_swaps(cameras: Sequence[CalibratedCamera], seen: FloatArray) -> NDArray[np.bool_]:
    """(C, T) the swap of left and right in each camera that makes them agree; seen (C, T, 33, 2) straightened.

    Judged by the mean over the landmarks of the root mean square distance over the cameras. Mirroring all cameras
    changes no distance, so at most half of them are taken to be swapped, and fewer before more.
    """
    count = len(cameras)
    options = sorted((o for o in product((False, True), repeat=count) if 2 * sum(o) <= count), key=sum)
    cost = np.stack([_disagreement(cameras, seen, option) for option in options])
    return np.asarray(np.array(options)[np.argmin(cost.round(6), axis=0)].T)


def _disagreement(cameras: Sequence[CalibratedCamera], seen: FloatArray, option: tuple[bool, ...]) -> FloatArray:
    """(T,) pixels, with the cameras of the option swapped."""
    tried = np.where(np.array(option)[:, None, None, None], seen[:, :, _MIRROR], seen)
    square = distances(cameras, tried, least_squares(cameras, tried)) ** 2
    there = np.isfinite(square)
    mean = np.where(there, square, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.asarray(np.sqrt(mean).mean(axis=1))


def _without_outliers(cameras: Sequence[CalibratedCamera], seen: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Points (T, N, 3), and the detections (C, T, N) they follow: all, or all but the one that the rest contradicts."""
    there = np.asarray(np.isfinite(seen).all(axis=-1))
    used, points = there, least_squares(cameras, seen)
    worst = first = _worst(distances(cameras, seen, points), there)
    for index in range(len(cameras)):
        fewer = there.copy()
        fewer[index] = False
        other = least_squares(cameras, seen, fewer)
        left = _worst(distances(cameras, seen, other), fewer)
        better = (first > OUTLIER_PX) & (left < worst) & (fewer.sum(axis=0) >= _LEAST_CAMERAS)
        points, worst = np.where(better[..., None], other, points), np.where(better, left, worst)
        used = np.where(better, fewer, used)
    return points, used


def _worst(errors: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    """(T, N) pixels: the greatest distance among the cameras that count; 0 where none does."""
    return np.asarray(np.where(used & np.isfinite(errors), errors, 0.0).max(axis=0))


def _qualisys_camera(element: ElementTree.Element) -> CalibratedCamera:
    place, lens = (_numbers(element.find(part)) for part in ("transform", "intrinsic"))
    turn = np.array([[place[f"r{row}{column}"] for column in "123"] for row in "123"])
    position = np.array([place[axis] for axis in "xyz"]) / 1000
    matrix = np.eye(3)
    matrix[[0, 1], [0, 1]] = lens["focalLengthU"] / _SUBPIXELS, lens["focalLengthV"] / _SUBPIXELS
    matrix[[0, 1], [2, 2]] = lens["centerPointU"] / _SUBPIXELS, lens["centerPointV"] / _SUBPIXELS
    keys = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
    return CalibratedCamera(
        name=element.attrib["serial"],
        matrix=matrix,
        distortion=np.array([lens[key] for key in keys]),
        rotation=_TURNED_OVER @ turn,
        shift=-_TURNED_OVER @ turn @ position,
    )


def _numbers(element: ElementTree.Element | None) -> dict[str, float]:
    if element is None:
        raise ValueError("a camera has no transform or no intrinsic")
    return {key: float(value) for key, value in element.attrib.items()}
