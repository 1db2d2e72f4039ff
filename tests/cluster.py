"""The distributed system on this machine: every service as a process of its own, over real NATS and real S3."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import nats

from humanpose3d.errors import ObjectNotFound
from shared.runtime.store.s3 import S3Store
from tests.makers import s3_settings
from tests.servers import ACCESS_KEY, REPOSITORY, SECRET_KEY, NatsServer, S3Server, free_port

WORKERS: Final = {
    "detector-1": "services.detector.app",
    "detector-2": "services.detector.app",
    "refiner": "services.refiner.app",
    "augmenter": "services.augmenter.app",
    "angles": "services.angles.app",
}


@dataclass(frozen=True)
class Service:
    """How one of the processes is started."""

    module: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Cluster:
    """Two detectors, one worker of each other service, gateways, NATS and S3. `settings` are of all services."""

    def __init__(self, folder: Path, gateways: int = 1, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.nats, self.s3 = NatsServer(folder / "nats"), S3Server(folder / "s3")
        self.gateways = {f"gateway-{number + 1}": Service("gateway.app", free_port()) for number in range(gateways)}
        self.services = {name: Service(module, free_port()) for name, module in WORKERS.items()} | self.gateways
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._settings = settings or {}

    @property
    def url(self) -> str:
        """Of the first gateway."""
        return self.gateways["gateway-1"].url

    def start(self) -> None:
        for server in (self.nats, self.s3):
            server.folder.mkdir()
            server.start()
        for name in self.services:
            self.start_service(name)
        for gateway in self.gateways.values():
            self.until_ready(200, gateway.url)

    def start_service(self, name: str) -> None:
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": self.nats.url,
            "HUMANPOSE3D_S3_ENDPOINT": self.s3.url,
            "HUMANPOSE3D_S3_ACCESS_KEY": ACCESS_KEY,
            "HUMANPOSE3D_S3_SECRET_KEY": SECRET_KEY,
            "HUMANPOSE3D_PORT": str(self.services[name].port),
            "HUMANPOSE3D_LOG_FORMAT": "json",
            **self._settings,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", self.services[name].module],
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def until_ready(self, status: int, url: str | None = None) -> None:
        deadline = time.monotonic() + 180
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{url or self.url}/readyz", timeout=20).status_code == status:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(timeout=60)
        self.nats.stop()
        self.s3.stop()

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    async def traces(self) -> list[str]:
        """Every subject of every stream, and every object of the store's folders."""
        client = await nats.connect(self.nats.url)
        found = []
        for stream in await client.jetstream().streams_info():
            info = await client.jetstream().stream_info(str(stream.config.name), subjects_filter=">")
            found += list(info.state.subjects or {})
        await client.close()
        store = S3Store(s3_settings(self.s3))
        with suppress(ObjectNotFound):
            for folder in ("runs/", "videos/", "pending/", "uploads/"):
                found += [item.key async for item in store.objects(folder)]
        return found
