"""Export of a trained depth refiner to ONNX, with a check of their agreement."""

from pathlib import Path
from typing import Final

import numpy as np
import torch

from humanpose3d.skeleton import LANDMARKS
from services.refiner.depth.neural import INPUTS, OUTPUTS
from services.refiner.windows import WINDOW
from training import onnx_files
from training.depth.mirror import MirroredRefiner
from training.depth.model import Estimate, Seen

LARGEST_DIFFERENCE: Final = 1e-4
"""Largest permitted difference of a marker between ONNX and torch, metres, along each axis."""

assert (Seen._fields, Estimate._fields) == (INPUTS, OUTPUTS), "serving feeds what training taught"


def export(model: MirroredRefiner, path: Path) -> float:
    """Write the network for any number of windows; returns the largest difference in metres on random input.

    Raises ModelError where that is more than LARGEST_DIFFERENCE.
    """
    model.eval()
    examples = [tuple(_random_seen(windows)) for windows in (2, 5)]
    limit = onnx_files.Parity(OUTPUTS[0], LARGEST_DIFFERENCE)
    return onnx_files.export(model, Seen, examples, OUTPUTS, path, limit)


def _random_seen(windows: int) -> Seen:
    rng = np.random.default_rng(windows)
    points = len(LANDMARKS)
    values = (
        rng.uniform(100, 500, (windows, WINDOW, points, 2)),
        rng.normal(0, 0.4, (windows, WINDOW, points, 3)),
        rng.random((windows, WINDOW, points)),
        (rng.random((windows, WINDOW)) > 0.1) * 1.0,
        np.tile(np.arange(WINDOW) / 30, (windows, 1)),
        np.tile([640.0, 480.0], (windows, 1)),
        rng.uniform(1.5, 1.9, windows),
        np.column_stack([rng.normal(0, 0.2, (windows, 2)), np.ones(windows)]) * (np.arange(windows) % 2)[:, None],
        rng.uniform(0.6, 1.2, windows) * (np.arange(windows) % 3 == 0),
    )
    return Seen(*(torch.from_numpy(value.astype(np.float32)) for value in values))
