import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema

from models import build_pose_landmarker as builder
from shared.models import MODELS_DIRECTORY, sha256, shipped

SIZES = ("lite", "full", "heavy")
MEMBERS = ["pose_detector.tflite", "pose_landmarks_detector.tflite"]


def normalization(tflite: bytes) -> tuple[float, float]:
    """(mean, std) by the metadata of the model's one input, read as MediaPipe reads it."""
    model = schema.Model.GetRootAs(tflite)
    entries = {model.Metadata(index).Name(): model.Metadata(index) for index in range(model.MetadataLength())}
    content = model.Buffers(entries[b"TFLITE_METADATA"].Buffer()).DataAsNumpy().tobytes()
    assert content[4:8] == b"M001"
    subgraph = metadata_schema.ModelMetadata.GetRootAs(content).SubgraphMetadata(0)
    assert subgraph.InputTensorMetadataLength() == 1
    options = metadata_schema.NormalizationOptions()
    table = subgraph.InputTensorMetadata(0).ProcessUnits(0).Options()
    options.Init(table.Bytes, table.Pos)
    return options.Mean(0), options.Std(0)


@pytest.mark.parametrize("size", SIZES)
def test_a_bundle_holds_both_networks_with_their_normalisation(size):
    with zipfile.ZipFile(shipped(f"pose_landmarker_{size}.task")) as bundle:
        assert bundle.namelist() == MEMBERS
        assert {entry.compress_type for entry in bundle.infolist()} == {zipfile.ZIP_STORED}
        detector, landmarks = (bundle.read(name) for name in MEMBERS)
    assert detector[4:8] == landmarks[4:8] == b"TFL3"
    assert normalization(detector) == (127.5, 127.5)
    assert normalization(landmarks) == (0.0, 255.0)


def test_the_model_card_states_the_hashes():
    card = (MODELS_DIRECTORY / "pose_landmarker.md").read_text(encoding="utf-8")
    for name in (*(f"pose_landmarker_{size}.task" for size in SIZES), *builder.SOURCES):
        digest = builder.SOURCES.get(name) or sha256(MODELS_DIRECTORY / name)
        assert any(name in line and digest in line for line in card.splitlines()), name


def test_the_same_model_gives_the_same_bytes():
    with zipfile.ZipFile(shipped("pose_landmarker_lite.task")) as bundle:
        model = bundle.read(MEMBERS[0])
    first, second = (builder.with_normalization(model, 1.0, 2.0) for _ in range(2))
    assert first == second


def test_a_package_with_other_files_is_refused(tmp_path):
    (tmp_path / builder.DETECTOR).write_bytes(b"something else")
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        archive.add(tmp_path / builder.DETECTOR, f"package/{builder.DETECTOR}")
    with pytest.raises(ValueError, match=builder.DETECTOR):
        builder.build(tmp_path / "package.tgz", tmp_path)
    assert not list(tmp_path.glob("*.task"))


def test_the_npm_package_gives_the_bundles_that_ship(tmp_path):
    package = os.environ.get("MEDIAPIPE_POSE_PACKAGE")
    if not package:
        pytest.skip(f"MEDIAPIPE_POSE_PACKAGE does not name the file of {builder.NPM_PACKAGE} (npm pack)")
    for bundle in builder.build(Path(package), tmp_path):
        assert sha256(bundle) == sha256(shipped(bundle.name))
