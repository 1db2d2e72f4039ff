"""How the camera turns and zooms: from what moves in the picture beside the person.

Points of the background are followed from frame to frame (Lucas and Kanade, pyramids after Bouguet 2001); what they do
is explained by a camera that turns about its own place and zooms. Where that does not explain it, since the camera
travels and near things pass far ones, it is said so.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.spatial.transform import Rotation, Slerp

from humanpose3d.motion import CameraMotion, FloatArray, read_only
from services.detector.video.orientation import Picture, shrunk

LONGEST_SIDE: Final = 480
"""Pixels of the pictures that are compared."""

CHECK_S: Final = 0.5
"""Between two looks at a camera that seems to stand still."""

FOLLOW_S: Final = 0.03
"""Between two looks at one that moves."""

_POINTS: Final = 160
_FEWEST: Final = 8
"""Points, below which nothing is known."""

_KEPT: Final = 0.6
"""Share of the points, and of those still in one movement, below which a new set is chosen."""

_MARGIN: Final = 1.3
"""By which the hull of the person's landmarks is enlarged."""

_AGREE_PX: Final = 1.5
"""Points of one movement are this near to it, in pixels of the small picture."""

_MOST_RESIDUAL: Final = 0.12
"""Of the movement, that turning and zooming may leave unexplained in the median point, beside half a pixel."""

_STILL_PX: Final = 0.4
"""Movement of the median point that is none."""

_STILL_DEG: Final = 0.7
_STILL_ZOOM: Final = 0.02
"""A camera on a stand: what is left is the tracker's own drift and the stand's shaking."""

_MOST_DOUBT: Final = 0.2
"""Share of the looks that may not be explained."""


class Motion(BaseModel):
    """How the camera turned and zoomed in a chunk, against its first look.

    times_s   seconds of the looks.
    turns     of each look, rotation vectors (radians): from the camera's axes then to those of the first look.
    zooms     focal length over that of the first look.
    doubtful  whether the look is not explained by turning and zooming.
    """

    model_config = ConfigDict(frozen=True)

    times_s: tuple[float, ...] = ()
    turns: tuple[tuple[float, float, float], ...] = ()
    zooms: tuple[float, ...] = ()
    doubtful: tuple[bool, ...] = ()

    @classmethod
    def joined(cls, chunks: Sequence[Self]) -> Self:
        """Of chunks in their order, each beginning before the one before it ends, against the first look of all."""
        whole = cls()
        for each in chunks:
            whole = whole._continued(each) if whole.times_s else each
        return whole

    def between(self, start_s: float, stop_s: float) -> Self:
        """The looks of this time, and the last one before."""
        known = np.array(self.times_s)
        kept = slice(max(0, int(np.searchsorted(known, start_s, "right")) - 1), int(np.searchsorted(known, stop_s)))
        return type(self)(
            times_s=self.times_s[kept], turns=self.turns[kept], zooms=self.zooms[kept], doubtful=self.doubtful[kept]
        )

    def at(self, times: FloatArray) -> tuple[Rotation, FloatArray]:
        """Turns and zooms at times (T,), between the looks."""
        known = np.array(self.times_s)
        clipped = np.clip(times, known[0], known[-1])
        zooms = np.exp(np.interp(clipped, known, np.log(self.zooms)))
        turns = Rotation.from_rotvec(np.array(self.turns))
        return (Slerp(known, turns)(clipped) if len(known) > 1 else turns[np.zeros(len(times), dtype=int)]), zooms

    @property
    def moves(self) -> bool:
        """Whether the camera turned or zoomed more than one on a stand does, or something unexplained happened."""
        turned = np.degrees(np.ptp(np.array(self.turns).reshape(-1, 3), axis=0)).max() if self.turns else 0.0
        zoomed = np.ptp(np.log(np.array(self.zooms))) if self.zooms else 0.0
        return bool(turned > _STILL_DEG or zoomed > _STILL_ZOOM or not self.explained)

    @property
    def explained(self) -> bool:
        """Whether it is known how the camera turned and zoomed."""
        return not self.doubtful or float(np.mean(self.doubtful)) <= _MOST_DOUBT

    def _continued(self, chunk: Self) -> Self:
        """With the looks of the next chunk, of which the first is at a time that is known here."""
        new = [index for index, time in enumerate(chunk.times_s) if time > self.times_s[-1]]
        if not new:
            return self
        (start,), (zoom,) = self.at(np.array(chunk.times_s[:1]))
        turns = start * Rotation.from_rotvec(np.array(chunk.turns)[new])
        return type(self)(
            times_s=(*self.times_s, *(chunk.times_s[index] for index in new)),
            turns=(*self.turns, *((float(x), float(y), float(z)) for x, y, z in turns.as_rotvec())),
            zooms=(*self.zooms, *(float(zoom) * chunk.zooms[index] for index in new)),
            doubtful=(*self.doubtful, *(chunk.doubtful[index] for index in new)),
        )


def camera_motion(motion: Motion, times: FloatArray, focal_length: float) -> CameraMotion | None:
    """For the frames at times (T,), against the first of them; None where the camera stands still, or nobody knows.

    focal_length  over the picture's longer side, with which `motion` was measured.
    """
    if not motion.times_s or not motion.moves or not motion.explained:
        return None
    turns, zooms = motion.at(times)
    rotations = (turns[0].inv() * turns).as_matrix()
    return CameraMotion(times, read_only(rotations), read_only(focal_length * zooms / zooms[0]))


class MotionMeter:
    """Follows the background through a chunk.

    interval_s    least time between two looks.
    focal_length  over the picture's longer side.
    """

    def __init__(self, interval_s: float, focal_length: float) -> None:
        self._interval_s, self._focal = interval_s, focal_length
        self._due = -np.inf
        self._times: list[float] = []
        self._looks: list[tuple[FloatArray, float, bool]] = []
        self._gray = np.empty((0, 0), np.uint8)
        self._key = _Key(np.empty((0, 2)), Rotation.identity(), 1.0)
        self._points = np.empty((0, 2))

    def see(self, time: float, picture: Picture, person: FloatArray | None) -> None:
        """The next picture, if it is time to; person (N, 2): points of the person in pixels, or corners of the box."""
        if time < self._due:
            return
        self._due = time + self._interval_s
        small = shrunk(picture, LONGEST_SIDE)
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        beside = _beside(gray.shape, None if person is None else person * (small.shape[1] / picture.shape[1]))
        self._times.append(time)
        if self._looks:
            self._follow(self._gray, gray, beside)
        else:
            self._begin(gray, beside, Rotation.identity(), 1.0)
            self._looks.append((np.zeros(3), 1.0, False))
        self._gray = gray

    def motion(self) -> Motion:
        """Of all pictures so far."""
        return Motion(
            times_s=tuple(self._times),
            turns=tuple((float(turn[0]), float(turn[1]), float(turn[2])) for turn, _, _ in self._looks),
            zooms=tuple(zoom for _, zoom, _ in self._looks),
            doubtful=tuple(doubtful for _, _, doubtful in self._looks),
        )

    def _begin(self, gray: NDArray[np.uint8], beside: NDArray[np.uint8], turn: Rotation, zoom: float) -> None:
        """Choose points to follow."""
        found = cv2.goodFeaturesToTrack(gray, _POINTS, 0.01, 8, mask=beside)
        none = found is None
        self._points = np.empty((0, 2)) if none else found.reshape(-1, 2).astype(float)
        self._key = _Key(self._points, turn, zoom)

    def _follow(self, before: NDArray[np.uint8], gray: NDArray[np.uint8], beside: NDArray[np.uint8]) -> None:
        there, moved = _tracked(before, gray, self._points, beside)
        first, now = self._key.points[there], moved[there]
        size = np.array(gray.shape[::-1], dtype=float)
        fit = _fit(first - size / 2, now - size / 2, self._focal * self._key.zoom * size.max())
        turn, zoom = self._key.turn * fit.turn.inv(), self._key.zoom * fit.zoom
        if fit.doubtful:
            last, last_zoom, _ = self._looks[-1]
            turn, zoom = Rotation.from_rotvec(last), last_zoom
        self._looks.append((turn.as_rotvec(), float(zoom), fit.doubtful))
        self._points, chosen = now, len(self._key.points)
        self._key = _Key(first, self._key.turn, self._key.zoom)
        far = len(now) and float(np.median(np.linalg.norm(now - first, axis=1))) > size.max() / 5
        if fit.doubtful or far or len(now) < max(_FEWEST + 1, _KEPT * chosen):
            self._begin(gray, beside, turn, zoom)


class _Key(NamedTuple):
    """Points (N, 2) where they were chosen, and how the camera stood there."""

    points: FloatArray
    turn: Rotation
    zoom: float


class _Fit(NamedTuple):
    """turn: takes directions in the first camera's axes to the second's."""

    turn: Rotation
    zoom: float
    doubtful: bool


def _fit(first: FloatArray, now: FloatArray, focal_px: float) -> _Fit:
    """The turn and the zoom that move points (N, 2), in pixels from the picture's middle, as most of them moved."""
    still = _Fit(Rotation.identity(), 1.0, doubtful=False)
    if len(first) < _FEWEST:
        return still
    flow = float(np.median(np.linalg.norm(now - first, axis=1)))
    if flow < _STILL_PX:
        return still
    matrix, inliers = cv2.estimateAffinePartial2D(first, now, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX)
    if matrix is None:
        return still._replace(doubtful=True)
    agree = inliers.ravel().astype(bool)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    roll = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    values = np.array([-matrix[1, 2] / focal_px, matrix[0, 2] / focal_px, roll, np.log(max(scale, 1e-3))])
    values = _refined(values, first[agree], now[agree], focal_px)
    left = np.linalg.norm(_projected(values, first, focal_px) - now, axis=1)
    doubtful = agree.mean() < _KEPT or float(np.median(left)) > 0.5 + _MOST_RESIDUAL * flow
    return _Fit(Rotation.from_rotvec(values[:3]), float(np.exp(values[3])), bool(doubtful))


def _refined(values: FloatArray, first: FloatArray, now: FloatArray, focal_px: float) -> FloatArray:
    """Least squares by three steps of Gauss and Newton."""
    for _ in range(3):
        at = _projected(values, first, focal_px)
        steps = 1e-5 * np.eye(4)
        slopes = np.stack([(_projected(values + s, first, focal_px) - at).ravel() / 1e-5 for s in steps], axis=1)
        values = values + np.linalg.lstsq(slopes, (now - at).ravel(), rcond=None)[0]
    return values


def _projected(values: FloatArray, points: FloatArray, focal_px: float) -> FloatArray:
    """(N, 2) pixels of points after the camera turned by a rotation vector and zoomed by a logarithm."""
    directions = (
        np.column_stack([points, np.full(len(points), focal_px)]) @ Rotation.from_rotvec(values[:3]).as_matrix().T
    )
    return np.asarray(np.exp(values[3]) * focal_px * directions[:, :2] / directions[:, 2:])


def _tracked(
    before: NDArray[np.uint8], gray: NDArray[np.uint8], points: FloatArray, beside: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which points are found again, there and back and not on the person, and where."""
    if not len(points):
        return np.zeros(0, dtype=bool), points
    start = points.astype(np.float32).reshape(-1, 1, 2)
    window = {"winSize": (15, 15), "maxLevel": 4}
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, gray, start, None, **window)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(gray, before, moved, None, **window)  # type: ignore[call-overload]
    there = (found.ravel() == 1) & (again.ravel() == 1)
    there &= np.linalg.norm((back - start).reshape(-1, 2), axis=1) < 0.5
    now = moved.reshape(-1, 2).astype(float)
    column, row = np.clip(now, 0, np.array(gray.shape[::-1]) - 1).astype(int).T
    return there & (beside[row, column] > 0), now


def _beside(shape: tuple[int, ...], person: FloatArray | None) -> NDArray[np.uint8]:
    """255 where the person is not: outside of the hull of points (N, 2), with a margin for hair and clothes."""
    mask = np.full(shape, 255, np.uint8)
    if person is not None:
        middle = person.mean(axis=0)
        hull = cv2.convexHull((middle + _MARGIN * (person - middle)).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, (0,))
    return mask
