"""What the service costs and bears: `make bench-service`.

Real gateway (as a process of its own), real NATS, real S3; the stages are stubs, so that only the service is measured:
200 submissions at once, 1,000 queued runs, the gateway's memory while 2 GB are uploaded. Then the real stages: the time
of the sample's run through the service against the same in one process.
"""

import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from humanpose3d.client import Client
from tests.servers import ACCESS_KEY, REPOSITORY, SECRET_KEY, NatsServer, S3Server, free_port

RESULT = Path(__file__).parent / "results" / "service.json"
SAMPLE = REPOSITORY / "examples" / "sample.mp4"
STAGES = ("detector", "refiner", "augmenter", "angles")
AT_ONCE, QUEUED, UPLOAD_BYTES, REPETITIONS = 200, 1000, 2_000_000_000, 5
MP4 = b"\x00\x00\x00\x20ftypisom"
FORM = {"height": "1.78", "weight": "75", "consent": "accepted"}


def main() -> None:
    """Measure, print and write."""
    result: dict[str, float] = {}
    for part in (_load, _overhead):  # each with servers of its own: no queue of fakes stands before the sample
        with tempfile.TemporaryDirectory() as folder, _servers(Path(folder)) as environment:
            result |= part(environment)
    for name, value in result.items():
        print(f"{name:<34}{value:>12,.4g}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _load(environment: dict[str, str]) -> dict[str, float]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _process("gateway.app", environment, port) as gateway:
        _until_ready(url)
        peak = _Peak(gateway.pid)
        with httpx.Client(base_url=url, timeout=120) as client:
            submitted = _submit_many(url, AT_ONCE)
            submitted += _submit_many(url, QUEUED - AT_ONCE)
            keys = [key for key, _ in submitted]
            progress = [_timed(client, f"/api/runs/{key}/progress/") for key in keys[:300]]
            lists = [_timed(client, "/api/runs/?limit=50") for _ in range(300)]
            idle_mb = peak.stop()
            peak = _Peak(gateway.pid)
            started = time.perf_counter()
            _upload(client)
            return {
                "submissions_at_once": AT_ONCE,
                "submission_p99_ms": _p99([seconds for _, seconds in submitted[:AT_ONCE]]),
                "queued_runs": QUEUED,
                "progress_p99_ms": _p99(progress),
                "list_p99_ms": _p99(lists),
                "gateway_peak_mb_queueing": idle_mb,
                "upload_bytes": UPLOAD_BYTES,
                "upload_s": time.perf_counter() - started,
                "gateway_peak_mb_uploading": peak.stop(),
            }


def _overhead(environment: dict[str, str]) -> dict[str, float]:
    """The sample through the warm service, over NATS and S3, and in one process: medians, alternating."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    served, alone = [], []
    with _process("gateway.app", environment, port), _workers(environment):
        _until_ready(url)
        with Client(url) as client:
            for repetition in range(REPETITIONS + 1):
                run_key = client.submit(SAMPLE, height=1.72, weight=70, consent=True)
                run = client.wait(run_key)
                took = (run.updated_at - run.accepted_at).total_seconds()
                own = _in_process()
                if repetition:  # the first one warms both up
                    served.append(took)
                    alone.append(own)
    through, within = statistics.median(served), statistics.median(alone)
    return {
        "sample_through_service_s": through,
        "sample_in_one_process_s": within,
        "queue_overhead_share": (through - within) / within,
    }


def _in_process() -> float:
    """Seconds of the stages and of writing results, in a process that has its imports behind it."""
    code = (
        "import contextlib, sys, tempfile, time; from pathlib import Path; from cli.pipeline import run_pipeline\n"
        "from humanpose3d.options import RunOptions, Subject; from humanpose3d.run_job import RunJob\n"
        "from shared.stage import silent\n"
        "import mediapipe, onnxruntime\n"
        "bar = lambda stage: contextlib.nullcontext(silent)\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    job = RunJob(Path(sys.argv[1]), Subject(height=1.72, weight=70), RunOptions())\n"
        "    def once(): run_pipeline(job, Path(folder), bar)\n"
        "    once(); started = time.perf_counter(); once(); print(time.perf_counter() - started)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, SAMPLE], cwd=REPOSITORY, check=True, capture_output=True)
    return float(done.stdout)


def _submit_many(url: str, count: int) -> list[tuple[str, float]]:
    """Key and seconds of each submission; raises where one is refused."""
    with httpx.Client(base_url=url, timeout=120, limits=httpx.Limits(max_connections=AT_ONCE)) as client:

        def submit(_index: int) -> tuple[str, float]:
            started = time.perf_counter()
            answer = client.post("/api/runs/", data=FORM, files={"video": ("walk.mp4", MP4 + bytes(1000))})
            answer.raise_for_status()
            return answer.json()["run_key"], time.perf_counter() - started

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(submit, range(count)))


def _upload(client: httpx.Client) -> None:
    boundary = "frontier"
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in FORM.items()
    )
    head = f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="video"; filename="v.mp4"\r\n\r\n'.encode()

    def body() -> Iterator[bytes]:
        yield head + MP4
        block = os.urandom(1 << 20)
        for _ in range(UPLOAD_BYTES // len(block)):
            yield block
        yield f"\r\n--{boundary}--\r\n".encode()

    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    client.post("/api/runs/", content=body(), headers=headers, timeout=600).raise_for_status()


def _timed(client: httpx.Client, path: str) -> float:
    started = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - started


def _p99(seconds: list[float]) -> float:
    return 1000 * statistics.quantiles(seconds, n=100)[98]


class _Peak:
    """Watches the memory of a process; `stop` returns the highest resident size in MB."""

    def __init__(self, pid: int) -> None:
        self._process, self._highest, self._over = psutil.Process(pid), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._highest = max(self._highest, self._process.memory_info().rss)

    def stop(self) -> float:
        self._over.set()
        self._thread.join()
        return self._highest / 1e6


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    nats, s3 = NatsServer(folder / "nats"), S3Server(folder / "s3")
    for server in (nats, s3):
        server.folder.mkdir()
        server.start()
    yield {
        **os.environ,
        "HUMANPOSE3D_NATS_URL": nats.url,
        "HUMANPOSE3D_S3_ENDPOINT": s3.url,
        "HUMANPOSE3D_S3_ACCESS_KEY": ACCESS_KEY,
        "HUMANPOSE3D_S3_SECRET_KEY": SECRET_KEY,
        "HUMANPOSE3D_LOG_LEVEL": "WARNING",
    }
    nats.stop()
    s3.stop()


@contextmanager
def _process(module: str, environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=REPOSITORY, env={**environment, "HUMANPOSE3D_PORT": str(port)}
    )
    yield process
    process.terminate()
    process.wait()


@contextmanager
def _workers(environment: dict[str, str]) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"services.{stage}.app"],
            cwd=REPOSITORY,
            env={**environment, "HUMANPOSE3D_PORT": str(free_port())},
        )
        for stage in STAGES
    ]
    yield
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/readyz", timeout=20).raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
