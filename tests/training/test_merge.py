"""Two refiners in one file (needs the extra 'train')."""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra 'train')")

from cli.main import main  # noqa: E402
from services.refiner.joints.stage import INPUTS, OUTPUTS  # noqa: E402
from services.refiner.windows import WINDOW  # noqa: E402
from shared.networks import open_refiner  # noqa: E402
from tests.joint_networks import write_joint_network  # noqa: E402
from tests.onnx_files import write_network  # noqa: E402
from training.merge import merge  # noqa: E402


@pytest.fixture
def depth(tmp_path: Path) -> Path:
    """Depth is a third of the input."""
    shape = ("windows", WINDOW, 33, 3)
    nodes = [("Mul", ["world", "third"], "markers")]
    return write_network(tmp_path / "d.onnx", {"world": shape}, {"markers": shape}, nodes, {"third": 1 / 3})


def test_merged_networks_each_return_what_they_return_alone(depth: Path, tmp_path: Path):
    joints, both = write_joint_network(tmp_path / "j.onnx", gain=-0.2, spread=4.0), tmp_path / "both.onnx"
    assert main(["train", "merge", "--depth", str(depth), "--joints", str(joints), "--out", str(both)]) == 0
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(3, WINDOW, 33, 3))
    half = open_refiner(both, "depth", ("world",), ("markers",))
    np.testing.assert_allclose(half.run({"world": seen})["markers"], seen / 3, rtol=0, atol=1e-6)
    shapes = {"angles": (12, 3), "visibility": (33,), "depth_spread": (22,), "marker_spread": (43,), "times": ()}
    feed = {name: rng.normal(size=(2, WINDOW, *shape)) for name, shape in shapes.items()}
    answers = [open_refiner(path, "joints", INPUTS, OUTPUTS).run(feed) for path in (joints, both)]
    for name in OUTPUTS:
        np.testing.assert_allclose(answers[1][name], answers[0][name], rtol=0, atol=1e-6)
    assert answers[1]["correction"] == pytest.approx(-0.2 * feed["angles"], abs=1e-5)


def test_the_halves_may_have_different_numbers_of_windows(depth: Path, tmp_path: Path):
    """Both have the same name for that number; in one file, ONNX Runtime would mix the values of the two."""
    both = tmp_path / "both.onnx"
    merge(depth, write_joint_network(tmp_path / "j.onnx", gain=-0.2, spread=4.0), both)
    graph = onnx.load(both).graph
    sizes = {value.name: value.type.tensor_type.shape.dim[0].dim_param for value in (*graph.input, *graph.output)}
    assert {name.split("_")[0] for name in sizes} == {"depth", "joints"}
    assert all(size == f"{name.split('_')[0]}_windows" for name, size in sizes.items())


def test_a_missing_file_is_named(depth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--depth", str(depth), "--joints", str(tmp_path / "gone.onnx"), "--out", str(tmp_path / "both.onnx")]
    assert main(["train", "merge", *arguments]) == 2
    assert "gone.onnx" in capsys.readouterr().err
    assert not (tmp_path / "both.onnx").exists()
