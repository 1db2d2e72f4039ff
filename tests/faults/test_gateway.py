"""The gateway killed, with a full disk or without a bus during an upload. What was not accepted leaves nothing."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.gateway.world import FORM, MP4
from tests.servers import REPOSITORY, NatsServer, free_port


class Gateway:
    """The gateway process with a real nats-server and a store in a folder."""

    def __init__(self, folder: Path, nats: NatsServer) -> None:
        self.nats, self.store, self.scratch = nats, folder / "store", folder / "scratch"
        self.scratch.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self, largest_file: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": self.nats.url,
            "HUMANPOSE3D_STORE_DIRECTORY": str(self.store),
            "HUMANPOSE3D_PORT": str(self.port),
            "TMPDIR": str(self.scratch),
        }

        process = subprocess.Popen([sys.executable, "-m", "gateway.app"], cwd=REPOSITORY, env=environment)
        try:
            _until(lambda: httpx.get(f"{self.url}/readyz", timeout=20).status_code == 200)
            if largest_file is not None:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)

    def files(self) -> list[Path]:
        """All but the list of runs."""
        found = [path for folder in (self.store, self.scratch) for path in folder.rglob("*") if path.is_file()]
        return [path for path in found if not path.name.startswith("runs.sqlite")]


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while True:
        with suppress(httpx.HTTPError, FileNotFoundError):  # a file that is finished meanwhile has another name
            if done():
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    nats = NatsServer(tmp_path / "nats")
    nats.folder.mkdir()
    nats.start()
    with ExitStack() as stack:
        stack.callback(nats.stop)
        yield Gateway(tmp_path, nats)


def body(pause: threading.Event, size: int) -> Iterator[bytes]:
    """A form whose video pauses half way until `pause` is set."""
    for name, value in FORM.items():
        yield f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="v.mp4"\r\n\r\n' + MP4 + bytes(size // 2)
    pause.wait(30)
    yield bytes(size // 2) + b"\r\n--x--\r\n"


HEADERS = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize("size", [8_000_000, 30_000_000])
def test_killed_during_an_upload(gateway: Gateway, size: int):
    pause = threading.Event()

    def upload() -> None:
        with suppress(httpx.HTTPError):
            httpx.post(f"{gateway.url}/api/runs/", content=body(pause, size), headers=HEADERS, timeout=30)

    with gateway.running() as process:
        client = threading.Thread(target=upload)
        client.start()
        _until(lambda: sum(path.stat().st_size for path in gateway.files()) > 2_000_000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        pause.set()
        client.join()
        assert gateway.files()
    for remains in gateway.store.rglob("*"):  # they are kept for a day
        if remains.is_file():
            os.utime(remains, (time.time() - 90_000, time.time() - 90_000))
    with gateway.running():
        assert httpx.get(f"{gateway.url}/api/runs/").json()["runs"] == []
        _until(lambda: gateway.files() == [])
        sent = httpx.post(f"{gateway.url}/api/runs/", data=FORM, files={"video": ("v.mp4", MP4)})
        assert sent.status_code == 202


def test_a_full_disk_is_reported_and_nothing_is_kept(gateway: Gateway):
    with gateway.running(largest_file=2_000_000):
        refused = httpx.post(f"{gateway.url}/api/runs/", data=FORM, files={"video": ("v.mp4", MP4 + bytes(5_000_000))})
        assert refused.status_code == 507
        assert refused.json()["code"] == "storage-full"
        assert gateway.files() == []
        sent = httpx.post(f"{gateway.url}/api/runs/", data=FORM, files={"video": ("v.mp4", MP4)})
        assert sent.status_code == 202


def test_without_the_bus_nothing_is_accepted_and_afterwards_it_is(gateway: Gateway):
    with gateway.running():
        gateway.nats.stop(signal.SIGKILL)
        headers = {"Idempotency-Key": "one"}
        files = {"video": ("v.mp4", MP4)}
        refused = httpx.post(f"{gateway.url}/api/runs/", data=FORM, files=files, headers=headers, timeout=60)
        assert refused.status_code == 503
        assert refused.json()["code"] == "bus-unavailable"
        gateway.nats.start()
        _until(lambda: httpx.get(f"{gateway.url}/readyz", timeout=20).status_code == 200)
        keys = {
            httpx.post(f"{gateway.url}/api/runs/", data=FORM, files=files, headers=headers).json()["run_key"]
            for _ in range(2)
        }
        assert len(keys) == 1
        _until(lambda: [run["run_key"] for run in httpx.get(f"{gateway.url}/api/runs/").json()["runs"]] == list(keys))
