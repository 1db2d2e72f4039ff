"""The refiners' networks: the file selected by a run's options, and one network from it.

A file contains one network or both; with both, every input and output name begins with its network, `depth_…` or
`joints_…` (`humanpose3d train merge`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import ModelError, ModelNotFound
from humanpose3d.options import RunOptions
from shared.inference import Network, session
from shared.models import sha256, shipped

Half = Literal["depth", "joints"]

HALVES: Final[tuple[Half, ...]] = ("depth", "joints")
SHIPPED: Final[Mapping[Half, str]] = {"depth": "depth_refiner.onnx", "joints": "joint_refiner.onnx"}
"""File name of the shipped network in `models/`."""

_OPTION: Final[Mapping[Half, str]] = {"depth": "depth_model_path", "joints": "joint_model_path"}

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Refiner:
    """One network of a refiner. `file` and `sha256` are for the run's report."""

    file: str
    sha256: str
    network: Network
    prefix: str
    """Prefix of the names of its inputs and outputs in the file."""
    others: Arrays
    """Input of the other network in the file: zeros, one window."""

    @property
    def models(self) -> dict[str, str]:
        """File name → sha256, as in a stage's report."""
        return {self.file: self.sha256}

    def run(self, feed: Arrays) -> dict[str, NDArray[np.float32]]:
        """All outputs by name for inputs by name, each with the windows along its first axis."""
        names = [item.name for item in self.network.get_outputs() if item.name.startswith(self.prefix)]
        own = {self.prefix + name: np.asarray(values, dtype=np.float32) for name, values in feed.items()}
        outputs = self.network.run(names, {**own, **self.others})
        return {name.removeprefix(self.prefix): values for name, values in zip(names, outputs, strict=True)}


def refiner(options: RunOptions, half: Half, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Refiner | None:
    """The network selected by these options; None where they select none.

    `depth_model_path` and `joint_model_path` take precedence over `main_refiner_path`, which takes precedence over the
    shipped depth network (`main_refiner`). The shipped joint network is used only where it is named.

    Raises ModelNotFound and ModelCorrupt where the file cannot be used, ModelError where its network has other inputs
    or outputs.
    """
    path = _file(options, half)
    return None if path is None else open_refiner(path, half, inputs, outputs)


def open_refiner(path: Path, half: Half, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Refiner:
    """The network of this half in a file. Raises as `refiner` does."""
    network = session(path)
    prefix = f"{half}_" if _holds_both(network) else ""
    own = [item.name.removeprefix(prefix) for item in network.get_inputs() if item.name.startswith(prefix)]
    made = [item.name.removeprefix(prefix) for item in network.get_outputs() if item.name.startswith(prefix)]
    if set(own) != set(inputs) or not set(outputs) <= set(made):
        raise ModelError(
            f"{path.name} is not a {half} refiner of this version: it should take {', '.join(inputs)} and return "
            f"{', '.join(outputs)}, but takes {', '.join(own) or 'nothing'} and returns {', '.join(made) or 'nothing'}."
        )
    others = {
        item.name: np.zeros([size if isinstance(size, int) else 1 for size in item.shape], dtype=np.float32)
        for item in network.get_inputs()
        if not item.name.startswith(prefix)
    }
    return Refiner(path.name, sha256(path), network, prefix, others)


def _holds_both(network: Network) -> bool:
    halves = {next((half for half in HALVES if item.name.startswith(f"{half}_")), "") for item in network.get_inputs()}
    return halves == set(HALVES)


def _file(options: RunOptions, half: Half) -> Path | None:
    for option in (_OPTION[half], "main_refiner_path"):
        path = getattr(options, option)
        if path is not None:
            return _named(option, path)
    return shipped(SHIPPED[half]) if half == "depth" and options.main_refiner else None


def _named(option: str, path: str) -> Path:
    found = Path(path)
    if not found.is_file():
        raise ModelNotFound(
            f"{option}: there is no file {found.name!r}. Give the path of an ONNX model, or leave the option out."
        )
    return found
