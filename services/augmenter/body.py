"""The networks' input frame: origin between the hips, constant heading, no gaps, 60 Hz.

The networks were trained on windows of 60 Hz (num_frames 60 in github.com/stanfordnmbl/marker-enhancer), rotated at
random about the vertical. They are nevertheless not invariant to heading or frame rate; `models/augmenter.md` has the
figures. All angles here are about Y, in radians, right-handed: a body at heading 0 faces +X with its right side
to +Z, as in OpenSim.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import missing
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import MARKER_INDEX, MARKERS, mirrored

TRAINING_RATE: Final = 60.0
"""Hz."""

_HEADING_SMOOTHING_S: Final = 0.25
"""Standard deviation of the smoothing: the heading follows the person, without the noise of hips and shoulders."""

_HALF_HIP_WIDTH: Final = 0.05
"""Share of body height: half the distance between the hip joint centres (Harrington et al. 2007 give 0.17 m at 1.7
m)."""

# Position of a marker that is never seen: its neighbour, and the offset from it in standing, as a share of body height
# (Drillis & Contini 1966, in Winter 2009, "Biomechanics and Motor Control of Human Movement", fig. 4.1).
_STANDING_RIGHT: Final = {
    "Neck": ("Hip", (0.0, 0.288, 0.0)),
    "RShoulder": ("Neck", (0.0, 0.0, 0.129)),
    "RElbow": ("RShoulder", (0.0, -0.186, 0.0)),
    "RWrist": ("RElbow", (0.0, -0.146, 0.0)),
    "RHip": ("Hip", (0.0, 0.0, _HALF_HIP_WIDTH)),
    "RKnee": ("RHip", (0.0, -0.245, 0.0)),
    "RAnkle": ("RKnee", (0.0, -0.246, 0.0)),
    "RHeel": ("RAnkle", (-0.03, -0.039, 0.0)),
    "RBigToe": ("RHeel", (0.152, 0.0, -0.015)),
    "RSmallToe": ("RHeel", (0.125, 0.0, 0.035)),
}
_STANDING: Final = {
    side(name): (side(neighbour), (x, y, z if side is str else -z))
    for name, (neighbour, (x, y, z)) in _STANDING_RIGHT.items()
    for side in (str, mirrored)
}


@dataclass(frozen=True, eq=False)
class BodyFrame:
    """The body's position and heading in every frame.

    origin   (T, 3) metres, world: between the hips.
    heading  (T,) radians, unwrapped.
    """

    origin: FloatArray
    heading: FloatArray

    @classmethod
    def of(cls, times: FloatArray, positions: FloatArray, height: float) -> Self | None:
        """The frame of `MARKERS` (T, 22, 3), gaps bridged in time; None where neither hips nor neck are ever seen."""
        heading = _smooth(times, _heading(positions))
        origin = _between_hips(positions, heading, height)
        if np.isnan(origin).any(axis=1).all():
            origin = positions[:, MARKER_INDEX["Neck"]] - height * np.array(_STANDING["Neck"][1])
        seen = np.isfinite(origin).all(axis=1)
        if not seen.any():
            return None
        return cls(interpolate(times, times[seen], origin[seen]), heading)

    def part(self, frames: slice | NDArray[np.int32]) -> Self:
        """The same for some frames."""
        return replace(self, origin=self.origin[frames], heading=self.heading[frames])

    def enter(self, world: FloatArray) -> FloatArray:
        """(T, M, 3) in the body frame."""
        return turn(world - self.origin[:, None], -self.heading[:, None])

    def leave(self, body: FloatArray) -> FloatArray:
        """(T, M, 3) in the world frame."""
        return turn(body, self.heading[:, None]) + self.origin[:, None]


@dataclass(frozen=True, eq=False)
class WholeBody:
    """The body in its own frame with all inputs of the networks, at any times.

    Gaps are interpolated in the body frame. A marker that is never seen is placed as in standing.

    times      (T,) seconds.
    positions  (T, 22, 3) metres, world, NaN where missing.
    seen       for each marker, the frames in which it is present.
    """

    times: FloatArray
    positions: FloatArray
    frame: BodyFrame
    height: float
    seen: Mapping[str, NDArray[np.int32]]

    @classmethod
    def of(cls, markers: Markers, frame: BodyFrame, height: float) -> Self:
        """Of `MARKERS`."""
        there = ~missing(markers.positions)
        seen = {name: np.flatnonzero(there[:, MARKER_INDEX[name]]).astype(np.int32) for name in _STANDING}
        return cls(markers.times, markers.positions, frame, height, seen)

    def at(self, times: FloatArray) -> FloatArray:
        """(N, 22, 3) metres at increasing times (N,)."""
        filled = np.zeros((len(times), len(MARKERS), 3))  # Hip, the origin, is zero
        reach = np.searchsorted(self.times, times[-1]), np.searchsorted(self.times, times[0], side="right") - 1
        for name, (neighbour, way) in _STANDING.items():
            column, seen = MARKER_INDEX[name], self.seen[name]
            if seen.size:
                around = seen[_around(seen, *reach)]
                known = self.frame.part(around).enter(self.positions[around, column][:, None])
                filled[:, column] = interpolate(times, self.times[around], known[:, 0])
            else:
                filled[:, column] = filled[:, MARKER_INDEX[neighbour]] + self.height * np.array(way)
        return filled


def _around(seen: NDArray[np.int32], last: np.intp, first: np.intp) -> slice:
    """The seen frames from the last one at or before `first` to the first one at or after `last`."""
    return slice(max(0, np.searchsorted(seen, first, side="right") - 1), np.searchsorted(seen, last) + 1)


def turn(points: FloatArray, angle: FloatArray) -> FloatArray:
    """Points (..., 3) rotated about Y by `angle` (...,)."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = np.empty((*np.broadcast_shapes(x.shape, angle.shape), 3))
    turned[..., 0] = cosine * x + sine * z
    turned[..., 1] = y
    turned[..., 2] = cosine * z - sine * x
    return turned


def training_times(times: FloatArray) -> FloatArray:
    """Evenly spaced times from the first to the last, as near to 60 Hz as their duration allows."""
    return np.linspace(times[0], times[-1], round((times[-1] - times[0]) * TRAINING_RATE) + 1)


def interpolate(at: FloatArray, times: FloatArray, values: FloatArray) -> FloatArray:
    """(N, ...) values at other times, linearly interpolated, constant beyond the ends.

    Splines gained nothing: from 15 to 240 Hz the augmented markers of 6 laboratory trials differed by under 0.15 mm.
    """
    columns = values.reshape(len(times), -1).T
    return np.stack([np.interp(at, times, column) for column in columns], axis=1).reshape(len(at), *values.shape[1:])


def _heading(positions: FloatArray) -> FloatArray:
    """(T,) radians from hips and shoulders, as available; NaN where neither is, or when lying on the side."""
    pairs = ((MARKER_INDEX[f"R{pair}"], MARKER_INDEX[f"L{pair}"]) for pair in ("Hip", "Shoulder"))
    right = np.nansum([positions[:, right] - positions[:, left] for right, left in pairs], axis=0)
    known = np.hypot(right[:, 0], right[:, 2]) > 0.2 * np.abs(right[:, 1])
    return np.where(known, np.arctan2(right[:, 0], right[:, 2]), np.nan)


def _smooth(times: FloatArray, heading: FloatArray) -> FloatArray:
    known = np.isfinite(heading)
    if not known.any():
        return np.zeros_like(heading)
    even = training_times(times)
    bridged = interpolate(even, times[known], np.unwrap(heading[known]))
    return interpolate(times, even, _gaussian(bridged, _HEADING_SMOOTHING_S * TRAINING_RATE))


def _gaussian(values: FloatArray, sd: float) -> FloatArray:
    """(T,) Gaussian smoothing with this standard deviation, in samples; the ends are extended as constants."""
    reach = int(4 * sd + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _between_hips(positions: FloatArray, heading: FloatArray, height: float) -> FloatArray:
    """(T, 3): the marker Hip, or the midpoint of both hips, or an offset from the one that is present."""
    right, left = positions[:, MARKER_INDEX["RHip"]], positions[:, MARKER_INDEX["LHip"]]
    aside = turn(np.full_like(right, (0.0, 0.0, _HALF_HIP_WIDTH * height)), heading)
    candidates = (positions[:, MARKER_INDEX["Hip"]], (right + left) / 2, right - aside, left + aside)
    origin = np.full_like(right, np.nan)
    for candidate in candidates:
        origin = np.where(np.isfinite(origin), origin, candidate)
    return origin
