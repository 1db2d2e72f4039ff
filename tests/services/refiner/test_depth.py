import pytest

from services.refiner.depth import chosen
from services.refiner.geometric import geometric
from shared.contracts import RunOptions
from shared.errors import ModelError, ModelNotFound

PATH_OPTIONS = ("depth_model_path", "joint_model_path", "main_refiner_path")


def test_geometry_is_the_default_and_says_nothing():
    assert chosen(RunOptions()) == (geometric, ())


def test_asking_for_the_neural_refiners_gets_geometry_and_is_told_so():
    reconstruct, warnings = chosen(RunOptions(main_refiner=True))
    assert reconstruct is geometric
    assert [warning.code for warning in warnings] == ["no-neural-refiner"]


@pytest.mark.parametrize("option", PATH_OPTIONS)
def test_a_model_that_is_not_there_is_named_as_the_caller_named_it(option):
    with pytest.raises(ModelNotFound, match=rf"{option}.*'somewhere/depth\.onnx'"):
        chosen(RunOptions.parse({option: "somewhere/depth.onnx"}))


@pytest.mark.parametrize("option", PATH_OPTIONS)
def test_a_model_that_cannot_be_run_is_not_silently_ignored(option, tmp_path):
    model = tmp_path / "depth.onnx"
    model.write_bytes(b"weights")
    with pytest.raises(ModelError, match="cannot run") as caught:
        chosen(RunOptions.parse({option: str(model)}))
    assert not isinstance(caught.value, ModelNotFound)
