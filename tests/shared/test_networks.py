"""The network that the options name, and one of two networks in a file."""

from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import ModelCorrupt, ModelError, ModelNotFound
from humanpose3d.options import RunOptions
from shared.models import sha256
from shared.networks import open_refiner, refiner
from tests.onnx_files import write_network

SHAPE = ("windows", 4)


def doubling(path: Path, name: str = "angles") -> Path:
    nodes = [("Mul", [name, "two"], "twice")]
    return write_network(path, {name: SHAPE}, {"twice": SHAPE}, nodes, {"two": 2.0})


def both(path: Path) -> Path:
    """Depth adds one, joints doubles."""
    nodes = [("Add", ["depth_image", "one"], "depth_markers"), ("Mul", ["joints_angles", "two"], "joints_twice")]
    return write_network(
        path,
        {"depth_image": ("windows", 3), "joints_angles": ("windows", 4)},
        {"depth_markers": ("windows", 3), "joints_twice": ("windows", 4)},
        nodes,
        {"one": 1.0, "two": 2.0},
    )


def test_without_a_model_named_there_is_no_network():
    assert refiner(RunOptions(), "joints", ("angles",), ("twice",)) is None


def test_a_named_network_runs_and_is_identified_by_its_hash(tmp_path: Path):
    path = doubling(tmp_path / "mine.onnx")
    network = refiner(RunOptions(joint_model_path=str(path)), "joints", ("angles",), ("twice",))
    assert network is not None
    assert network.models == {"mine.onnx": sha256(path)}
    assert network.run({"angles": np.full((2, 4), 1.5)})["twice"] == pytest.approx(np.full((2, 4), 3.0))
    without = RunOptions(main_refiner=False, joint_model_path=str(path))
    assert refiner(without, "depth", ("angles",), ("twice",)) is None


def test_each_half_of_a_file_of_both_is_fed_alone(tmp_path: Path):
    options = RunOptions(main_refiner_path=str(both(tmp_path / "both.onnx")))
    depth = refiner(options, "depth", ("image",), ("markers",))
    joints = refiner(options, "joints", ("angles",), ("twice",))
    assert depth is not None
    assert joints is not None
    assert depth.run({"image": np.ones((2, 3))})["markers"] == pytest.approx(np.full((2, 3), 2.0))
    answer = joints.run({"angles": np.ones((70, 4))})
    assert answer.keys() == {"twice"}
    assert answer["twice"] == pytest.approx(np.full((70, 4), 2.0))


def test_a_network_of_its_own_comes_before_the_file_of_both(tmp_path: Path):
    own, pair = doubling(tmp_path / "own.onnx"), both(tmp_path / "both.onnx")
    options = RunOptions(joint_model_path=str(own), main_refiner_path=str(pair))
    network = refiner(options, "joints", ("angles",), ("twice",))
    assert network is not None
    assert network.file == "own.onnx"


def test_another_network_is_refused_with_what_it_takes(tmp_path: Path):
    with pytest.raises(ModelError, match=r"own\.onnx is not a joints refiner .* but takes pixels and returns twice"):
        open_refiner(doubling(tmp_path / "own.onnx", "pixels"), "joints", ("angles",), ("twice",))
    with pytest.raises(ModelError, match=r"not a joints refiner .* return twice, thrice"):
        open_refiner(doubling(tmp_path / "own.onnx"), "joints", ("angles",), ("twice", "thrice"))


def test_a_named_file_that_cannot_be_used_is_named_without_its_folder(tmp_path: Path):
    gone = RunOptions(joint_model_path=str(tmp_path / "gone.onnx"))
    with pytest.raises(ModelNotFound, match=r"^joint_model_path: there is no file 'gone\.onnx'"):
        refiner(gone, "joints", ("angles",), ("twice",))
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"none")
    with pytest.raises(ModelCorrupt, match=r"bad\.onnx"):
        refiner(RunOptions(main_refiner_path=str(bad)), "joints", ("angles",), ("twice",))
