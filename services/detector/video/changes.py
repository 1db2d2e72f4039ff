"""What changes from one image to the next: nothing where an image is repeated, everything at a cut."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from services.detector.pose.landmarker import Pose
from services.detector.video.orientation import Image

_GRID: Final = 64
"""Pixels across that are compared, a few thousand of an image."""

_BLOCKS: Final = 16
"""Across, whose means tell a cut from a movement."""

_SAME: Final = 0.15
"""Of the change beside it, below which an image is a repeated one: encoders leave a little."""

_LEAST_CHANGE: Final = 1.0
"""Grey levels of the change beside repeated pictures: below it nothing moves, and a still image is not a repeated
one."""

_LONGEST_RUN: Final = 40
"""Repeated images in a row: longer ones are a person who stands."""

_CUT_CHANGE: Final = 12.0
"""Grey levels by which the blocks change at a cut, on average."""

_CUT_ISOLATED: Final = 5.0
"""Times by which they change more than with the frames around."""

_CUT_LIKENESS: Final = 0.8
"""Correlation of the blocks' brightness above which it is the same place in another light."""

_AROUND: Final = 5


class Changes(BaseModel):
    """What came of a chunk's images.

    compared, repeated  images that were compared with the one before where something moves, and those of them that
                        show the same.
    cuts                seconds of the frames that begin another camera's view.
    """

    model_config = ConfigDict(frozen=True)

    compared: int = 0
    repeated: int = 0
    cuts: tuple[float, ...] = ()

    @classmethod
    def joined(cls, changes: Sequence[Self]) -> Self:
        """Of all chunks."""
        return cls(
            compared=sum(each.compared for each in changes),
            repeated=sum(each.repeated for each in changes),
            cuts=tuple(time for each in changes for time in each.cuts),
        )


class ChangeMeter:
    """Compares each image with the one before, by a few thousand of its pixels (0.1 ms)."""

    def __init__(self) -> None:
        self._image: Image | None = None
        self._blocks: list[FloatArray] = []
        self._times: list[float] = []
        self._person: list[float] = []
        self._scene: list[tuple[float, float, float]] = []
        self._first = 0

    def see(self, time: float, image: Image, pose: Pose | None, *, counts: bool) -> None:
        """The next image of the chunk, RGB, and the person in it; `counts`: it is not of the warm-up."""
        if not counts:
            self._first = len(self._times) + 1
        before, self._image = self._image, image
        self._blocks = [*self._blocks[-2:], _blocks(image)]
        self._times.append(time)
        if before is None or before.shape != image.shape:
            self._person.append(np.nan)
            self._scene.append((0.0, 1.0, 0.0))
            return
        box = _box(image, pose)
        self._person.append(float(cv2.absdiff(_sparse(image[box]), _sparse(before[box])).mean()))
        last, likeness = _change(self._blocks[-2], self._blocks[-1])
        self._scene.append((last, likeness, _change(self._blocks[0], self._blocks[-1])[0]))

    def changes(self) -> Changes:
        """Of all images that count."""
        person = np.array(self._person)[self._first :]
        repeated, compared = repeated_images(person)
        cuts = _cuts(np.array(self._scene).reshape(-1, 3))
        return Changes(
            compared=compared,
            repeated=repeated,
            cuts=tuple(self._times[frame] for frame in cuts if frame >= self._first),
        )


def repeated_images(change: FloatArray) -> tuple[int, int]:
    """How many images are repeated, and how many were compared: those beside which something moves.

    change  (T,) from the image before, grey levels; NaN where there is none.

    A repeated image changes next to nothing between two that do; a person who comes to rest slows down before.
    """
    change = np.nan_to_num(change)
    moves = np.flatnonzero(change >= _LEAST_CHANGE)
    repeated = compared = 0
    for start, stop in pairwise(moves):
        compared += 1
        between = change[start + 1 : stop]
        if not 0 < len(between) <= _LONGEST_RUN:
            continue
        if between.max() < _SAME * min(change[start], change[stop]):
            compared += len(between)
            repeated += len(between)
    return repeated, compared


def _cuts(scene: FloatArray) -> list[int]:
    """Frames that begin another view; scene (T, 3): change and likeness to the frame before, change to the second."""
    found = []
    change = scene[:, 0]
    for frame in np.flatnonzero((change > _CUT_CHANGE) & (scene[:, 1] < _CUT_LIKENESS)):
        around = np.concatenate([change[max(0, frame - _AROUND) : frame], change[frame + 1 : frame + 1 + _AROUND]])
        flash = frame + 1 < len(scene) and scene[frame + 1, 2] < _CUT_CHANGE / 2
        after_flash = scene[frame, 2] < _CUT_CHANGE / 2
        if change[frame] > _CUT_ISOLATED * np.median(around) and not flash and not after_flash:
            found.append(int(frame))
    return found


def _box(image: Image, pose: Pose | None) -> tuple[slice, slice]:
    """Around the person; the whole where no person is, or next to nothing of them."""
    height, width, _ = image.shape
    if pose is None:
        return slice(0, height), slice(0, width)
    low = np.clip(pose.pixels.min(axis=0), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(pose.pixels.max(axis=0), 0, (width, height)).astype(int)
    if (high - low < _BLOCKS).any():
        return slice(0, height), slice(0, width)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _sparse(image: Image) -> Image:
    height, width, _ = image.shape
    return image[:: max(1, height // _GRID), :: max(1, width // _GRID)]


def _blocks(image: Image) -> FloatArray:
    """(16, 16) mean brightness of the parts of the image."""
    sparse = np.ascontiguousarray(_sparse(image))
    gray = cv2.cvtColor(sparse, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA), dtype=np.float64)


def _change(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    """Mean change of the blocks in grey levels, and the correlation of their brightness."""
    one, other = before - before.mean(), after - after.mean()
    size = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float(np.abs(after - before).mean()), float((one * other).sum() / size) if size > 0 else 1.0
