"""Hundreds of runs on a real nats-server and a real S3 while everything fails: each ends exactly once.

FAULTS_SEED repeats a sequence of faults (what the operating system makes of it still varies).
"""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from shared import runs
from shared.bus.nats import NatsBus
from shared.contracts import RunState, StageName, route
from shared.retrying import insist
from shared.settings import Settings
from shared.store.s3 import S3Store
from tests.faults.worker_main import POISON, SLOW
from tests.makers import new_request, new_run_id
from tests.proxy import Proxy, proxy_to
from tests.servers import ACCESS_KEY, REPOSITORY, SECRET_KEY, NatsServer, S3Server
from tests.stub_runner import FILM

pytestmark = pytest.mark.anyio

log = logging.getLogger(__name__)

RUNS = 200
POISONED = 2
WORKERS = 3
DEATHS = 0.004
ACK_WAIT_S = 2.0
MAX_DELIVERIES = 7
"""More than in production: here a run meets more misfortune than a lifetime holds."""

PATIENCE_S = 240


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Plant:
    """The whole system, and the hands that break it."""

    nats: NatsServer
    proxy: Proxy
    environment: dict[str, str]
    bus: NatsBus
    store: S3Store
    chance: random.Random
    log: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    chores: list[asyncio.Task[None]] = field(default_factory=list)
    peace: asyncio.Event = field(default_factory=asyncio.Event)
    """No new faults from now on: what is broken must mend by itself."""

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.worker_main", str(self.chance.random()), str(DEATHS)]
        with self.log.open("ab") as output:
            return subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, stdout=output, stderr=output)

    async def supervise(self) -> None:
        """Start a worker for every one that died."""
        while True:
            for position, worker in enumerate(self.workers):
                if worker.poll() is not None:
                    self.done[f"worker ended with {worker.returncode}"] += 1
                    self.workers[position] = self.start_worker()
            await asyncio.sleep(0.1)

    async def break_things(self) -> None:
        """One fault after another, in an order that the seed decides."""
        faults = (
            self.stop_worker,
            self.freeze_worker,
            self.kill_bus,
            self.lose_store,
            self.cut_uploads,
            self.slow_store,
        )
        while not self.peace.is_set():
            for fault in self.chance.sample(faults, len(faults)):
                await asyncio.sleep(self.chance.uniform(0.5, 1.5))
                log.warning("fault: %s", fault.__name__)
                await fault()
                self.done[fault.__name__] += 1

    async def stop_worker(self) -> None:
        self.chance.choice(self.workers).terminate()

    async def freeze_worker(self) -> None:
        worker = self.chance.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(1.5 * ACK_WAIT_S)
        finally:
            worker.send_signal(signal.SIGCONT)

    async def kill_bus(self) -> None:
        await asyncio.to_thread(self.nats.stop, signal.SIGKILL)
        await asyncio.sleep(self.chance.uniform(0, 1))
        await asyncio.to_thread(self.nats.start)

    async def lose_store(self) -> None:
        self.proxy.go_down()
        await asyncio.sleep(self.chance.uniform(0.5, 3))
        self.proxy.down = False

    async def cut_uploads(self) -> None:
        self.proxy.cut_after = self.chance.randrange(2000)
        await asyncio.sleep(1)
        self.proxy.cut_after = None
        self.proxy.go_down()  # connections that were told to break
        self.proxy.down = False

    async def slow_store(self) -> None:
        self.proxy.delay_s = 0.2
        await asyncio.sleep(1)
        self.proxy.delay_s = 0

    async def end(self) -> None:
        for chore in self.chores:
            chore.cancel()
        await asyncio.wait(self.chores)
        for worker in self.workers:
            worker.kill()
            worker.wait()
        await self.bus.close()


@asynccontextmanager
async def plant(folder: Path, seed: int) -> AsyncIterator[Plant]:
    nats, s3 = NatsServer(folder / "nats"), S3Server(folder / "weed")
    for server in (nats, s3):
        server.folder.mkdir()
        server.start()
    try:
        async with proxy_to(s3.port) as proxy:
            settings = {
                "NATS_URL": nats.url,
                "ACK_WAIT_S": ACK_WAIT_S,
                "MAX_DELIVERIES": MAX_DELIVERIES,
                "RETRY_DELAY_S": 0.1,
                "GRACE_S": 1,
                "S3_ENDPOINT": f"http://127.0.0.1:{proxy.port}",
                "S3_ACCESS_KEY": ACCESS_KEY,
                "S3_SECRET_KEY": SECRET_KEY,
            }
            environment = {f"HUMANPOSE3D_{key}": str(value) for key, value in settings.items()}
            bus = NatsBus(Settings.from_environment(environment))
            # The test's own hands go past the proxy, so that what it finds is what there is.
            store = S3Store(Settings.from_environment({**environment, "HUMANPOSE3D_S3_ENDPOINT": s3.url}))
            made = Plant(
                nats, proxy, {**os.environ, **environment}, bus, store, random.Random(seed), folder / "workers.log"
            )
            made.workers = [made.start_worker() for _ in range(WORKERS)]
            try:
                yield made
            finally:
                await made.end()
    finally:
        nats.stop(signal.SIGKILL)
        s3.stop()


async def submitted(plant: Plant, content: bytes, folder: Path) -> str:
    run_id = new_run_id()
    request = new_request(run_id)
    video = folder / "video"
    video.write_bytes(content)
    await plant.store.put_file(request.video_key, video)
    await insist(lambda: runs.submit(plant.bus, run_id, request), patience_s=60)
    return run_id


async def states_when_over(plant: Plant, expected: set[str]) -> dict[str, RunState]:
    """Wait until every run has ended; returns how."""
    newest: dict[str, RunState] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S), aclosing(plant.bus.states()) as changes:
            async for change in changes:
                if change is not None and change.state is not None:
                    newest[change.run_id] = change.state
                    if all(run_id in newest and newest[run_id].is_over for run_id in expected):
                        return newest
    unfinished = [newest[run_id] for run_id in expected if not newest[run_id].is_over]
    pytest.fail(f"{len(unfinished)} runs have not ended, among them {unfinished[0]}")


async def assert_ended_once(plant: Plant, state: RunState) -> None:
    """One terminal event, of the state as it is now; results where it is completed, a reason where it is failed."""
    ends = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1), aclosing(plant.bus.events(state.run_id)) as events:
            async for _, event in events:
                ends += [event.status] if event.status in ("completed", "failed", "cancelled") else []
    assert set(ends) <= {state.status}
    if state.status == "completed":
        content = b"".join([chunk async for chunk in plant.store.read(state.results["made.txt"])])
        assert content.decode().split() == sorted(f"{stage}-made" for stage in route(state.request.options))
        for record in state.finished.values():
            for key in record.artefacts.values():
                await plant.store.stat(key)


async def queues_empty(plant: Plant) -> None:
    async with asyncio.timeout(60):
        for stage in get_args(StageName):
            while (depth := await plant.bus.depth(stage)).waiting + depth.working:
                await asyncio.sleep(0.2)


async def test_every_accepted_run_ends_exactly_once(tmp_path):
    seed = int(os.environ.get("FAULTS_SEED", secrets.randbelow(10**6)))
    print(f"FAULTS_SEED={seed}")
    chance = random.Random(seed)
    async with plant(tmp_path, seed) as made:
        contents = [POISON] * POISONED + [chance.choice([FILM] * 9 + [SLOW]) for _ in range(RUNS - POISONED)]
        chance.shuffle(contents)
        made.chores = [asyncio.create_task(made.supervise()), asyncio.create_task(made.break_things())]
        submissions = {await submitted(made, content, tmp_path): content for content in contents}
        made.peace.set()
        states = await states_when_over(made, set(submissions))
        await queues_empty(made)
        print(dict(made.done))
        poisoned = {run_id for run_id, content in submissions.items() if content == POISON}
        for run_id, state in states.items():
            assert state.status == ("failed" if run_id in poisoned else "completed"), state.problem
        for state in states.values():
            await assert_ended_once(made, state)
        dead = await made.bus.dead_letters("detector")
        assert {task.run_id for task, _ in dead} == poisoned
        assert made.done["worker ended with -9"] >= MAX_DELIVERIES
