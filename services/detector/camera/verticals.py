"""Direction of the world's upright lines in the image: walls, doors and posts show camera tilt better than a body does.

In the image of a level camera they are vertical; roll rotates them all by the same angle, and pitch makes them converge
towards a vanishing point. Edges (von Gioi et al. 2012, IPOL 2:35) outside the person vote for their common direction.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from humanpose3d.options import FOCAL_LENGTH, Verticals
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.pose.landmarker import Pose
from services.detector.video.planes import Plane, Planes

INTERVAL_S: Final = 1.5
"""Time between the first two sampled frames; it grows after that."""

_LONGEST_SIDE: Final = 640
"""Size in pixels of the image that is searched: takes 15 ms, and resolves edges longer than `_SHORTEST`."""

_SHORTEST: Final = 0.04
"""Share of the longer side: shorter edges are texture."""

_STEEPEST_DEG: Final = 45.0
"""Limit from the image's vertical: flatter edges are not upright lines seen by a hand-held camera."""

_REACH: Final = np.tan(np.radians([30.0, 40.0]))
"""Range of the vertical's lateral and forward slopes that is searched."""

_FEET: Final = [
    LANDMARK_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("ankle", "heel", "foot_index")
]

_AGREES_DEG: Final = 1.5
"""An edge within this angle of the common direction agrees with it."""

_LEAN_DEG: Final = _AGREES_DEG / np.sqrt(3)
"""Standard deviation of the lean of an edge that agrees. The forward slope is the change of lean across the image: its
uncertainty is this over the width of the edges' positions: a few tilted objects are indistinguishable from tilt."""

_LEAST_LENGTH: Final = 0.25
"""Minimum total length of the edges that agree, in longer sides of the image."""

_LEAST_SHARE: Final = 0.5
"""Minimum share of the length of all steep edges that agrees: otherwise the steep edges are not upright lines."""

_LEAST_SPREAD: Final = 0.1
"""Minimum horizontal standard deviation of agreeing edges' positions, in focal lengths: one edge fits many tilts."""

_SAME_DEG: Final = 3.0
"""Samples whose median distance from their median is larger contradict each other."""


class Look(BaseModel):
    """Estimate from one frame: up is (lateral_slope, -1, forward_slope) in the camera's axes, as in `Verticals`."""

    model_config = ConfigDict(frozen=True)

    lateral_slope: float
    forward_slope: float
    forward_slope_sd_deg: float = 0.0
    """Uncertainty due to the horizontal positions of the edges."""


def look(image: Planes, pose: Pose | None) -> Look | None:
    """The common direction of the image's upright lines; None where there are too few."""
    gray = image.gray(_LONGEST_SIDE)
    lines = _steep_lines(gray, None if pose is None else pose.pixels * (gray.shape[1] / image.size[0]))
    return None if lines is None else _common_direction(lines)


def joined(looks: Sequence[Look | None]) -> Verticals | None:
    """The median of all estimates of a video; None where most frames have none, or they disagree."""
    slopes = np.array([[each.lateral_slope, each.forward_slope] for each in looks if each is not None])
    if not len(slopes) or 2 * len(slopes) < len(looks):
        return None
    middle = np.median(slopes, axis=0)
    if np.degrees(np.median(np.abs(slopes - middle), axis=0)).max() > _SAME_DEG:
        return None
    unsure = float(np.median([each.forward_slope_sd_deg for each in looks if each is not None]))
    return Verticals(
        lateral_slope=float(middle[0]), forward_slope=float(middle[1]), forward_slope_sd_deg=unsure, looks=len(slopes)
    )


class _Lines:
    """Edges as rays of a camera with the assumed focal length.

    middles (N, 2) slopes; directions (N, 2) unit vectors; lengths (N,) longer sides of the image.
    """

    def __init__(self, ends: FloatArray, longer: int) -> None:
        """ends (N, 2, 2) pixels from the image's middle."""
        along = ends[:, 1] - ends[:, 0]
        self.lengths = np.linalg.norm(along, axis=1) / longer
        self.directions = along / np.linalg.norm(along, axis=1, keepdims=True)
        self.middles = ends.mean(axis=1) / (FOCAL_LENGTH * longer)

    def angles(self, slopes: FloatArray) -> FloatArray:
        """(K, N) angles in degrees between each edge and the direction to the vanishing point of slopes (K, 2)."""
        aside, ahead = slopes[:, None, 0], slopes[:, None, 1]
        across, down = aside - self.middles[:, 0] * ahead, -1 - self.middles[:, 1] * ahead
        sine = (across * self.directions[:, 1] - down * self.directions[:, 0]) / np.hypot(across, down)
        return np.asarray(np.degrees(np.arcsin(np.clip(np.abs(sine), 0, 1))))

    def votes(self, slopes: FloatArray, tolerance_deg: float) -> FloatArray:
        """(K,) total length of the edges that agree with each direction."""
        return np.asarray(np.exp(-((self.angles(slopes) / tolerance_deg) ** 2) / 2) @ self.lengths)


def _steep_lines(gray: Plane, person: FloatArray | None) -> _Lines | None:
    """Edges that are neither on the person, given by landmarks (33, 2) in pixels, nor wholly below the feet.

    Below the feet is the floor between camera and person. Joints and marks on it that run away from the camera are
    steep and long in the image, and converge like upright lines seen by a camera with more downward pitch.
    """
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(gray)[0]
    if found is None:
        return None
    ends = found.reshape(-1, 2, 2).astype(float)
    along = np.abs(ends[:, 1] - ends[:, 0])
    longer = max(gray.shape)
    kept = np.linalg.norm(along, axis=1) > _SHORTEST * longer
    kept &= along[:, 0] < np.tan(np.radians(_STEEPEST_DEG)) * along[:, 1]
    if person is not None:
        low, high = person.min(axis=0), person.max(axis=0)
        margin = 0.08 * (high - low).max()
        middle = ends.mean(axis=1)
        kept &= ((middle < low - margin) | (middle > high + margin)).any(axis=1)
        kept &= ends[..., 1].min(axis=1) < person[_FEET, 1].max()
    return _Lines(ends[kept] - np.array(gray.shape[::-1]) / 2, longer) if kept.any() else None


def _common_direction(lines: _Lines) -> Look | None:
    """The direction with most votes, by coarse-to-fine search; the one nearer to level among equals."""
    grid = _grid(np.zeros(2), _REACH, 41)
    best = grid[np.argmax(lines.votes(grid, 2.0) * (1 - 0.3 * np.square(grid / _REACH).mean(axis=1)))]
    for reach, tolerance_deg in ((0.04, 1.5), (0.012, 1.0)):
        grid = _grid(best, np.full(2, reach), 13)
        best = grid[np.argmax(lines.votes(grid, tolerance_deg))]
    if (np.abs(best) > _REACH).any():  # at the limit of the search range: the maximum is outside it
        return None
    agree = lines.angles(best[None])[0] < _AGREES_DEG
    lengths, across = lines.lengths[agree], lines.middles[agree, 0]
    if lengths.sum() < max(_LEAST_LENGTH, _LEAST_SHARE * lines.lengths.sum()):
        return None
    spread = np.sqrt(np.average(np.square(across - np.average(across, weights=lengths)), weights=lengths))
    if spread < _LEAST_SPREAD:
        return None
    return Look(
        lateral_slope=float(best[0]), forward_slope=float(best[1]), forward_slope_sd_deg=float(_LEAN_DEG / spread)
    )


def _grid(middle: FloatArray, reach: FloatArray, count: int) -> FloatArray:
    """(count², 2) grid of slopes around the centre."""
    steps = np.linspace(-1, 1, count)
    return np.asarray(middle + reach * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))


class Looks:
    """Samples frames in order of time: five in 20 s."""

    def __init__(self) -> None:
        self._taken: list[Look | None] = []
        self._due = -np.inf

    def see(self, time: float, image: Planes, pose: Pose | None) -> None:
        """Examine this frame if it is due; time in seconds."""
        if time >= self._due:
            self._taken.append(look(image, pose))
            self._due = time + INTERVAL_S * len(self._taken)

    def __iter__(self) -> Iterator[Look | None]:
        return iter(self._taken)
