"""A service's process as an operator sees it: real server, real child process, HTTP and signals."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.runtime import runs
from shared.runtime.bus.nats import NatsBus
from shared.runtime.store.directory import DirectoryStore
from tests.makers import bus_settings, new_request, new_run_id
from tests.servers import REPOSITORY, NatsServer, free_port

PROGRAM = """
from shared.runtime.worker.app import serve
serve("stub", {"detector": "tests.stub_stage:FIRST"})
"""


@dataclass
class Service:
    process: subprocess.Popen[bytes]
    port: int
    nats: NatsServer
    store: Path
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def until(self, path: str, status: int) -> str:
        deadline = time.monotonic() + 30
        while True:
            found, text = self.get(path)
            if found == status:
                return text
            assert time.monotonic() < deadline, (found, text, self.log.read_text())
            time.sleep(0.05)


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    nats = NatsServer(tmp_path / "nats")
    nats.folder.mkdir()
    nats.start()
    port = free_port()
    environment = {
        **os.environ,
        "HUMANPOSE3D_NATS_URL": nats.url,
        "HUMANPOSE3D_STORE_DIRECTORY": str(tmp_path / "store"),
        "HUMANPOSE3D_PORT": str(port),
        "HUMANPOSE3D_LOG_FORMAT": "json",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, cwd=REPOSITORY, stderr=log)
    yield Service(process, port, nats, tmp_path / "store", tmp_path / "log")
    if process.poll() is None:
        process.kill()
    process.wait()
    nats.stop(signal.SIGKILL)


async def _submit(service: Service, wish: bytes) -> str:
    run_id = new_run_id()
    request = new_request(run_id)
    video = service.store.parent / "video"
    video.write_bytes(wish)
    await DirectoryStore(service.store).put_file(request.video_key, video)
    bus = NatsBus(bus_settings(service.nats.url, ack_wait_s=30))
    await runs.submit(bus, run_id, request)
    await bus.close()
    return run_id


async def _finished(service: Service, run_id: str) -> bool:
    bus = NatsBus(bus_settings(service.nats.url, ack_wait_s=30))
    state = (await bus.read(run_id)).state
    await bus.close()
    return "detector" in state.finished


def test_a_service_works_reports_its_health_and_stops(service):
    service.until("/readyz", 200)
    assert service.get("/healthz")[0] == 200
    run_id = asyncio.run(_submit(service, b"walk"))
    deadline = time.monotonic() + 20
    while 'humanpose3d_stage_seconds_count{stage="detector"} 1.0' not in service.get("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert 'humanpose3d_queue_tasks{kind="waiting",stage="detector"} 0.0' in service.get("/metrics")[1]
    assert asyncio.run(_finished(service, run_id))

    service.nats.stop(signal.SIGKILL)
    service.until("/readyz", 503)
    assert service.get("/healthz")[0] == 200
    service.nats.start()
    service.until("/readyz", 200)

    service.process.terminate()
    assert service.process.wait(10) in (0, -signal.SIGTERM)


def test_a_service_told_to_stop_finishes_its_task(service):
    service.until("/readyz", 200)
    run_id = asyncio.run(_submit(service, b"work 2"))
    deadline = time.monotonic() + 20
    while 'humanpose3d_queue_tasks{kind="working",stage="detector"} 1.0' not in service.get("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    service.process.terminate()
    service.process.wait(20)
    assert asyncio.run(_finished(service, run_id))


def test_a_bad_setting_stops_the_start_with_its_key():
    environment = {**os.environ, "HUMANPOSE3D_NATS_URL": "http://bus", "HUMANPOSE3D_STORE_DIRECTORY": "unused"}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "HUMANPOSE3D_NATS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
