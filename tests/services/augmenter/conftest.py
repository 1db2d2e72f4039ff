"""A stick-figure walker: human enough for the networks, identical on every machine."""

from typing import Protocol

import numpy as np
import pytest

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import MARKERS


def limb(start: FloatArray, length: float, swing: FloatArray) -> FloatArray:
    """(T, 3) end of a limb that hangs from `start` and swings forward (+X) by an angle (T,)."""
    way = length * np.stack((np.sin(swing), -np.cos(swing), np.zeros_like(swing)), axis=1)
    return start + way


def walker(seconds: float, rate: float) -> Markers:
    """A person 1.75 m tall walking along +X at 1.2 m/s, right side to +Z, one stride a second."""
    height = 1.75
    times = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * times
    hip = np.stack((1.2 * times, 0.52 * height + 0.02 * np.cos(2 * phase), 0.02 * np.sin(phase)), axis=1)
    neck = hip + np.array((0.02, 0.29, 0.0)) * height
    paths = {"Hip": hip, "Neck": neck, "Head": neck + np.array((0, 0.2, 0)), "Nose": neck + np.array((0.1, 0.2, 0))}
    for side, out in (("R", 1.0), ("L", -1.0)):
        gait = phase + (0.0 if side == "R" else np.pi)
        thigh, bend = 0.4 * np.sin(gait), 0.15 + 0.5 * np.maximum(0, np.cos(gait))
        paths[f"{side}Hip"] = hip + np.array((0, 0, out * 0.052)) * height
        paths[f"{side}Knee"] = limb(paths[f"{side}Hip"], 0.245 * height, thigh)
        paths[f"{side}Ankle"] = ankle = limb(paths[f"{side}Knee"], 0.246 * height, thigh - bend)
        paths[f"{side}Heel"] = ankle + np.array((-0.05, -0.06, 0.0))
        paths[f"{side}BigToe"] = ankle + np.array((0.17, -0.07, out * -0.02))
        paths[f"{side}SmallToe"] = ankle + np.array((0.14, -0.07, out * 0.05))
        paths[f"{side}Shoulder"] = neck + np.array((0, 0, out * 0.11)) * height
        paths[f"{side}Elbow"] = limb(paths[f"{side}Shoulder"], 0.186 * height, -0.7 * thigh)
        paths[f"{side}Wrist"] = limb(paths[f"{side}Elbow"], 0.146 * height, 0.4 - 0.7 * thigh)
    return Markers(times, MARKERS, np.stack([paths[name] for name in MARKERS], axis=1))


class Walker(Protocol):
    def __call__(self, seconds: float, rate: float) -> Markers: ...


@pytest.fixture(scope="session")
def make_walker() -> Walker:
    return walker


@pytest.fixture(scope="session")
def walking() -> Markers:
    return walker(seconds=2.0, rate=60.0)
