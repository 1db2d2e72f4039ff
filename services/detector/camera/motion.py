"""Camera rotation and zoom, estimated from the motion of the background.

Background points are tracked from frame to frame (Lucas and Kanade, pyramids after Bouguet 2001), and a model of a
camera that rotates about its centre and zooms is fitted to their motion. Where the model does not fit, because the
camera translates and parallax appears, the result is marked as doubtful.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import CameraMotion, FloatArray, read_only
from services.detector.video.planes import Plane, Planes

LONGEST_SIDE: Final = 480
"""Size in pixels of the images that are compared."""

CHECK_S: Final = 0.5
"""Time between two samples while the camera appears static."""

FOLLOW_S: Final = 0.03
"""Time between two samples while the camera moves."""

_POINTS: Final = 160
_FEWEST: Final = 8
"""Minimum number of points for an estimate."""

_KEPT: Final = 0.6
"""Share of the points, and of the inliers among them, below which a new set is chosen."""

_MARGIN: Final = 1.3
"""Factor by which the hull of the person's landmarks is enlarged."""

_AGREE_PX: Final = 1.5
"""Inlier threshold, in pixels of the small image."""

_SEED_PX: Final = 4.0
"""Inlier threshold of the initial estimate, which ignores perspective."""

_MOST_RESIDUAL: Final = 0.12
"""Share of the motion that rotation and zoom may leave unexplained at the median point, in addition to half a pixel."""

_STILL_PX: Final = 0.4
"""Motion of the median point that counts as none."""

_STILL_DEG: Final = 0.7
_STILL_ZOOM: Final = 0.02
"""Limit for a camera on a tripod: the remainder is tracker drift and vibration of the tripod."""

_SMALL: Final = 1e-4
"""Angle in radians that equals its sine."""

_MOST_DOUBT: Final = 0.2
"""Share of the samples that may remain unexplained."""


class Motion(BaseModel):
    """Camera rotation and zoom in a chunk, relative to its first sample.

    times_s   times of the samples, seconds.
    turns     rotation vectors (radians) of each sample: from the camera's axes then to those of the first sample.
    zooms     focal length relative to that of the first sample.
    doubtful  whether rotation and zoom fail to explain the sample.
    """

    model_config = ConfigDict(frozen=True)

    times_s: tuple[float, ...] = ()
    turns: tuple[tuple[float, float, float], ...] = ()
    zooms: tuple[float, ...] = ()
    doubtful: tuple[bool, ...] = ()

    @classmethod
    def joined(cls, chunks: Sequence[Self]) -> Self:
        """Joined from chunks in order, each starting before the previous one ends; relative to the first sample."""
        whole = cls()
        for each in chunks:
            whole = whole._continued(each) if whole.times_s else each
        return whole

    def between(self, start_s: float, stop_s: float) -> Self:
        """The samples in this period, and the last one before it."""
        known = np.array(self.times_s)
        kept = slice(max(0, int(np.searchsorted(known, start_s, "right")) - 1), int(np.searchsorted(known, stop_s)))
        return type(self)(
            times_s=self.times_s[kept], turns=self.turns[kept], zooms=self.zooms[kept], doubtful=self.doubtful[kept]
        )

    def at(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rotations (T, 3, 3) and zooms at times (T,), interpolated between the samples."""
        known = np.array(self.times_s)
        clipped = np.clip(times, known[0], known[-1])
        zooms = np.exp(np.interp(clipped, known, np.log(self.zooms)))
        turns = [_matrix(turn) for turn in self.turns]
        steps = [*(_vector(now.T @ then) for now, then in pairwise(turns)), np.zeros(3)]
        before = np.searchsorted(known, clipped, side="right") - 1
        shares = (clipped - known[before]) / np.append(np.diff(known), 1.0)[before]
        found = [turns[last] @ _matrix(share * steps[last]) for last, share in zip(before, shares, strict=True)]
        return np.array(found), zooms

    @property
    def moves(self) -> bool:
        """Whether the camera rotated or zoomed more than one on a tripod, or moved in a way that is not explained."""
        turned = np.degrees(np.ptp(np.array(self.turns).reshape(-1, 3), axis=0)).max() if self.turns else 0.0
        zoomed = np.ptp(np.log(np.array(self.zooms))) if self.zooms else 0.0
        return bool(turned > _STILL_DEG or zoomed > _STILL_ZOOM or not self.explained)

    @property
    def explained(self) -> bool:
        """Whether camera rotation and zoom are known."""
        return not self.doubtful or float(np.mean(self.doubtful)) <= _MOST_DOUBT

    def _continued(self, chunk: Self) -> Self:
        """Append the samples of the next chunk, whose first is at a time covered here."""
        new = [index for index, time in enumerate(chunk.times_s) if time > self.times_s[-1]]
        if not new:
            return self
        (start,), (zoom,) = self.at(np.array(chunk.times_s[:1]))
        # the chunk's pan and tilt were measured as if there had been no zoom before it
        turns = [_vector(start @ _matrix(turn)) for turn in np.array(chunk.turns)[new] / (zoom, zoom, 1.0)]
        return type(self)(
            times_s=(*self.times_s, *(chunk.times_s[index] for index in new)),
            turns=(*self.turns, *((float(x), float(y), float(z)) for x, y, z in turns)),
            zooms=(*self.zooms, *(float(zoom) * chunk.zooms[index] for index in new)),
            doubtful=(*self.doubtful, *(chunk.doubtful[index] for index in new)),
        )


def camera_motion(motion: Motion, times: FloatArray, focal_length: float) -> CameraMotion | None:
    """For the frames at times (T,), relative to the first; None where the camera is static or its motion unknown.

    focal_length  over the image's longer side, with which `motion` was measured.
    """
    if not motion.times_s or not motion.moves or not motion.explained:
        return None
    turns, zooms = motion.at(times)
    return CameraMotion(times, read_only(turns[0].T @ turns), read_only(focal_length * zooms / zooms[0]))


class MotionMeter:
    """Tracks the background through a chunk.

    interval_s    minimum time between two samples.
    focal_length  over the image's longer side.
    """

    def __init__(self, interval_s: float, focal_length: float) -> None:
        self._interval_s, self._focal = interval_s, focal_length
        self._due = -np.inf
        self._times: list[float] = []
        self._looks: list[tuple[FloatArray, float, bool]] = []
        self._gray = np.empty((0, 0), np.uint8)
        self._key = _Key(np.empty((0, 2)), np.eye(3), 1.0)
        self._points = np.empty((0, 2))

    def see(self, time: float, image: Planes, person: FloatArray | None) -> None:
        """Take the next image if it is due; person (N, 2): points of the person in pixels, or corners of the box."""
        if time < self._due:
            return
        self._due = time + self._interval_s
        gray = image.gray(LONGEST_SIDE)
        beside = _beside(gray.shape, None if person is None else person * (gray.shape[1] / image.size[0]))
        self._times.append(time)
        if self._looks:
            self._follow(self._gray, gray, beside)
        else:
            self._begin(gray, beside, np.eye(3), 1.0)
            self._looks.append((np.zeros(3), 1.0, False))
        self._gray = gray

    def motion(self) -> Motion:
        """Of all images so far."""
        return Motion(
            times_s=tuple(self._times),
            turns=tuple((float(turn[0]), float(turn[1]), float(turn[2])) for turn, _, _ in self._looks),
            zooms=tuple(zoom for _, zoom, _ in self._looks),
            doubtful=tuple(doubtful for _, _, doubtful in self._looks),
        )

    def _begin(self, gray: Plane, beside: Plane, turn: FloatArray, zoom: float) -> None:
        """Choose points to track."""
        found = cv2.goodFeaturesToTrack(gray, _POINTS, 0.01, 8, mask=beside)
        none = found is None
        self._points = np.empty((0, 2)) if none else found.reshape(-1, 2).astype(float)
        self._key = _Key(self._points, turn, zoom)

    def _follow(self, before: Plane, gray: Plane, beside: Plane) -> None:
        there, moved = _tracked(before, gray, self._points, beside)
        first, now = self._key.points[there], moved[there]
        size = np.array(gray.shape[::-1], dtype=float)
        fit = _fit(first - size / 2, now - size / 2, self._focal * self._key.zoom * size.max())
        turn, zoom, lost = self._key.turn, self._key.zoom, fit.doubtful
        if lost:  # relative to the previous sample, if not to the one at which the points were chosen
            last, zoom, _ = self._looks[-1]
            turn = _matrix(last)
            fit = _fit(self._points[there] - size / 2, now - size / 2, self._focal * zoom * size.max())
        turn, zoom = turn @ fit.turn.T, zoom * fit.zoom
        self._looks.append((_vector(turn), float(zoom), fit.doubtful))
        self._points, chosen = now, len(self._key.points)
        self._key = _Key(first, self._key.turn, self._key.zoom)
        far = len(now) and float(np.median(np.linalg.norm(now - first, axis=1))) > size.max() / 5
        if lost or far or len(now) < max(_FEWEST + 1, _KEPT * chosen):
            self._begin(gray, beside, turn, zoom)


class _Key(NamedTuple):
    """Points (N, 2) as chosen, and the camera's pose then: its rotation (3, 3) and zoom."""

    points: FloatArray
    turn: FloatArray
    zoom: float


class _Fit(NamedTuple):
    """turn: rotation (3, 3) from the first camera's axes to the second's."""

    turn: FloatArray
    zoom: float
    doubtful: bool


def _fit(first: FloatArray, now: FloatArray, focal_px: float) -> _Fit:
    """The rotation and zoom that explain the motion of most points (N, 2), in pixels from the image centre."""
    still = _Fit(np.eye(3), 1.0, doubtful=False)
    if len(first) < _FEWEST:
        return still
    flow = float(np.median(np.linalg.norm(now - first, axis=1)))
    if flow < _STILL_PX:
        return still
    matrix, inliers = cv2.estimateAffinePartial2D(first, now, method=cv2.RANSAC, ransacReprojThreshold=_SEED_PX)
    if matrix is None:
        return still._replace(doubtful=True)
    agree = inliers.ravel().astype(bool)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    roll = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    values = np.array([-matrix[1, 2] / focal_px, matrix[0, 2] / focal_px, roll, np.log(max(scale, 1e-3))])
    for _ in range(2):
        values = _refined(values, first[agree], now[agree], focal_px)
        left = np.linalg.norm(_projected(values, first, focal_px) - now, axis=1)
        agree = left < _AGREE_PX
        if agree.sum() < _FEWEST:
            return still._replace(doubtful=True)
    doubtful = agree.mean() < _KEPT or float(np.median(left)) > 0.5 + _MOST_RESIDUAL * flow
    if doubtful:
        return still._replace(doubtful=True)
    return _Fit(_matrix(values[:3]), float(np.exp(values[3])), doubtful=False)


def _refined(values: FloatArray, first: FloatArray, now: FloatArray, focal_px: float) -> FloatArray:
    """Least squares by three Gauss–Newton steps."""
    for _ in range(3):
        at = _projected(values, first, focal_px)
        steps = 1e-5 * np.eye(4)
        slopes = np.stack([(_projected(values + s, first, focal_px) - at).ravel() / 1e-5 for s in steps], axis=1)
        values = values + np.linalg.lstsq(slopes, (now - at).ravel(), rcond=None)[0]
    return values


def _projected(values: FloatArray, points: FloatArray, focal_px: float) -> FloatArray:
    """(N, 2) pixels of points after the camera rotated by a rotation vector and zoomed by a factor's logarithm."""
    directions = np.column_stack([points, np.full(len(points), focal_px)]) @ _matrix(values[:3]).T
    return np.asarray(np.exp(values[3]) * focal_px * directions[:, :2] / directions[:, 2:])


def _matrix(vector: FloatArray | tuple[float, float, float]) -> FloatArray:
    """(3, 3) of a rotation vector in radians."""
    return np.asarray(cv2.Rodrigues(np.asarray(vector, dtype=float))[0], dtype=float)


def _vector(matrix: FloatArray) -> FloatArray:
    """Rotation vector in radians of a matrix (3, 3)."""
    sines = (matrix - matrix.T)[[2, 0, 1], [1, 2, 0]] / 2
    if np.abs(sines).max() < _SMALL and np.trace(matrix) > 0:
        return np.asarray(sines)  # OpenCV returns zero here
    return np.asarray(cv2.Rodrigues(matrix)[0], dtype=float).ravel()


def _tracked(before: Plane, gray: Plane, points: FloatArray, beside: Plane) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which points pass the forward–backward check and are not on the person, and their positions."""
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


def _beside(shape: tuple[int, ...], person: FloatArray | None) -> Plane:
    """Mask, 255 outside the person: outside the hull of points (N, 2), with a margin for hair and clothes."""
    mask = np.full(shape, 255, np.uint8)
    if person is not None:
        middle = person.mean(axis=0)
        hull = cv2.convexHull((middle + _MARGIN * (person - middle)).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, (0,))
    return mask
