"""The landmarks of the person in a region of an image: MediaPipe's landmark network, run by ONNX Runtime.

The network returns each landmark twice: as coordinates, and as a heat map that refines the coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARKS
from services.detector.pose.roi import Region
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


class BodyNetwork:
    """Finds the landmarks in several regions at once; stateless."""

    def __init__(self, model: Path, threads: int | None = None) -> None:
        self._network = session(model) if threads is None else session(model, threads)

    def find(self, images: Sequence[Planes], regions: Sequence[Region]) -> list[Body]:
        """The body in each image's region, whether or not there is one: see `Body.presence`."""
        crops = np.stack(
            [region.crop(image, SIDE, cv2.BORDER_REPLICATE) for image, region in zip(images, regions, strict=True)]
        )
        outputs = self._network.run(["landmarks", "heatmap", "world", "presence"], {"image": crops})
        numbers, world, presence = (outputs[index].astype(np.float64) for index in (0, 2, 3))
        numbers = numbers.reshape(len(crops), POINTS, 5)
        points = refined(numbers[..., :2] / SIDE, outputs[1])
        visibility = _sigmoid(numbers[:, : len(LANDMARKS), 3])
        metres = world.reshape(len(crops), POINTS, 3)[:, : len(LANDMARKS)]
        return [_body(*parts) for parts in zip(regions, points, metres, visibility, presence[:, 0], strict=True)]


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
