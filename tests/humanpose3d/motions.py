"""Hypothesis strategies for motion that files must store: irregular times, gaps, unusual names."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers, MarkerSpread
from humanpose3d.skeleton import JOINT_GROUPS, LANDMARKS

FRAMES = st.integers(2, 6)
VALUES = st.floats(-1e4, 1e4) | st.just(np.nan)
RATES = st.sampled_from([24000 / 1001, 25.0, 30000 / 1001, 30.0, 60.0, 100.0, 240000 / 1001, 17.3])
NAMES = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool),
    min_size=1,
    max_size=4,
    unique=True,
)


def values(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, shape, elements=VALUES, fill=st.nothing())


@st.composite
def irregular_times(draw: st.DrawFn) -> np.ndarray:
    steps = draw(st.lists(st.floats(1e-4, 3), min_size=2, max_size=6))
    return draw(st.floats(0, 1e4)) + np.cumsum(steps)


@st.composite
def uniform_times(draw: st.DrawFn) -> np.ndarray:
    return draw(st.integers(0, 1000)) / 100 + np.arange(draw(FRAMES)) / draw(RATES)


IRREGULAR = irregular_times()


@st.composite
def markers(draw: st.DrawFn, times=IRREGULAR, names=NAMES) -> Markers:
    at, named = draw(times), draw(names)
    positions = draw(values(at.size, len(named), 3))
    positions[np.isnan(positions).any(axis=2)] = np.nan
    return Markers(at, tuple(named), positions)


@st.composite
def spreads(draw: st.DrawFn) -> MarkerSpread:
    at, named = draw(IRREGULAR), draw(NAMES)
    return MarkerSpread(at, tuple(named), draw(values(at.size, len(named))))


@st.composite
def landmarks(draw: st.DrawFn) -> Landmarks:
    at = draw(IRREGULAR)
    shape = (at.size, len(LANDMARKS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    image, world = rng.normal(size=(*shape, 2)) * 1000, rng.normal(size=(*shape, 3))
    visibility = rng.random(shape)
    undetected = draw(arrays(np.bool_, at.size))
    image[undetected], world[undetected], visibility[undetected] = np.nan, np.nan, 0
    return Landmarks(at, image, world, visibility, (draw(st.integers(1, 8000)), draw(st.integers(1, 8000))))


@st.composite
def joint_angles(draw: st.DrawFn) -> JointAngles:
    at = draw(IRREGULAR)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    angles = rng.normal(size=(at.size, len(JOINT_GROUPS), 3)) * 90
    angles[rng.random(angles.shape) < 0.2] = np.nan
    return JointAngles(at, angles)


@st.composite
def angle_sds(draw: st.DrawFn) -> AngleSd:
    """Standard deviations of the angles of a short motion."""
    angles = draw(joint_angles())
    return AngleSd(angles.times, angles.values)
