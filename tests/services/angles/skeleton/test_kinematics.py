import numpy as np
import pytest

from humanpose3d.skeleton import ALL_MARKERS
from services.angles.skeleton.kinematics import Observations, normal_equations, pose
from services.angles.skeleton.model import shipped_model

MODEL = shipped_model().select(ALL_MARKERS)


@pytest.fixture(name="drawn")
def _drawn():
    """Random postures, and targets and weights for all markers, some of them relative to another marker."""
    rng = np.random.default_rng(3)
    low = np.array([max(c.lowest, -1.2) for c in MODEL.coordinates])
    high = np.array([min(c.highest, 1.4) for c in MODEL.coordinates])
    coordinates = rng.uniform(low, high, (7, len(low)))
    anchors = np.full(len(ALL_MARKERS), -1)
    anchors[ALL_MARKERS.index("r_knee_study")] = ALL_MARKERS.index("RKnee")
    anchors[ALL_MARKERS.index("L.ASIS_study")] = ALL_MARKERS.index("Hip")
    targets = pose(MODEL, coordinates).markers() + rng.normal(0, 0.05, (7, len(ALL_MARKERS), 3))
    weights = rng.uniform(0.5, 2, targets.shape)
    weights[:, 4] = 0
    return coordinates, Observations(targets, weights, anchors)


def test_the_normal_equations_are_those_of_the_jacobian(drawn):
    coordinates, observed = drawn
    count, step = len(MODEL.coordinates), 1e-6
    columns = [
        (
            observed.seen(pose(MODEL, coordinates + change).markers())
            - observed.seen(pose(MODEL, coordinates - change).markers())
        )
        / (2 * step)
        for change in step * np.eye(count)
    ]
    jacobian = np.stack(columns, axis=-1).reshape(7, -1, count)
    weights = observed.weights.reshape(7, -1, 1)
    current = pose(MODEL, coordinates)
    missed = observed.missed(current).reshape(7, -1, 1)
    found = normal_equations(current, observed)
    assert found.matrix == pytest.approx(np.swapaxes(jacobian, 1, 2) @ (weights * jacobian), abs=1e-6)
    assert found.gradient == pytest.approx((np.swapaxes(jacobian, 1, 2) @ (weights * missed))[..., 0], abs=1e-6)


def test_a_relative_marker_does_not_constrain_the_position(drawn):
    coordinates, observed = drawn
    tied = np.where(observed.anchors[:, None] >= 0, observed.weights, 0.0)
    found = normal_equations(pose(MODEL, coordinates), Observations(observed.targets, tied, observed.anchors))
    moves = [index for index, coordinate in enumerate(MODEL.coordinates) if coordinate.translates]
    assert np.abs(found.matrix[:, moves]).max() < 1e-12
    assert np.abs(found.matrix).max() > 1e-4
