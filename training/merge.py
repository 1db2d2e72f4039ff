"""Both refiners in one ONNX file, for `main_refiner_path`."""

from pathlib import Path

import onnx

from humanpose3d.errors import ModelNotFound


def merge(depth: Path, joints: Path, out: Path) -> None:
    """Combine both refiners' networks in one file, their inputs and outputs named `depth_…` and `joints_…`.

    Raises ModelNotFound where one is missing.
    """
    for path in (depth, joints):
        if not path.is_file():
            raise ModelNotFound(
                f"There is no file {path}. Name the ONNX files that 'train depth' and 'train joints' made."
            )
    halves = [_free_sizes_renamed(onnx.load(path), prefix) for path, prefix in ((depth, "depth_"), (joints, "joints_"))]
    both = onnx.compose.merge_models(
        *halves, io_map=[], prefix1="depth_", prefix2="joints_", producer_name="humanpose3d"
    )
    onnx.checker.check_model(both)
    onnx.save(both, out)


def _free_sizes_renamed(network: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """The same network with unique names for its dynamic sizes, above all the number of windows.

    Sizes of one name count as equal: ONNX Runtime would put one half's values where those of the other lay, and the
    halves are asked about different numbers of windows.
    """
    graph = network.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.HasField("dim_param"):
                size.dim_param = prefix + size.dim_param
    return network
