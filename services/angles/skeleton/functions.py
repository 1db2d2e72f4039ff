"""What OpenSim lets a joint's axis do with a coordinate: functions of one variable, with their slope.

Each is a function from values (T,) to the values and the slopes there, both (T,); other processes can be sent it.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from humanpose3d.motion import FloatArray

Function = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def linear(slope: float, intercept: float) -> Function:
    """A straight line; a constant is one of slope 0."""
    return partial(_on_line, slope, intercept)


def _on_line(slope: float, intercept: float, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    return slope * values + intercept, np.full_like(values, slope)


def scaled(inner: Function, factor: float) -> Function:
    """The same, multiplied."""
    return partial(_multiplied, inner, factor)


def _multiplied(inner: Function, factor: float, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    value, slope = inner(values)
    return factor * value, factor * slope


def polynomial(coefficients: FloatArray) -> Function:
    """Of these coefficients, the highest power first (OpenSim's order)."""
    return partial(_on_polynomial, coefficients, np.asarray(np.polyder(coefficients), dtype=np.float64))


def _on_polynomial(
    coefficients: FloatArray, derivative: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return np.asarray(np.polyval(coefficients, values)), np.asarray(np.polyval(derivative, values))


def spline(x: FloatArray, y: FloatArray) -> Function:
    """The cubic spline that OpenSim calls SimmSpline: straight on beyond its ends.

    Its third derivatives at the ends are those of the cubics through the first and the last four points (Forsythe,
    Malcolm & Moler 1977, Computer Methods for Mathematical Computations, section 4.4); at least four points.
    """
    bend = _spline_bend(x, y)
    step = np.diff(x)
    slope = np.diff(y) / step - step * (bend[1:] + 2 * bend[:-1])
    last = (y[-1] - y[-2]) / step[-1] + step[-1] * (bend[-2] + 2 * bend[-1])
    # Pieces: before the first knot, between the knots, after the last one.
    origin, value = np.concatenate(([x[0]], x)), np.concatenate(([y[0]], y))
    first = np.concatenate(([slope[0]], slope, [last]))
    second = np.concatenate(([0.0], 3 * bend[:-1], [0.0]))
    third = np.concatenate(([0.0], np.diff(bend) / step, [0.0]))
    return partial(_on_pieces, x, origin, np.stack([value, first, second, third]))


def _on_pieces(
    knots: FloatArray, origins: FloatArray, cubics: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Between N knots (N,): N + 1 pieces, which begin at `origins`, with the coefficients `cubics` (4, N + 1)."""
    piece = np.searchsorted(knots, values, side="right")
    along = values - origins[piece]
    start, a, b, c = cubics[:, piece]
    return start + along * (a + along * (b + along * c)), a + along * (2 * b + along * 3 * c)


def _spline_bend(x: FloatArray, y: FloatArray) -> FloatArray:
    """(N,) a sixth of the second derivative at the knots."""
    step = np.diff(x)
    matrix, right = np.zeros((len(x), len(x))), np.zeros(len(x))
    inner = np.arange(1, len(x) - 1)
    matrix[inner, inner - 1], matrix[inner, inner + 1] = step[:-1], step[1:]
    matrix[inner, inner] = 2 * (step[:-1] + step[1:])
    right[1:-1] = np.diff(np.diff(y) / step)
    for end, places in ((0, slice(0, 4)), (-1, slice(-4, None))):
        beside, own = (1, step[0]) if end == 0 else (-2, step[-1])
        sign = 1 if end == 0 else -1
        matrix[end, end], matrix[end, beside] = -own, own
        right[end] = sign * own**2 * _third_difference(x[places], y[places])
    return np.asarray(np.linalg.solve(matrix, right))


def _third_difference(x: FloatArray, y: FloatArray) -> float:
    """The third divided difference: a sixth of the third derivative of the cubic through four points."""
    for order in (1, 2, 3):
        y = np.diff(y) / (x[order:] - x[:-order])
    return float(y[0])
