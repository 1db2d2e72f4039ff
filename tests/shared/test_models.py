from pathlib import Path

import pytest

from humanpose3d.errors import ModelCorrupt, ModelNotFound
from humanpose3d.options import RunOptions
from shared.models import sha256, shipped, within


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "a.onnx").write_bytes(b"weights")
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(tmp_path / 'a.onnx')}  a.onnx\n")
    return tmp_path


def test_a_model_with_the_right_hash_is_found(models: Path):
    assert shipped("a.onnx", models).read_bytes() == b"weights"


def test_sha256_agrees_with_the_standard(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1: the digest of "abc".
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_models_that_options_name_are_taken_from_the_servers_folder_alone(models: Path):
    options = RunOptions(depth_model_path="/etc/../etc/passwd", joint_model_path="a.onnx")
    found = within(options, models)
    assert found.depth_model_path == str(models / "passwd")
    assert found.joint_model_path == str(models / "a.onnx")
    assert found.main_refiner_path is None
    assert within(RunOptions(), models) == RunOptions()


def test_a_changed_model_is_refused(models: Path):
    (models / "a.onnx").write_bytes(b"weighty")
    with pytest.raises(ModelCorrupt, match=r"a\.onnx is damaged"):
        shipped("a.onnx", models)


def test_a_missing_model_is_named_without_its_folder(models: Path):
    with pytest.raises(ModelNotFound, match=r"b\.onnx is missing") as caught:
        shipped("b.onnx", models)
    assert str(models) not in str(caught.value)


def test_a_model_without_a_line_in_the_manifest_is_refused(models: Path):
    (models / "stray.onnx").write_bytes(b"?")
    with pytest.raises(ModelNotFound):
        shipped("stray.onnx", models)
