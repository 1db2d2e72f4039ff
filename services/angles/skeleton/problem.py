"""The fit of one clip as a sum of squares: markers, what is known of postures, the ends of the joints' ranges."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.skeleton.kinematics import Equations, Observations, Pose, normal_equations, pose
from services.angles.skeleton.model import Model
from services.angles.skeleton.priors import LIMIT_SD, Priors

MEMORY_S: Final = 0.1
"""Errors of markers from video stay what they are for about so long: frames nearer to each other share their weight, so
that neither the answer nor its uncertainty depends on the frame rate."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Markers as they were measured.

    positions  (T, M, 3) metres; NaN where missing.
    sd         (T, M, 3) metres, standard deviation along the world's axes; infinite where a marker takes no part. Of a
               marker with an anchor, that of the difference.
    anchors    (M,) index of the marker from which each is measured, on the same body; -1: from nowhere.
    """

    positions: FloatArray
    sd: FloatArray
    anchors: NDArray[np.intp]

    @classmethod
    def evenly(cls, positions: FloatArray, sd: float) -> Self:
        """Markers (T, M, 3) that are all measured alike, without anchors."""
        return cls(positions, np.full(positions.shape, sd), np.full(positions.shape[1], -1))

    def observations(self, shares: FloatArray) -> Observations:
        """With the weight of each frame (T,)."""
        tied = self.anchors >= 0
        targets = self.positions.copy()
        targets[:, tied] -= self.positions[:, self.anchors[tied]]
        seen = np.asarray(np.isfinite(targets).all(axis=2))[..., None]
        weights = np.where(seen, shares[:, None, None] / np.square(self.sd), 0.0)
        return Observations(np.where(seen, targets, 0.0), weights, self.anchors)

    def markers(self, columns: NDArray[np.intp]) -> Self:
        """Some of the markers, among them those from which they are measured."""
        place = np.full(self.positions.shape[1] + 1, -1)  # the last one: of -1
        place[columns] = np.arange(len(columns))
        return type(self)(self.positions[:, columns], self.sd[:, columns], place[self.anchors[columns]])

    def frames(self, chosen: NDArray[np.intp] | slice) -> Self:
        """Some of the frames."""
        return replace(self, positions=self.positions[chosen], sd=self.sd[chosen])


@dataclass(frozen=True, eq=False)
class Problem:
    """T frames of M markers for a model with n coordinates.

    shares: (T,) of a full observation that each frame is.
    """

    model: Model
    priors: Priors
    times: FloatArray
    observed: Observations
    shares: FloatArray

    @classmethod
    def of(cls, model: Model, times: FloatArray, measured: "Measured", memory_s: float = MEMORY_S) -> Self:
        """Of what was measured at increasing times (T,) in seconds."""
        shares = _shares(times, memory_s)
        return cls(model, Priors.of(model), times, measured.observations(shares), shares)

    def part(self, frames: NDArray[np.intp] | slice) -> Self:
        """Some of the frames."""
        observed = self.observed.frames(frames)
        return replace(self, times=self.times[frames], observed=observed, shares=self.shares[frames])

    def counted_as(self, share: float) -> Self:
        """The same with a part of the weight in every frame."""
        observed = replace(self.observed, weights=self.observed.weights * share)
        return replace(self, observed=observed, shares=self.shares * share)

    def with_model(self, model: Model) -> Self:
        """The same markers for another model of the same tree."""
        return replace(self, model=model)

    def equations(self, coordinates: FloatArray) -> tuple[Pose, Equations]:
        """At coordinates (T, n): the pose, and the normal equations of the coordinates that are fitted."""
        fitted = self.priors.fitted
        current = pose(self.model, coordinates)
        found = normal_equations(current, self.observed)
        matrix, gradient = found.matrix[:, fitted[:, None], fitted], found.gradient[:, fitted]
        known, pull = self._known(coordinates)
        every = np.arange(len(fitted))
        matrix[:, every, every] += known[:, fitted]
        gradient += pull[:, fitted]
        return current, Equations(matrix, gradient)

    def costs(self, current: Pose, coordinates: FloatArray) -> FloatArray:
        """(T,) sum of squares of each frame by itself."""
        missed = (self.observed.weights * np.square(self.observed.missed(current))).sum(axis=(1, 2))
        known, pull = self._known(coordinates)
        return np.asarray(missed + (pull**2 / np.maximum(known, 1e-12)).sum(axis=1))

    def _known(self, coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(T, n) precision of posture and limits, and the pull towards them."""
        priors = self.priors
        inside = np.clip(coordinates, priors.lowest, priors.highest)
        stopped = np.where(inside != coordinates, 1 / LIMIT_SD**2, 0.0)
        precision = priors.precision + stopped
        pull = priors.precision * (priors.centre - coordinates) + stopped * (inside - coordinates)
        return precision * self.shares[:, None], pull * self.shares[:, None]


def _shares(times: FloatArray, memory_s: float) -> FloatArray:
    """(T,) in (0, 1]: the time that each frame stands for, as a part of the memory."""
    if len(times) < 2:
        return np.ones(len(times))
    steps = np.diff(times)
    own = np.concatenate(([steps[0]], (steps[1:] + steps[:-1]) / 2, [steps[-1]]))
    return np.asarray(np.minimum(1.0, own / memory_s)) if memory_s > 0 else np.ones(len(times))
