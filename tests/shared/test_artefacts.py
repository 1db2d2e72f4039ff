"""Artefacts as files are read back unchanged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.motion import JointAngles
from humanpose3d.options import StageReport
from shared import artefacts
from shared.artefacts import Files, Shelf


@dataclass(frozen=True)
class Outputs:
    angles: JointAngles
    report: StageReport
    preview: Path | None


def test_kinds_are_the_fields_types_without_none():
    assert artefacts.kinds(Outputs) == {"angles": JointAngles, "report": StageReport, "preview": Path}


def test_motion_is_read_back_bit_for_bit(tmp_path):
    angles = JointAngles(np.arange(5) / 29.97, np.random.default_rng(1).normal(size=(5, 12, 3)))
    path = artefacts.save(tmp_path, "angles", angles)
    assert path.name == "angles.npz"
    read = artefacts.load(path, JointAngles)
    assert np.array_equal(read.values, angles.values)
    assert np.array_equal(read.times, angles.times)


def test_a_model_is_read_back_equal(tmp_path):
    report = StageReport(facts={"detection_rate": 1 / 3}, models={"x.onnx": "0" * 64})
    path = artefacts.save(tmp_path, "report", report)
    assert path.name == "report.json"
    assert artefacts.load(path, StageReport) == report


def test_a_file_keeps_its_suffix_and_bytes(tmp_path):
    made = tmp_path / "anything.mp4"
    made.write_bytes(b"video")
    path = artefacts.save(tmp_path, "preview", made)
    assert path.name == "preview.mp4"
    assert artefacts.load(path, Path).read_bytes() == b"video"


def test_other_types_are_refused(tmp_path):
    with pytest.raises(TypeError, match="landmarks is a list"):
        artefacts.save(tmp_path, "landmarks", [1, 2])


def long_angles() -> JointAngles:
    return JointAngles(np.arange(60_000) / 60, np.random.default_rng(0).normal(size=(60_000, 12, 3)))


def test_large_motion_is_in_a_file_and_is_read_again(tmp_path):
    angles = long_angles()
    shelf = Shelf(tmp_path, video=tmp_path / "walk.mp4")
    made: dict[str, object] = {"angles": angles, "marker_sd": None}
    shelf.take(made)
    assert not made, "no person keeps it in memory"
    assert set(shelf) == {"video", "angles"}
    assert [path.name for path in tmp_path.iterdir()] == ["angles.npz"]
    assert shelf["angles"] is not shelf["angles"]
    np.testing.assert_array_equal(shelf["angles"].values, angles.values)


def test_small_motion_stays_in_memory(tmp_path):
    angles = JointAngles(np.arange(500) / 60, np.zeros((500, 12, 3)))
    shelf = Shelf(tmp_path)
    shelf.take({"angles": angles})
    assert shelf["angles"] is angles
    assert not list(tmp_path.iterdir())


def test_files_are_read_as_their_kind(tmp_path):
    path = artefacts.save(tmp_path, "angles", JointAngles(np.arange(5.0), np.ones((5, 12, 3))))
    files = Files({"angles": path, "markers": tmp_path / "gone.npz"}, {"angles": JointAngles})
    assert list(files) == ["angles"]
    assert files["angles"].values.shape == (5, 12, 3)
    assert files.get("preview") is None
