"""From markers to coordinates: each frame by itself first, then all of them together with smoothness over time."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from services.angles.skeleton.chain import Smoothness, solve
from services.angles.skeleton.problem import Problem

_RIDGE: Final = 1e-6
"""Added to the diagonal, so that a frame without markers leaves no equation empty."""

_LONGEST_STEP: Final = 0.6
"""Radians (or metres) that one step may go: further than that, straight lines no longer follow a rotation."""

_ROUNDS_APART: Final = 25
_ROUNDS_TOGETHER: Final = 5
_SETTLED: Final = 2e-2
"""Radians: when no coordinate moved by more (1°), one more step brings all to rest."""


def settled(problem: Problem, coordinates: FloatArray, rounds: int = _ROUNDS_APART) -> FloatArray:
    """(T, n): each frame's least squares by itself, from a first guess (Levenberg–Marquardt, all frames at once)."""
    fitted, every = problem.priors.fitted, np.arange(len(problem.priors.fitted))
    current, equations = problem.equations(coordinates)
    costs, damping = problem.costs(current, coordinates), np.full(len(coordinates), 1e-3)
    for _ in range(rounds):
        matrix = equations.matrix.copy()
        matrix[:, every, every] += _RIDGE + damping[:, None] * matrix[:, every, every]
        step = _limited(np.asarray(np.linalg.solve(matrix, equations.gradient[..., None])[..., 0], dtype=np.float64))
        trial = coordinates.copy()
        trial[:, fitted] += step
        current, trial_equations = problem.equations(trial)
        trial_costs = problem.costs(current, trial)
        better = trial_costs < costs
        damping = np.where(better, damping / 6, damping * 8)
        coordinates = np.where(better[:, None], trial, coordinates)
        costs = np.where(better, trial_costs, costs)
        equations.matrix[better], equations.gradient[better] = (
            trial_equations.matrix[better],
            trial_equations.gradient[better],
        )
        if np.abs(step).max() < _SETTLED / 10:
            break
    return coordinates


@dataclass(frozen=True, eq=False)
class Motion:
    """Coordinates (T, n) and their covariances (T, n, n), 0 for those that are not fitted."""

    coordinates: FloatArray
    covariances: FloatArray


def together(problem: Problem, coordinates: FloatArray) -> Motion:
    """The smooth motion that fits best, from one (T, n) that is near (Gauss–Newton)."""
    fitted = problem.priors.fitted
    smoothness = Smoothness.of(problem.times, problem.priors.densities[fitted])
    coordinates = coordinates.copy()
    every, longest = np.arange(len(fitted)), np.inf
    for left in range(_ROUNDS_TOGETHER - 1, -1, -1):
        _, equations = problem.equations(coordinates)
        equations.matrix[:, every, every] += _RIDGE
        right = equations.gradient - smoothness.times(coordinates[:, fitted])
        last = not left or longest < _SETTLED
        solution = solve(equations.matrix, right, smoothness, covariances=last)
        step = _limited(solution.values)
        coordinates[:, fitted] += step
        longest = np.abs(step).max()
        if last:
            break
    assert solution.covariances is not None
    covariances = np.zeros((len(coordinates), coordinates.shape[1], coordinates.shape[1]))
    covariances[:, fitted[:, None], fitted] = solution.covariances
    return Motion(coordinates, covariances)


def _limited(step: FloatArray) -> FloatArray:
    """Each frame's step (T, n), shortened where a coordinate would go too far."""
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP)))
