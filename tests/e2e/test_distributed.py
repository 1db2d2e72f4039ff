"""Gateway and workers over real NATS and real S3, with the real stages and the sample video."""

import asyncio
import hashlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.main import main
from humanpose3d.client import Client
from humanpose3d.connection import ApiError
from shared.models import MODELS_DIRECTORY
from tests.clips import there_and_back
from tests.cluster import Cluster
from tests.servers import REPOSITORY, SECRET_KEY

SAMPLE = REPOSITORY / "examples" / "sample.mp4"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".trc", ".csv"} or path.name == "quality.json"
    }


def test_the_same_bytes_as_run_then_nothing_left(cluster: Cluster, tmp_path: Path):
    arguments = ["--height", "1.72", "--weight", "70", "--estimate-missing", "--export-preview"]
    arguments += ["--joint-model-path", str(MODELS_DIRECTORY / "joint_refiner.onnx")]
    assert main(["run", "--video", str(SAMPLE), *arguments, "--output", str(tmp_path / "run")]) == 0
    with Client(cluster.url) as client:
        run_key = client.submit(
            SAMPLE,
            height=1.72,
            weight=70,
            consent=True,
            estimate_missing=True,
            export_preview=True,
            joint_model_path="joint_refiner.onnx",
        )
        client.wait(run_key, timeout=120)
        client.download(run_key, tmp_path / "served")
        assert digests(tmp_path / "served") == digests(tmp_path / "run" / "sample")
        assert (tmp_path / "served" / "sample_preview.mp4").stat().st_size > 10_000

        assert [text for text in asyncio.run(cluster.traces()) if run_key in text]
        client.erase(run_key)
        with pytest.raises(ApiError, match="run-not-found"):
            client.run(run_key)
        assert list(client.runs()) == []
    time.sleep(3)  # how long the bus keeps a marker of the erasure
    assert not [text for text in asyncio.run(cluster.traces()) if run_key in text]


def test_two_detectors_share_a_video_and_the_result_is_the_same(cluster: Cluster, tmp_path: Path):
    video = there_and_back(620, tmp_path / "longer.mp4", scale=0.25)  # two chunks
    arguments = ["--height", "1.72", "--weight", "70", "--pose-model", "lite", "--blur-faces"]
    assert main(["run", "--video", str(video), *arguments, "--output", str(tmp_path / "run")]) == 0
    with Client(cluster.url) as client:
        run_key = client.submit(video, height=1.72, weight=70, consent=True, pose_model="lite", blur_faces=True)
        assert client.wait(run_key, timeout=120).status == "completed"
        client.download(run_key, tmp_path / "served")
        assert digests(tmp_path / "served") == digests(tmp_path / "run" / "longer")
        ours, theirs = (folder / "longer_preview.mp4" for folder in (tmp_path / "served", tmp_path / "run" / "longer"))
        assert ours.read_bytes() == theirs.read_bytes()
        logs = [(cluster.folder / f"{name}.log").read_text() for name in ("detector-1", "detector-2")]
        assert sum(f"of run {run_key}" in log and "helped with part" in log for log in logs) == 1
        assert not [text for text in asyncio.run(cluster.traces()) if "/parts/" in text or "part." in text]
        client.erase(run_key)


def test_a_large_video_is_uploaded_directly_to_the_store(cluster: Cluster):
    with Client(cluster.url) as client:
        run_key = client.submit_large(
            SAMPLE, height=1.72, weight=70, consent=True, pose_model="lite", augmentation_cycles=1
        )
        assert client.wait(run_key, timeout=120).status == "completed"
        client.erase(run_key)


def test_a_run_is_cancelled_while_a_worker_processes_it(cluster: Cluster):
    with Client(cluster.url) as client:
        run_key = client.submit(SAMPLE, height=1.72, weight=70, consent=True, pose_model="heavy")
        while client.progress(run_key).progress == 0:
            time.sleep(0.1)
        assert client.cancel(run_key).status == "cancelled"
        time.sleep(2)
        assert client.progress(run_key).status == "cancelled"
        client.erase(run_key)


def test_ready_only_while_bus_and_store_are_there(cluster: Cluster):
    cluster.nats.stop(signal.SIGKILL)
    cluster.until_ready(503)
    cluster.nats.start()
    cluster.until_ready(200)
    cluster.s3.stop(signal.SIGKILL)
    cluster.until_ready(503)
    cluster.s3.start()
    cluster.until_ready(200)


def test_the_queue_can_be_measured(cluster: Cluster):
    text = httpx.get(f"{cluster.url}/metrics").text
    assert 'humanpose3d_queue_tasks{kind="waiting",stage="detector"} 0.0' in text


def test_no_secret_is_in_the_logs(cluster: Cluster):
    logs = cluster.logs()
    assert '"service": "gateway"' in logs
    assert SECRET_KEY not in logs
