"""Real loopback servers for tests, started on free ports and ended by pid."""

import contextlib
import json
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
STARTED_WITHIN_S = 30

ACCESS_KEY = "test-access"
SECRET_KEY = "test-secret"


def as_from_a_terminal() -> None:
    """In a new process: restore the terminal signals' default actions, even where the tests run in the background."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; it may end while it is looked at."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def free_port() -> int:
    """A port on which nothing is listening."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class NatsServer:
    """nats-server with the shipped configuration and its own folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    monitor_port: int = field(default_factory=free_port)
    options: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        shipped = (REPOSITORY / "deploy" / "nats" / "nats-server.conf").read_text(encoding="utf-8")
        config = self.folder / "nats-server.conf"
        config.write_text(shipped.replace("/data", json.dumps(str(self.folder))), encoding="utf-8")
        command = [str(SCRIPTS / "nats-server"), "-c", str(config), "-a", "127.0.0.1", "-p", str(self.port)]
        command += ["-m", str(self.monitor_port), *self.options]
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: _accepts(self.port), self.process)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        _end(self.process, sign)
        self.process = None


@dataclass
class S3Server:
    """SeaweedFS: a real S3 that checks signatures. No telemetry, loopback only."""

    folder: Path
    port: int = field(default_factory=free_port)
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(9)])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        identity = {
            "name": "test",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        config = self.folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        names = ["master", "master.port.grpc", "volume", "volume.port.grpc", "filer", "filer.port.grpc"]
        names += ["s3.port.grpc", "admin", "admin.port.grpc"]
        flags = [
            f"-{name if '.port' in name else name + '.port'}={port}"
            for name, port in zip(names, self.ports, strict=True)
        ]
        command = [
            str(SCRIPTS / "weed"), "mini", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            "-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            f"-s3.config={config}", f"-s3.port={self.port}", *flags,
        ]  # fmt: skip
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        wait_until(lambda: _answers(f"{self.url}/healthz"), self.process)

    def stop(self, sign: signal.Signals = signal.SIGKILL) -> None:
        _end(self.process, sign)
        self.process = None


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        return connection.recv(4) == b"INFO"
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_until(ready, process: subprocess.Popen[bytes], within_s: float = STARTED_WITHIN_S) -> None:
    """Raise RuntimeError where the process ends first or takes too long."""
    deadline = time.monotonic() + within_s
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode} instead of starting.")
        if time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"The server did not answer within {within_s} s.")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes] | None, sign: signal.Signals) -> None:
    if process is not None:
        process.send_signal(sign)
        process.wait(timeout=STARTED_WITHIN_S)
