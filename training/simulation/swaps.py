"""Left/right swaps: detecting the frames in which the detector made them, and applying them to others."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS
from training.simulation.view import MIRRORED_LANDMARKS, Detection, View, nearest

PARTS: Final = (
    slice(LANDMARK_INDEX["left_shoulder"], LANDMARK_INDEX["left_hip"]),
    slice(LANDMARK_INDEX["left_hip"], len(LANDMARKS)),
)
"""What is swapped at once: arms with shoulders, legs with hips. The face looks too much alike from both sides."""

_CLEARLY: Final = 0.75
"""A part counts as swapped where its landmarks come at least this much nearer to the truth under each other's names."""


def swapped(view: View, made: Detection) -> NDArray[np.bool_]:
    """(T, 2) whether each of PARTS has the names of the other side."""
    truth = nearest(view)
    as_named = np.linalg.norm(made.places - truth, axis=-1)
    renamed = np.linalg.norm(made.places[:, MIRRORED_LANDMARKS] - truth, axis=-1)
    nearer = [renamed[:, part].mean(axis=1) < _CLEARLY * as_named[:, part].mean(axis=1) for part in PARTS]
    return np.stack(nearer, axis=1) & made.found[:, None]


def with_sides_swapped(values: FloatArray, where: NDArray[np.bool_]) -> FloatArray:
    """Values of landmarks (T, 33, ...) with left and right swapped where (T, 2) says so; its own inverse."""
    out = values.copy()
    for column, part in enumerate(PARTS):
        frames = where[:, column]
        out[frames, part] = values[frames][:, MIRRORED_LANDMARKS[part]]
    return out
