"""nats-server started as in its container: a manifest's arguments and files, and nothing else writable.

Differences from the container: its folders are below a folder of the test, its ports are free loopback ports, and
`nc`, which the image has, is a stub. When the tests run as root, the server runs as another user, so that everything
outside the volumes is read-only as in the container.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import SCRIPTS, free_port, wait_until

UNPRIVILEGED = 65534
_NC = f"""\
#!{sys.executable} -I
import socket, sys
try:
    with socket.create_connection((sys.argv[-2], int(sys.argv[-1])), timeout=3) as connection:
        connection.sendall(sys.stdin.buffer.read())
        while answer := connection.recv(4096):
            sys.stdout.buffer.write(answer)
except OSError:
    sys.exit(1)
"""


@dataclass(frozen=True)
class Manifest:
    """One container's manifest: arguments, files by path, writable folders, and its probes."""

    arguments: Sequence[str]
    files: Mapping[str, str]
    volumes: Sequence[str]
    ready: Sequence[str]
    """The command that exits with 0 once the server can be used."""
    alive: Sequence[str]
    """The command that fails where the server should be restarted, or that ends it itself."""
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: Sequence[str] = ()
    """The command that runs inside before the container is stopped."""


@dataclass
class NatsContainer:
    """One running server. `ports` maps the ports of the manifest to those of the test."""

    manifest: Manifest
    folder: Path
    """Readable by all users, as the image is."""
    names: Mapping[str, str] = field(default_factory=dict)
    """host:port in the manifest → its address in the test, in addition to the container's own ports."""
    ports: Mapping[str, str] = field(
        default_factory=lambda: {port: str(free_port()) for port in ("4222", "6222", "8222")}
    )
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.ports['4222']}"

    @property
    def data(self) -> Path:
        """The first writable folder."""
        return self.folder / self.manifest.volumes[0].lstrip("/")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def make_folders(self) -> None:
        """The container's file system."""
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        shutil.copy(SCRIPTS / "nats-server", programs)
        (programs / "nc").write_text(_NC)
        (programs / "nc").chmod(0o755)
        for path, text in self.manifest.files.items():
            file = self.folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._here(text))
        for volume in self.manifest.volumes:
            folder = self.folder / volume.lstrip("/")
            folder.mkdir(parents=True)
            folder.chmod(0o777)
        (self.folder / "no-folder").touch()

    def start(self) -> None:
        """Start, without waiting."""
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.folder / "bin" / "nats-server"), *map(self._here, self.manifest.arguments)],
                env=self._environment(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )

    def await_ready(self) -> None:
        """Raise RuntimeError where the server ends or does not become ready."""
        self.wait_until(lambda: self.run(self.manifest.ready) == 0)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Raise RuntimeError where the server ends first."""
        assert self.process is not None
        wait_until(condition, self.process)

    def run(self, command: Sequence[str]) -> int:
        """Run a command inside; its exit status."""
        assert self.process is not None
        words = [re.sub(r"\b(kill |ldm=)1\b", rf"\g<1>{self.process.pid}", self._here(word)) for word in command]
        return subprocess.run(
            words, env=self._environment(), cwd=self.folder, stderr=subprocess.DEVNULL, timeout=20
        ).returncode

    def end(self) -> None:
        """End the server if it is running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _here(self, text: str) -> str:
        """The text with the container's names, ports and paths replaced by those of the test."""
        for name, place in self.names.items():
            text = text.replace(name, place)
        text = re.sub(r"\b(4222|6222|8222)\b", lambda found: self.ports[found[0]], text)
        folders = {str(Path(path).parent) for path in self.manifest.files} | set(self.manifest.volumes)
        return re.sub(rf"(?<![\w./])({'|'.join(map(re.escape, sorted(folders)))})\b", rf"{self.folder}\1", text)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "no-folder"),  # a file: nothing can be created in it, not even by root
            **self.manifest.environment,
        }
