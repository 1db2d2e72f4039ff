"""Both refiners in one ONNX file, for `main_refiner_path`."""

from pathlib import Path

import onnx

from shared.errors import ModelNotFound


def merge(depth: Path, joints: Path, out: Path) -> None:
    """Put both refiners' networks side by side into one file, their inputs and outputs named `depth_…` and `joints_…`.

    Raises ModelNotFound where one is missing.
    """
    for path in (depth, joints):
        if not path.is_file():
            raise ModelNotFound(
                f"There is no file {path}. Name the ONNX files that 'train depth' and 'train joints' made."
            )
    both = onnx.compose.merge_models(
        onnx.load(depth), onnx.load(joints), io_map=[], prefix1="depth_", prefix2="joints_", producer_name="humanpose3d"
    )
    onnx.checker.check_model(both)
    onnx.save(both, out)
