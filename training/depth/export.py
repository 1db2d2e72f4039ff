"""A trained depth refiner as ONNX, and how exactly the two agree."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from services.refiner.windows import WINDOW
from shared.errors import ModelError
from shared.skeleton import LANDMARKS
from training.depth.mirror import MirroredRefiner
from training.depth.model import Estimate, Seen

OPSET: Final = 18
LARGEST_DIFFERENCE: Final = 1e-4
"""Metres by which a marker may lie elsewhere in ONNX than in torch."""

OUTPUTS: Final = Estimate._fields


class _Flat(nn.Module):
    """The network with its inputs one by one, as ONNX has them."""

    def __init__(self, model: MirroredRefiner) -> None:
        super().__init__()
        self.model = model

    def forward(self, *seen: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(Seen(*seen)))


def export(model: MirroredRefiner, path: Path) -> float:
    """Write the network for any number of windows; gives the largest difference in metres on random input.

    Raises ModelError where that is more than LARGEST_DIFFERENCE.
    """
    model.eval()
    example = _random_seen(2)
    torch.onnx.export(
        _Flat(model).eval(),
        tuple(example),
        str(path),
        input_names=list(Seen._fields),
        output_names=list(OUTPUTS),
        dynamic_shapes=(tuple({0: torch.export.Dim("windows")} for _ in example),),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    difference = parity(model, path)
    if difference > LARGEST_DIFFERENCE:
        raise ModelError(f"{path.name}: ONNX and torch differ by {difference * 1000:.3f} mm.")
    return difference


def parity(model: MirroredRefiner, path: Path) -> float:
    """Metres: the largest distance between a marker of torch and the same of ONNX, on windows not seen in export."""
    seen = _random_seen(5)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {name: value.numpy() for name, value in seen._asdict().items()}
    got = session.run(["markers"], feed)[0]
    with torch.no_grad():
        wanted = model(seen).markers.numpy()
    return float(np.linalg.norm(got - wanted, axis=-1).max())


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
    )
    return Seen(*(torch.from_numpy(value.astype(np.float32)) for value in values))
