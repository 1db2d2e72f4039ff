"""The landmarks of the person in a region of an image: MediaPipe's landmark network, run by ONNX Runtime.

The network returns each landmark twice: as coordinates, and as a heat map that refines the coordinates. Its errors on
the mirrored region differ from those on the region, so the mean of both is more accurate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.options import PoseModel
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from services.detector.pose.roi import Region
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes
from shared.inference import session

SIDE: Final = 256
"""Input size of the network, pixels."""

POINTS: Final = 39
"""The 33 landmarks, the centre and the top of the next region, and four that are unused."""

REACH: Final = 3
"""Heat-map cells used on each side of a point: MediaPipe's kernel of 7."""

MIN_HEAT: Final = 0.5
"""Minimum peak of those cells; below it the regressed coordinates are kept."""

_OTHER_SIDE: Final = [*(LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS), *range(len(LANDMARKS), POINTS)]


@dataclass(frozen=True, eq=False)
class Body:
    """The person found in a region of an image.

    pixels      (33, 2) pixels of the image, x right, y down.
    world       (33, 3) metres, origin between the hips, x right, y down, z away from the camera.
    visibility  (33,) in [0, 1].
    presence    confidence that there is a person, in [0, 1].
    region      where to look for the person next.
    """

    pixels: FloatArray
    world: FloatArray
    visibility: FloatArray
    presence: float
    region: Region


def network_of(pose_model: PoseModel) -> str:
    """The name of its network: `accurate` evaluates `heavy` twice."""
    return "heavy" if pose_model == "accurate" else pose_model


class _Found(NamedTuple):
    """In the upright regions: points (n, 39, 2) in sides of the region, world (n, 33, 3), visibility (n, 33),
    presence (n,)."""

    points: FloatArray
    world: FloatArray
    visibility: FloatArray
    presence: FloatArray


class BodyNetwork:
    """Finds the landmarks in several regions at once; stateless.

    both_ways  average the results with those of the mirrored regions, at twice the time.
    """

    def __init__(self, model: Path, threads: int | None = None, *, both_ways: bool = False) -> None:
        self._network = session(model) if threads is None else session(model, threads)
        self._both_ways = both_ways

    def find(self, images: Sequence[Planes], regions: Sequence[Region]) -> list[Body]:
        """The body in each image's region, whether or not there is one: see `Body.presence`."""
        crops = np.stack(
            [region.crop(image, SIDE, cv2.BORDER_REPLICATE) for image, region in zip(images, regions, strict=True)]
        )
        if self._both_ways:
            found = _mean_of_both(self._found(np.concatenate([crops, crops[:, :, ::-1]])))
        else:
            found = self._found(crops)
        return [_body(*parts) for parts in zip(regions, *found, strict=True)]

    def _found(self, crops: Image) -> _Found:
        outputs = self._network.run(["landmarks", "heatmap", "world", "presence"], {"image": crops})
        numbers, world, presence = (outputs[index].astype(np.float64) for index in (0, 2, 3))
        numbers = numbers.reshape(len(crops), POINTS, 5)
        return _Found(
            points=refined(numbers[..., :2] / SIDE, outputs[1]),
            world=world.reshape(len(crops), POINTS, 3)[:, : len(LANDMARKS)],
            visibility=_sigmoid(numbers[:, : len(LANDMARKS), 3]),
            presence=presence[:, 0],
        )


def _mean_of_both(found: _Found) -> _Found:
    """The mean of the first half, and of the second, which was found in the mirror images of the same regions."""
    plain, mirror = (_Found(*parts) for parts in zip(*(np.split(values, 2) for values in found), strict=True))
    body = _OTHER_SIDE[: len(LANDMARKS)]
    back = _Found(
        points=mirror.points[:, _OTHER_SIDE] * (-1, 1) + (1, 0),
        world=mirror.world[:, body] * (-1, 1, 1),
        visibility=mirror.visibility[:, body],
        presence=mirror.presence,
    )
    return _Found(*((one + other) / 2 for one, other in zip(plain, back, strict=True)))


def refined(points: FloatArray, heat: NDArray[np.floating]) -> FloatArray:
    """(n, 39, 2) points in sides of the region, each moved to the centroid of the heat map around it.

    `heat` (n, rows, columns, 39) are logits. Points outside the map, or where the heat is low, are kept.
    """
    _, rows, columns, _ = heat.shape
    cell = np.trunc(points * (columns, rows)).astype(np.int64)
    around = np.arange(-REACH, REACH + 1)
    column, row = cell[..., 0, None, None] + around, cell[..., 1, None, None] + around[:, None]
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    images, channels = np.ogrid[: points.shape[0], : points.shape[1]]
    near = heat[images[..., None, None], row.clip(0, rows - 1), column.clip(0, columns - 1), channels[..., None, None]]
    weight = np.where(inside, _sigmoid(near.astype(np.float64)), 0.0)
    total = np.maximum(weight.sum(axis=(2, 3)), np.finfo(float).tiny)
    gravity = np.stack([(weight * column).sum(axis=(2, 3)), (weight * row).sum(axis=(2, 3))], axis=-1)
    on_map = ((cell >= 0) & (cell < (columns, rows))).all(axis=-1)
    moves = on_map & (weight.max(axis=(2, 3)) >= MIN_HEAT)
    return np.where(moves[..., None], gravity / total[..., None] / (columns, rows), points)


def _body(region: Region, points: FloatArray, world: FloatArray, visibility: FloatArray, presence: float) -> Body:
    image = region.to_image(points)
    count = len(LANDMARKS)
    return Body(
        pixels=image[:count],
        world=region.turned(world),
        visibility=visibility,
        presence=float(presence),
        region=Region.around(image[count], image[count + 1]),
    )


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -100, 100))))
