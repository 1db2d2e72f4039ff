"""Networks are loaded once, run on the available provider, and refused by name where they cannot run."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from humanpose3d.errors import ModelCorrupt, ModelNotFound
from shared.inference import runs_on_gpu, session
from shared.models import shipped

ROOT = Path(__file__).resolve().parents[2]
NETWORK = shipped("augmenter_lower.onnx")


def test_a_network_is_loaded_once_and_the_provider_logged_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(shutil.copy(shipped("augmenter_lower.onnx"), tmp_path / "network.onnx"))
    with caplog.at_level(logging.INFO, logger="shared.inference"):
        assert session(path) is session(path)
    (message,) = caplog.messages
    assert message in {"network.onnx runs on CPUExecutionProvider", "network.onnx runs on CUDAExecutionProvider"}


def test_no_telemetry_is_sent(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from shared.inference import session; session(Path({str(NETWORK)!r}))"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}  # ONNX Runtime sends nothing where CI is set
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"^The model file gone\.onnx is missing"):
        session(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network"])
def test_a_file_that_is_no_network_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ModelCorrupt, match=r"bad\.onnx"):
        session(tmp_path / "bad.onnx")


def test_cuda_comes_first_and_the_cpu_takes_over_where_it_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copy(NETWORK, tmp_path / "network.onnx"))
    offered, requested = ["CUDAExecutionProvider", "CPUExecutionProvider"], []
    start = onnxruntime.InferenceSession

    def without_a_device(path: Path, options: object, providers: list[str]) -> object:
        requested.append(providers)
        return start(path, options, providers=providers[1:])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    monkeypatch.setattr(onnxruntime, "InferenceSession", without_a_device)
    assert not runs_on_gpu(path)
    assert requested == [offered]
