"""The fit of one clip as a sum of squares: markers, what is known of postures, the ends of the joints' ranges."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from services.angles.skeleton.kinematics import Equations, Pose, normal_equations, pose
from services.angles.skeleton.model import Model
from services.angles.skeleton.priors import LIMIT_SD, Priors
from shared.motion import FloatArray

MEMORY_S: Final = 0.1
"""Errors of markers from video stay what they are for about so long: frames nearer to each other share their weight, so
that neither the answer nor its uncertainty depends on the frame rate."""


@dataclass(frozen=True, eq=False)
class Problem:
    """T frames of M markers for a model with n coordinates.

    targets  (T, M, 3) metres. weights: (T, M) 1/m², 0 where there is no target. shares: (T,) of a full observation that
             each frame is.
    """

    model: Model
    priors: Priors
    times: FloatArray
    targets: FloatArray
    weights: FloatArray
    shares: FloatArray

    @classmethod
    def of(cls, model: Model, times: FloatArray, positions: FloatArray, sd: FloatArray, memory_s: float) -> Self:
        """Of markers (T, M, 3), NaN where missing, with standard deviations (T, M) metres along an axis.

        A marker whose standard deviation is infinite takes no part.
        """
        seen = np.isfinite(positions).all(axis=2)
        shares = _shares(times, memory_s)
        weights = np.where(seen, shares[:, None] / np.where(seen, sd, 1.0) ** 2, 0.0)
        return cls(model, Priors.of(model), times, np.where(seen[..., None], positions, 0.0), weights, shares)

    def part(self, frames: FloatArray | slice) -> Self:
        """Some of the frames."""
        return replace(
            self,
            times=self.times[frames],
            targets=self.targets[frames],
            weights=self.weights[frames],
            shares=self.shares[frames],
        )

    def counted_as(self, share: float) -> Self:
        """The same with a part of the weight in every frame."""
        return replace(self, weights=self.weights * share, shares=self.shares * share)

    def with_model(self, model: Model) -> Self:
        """The same markers for another model of the same tree."""
        return replace(self, model=model)

    def equations(self, coordinates: FloatArray) -> tuple[Pose, Equations]:
        """At coordinates (T, n): the pose, and the normal equations of the coordinates that are fitted."""
        priors, fitted = self.priors, self.priors.fitted
        current = pose(self.model, coordinates)
        found = normal_equations(current, self.targets, self.weights)
        matrix, gradient = found.matrix[:, fitted[:, None], fitted], found.gradient[:, fitted]
        known, pull = self._known(coordinates)
        every = np.arange(len(fitted))
        matrix[:, every, every] += known[:, fitted]
        gradient += pull[:, fitted]
        return current, Equations(matrix, gradient)

    def costs(self, current: Pose, coordinates: FloatArray) -> FloatArray:
        """(T,) sum of squares of each frame by itself."""
        missed = np.square(self.targets - current.markers()).sum(axis=2)
        known, pull = self._known(coordinates)
        return np.asarray((self.weights * missed).sum(axis=1) + (pull**2 / np.maximum(known, 1e-12)).sum(axis=1))

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
