"""Build pose_landmarker_{lite,full,heavy}.task from the npm package @mediapipe/pose (Apache-2.0).

    python models/build_pose_landmarker.py [--package mediapipe-pose-0.5.1675469404.tgz] [--output models]

Without --package, `npm pack` fetches it. The package holds the same networks as Google's own bundles, but without the
metadata that MediaPipe Tasks reads: the normalisation of image values. A bundle is an uncompressed zip of the
detector and one landmark model, each with that metadata added; dates are fixed, so the build is reproducible.
"""

import argparse
import hashlib
import io
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import flatbuffers
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema

NPM_PACKAGE: Final = "@mediapipe/pose@0.5.1675469404"
DETECTOR: Final = "pose_solution_packed_assets.data"
"""The packed assets are one file: the detector's tflite, unchanged."""

SOURCES: Final = {
    DETECTOR: "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
    "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "pose_landmark_heavy.tflite": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}
"""Files of the package that go into the bundles, and their sha256."""

DETECTOR_NORMALIZATION: Final = (127.5, 127.5)
LANDMARK_NORMALIZATION: Final = (0.0, 255.0)
"""(mean, std) of pixel values 0 to 255: the detector's input is -1 to 1, the landmark models' 0 to 1."""

METADATA_NAME: Final = b"TFLITE_METADATA"
ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)


def build(package: Path, output: Path) -> list[Path]:
    """Write the three bundles into `output`; raises ValueError where a file of the package is not the known one."""
    sources = _read(package)
    detector = with_normalization(sources[DETECTOR], *DETECTOR_NORMALIZATION)
    bundles = []
    for size in ("lite", "full", "heavy"):
        landmarks = with_normalization(sources[f"pose_landmark_{size}.tflite"], *LANDMARK_NORMALIZATION)
        bundles.append(output / f"pose_landmarker_{size}.task")
        bundles[-1].write_bytes(_bundle(detector, landmarks))
    return bundles


def with_normalization(model: bytes, mean: float, std: float) -> bytes:
    """The tflite model with a metadata buffer that states the normalisation of its one input."""
    tree = schema.ModelT.InitFromPackedBuf(bytearray(model))
    buffer = schema.BufferT()
    buffer.data = list(_metadata(mean, std))
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(tree.buffers)
    tree.buffers.append(buffer)
    tree.metadata = [*(tree.metadata or []), entry]
    return _packed(tree, b"TFL3")


def _metadata(mean: float, std: float) -> bytes:
    options = metadata_schema.NormalizationOptionsT()
    options.mean, options.std = [mean], [std]
    unit = metadata_schema.ProcessUnitT()
    unit.optionsType, unit.options = metadata_schema.ProcessUnitOptions.NormalizationOptions, options
    tensor = metadata_schema.TensorMetadataT()
    tensor.processUnits = [unit]
    subgraph = metadata_schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [tensor]
    metadata = metadata_schema.ModelMetadataT()
    metadata.subgraphMetadata = [subgraph]
    return _packed(metadata, b"M001")


def _packed(tree: schema.ModelT | metadata_schema.ModelMetadataT, identifier: bytes) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(tree.Pack(builder), identifier)
    return bytes(builder.Output())


def _bundle(detector: bytes, landmarks: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (("pose_detector.tflite", detector), ("pose_landmarks_detector.tflite", landmarks)):
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.create_system = 3  # Unix, on every system, for reproducible bytes
            archive.writestr(entry, content)
    return file.getvalue()


def _read(package: Path) -> dict[str, bytes]:
    with tarfile.open(package) as archive:
        return {name: _verified(archive, name, digest) for name, digest in SOURCES.items()}


def _verified(archive: tarfile.TarFile, name: str, digest: str) -> bytes:
    file = archive.extractfile(f"package/{name}")
    content = file.read() if file else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{name} in the npm package is not the file from which these bundles are made.")
    return content


def _fetch(directory: Path) -> Path:
    command = ["npm", "pack", "--silent", NPM_PACKAGE, "--pack-destination", str(directory)]
    subprocess.run(command, check=True)
    return next(directory.glob("*.tgz"))


def main() -> None:
    """Build, and print each bundle's line for SHA256SUMS."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, help=f"the npm package {NPM_PACKAGE}; fetched where not given")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        package = arguments.package or _fetch(Path(scratch))
        for bundle in build(package, arguments.output):
            print(f"{hashlib.sha256(bundle.read_bytes()).hexdigest()}  {bundle.name}")


if __name__ == "__main__":
    main()
