"""Changes between successive images: detects repeated images and cuts."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from services.detector.pose.landmarker import Pose
from services.detector.video.planes import Plane, Planes

_GRID: Final = 64
"""Width in pixels at which images are compared: a few thousand pixels each."""

_BLOCKS: Final = 16
"""Number of blocks across, whose means distinguish a cut from a movement."""

_SAME: Final = 0.15
"""Share of the neighbouring change below which an image is repeated: encoders leave a small residual."""

_LEAST_CHANGE: Final = 0.9
"""Minimum change beside a repeated image, grey levels: below it nothing moves, and a still image is not a repeat."""

_LONGEST_RUN: Final = 40
"""Maximum repeated images in a row: longer runs are a person standing still."""

_CUT_CHANGE: Final = 12.0
"""Minimum mean change of the blocks at a cut, grey levels."""

_CUT_ISOLATED: Final = 5.0
"""Minimum ratio of that change to the change at the frames around it."""

_CUT_LIKENESS: Final = 0.8
"""Correlation of block brightness above which it is the same scene in different light."""

_AROUND: Final = 5


class Changes(BaseModel):
    """The changes found in a chunk's images.

    compared, repeated  number of images compared with the previous one while something moves, and how many of
                        them repeat it.
    cuts                times in seconds of the first frames of new views.
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
    """Compares each image with the previous one, at reduced resolution (0.1 ms)."""

    def __init__(self) -> None:
        self._image: Plane | None = None
        self._blocks: list[FloatArray] = []
        self._times: list[float] = []
        self._person: list[float] = []
        self._scene: list[tuple[float, float, float]] = []
        self._first = 0

    def see(self, time: float, planes: Planes, pose: Pose | None, *, counts: bool) -> None:
        """Take the next image of the chunk, and the person in it; `counts`: it is not in the warm-up."""
        if not counts:
            self._first = len(self._times) + 1
        image, gain = planes.luma, planes.colours.gain
        before, self._image = self._image, image
        self._blocks = [*self._blocks[-2:], _blocks(image)]
        self._times.append(time)
        if before is None or before.shape != image.shape:
            self._person.append(np.nan)
            self._scene.append((0.0, 1.0, 0.0))
            return
        box = _box(image, pose)
        self._person.append(gain * float(cv2.absdiff(_sparse(image[box]), _sparse(before[box])).mean()))
        last, likeness = _change(self._blocks[-2], self._blocks[-1])
        self._scene.append((gain * last, likeness, gain * _change(self._blocks[0], self._blocks[-1])[0]))

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
    """How many images are repeated, and how many were compared: those next to movement.

    change  (T,) from the previous image, grey levels; NaN where there is none.

    A repeated image shows almost no change between two that do; a person coming to rest slows down gradually.
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
    """Frames that begin another view; scene (T, 3): change from and correlation with the previous frame, change from
    the second previous."""
    found = []
    change = scene[:, 0]
    for frame in np.flatnonzero((change > _CUT_CHANGE) & (scene[:, 1] < _CUT_LIKENESS)):
        around = np.concatenate([change[max(0, frame - _AROUND) : frame], change[frame + 1 : frame + 1 + _AROUND]])
        flash = frame + 1 < len(scene) and scene[frame + 1, 2] < _CUT_CHANGE / 2
        after_flash = scene[frame, 2] < _CUT_CHANGE / 2
        if change[frame] > _CUT_ISOLATED * np.median(around) and not flash and not after_flash:
            found.append(int(frame))
    return found


def _box(image: Plane, pose: Pose | None) -> tuple[slice, slice]:
    """The part of the image around the person; the whole where there is no person, or almost none of it."""
    height, width = image.shape
    if pose is None:
        return slice(0, height), slice(0, width)
    low = np.clip(pose.pixels.min(axis=0), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(pose.pixels.max(axis=0), 0, (width, height)).astype(int)
    if (high - low < _BLOCKS).any():
        return slice(0, height), slice(0, width)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _sparse(image: Plane) -> Plane:
    height, width = image.shape
    return np.ascontiguousarray(image[:: max(1, height // _GRID), :: max(1, width // _GRID)])


def _blocks(image: Plane) -> FloatArray:
    """(16, 16) mean brightness of the blocks."""
    return np.asarray(cv2.resize(_sparse(image), (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA), dtype=np.float64)


def _change(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    """Mean change of the blocks in grey levels, and the correlation of their brightness."""
    one, other = before - before.mean(), after - after.mean()
    size = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float(np.abs(after - before).mean()), float((one * other).sum() / size) if size > 0 else 1.0
