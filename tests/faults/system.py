"""Bus, store, unreliable network and workers that crash, as real processes; and the runs as a client sees them."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from humanpose3d.errors import Unavailable
from humanpose3d.options import StageName
from shared.runtime import runs
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import RunState
from shared.runtime.settings import Settings
from shared.runtime.store.s3 import S3Store
from shared.runtime.worker.loop import Phase
from tests.faults.proxy import Proxy
from tests.makers import new_request, s3_settings
from tests.servers import REPOSITORY, NatsServer, S3Server

ACK_WAIT_S = 2.0
PHASES: tuple[Phase, ...] = get_args(Phase)
TERMINAL = ("completed", "failed", "cancelled")


@dataclass
class System:
    """Everything between a submission and its end, under fault injection."""

    folder: Path
    dice: random.Random
    nats: NatsServer
    s3: S3Server
    proxy: Proxy
    settings: Settings
    """For the test's own, undisturbed connections."""
    max_deliveries: int
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0

    @property
    def bus(self) -> NatsBus:
        return self._bus

    def __post_init__(self) -> None:
        self._bus, self.store = NatsBus(self.settings), S3Store(self.settings)

    async def submit(self, run_id: str, text: str) -> None:
        """Accept a run, as the gateway does; retried while the bus or store is unavailable."""
        request = new_request(run_id)
        video = self.folder / f"{run_id}.txt"
        video.write_text(text, encoding="utf-8")
        while True:
            with contextlib.suppress(Unavailable):
                await self.store.put_file(request.video_key, video)
                await runs.submit(self.bus, run_id, request)
                return
            await asyncio.sleep(0.1)

    async def start_worker(
        self, phase: Phase | None = None, countdown: int = 1, grace_s: float = 25
    ) -> subprocess.Popen[bytes]:
        """Start a worker that kills itself the `countdown`-th time it reaches `phase` (None: never)."""
        self.started += 1
        ready = self.folder / f"ready-{self.started}"
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": self.nats.url,
            "HUMANPOSE3D_S3_ENDPOINT": f"http://127.0.0.1:{self.proxy.listening}",
            "HUMANPOSE3D_S3_ACCESS_KEY": str(self.settings.s3_access_key),
            "HUMANPOSE3D_S3_SECRET_KEY": str(
                self.settings.s3_secret_key and self.settings.s3_secret_key.get_secret_value()
            ),
            "HUMANPOSE3D_ACK_WAIT_S": str(ACK_WAIT_S),
            "HUMANPOSE3D_MAX_DELIVERIES": str(self.max_deliveries),
            "HUMANPOSE3D_RETRY_DELAY_S": "0.1",
            "HUMANPOSE3D_GRACE_S": str(grace_s),
            "FAULT_READY": str(ready),
            **({"FAULT_PHASE": phase, "FAULT_COUNTDOWN": str(countdown)} if phase else {}),
        }
        log = (self.folder / f"worker-{self.started}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.worker"], cwd=REPOSITORY, env=environment, stdout=log, stderr=log
            )
        self.workers.append(process)
        while not ready.exists() and process.poll() is None:
            await asyncio.sleep(0.02)
        return process

    def forget_ended_workers(self) -> int:
        """Forget workers that have ended; returns how many are left."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        return len(self.workers)

    async def state(self, run_id: str) -> RunState:
        while True:
            try:
                return (await self.bus.read(run_id)).state
            except Unavailable:
                await asyncio.sleep(0.1)

    async def bus_reconnected(self) -> None:
        """Wait until this process has reconnected after the bus was last killed."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(Unavailable):
                    return await self.bus.check()
                await asyncio.sleep(0.1)

    async def ended(self, run_ids: list[str], timeout: float) -> dict[str, RunState]:
        """The states of the runs once all have ended. Fails where one does not end."""
        states: dict[str, RunState] = {}
        async with asyncio.timeout(timeout):
            while len(states) < len(run_ids):
                for run_id in run_ids:
                    if run_id not in states and (state := await self.state(run_id)).is_over:
                        states[run_id] = state
                await asyncio.sleep(0.2)
        return states

    async def endings(self, run_id: str) -> list[str]:
        """The distinct final events published for a run."""
        seen: dict[int, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10) as limit, contextlib.aclosing(self.bus.events(run_id)) as events:
                async for _, event in events:
                    if event.status in TERMINAL:
                        seen[event.revision] = event.status
                        limit.reschedule(asyncio.get_running_loop().time() + 0.5)  # another would follow soon
        return list(seen.values())

    async def queued(self) -> Counter[StageName]:
        """Tasks left in the queues."""
        left: Counter[StageName] = Counter()
        for stage in get_args(StageName):
            depth = await self.bus.depth(stage)
            left[stage] = depth.waiting + depth.working
        return +left

    async def result(self, state: RunState) -> str:
        chunks = [chunk async for chunk in self.store.read(state.results["result.txt"])]
        return b"".join(chunks).decode()


@asynccontextmanager
async def system(folder: Path, dice: random.Random, max_deliveries: int = 5) -> AsyncIterator[System]:
    """Separate servers, since they are killed; workers and servers are ended by pid."""
    nats, s3 = NatsServer(folder / "nats"), S3Server(folder / "s3")
    for server in (nats, s3):
        server.folder.mkdir()
        server.start()
    proxy = Proxy(s3.port, dice)
    await proxy.start()
    changes = {"nats_url": nats.url, "ack_wait_s": ACK_WAIT_S, "max_deliveries": max_deliveries}
    under_attack = System(folder, dice, nats, s3, proxy, s3_settings(s3, **changes), max_deliveries)
    try:
        yield under_attack
    finally:
        for worker in under_attack.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGKILL)
            worker.wait()
        await under_attack.bus.close()
        await proxy.stop()
        nats.stop()
        s3.stop()
