import pytest

from humanpose3d.errors import ModelCorrupt, ModelNotFound
from humanpose3d.options import RunOptions
from services.refiner.depth.geometric import geometric
from services.refiner.depth.stage import method


def test_the_network_is_the_default_and_can_be_turned_off():
    assert method(RunOptions()) is not geometric
    assert method(RunOptions(main_refiner=False)) is geometric


def test_the_joint_model_does_not_change_the_depth_method():
    assert method(RunOptions(main_refiner=False, joint_model_path="joints.onnx")) is geometric


@pytest.mark.parametrize("option", ["depth_model_path", "main_refiner_path"])
def test_a_missing_model_file_is_named(option):
    with pytest.raises(ModelNotFound, match=rf"{option}.*'depth\.onnx'"):
        method(RunOptions.parse({option: "somewhere/depth.onnx"}))


@pytest.mark.parametrize("option", ["depth_model_path", "main_refiner_path"])
def test_a_model_that_cannot_be_run_is_not_silently_ignored(option, tmp_path):
    model = tmp_path / "depth.onnx"
    model.write_bytes(b"weights")
    with pytest.raises(ModelCorrupt, match=r"depth\.onnx"):
        method(RunOptions.parse({option: str(model)}))
