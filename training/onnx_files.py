"""Trained networks as ONNX files, checked for agreement with torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from humanpose3d.errors import ModelError

OPSET: Final = 18


class Parity(NamedTuple):
    """Largest permitted difference from torch's output, in the output's unit."""

    output: str
    largest: float


def export(
    model: nn.Module,
    seen: type,
    examples: Sequence[tuple[Tensor, ...]],
    outputs: Sequence[str],
    path: Path,
    limit: Parity,
) -> float:
    """Write a network that takes a named tuple `seen`, for any number of windows; returns the largest difference.

    The first example is what the network is traced with, the second, with another number of windows, what the two
    are compared on. Raises ModelError where they differ by more than the limit; the file is gone then.
    """
    names = list(seen._fields)  # type: ignore[attr-defined]  # a NamedTuple
    traced, asked = examples
    torch.onnx.export(
        _Flat(model, seen).eval(),
        traced,
        str(path),
        input_names=names,
        output_names=list(outputs),
        dynamic_shapes=(tuple({0: torch.export.Dim("windows")} for _ in traced),),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    _without_traces(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run([limit.output], {name: value.numpy() for name, value in zip(names, asked, strict=True)})[0]
    with torch.no_grad():
        wanted = getattr(model(seen(*asked)), limit.output).numpy()
    difference = float(np.abs(got - wanted).max())
    if difference > limit.largest:
        path.unlink()
        raise ModelError(f"{path.name}: ONNX and torch differ by {difference:.3g} in {limit.output}.")
    return difference


def _without_traces(path: Path) -> None:
    """Remove the exporter's notes on the source code of each node: half of a small file, and local paths."""
    network = onnx.load(path)
    for node in network.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(network, path)


class _Flat(nn.Module):
    """The network with its inputs one by one, as ONNX has them."""

    def __init__(self, model: nn.Module, seen: type) -> None:
        super().__init__()
        self.model, self.seen = model, seen

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(self.seen(*values)))
