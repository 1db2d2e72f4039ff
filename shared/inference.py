"""Running networks with ONNX Runtime: on CUDA where available, otherwise on the CPU."""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from humanpose3d.errors import ModelCorrupt, ModelNotFound
from shared.machine import usable_cpus

_log = logging.getLogger(__name__)

# From 1.29 on, ONNX Runtime reports every session to Microsoft and stores a device number in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

_MOST_THREADS = 4
"""More would leave no core for the machine's other services."""


class Tensor(Protocol):
    """An input or output of a network: its name and its shape, with a name in place of a variable size."""

    @property
    def name(self) -> str:
        """Name in the file."""
        ...

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Size along each axis."""
        ...


class Network(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used."""

    def get_inputs(self) -> Sequence[Tensor]:
        """The inputs, in order."""
        ...

    def get_outputs(self) -> Sequence[Tensor]:
        """The outputs, in order."""
        ...

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]], /
    ) -> Sequence[NDArray[Any]]:
        """The named outputs (None: all) for these inputs by name."""
        ...


def session(path: Path, threads: int = min(_MOST_THREADS, usable_cpus())) -> Network:
    """The network in an ONNX file, loaded once per process; the provider that runs it is logged at that time.

    `threads` share one operation on the CPU; the steps of recurrent networks are too small for that and are faster on
    one thread.

    Raises ModelNotFound where there is no such file, ModelCorrupt where ONNX Runtime cannot read it.
    """
    network: Network = _loaded(path, threads)
    return network


def runs_on_gpu(path: Path) -> bool:
    """Whether the network in this file runs on a GPU here. Raises like `session`."""
    import onnxruntime as ort

    if _PROVIDERS[0] not in ort.get_available_providers():
        return False  # without loading the network
    return bool(_loaded(path, 1).get_providers()[0] != "CPUExecutionProvider")


@cache
def _loaded(path: Path, threads: int) -> Any:  # noqa: ANN401 -- ONNX Runtime's class, imported late
    import onnxruntime as ort  # deferred: takes a third of a second, which `--help` and the gateway do not need
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    if not path.is_file():
        raise ModelNotFound(f"The model file {path.name} is missing.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads sleep: spinning costs CPU time and slows any process that shares the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = [name for name in _PROVIDERS if name in ort.get_available_providers()]
    try:
        network = ort.InferenceSession(path, options, providers=providers)
    except (
        failures.Fail,
        failures.InvalidArgument,
        failures.InvalidGraph,
        failures.InvalidProtobuf,
        failures.NotImplemented,
    ) as error:
        raise ModelCorrupt(f"The model file {path.name} is not a network that ONNX Runtime can run.") from error
    _log.info("%s runs on %s", path.name, network.get_providers()[0])
    return network
