"""Finds the person in a single image: MediaPipe's person detector, run by ONNX Runtime.

A single-shot detector with 2254 anchors, each of which votes for a box and four points. Needed only while no person is
tracked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from humanpose3d.motion import FloatArray
from services.detector.pose.roi import Region
from services.detector.video.planes import Planes
from shared.inference import session

SIDE: Final = 224
"""Input size of the network, pixels."""

CELLS: Final = ((28, 2), (14, 2), (7, 6))
"""(cells along a side, anchors in each): from the output for small people to that for large ones."""

MIN_SCORE: Final = 0.5
SAME_PERSON: Final = 0.5
"""Two boxes, or two regions, that overlap by more (intersection over union) are of one person."""


def anchors() -> FloatArray:
    """(2254, 2) centres of the anchors, in sides of the image, in the order of the network's output."""
    layers = []
    for cells, copies in CELLS:
        middles = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middles, middles)
        layers.append(np.column_stack([x.ravel(), y.ravel()]).repeat(copies, axis=0))
    return np.concatenate(layers)


class PersonDetector:
    """Finds one person in each of several images; stateless."""

    def __init__(self, model: Path, threads: int | None = None) -> None:
        self._network = session(model) if threads is None else session(model, threads)
        self._anchors = anchors()

    def find(self, images: Sequence[Planes]) -> list[Region | None]:
        """Region of the most certain person in each image, chosen as in MediaPipe; None where no person is found."""
        return [regions[0] if regions else None for regions in self.find_all(images)]

    def find_all(self, images: Sequence[Planes], squares: Sequence[Region] | None = None) -> list[list[Region]]:
        """The regions of all people in each image, most certain first; `squares`: the part of each to search."""
        squares = squares or [Region.whole(image.size) for image in images]
        crops = np.stack(
            [square.crop(image, SIDE, cv2.BORDER_CONSTANT) for square, image in zip(squares, images, strict=True)]
        )
        boxes, scores = self._network.run(["boxes", "scores"], {"image": crops})
        return [self._regions(*votes) for votes in zip(squares, boxes, scores[..., 0], strict=True)]

    def _regions(self, square: Region, boxes: FloatArray, scores: FloatArray) -> list[Region]:
        """The people among the votes."""
        likely = 1 / (1 + np.exp(-np.clip(scores.astype(np.float64), -100, 100)))
        voting = (likely >= MIN_SCORE) & (boxes[:, 2:4] >= 0).all(axis=1)
        sizes, points = boxes[voting, 2:4] / SIDE, boxes[voting].reshape(-1, 6, 2)[:, [0, 2, 3]] / SIDE
        points += self._anchors[voting, None]
        corners = np.hstack([points[:, 0] - sizes / 2, points[:, 0] + sizes / 2])
        regions = [Region.around(*square.to_image(pair)) for pair in _merged(corners, points[:, 1:], likely[voting])]
        return _distinct(regions)


def _merged(boxes: FloatArray, points: FloatArray, scores: FloatArray) -> list[FloatArray]:
    """Each person's points: the mean, weighted by score, over all votes whose boxes overlap the most certain."""
    left = np.argsort(-scores, kind="stable")
    persons = []
    while left.size:
        same = _overlap(boxes[left[0]], boxes[left]) > SAME_PERSON
        same[0] = True
        persons.append(np.average(points[left[same]], axis=0, weights=scores[left[same]]))
        left = left[~same]
    return persons


def _distinct(regions: Sequence[Region]) -> list[Region]:
    """All regions except those that a later one largely overlaps: MediaPipe's association."""
    squares = [np.concatenate([region.centre - region.side / 2, region.centre + region.side / 2]) for region in regions]
    kept: list[int] = []
    for index, square in enumerate(squares):
        kept = [other for other in kept if _overlap(square, squares[other][None])[0] <= SAME_PERSON] + [index]
    return [regions[index] for index in kept]


def _overlap(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """(n,) intersection over union of one box with each, all given by their corners (x, y, x, y)."""
    lower, upper = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(upper - lower, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, np.finfo(float).tiny))
