"""Export of a trained joint refiner to ONNX, with a check of their agreement."""

from pathlib import Path
from typing import Final

import numpy as np
import torch

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUPS, LANDMARKS, MARKERS, RESPONSE_MARKERS
from services.refiner.joints.stage import INPUTS, OUTPUTS
from services.refiner.windows import WINDOW
from training import onnx_files
from training.joints.mirror import MirroredRefiner
from training.joints.model import Estimate, Seen

LARGEST_DIFFERENCE: Final = 0.01
"""Largest permitted difference of an angle between ONNX and torch, degrees."""

assert (Seen._fields, Estimate._fields) == (INPUTS, OUTPUTS), "serving feeds what training taught"


def export(model: MirroredRefiner, path: Path) -> float:
    """Write the network for any number of windows; returns the largest difference in degrees on random input.

    Raises ModelError where that is more than LARGEST_DIFFERENCE.
    """
    model.eval()
    examples = [tuple(_random_seen(windows)) for windows in (2, 5)]
    limit = onnx_files.Parity(OUTPUTS[0], LARGEST_DIFFERENCE)
    return onnx_files.export(model, Seen, examples, OUTPUTS, path, limit)


def _random_seen(windows: int) -> Seen:
    """Random windows with some angles and standard deviations missing."""
    rng = np.random.default_rng(windows)

    def gaps(values: FloatArray) -> FloatArray:
        return np.where(rng.random(values.shape) < 0.1, np.nan, values)

    shape = (windows, WINDOW)
    values = (
        gaps(rng.uniform(-170, 170, (*shape, len(JOINT_GROUPS), 3))),
        rng.random((*shape, len(LANDMARKS))),
        gaps(rng.random((*shape, len(MARKERS))) * 0.05),
        gaps(rng.random((*shape, len(RESPONSE_MARKERS))) * 0.05),
        np.tile(np.arange(WINDOW) / 30, (windows, 1)),
    )
    return Seen(*(torch.from_numpy(value.astype(np.float32)) for value in values))
