"""Build the ONNX networks of the pose landmarker from models/pose_landmarker_*.task, beside them.

    python models/build_pose_networks.py

Makes pose_landmarks_{lite,full,heavy}.onnx and pose_person.onnx (the person detector, one and the same in all three
bundles). They take images as they are, (batch, side, side, 3) uint8 RGB, as many at once as there are; the outputs
that no person reads are left out. Weights stay where they are: an ONNX file names the place of each in the bundle
(ONNX's external data; the bundles are not compressed), so it needs the bundle beside it and is small. Each network is
compared with TensorFlow Lite before it takes the place of an earlier one.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx.convert
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from tensorflow.lite.python import schema_py_generated as schema

OPSET: Final = 17
IR_VERSION: Final = 8
"""Of ONNX 1.12, the first with opset 17: any ONNX Runtime since 2022 reads it."""

MODELS: Final = Path(__file__).resolve().parent

LAYOUTS: Final = {1: [(0,)], 4: [(0, 2, 3, 1), (1, 2, 3, 0)]}
"""By the number of axes: orders in which TensorFlow Lite keeps ONNX's weights, of a convolution and a depthwise one."""

SMALL: Final = 16
"""Values, below which a weight is left in the ONNX file."""


@dataclass(frozen=True)
class Source:
    """One network of a bundle: which, how pixel values 0 to 255 are scaled for it, and the names of its outputs.

    tolerance  largest difference to TensorFlow Lite that is accepted, as a share of the output's largest value.
    """

    bundle: str
    member: str
    scale: float
    offset: float
    outputs: Mapping[str, str]
    tolerance: float = 1e-4


LANDMARK_OUTPUTS: Final = {
    "Identity": "landmarks",
    "Identity_1": "presence",
    "Identity_3": "heatmap",
    "Identity_4": "world",
}
"""Identity_2 is the segmentation of the person."""

SOURCES: Final = {
    "pose_person": Source(
        "pose_landmarker_lite.task",
        "pose_detector.tflite",
        1 / 127.5,
        -1.0,
        {"Identity": "boxes", "Identity_1": "scores"},
    ),
    **{
        f"pose_landmarks_{size}": Source(
            f"pose_landmarker_{size}.task", "pose_landmarks_detector.tflite", 1 / 255, 0.0, LANDMARK_OUTPUTS
        )
        for size in ("lite", "full", "heavy")
    },
}


def build(name: str) -> Path:
    """Write the network `name`; raises ValueError where it does not compute what TensorFlow Lite does."""
    source, path = SOURCES[name], MODELS / f"{name}.onnx"
    with zipfile.ZipFile(MODELS / source.bundle) as bundle:
        tflite = dense(bundle.read(source.member))
    model = _batched(_named(_converted(tflite), source))
    _borrow_weights(model.graph, MODELS / source.bundle)
    _put_in_order(model.graph)
    unproven = path.with_suffix(".onnx.part")
    unproven.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(unproven, full_check=True)
    _compare(unproven, tflite, source)
    return unproven.replace(path)


def dense(tflite: bytes) -> bytes:
    """The same TFLite model without pruned weights, which tf2onnx does not read: each tensor holds all its values."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(tflite, 0))
    (graph,) = tree.subgraphs
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in tree.operatorCodes]
    made_dense = {}
    for operator in graph.operators:
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.DENSIFY:
            (made_dense[operator.outputs[0]],) = operator.inputs
    for index in made_dense.values():
        _fill(tree, graph.tensors[index])
    graph.operators = [
        operator for operator in graph.operators if codes[operator.opcodeIndex] != schema.BuiltinOperator.DENSIFY
    ]
    for operator in graph.operators:
        operator.inputs = [made_dense.get(index, index) for index in operator.inputs]
    builder = schema.flatbuffers.Builder(0)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _fill(tree: schema.ModelT, tensor: schema.TensorT) -> None:
    """Write zeros where a pruned float16 tensor has none. Its last axis alone is stored sparsely: row by row."""
    *leading, last = tensor.sparsity.dimMetadata
    if any(axis.format != schema.DimensionType.DENSE for axis in leading):
        raise ValueError(f"{tensor.name} is sparse along more than its last axis.")
    segments, columns = np.array(last.arraySegments.values), np.array(last.arrayIndices.values)
    stored = np.frombuffer(bytes(tree.buffers[tensor.buffer].data), np.float16)[: columns.size]
    full = np.zeros(tensor.shape, np.float16)
    rows = np.repeat(np.arange(segments.size - 1), np.diff(segments.astype(np.int64)))
    full.reshape(-1, tensor.shape[-1])[rows, columns] = stored
    tree.buffers[tensor.buffer].data = list(full.tobytes())
    tensor.sparsity = None


def _converted(tflite: bytes) -> ModelProto:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "network.tflite"
        path.write_bytes(tflite)
        model, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
    model.ir_version = IR_VERSION
    return model


def _named(model: ModelProto, source: Source) -> ModelProto:
    """Only the outputs that are read, by names that say what they are; an image of uint8 goes in."""
    kept = onnx.utils.Extractor(model).extract_model([model.graph.input[0].name], list(source.outputs))
    graph = kept.graph
    for old, new in source.outputs.items():
        _rename(graph, old, new)
    given = graph.input[0]
    scaled = given.name
    given.name, given.type.tensor_type.elem_type = "image", TensorProto.UINT8
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(source.scale, np.float32), "image_scale"),
            numpy_helper.from_array(np.array(source.offset, np.float32), "image_offset"),
        ]
    )
    for node in reversed(
        (
            helper.make_node("Cast", ["image"], ["image_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["image_float", "image_scale"], ["image_scaled"]),
            helper.make_node("Add", ["image_scaled", "image_offset"], [scaled]),
        )
    ):
        graph.node.insert(0, node)
    return kept


def _rename(graph: GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for value in graph.output:
        value.name = new if value.name == old else value.name


def _batched(model: ModelProto) -> ModelProto:
    """Any number of images at once."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]
    _keep_batch(graph)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    del model.graph.value_info[:]
    return model


def _keep_batch(graph: GraphProto) -> None:
    """A reshape to one row becomes one to as many rows as there are."""
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            if shape[0] not in (1, -1):
                raise ValueError(f"{tensor.name} reshapes a batch of one to {shape}.")
            shape[0] = 0  # ONNX: the size that the input has there
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


def _borrow_weights(graph: GraphProto, bundle: Path) -> None:
    """Replace each weight that is found in the bundle by its place there, and the others by float16 if that is exact.

    Nodes turn them back into what they were; ONNX Runtime runs these once, when it loads the network.
    """
    content = bundle.read_bytes()
    kept, nodes = [], []
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        half = weights.astype(np.float16)
        if tensor.data_type != TensorProto.FLOAT or weights.size < SMALL or not np.array_equal(half, weights):
            kept.append(tensor)
            continue
        name, (stored, order) = f"{tensor.name}_stored", _stored(half, content, bundle.name)
        stored.name = name
        kept.append(stored)
        nodes.append(helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Transpose", [f"{name}_float"], [tensor.name], perm=order))
    nodes.extend(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _stored(weights: NDArray[np.float16], content: bytes, location: str) -> tuple[TensorProto, list[int]]:
    """The weights as the bundle holds them, and the order of the axes that brings them back."""
    for order in LAYOUTS.get(weights.ndim, ()):
        stored = np.ascontiguousarray(weights.transpose(order))
        offset = content.find(stored.tobytes())
        if offset >= 0 and offset % stored.itemsize == 0:
            tensor = TensorProto(data_type=TensorProto.FLOAT16, dims=stored.shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", location), ("offset", offset), ("length", stored.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            return tensor, np.argsort(order).tolist()
    return numpy_helper.from_array(weights), list(range(weights.ndim))


def _put_in_order(graph: GraphProto) -> None:
    """Nodes and weights in the order in which the outputs need them, named by number: tf2onnx's own order is random."""
    makers = {output: node for node in graph.node for output in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes, kept = [], []
    numbers: dict[str, str] = {"": ""}  # an optional input that is not given

    def visit(name: str) -> None:
        if name in numbers or name == graph.input[0].name:
            return
        numbers[name] = f"{len(numbers)}"
        if name in weights:
            kept.append(weights[name])
            return
        for needed in makers[name].input:
            visit(needed)
        nodes.append(makers[name])

    for output in graph.output:
        visit(output.name)
    named = {output.name for output in graph.output}
    numbers = {name: name if name in named else number for name, number in numbers.items()}
    for node in nodes:
        node.name = ""
        node.input[:] = [numbers.get(name, name) for name in node.input]
        node.output[:] = [numbers[name] for name in node.output]
    for tensor in kept:
        tensor.name = numbers[tensor.name]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _compare(path: Path, tflite: bytes, source: Source) -> None:
    """Raises ValueError where an output differs, for one image or in a batch."""
    network = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    side = network.get_inputs()[0].shape[1]
    images = _images(side)
    names = list(source.outputs.values())
    together = dict(zip(names, network.run(names, {"image": images}), strict=True))
    reference = _reference(tflite, source)
    for index, image in enumerate(images):
        for name, expected in reference(image).items():
            size, difference = np.abs(expected).max(), np.abs(together[name][index] - expected[0]).max()
            print(f"    {name}, image {index}: difference {difference:.1e} on ±{size:.3g}")
            if difference > source.tolerance * max(size, 1.0):
                raise ValueError(f"{name} differs from TensorFlow Lite by {difference}.")


def _images(side: int) -> NDArray[np.uint8]:
    """Three images that are unlike one another: noise, a ramp, and a bright shape on dark ground."""
    random = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(0, 255, side, dtype=np.uint8)[:, None, None], (side, side, 3))
    shape = np.zeros((side, side, 3), np.uint8)
    shape[side // 6 : -side // 6, side * 2 // 5 : side * 3 // 5] = (200, 150, 120)
    return np.stack([random.integers(0, 256, (side, side, 3), np.uint8), ramp, shape])


def _reference(tflite: bytes, source: Source) -> "Callable[[NDArray[np.uint8]], dict[str, NDArray[np.float32]]]":
    interpreter = tf.lite.Interpreter(model_content=tflite)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    outputs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}

    def run(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        scaled = image[None].astype(np.float32) * np.float32(source.scale) + np.float32(source.offset)
        interpreter.set_tensor(given["index"], scaled)
        interpreter.invoke()
        return {new: interpreter.get_tensor(outputs[old]) for old, new in source.outputs.items()}

    return run


def main() -> None:
    """Build, and print each network's line for SHA256SUMS."""
    for name in SOURCES:
        path = build(name)
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    main()
