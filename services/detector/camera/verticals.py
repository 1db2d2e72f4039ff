"""Which way the world's upright lines run in the picture: walls, doors, posts tell a camera's tilt better than a body.

In a picture of a level camera they are upright; a rolled camera leans them all alike, and one that looks up or down
makes them run together towards a vanishing point. Line segments (von Gioi et al. 2012, IPOL 2:35) outside the person
vote for the direction that they would have in common.
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
from services.detector.video.orientation import Picture, shrunk

INTERVAL_S: Final = 1.5
"""Between the first two frames that are looked at; ever longer after that."""

_LONGEST_SIDE: Final = 640
"""Pixels of the picture that is searched: 15 ms, and enough for what is longer than `_SHORTEST`."""

_SHORTEST: Final = 0.04
"""Of the longer side: shorter segments are texture."""

_STEEPEST_DEG: Final = 45.0
"""From the picture's vertical: what lies flatter is no upright line of a camera that people hold."""

_REACH: Final = np.tan(np.radians([30.0, 40.0]))
"""How far up may lie beside and before the picture's vertical, as slopes."""

_FEET: Final = [
    LANDMARK_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("ankle", "heel", "foot_index")
]

_AGREES_DEG: Final = 1.5
"""A line that points this near to the common direction is one of it."""

_LEAN_DEG: Final = _AGREES_DEG / np.sqrt(3)
"""Standard deviation of the lean of one that agrees. The slope ahead is how the lean changes across the image, so it is
as uncertain as this over the lines' spread: objects that stand askew cannot be told from a tilt where they are few."""

_LEAST_LENGTH: Final = 0.25
"""Of the lines that agree, in longer sides of the picture, all together."""

_LEAST_SHARE: Final = 0.5
"""Of the length of all steep lines that agree: else the steep lines are not upright ones."""

_LEAST_SPREAD: Final = 0.1
"""Standard deviation of the places of the lines that agree, across, in focal lengths: one edge fits many tilts."""

_SAME_DEG: Final = 3.0
"""Looks whose median distance from their middle is larger contradict each other."""


class Look(BaseModel):
    """What one frame says: up is (aside, -1, ahead) in the camera's axes (x right, y down, z away)."""

    model_config = ConfigDict(frozen=True)

    aside: float
    ahead: float
    ahead_sd_deg: float = 0.0
    """What the lines' places across the image leave open."""


def look(picture: Picture, pose: Pose | None) -> Look | None:
    """The direction that the picture's upright lines have in common; None where there are too few of them."""
    small = shrunk(picture, _LONGEST_SIDE)
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    lines = _steep_lines(gray, None if pose is None else pose.image * (small.shape[1] / picture.shape[1]))
    return None if lines is None else _common_direction(lines)


def joined(looks: Sequence[Look | None]) -> Verticals | None:
    """What all looks at a video say together: their median; None where most say nothing, or they differ."""
    slopes = np.array([[each.aside, each.ahead] for each in looks if each is not None])
    if not len(slopes) or 2 * len(slopes) < len(looks):
        return None
    middle = np.median(slopes, axis=0)
    if np.degrees(np.median(np.abs(slopes - middle), axis=0)).max() > _SAME_DEG:
        return None
    unsure = float(np.median([each.ahead_sd_deg for each in looks if each is not None]))
    return Verticals(aside=float(middle[0]), ahead=float(middle[1]), ahead_sd_deg=unsure, looks=len(slopes))


class _Lines:
    """Segments as rays of a camera of the assumed focal length.

    middles (N, 2) slopes; directions (N, 2) unit vectors; lengths (N,) longer sides of the picture.
    """

    def __init__(self, ends: FloatArray, longer: int) -> None:
        """ends (N, 2, 2) pixels from the picture's middle."""
        along = ends[:, 1] - ends[:, 0]
        self.lengths = np.linalg.norm(along, axis=1) / longer
        self.directions = along / np.linalg.norm(along, axis=1, keepdims=True)
        self.middles = ends.mean(axis=1) / (FOCAL_LENGTH * longer)

    def angles(self, slopes: FloatArray) -> FloatArray:
        """(K, N) degrees between each line and the way to the vanishing point of up with slopes (K, 2)."""
        aside, ahead = slopes[:, None, 0], slopes[:, None, 1]
        across, down = aside - self.middles[:, 0] * ahead, -1 - self.middles[:, 1] * ahead
        sine = (across * self.directions[:, 1] - down * self.directions[:, 0]) / np.hypot(across, down)
        return np.asarray(np.degrees(np.arcsin(np.clip(np.abs(sine), 0, 1))))

    def votes(self, slopes: FloatArray, tolerance_deg: float) -> FloatArray:
        """(K,) the length of the lines that have this direction."""
        return np.asarray(np.exp(-((self.angles(slopes) / tolerance_deg) ** 2) / 2) @ self.lengths)


def _steep_lines(gray: Picture, person: FloatArray | None) -> _Lines | None:
    """Those that are neither the person's, whose landmarks (33, 2) are given in pixels, nor wholly below the feet.

    Below the feet is the floor between camera and person. Joints and marks on it that run away from the camera are
    steep in the image and long, and lean as upright lines do in that of a camera that looks down more steeply.
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
    """The direction with most votes, sought ever finer; nearer to level among equals."""
    grid = _grid(np.zeros(2), _REACH, 41)
    best = grid[np.argmax(lines.votes(grid, 2.0) * (1 - 0.3 * np.square(grid / _REACH).mean(axis=1)))]
    for reach, tolerance_deg in ((0.04, 1.5), (0.012, 1.0)):
        grid = _grid(best, np.full(2, reach), 13)
        best = grid[np.argmax(lines.votes(grid, tolerance_deg))]
    if (np.abs(best) > _REACH).any():  # at the edge of what was searched: the most votes lie beyond
        return None
    agree = lines.angles(best[None])[0] < _AGREES_DEG
    lengths, across = lines.lengths[agree], lines.middles[agree, 0]
    if lengths.sum() < max(_LEAST_LENGTH, _LEAST_SHARE * lines.lengths.sum()):
        return None
    spread = np.sqrt(np.average(np.square(across - np.average(across, weights=lengths)), weights=lengths))
    if spread < _LEAST_SPREAD:
        return None
    return Look(aside=float(best[0]), ahead=float(best[1]), ahead_sd_deg=float(_LEAN_DEG / spread))


def _grid(middle: FloatArray, reach: FloatArray, count: int) -> FloatArray:
    """(count², 2) slopes around the middle."""
    steps = np.linspace(-1, 1, count)
    return np.asarray(middle + reach * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))


class Looks:
    """Looks at a frame now and then, in the order of time: five times in 20 s."""

    def __init__(self) -> None:
        self._taken: list[Look | None] = []
        self._due = -np.inf

    def see(self, time: float, picture: Picture, pose: Pose | None) -> None:
        """Look at this frame, if it is time to; seconds."""
        if time >= self._due:
            self._taken.append(look(picture, pose))
            self._due = time + INTERVAL_S * len(self._taken)

    def __iter__(self) -> Iterator[Look | None]:
        return iter(self._taken)
