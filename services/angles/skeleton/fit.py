"""From markers to coordinates: each frame by itself first, then all of them together with smoothness over time."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.skeleton.chain import Chain, Smoothness
from services.angles.skeleton.kinematics import Equations
from services.angles.skeleton.problem import Problem

_RIDGE: Final = 1e-6
"""Added to the diagonal, so that a frame without markers leaves no equation empty."""

_LONGEST_STEP: Final = 0.6
"""Radians (or metres) that one step may go: further than that, straight lines no longer follow a rotation."""

_ROUNDS_APART: Final = 25
_APART: Final = 2e-3
"""Radians (or metres): a frame by itself is settled when its last step was no longer."""


def settled(problem: Problem, coordinates: FloatArray, rounds: int = _ROUNDS_APART) -> FloatArray:
    """(T, n): each frame's least squares by itself, from a first guess (Levenberg–Marquardt, all frames at once)."""
    fitted, every = problem.priors.fitted, np.arange(len(problem.priors.fitted))
    coordinates = coordinates.copy()
    current, equations = problem.equations(coordinates)
    costs, damping = problem.costs(current, coordinates), np.full(len(coordinates), 1e-3)
    left = np.arange(len(coordinates))
    for _ in range(rounds):
        matrix = equations.matrix.copy()
        matrix[:, every, every] += _RIDGE + damping[left, None] * matrix[:, every, every]
        step = _limited(np.asarray(np.linalg.solve(matrix, equations.gradient[..., None])[..., 0], dtype=np.float64))
        trial = coordinates[left]
        trial[:, fitted] += step
        part = problem.part(left)
        current, trial_equations = part.equations(trial)
        trial_costs = part.costs(current, trial)
        better = trial_costs < costs[left]
        damping[left] *= np.where(better, 1 / 6, 8)
        coordinates[left[better]], costs[left[better]] = trial[better], trial_costs[better]
        equations.matrix[better] = trial_equations.matrix[better]
        equations.gradient[better] = trial_equations.gradient[better]
        moving = np.abs(step).max(axis=1) >= _APART
        if not moving.any():
            break
        left, equations = left[moving], Equations(equations.matrix[moving], equations.gradient[moving])
    return coordinates


@dataclass(frozen=True, eq=False)
class Motion:
    """Coordinates (T, n) of which some were fitted, and the equations of the last round."""

    coordinates: FloatArray
    fitted: NDArray[np.intp]
    chain: Chain

    def covariances(self) -> FloatArray:
        """(T, n, n) of the coordinates, 0 for those that were not fitted."""
        frames, count = self.coordinates.shape
        out = np.zeros((frames, count, count))
        out[:, self.fitted[:, None], self.fitted] = self.chain.covariances()
        return out


def together(problem: Problem, coordinates: FloatArray, rounds: int) -> Motion:
    """The smooth motion that fits best, from one (T, n) that is near (Gauss–Newton).

    The number of rounds is fixed, so that what a frame gets depends on nothing that is far from it in time.
    """
    fitted = problem.priors.fitted
    smoothness = Smoothness.of(problem.times, problem.priors.densities[fitted])
    coordinates = coordinates.copy()
    every = np.arange(len(fitted))
    for _ in range(rounds):
        _, equations = problem.equations(coordinates)
        equations.matrix[:, every, every] += _RIDGE
        chain = Chain.of(equations.matrix, smoothness)
        coordinates[:, fitted] += _limited(chain.solve(equations.gradient - smoothness.times(coordinates[:, fitted])))
    return Motion(coordinates, fitted, chain)


def _limited(step: FloatArray) -> FloatArray:
    """Each frame's step (T, n), shortened where a coordinate would go too far."""
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP)))
