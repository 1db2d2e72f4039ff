import numpy as np
import pytest

from services.angles.skeleton.functions import linear, polynomial, scaled, spline

X = np.array([0.0, 0.2, 0.5, 0.9, 1.4])


@pytest.mark.parametrize(
    "function",
    [linear(2.0, -1.0), polynomial(np.array([0.5, -1.0, 2.0])), scaled(linear(2.0, 0.5), 3.0), spline(X, np.sin(X))],
)
def test_the_slope_is_the_derivative(function):
    at, step = np.linspace(-0.3, 1.7, 41), 1e-6
    rise = (function(at + step)[0] - function(at - step)[0]) / (2 * step)
    assert function(at)[1] == pytest.approx(rise, abs=1e-6)


def test_a_spline_through_a_cubic_is_that_cubic():
    # the purpose of its end conditions (Forsythe, Malcolm & Moler 1977)
    cubic = np.array([0.7, -0.4, 1.1, 0.2])
    at = np.linspace(0.0, 1.4, 57)
    assert spline(X, np.polyval(cubic, X))(at)[0] == pytest.approx(np.polyval(cubic, at), abs=1e-12)


def test_a_spline_is_linear_beyond_its_ends():
    function = spline(X, np.cos(X))
    value, slope = function(np.array([1.4, 2.4, -1.0, 0.0]))
    assert value[1] == pytest.approx(value[0] + slope[0])
    assert slope[1] == pytest.approx(slope[0])
    assert value[2] == pytest.approx(value[3] - slope[3])


def test_polynomial_coefficients_begin_with_the_highest_power():
    assert polynomial(np.array([2.0, 0.0, 1.0]))(np.array([3.0]))[0] == pytest.approx([19.0])
