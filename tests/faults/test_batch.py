"""A batch of 200 videos: whatever is killed meanwhile, each has one run, one result and one row in the summary.

Stub stages that take no time. FAULT_BATCH and FAULT_KILLS make it longer, FAULT_SEED repeats it.
"""

import asyncio
import contextlib
import csv
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import httpx
import pytest

from humanpose3d.api_models import Batch
from humanpose3d.client import Client
from humanpose3d.formats.csv_style import unguarded
from humanpose3d.options import RunOptions, StageName, route
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.worker.loop import Worker
from tests.faults.test_gateway import Gateway
from tests.faults.worker import StubStage
from tests.gateway.world import World
from tests.makers import bus_settings
from tests.servers import REPOSITORY, NatsServer

VIDEOS = int(os.environ.get("FAULT_BATCH", "200"))
KILLS = int(os.environ.get("FAULT_KILLS", "8"))
ACK_WAIT_S = 2.0
TABLE = "file,subject,height,weight\n" + "".join(
    f"{number:03}.mp4,P{number // 4:02},1.7,70\n" for number in range(VIDEOS)
)
NAMES = [f"{number:03}.mp4" for number in range(VIDEOS)]


def content(name: str) -> bytes:
    """Begins like an MP4 file, and is one word for the stub stage."""
    return b"\0\0\0!ftypisom" + name.encode()


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(2**32)))
    print(f"FAULT_SEED={seed}", file=sys.stderr)
    return random.Random(seed)


def must_be_whole(summary: str, run_keys: list[str]) -> None:
    """One run for each video, and one row with the result of that run: its verdict is the run's key."""
    rows = list(csv.DictReader(io.StringIO(summary)))
    assert [row["file"] for row in rows] == NAMES
    assert {(row["status"], row["error"]) for row in rows} == {("done", "")}
    assert [row["subject"] for row in rows] == [f"P{number // 4:02}" for number in range(VIDEOS)]
    assert sorted(unguarded(row["verdict"]) for row in rows) == sorted(run_keys)
    assert len(set(run_keys)) == VIDEOS


def test_in_one_process_with_workers_that_vanish_and_a_gateway_that_restarts(tmp_path: Path, dice: random.Random):
    async def scenario() -> None:
        world = World(tmp_path, bus=MemoryBus(ACK_WAIT_S / 4))
        settings = bus_settings("nats://unused", ack_wait_s=ACK_WAIT_S / 4, max_deliveries=100, grace_s=0.5)

        def worker() -> asyncio.Task[None]:
            stage = dice.choice(get_args(StageName))
            return asyncio.create_task(Worker(stage, StubStage(stage), world.bus, world.store, settings).run())

        async def vanish_and_come_back() -> None:
            """Workers disappear without handing back what they have begun."""
            while True:
                await asyncio.sleep(dice.uniform(0, 0.1))
                gone = loops.pop(dice.randrange(len(loops)))
                gone.cancel()
                loops.append(worker())

        stages = [Worker(stage, StubStage(stage), world.bus, world.store, settings) for stage in route(RunOptions())]
        loops = [worker() for _ in range(4)]
        lasting = [asyncio.create_task(each.run()) for each in stages]
        tormenting = asyncio.create_task(vanish_and_come_back())
        try:
            batch = await _sent_through_restarts(world)
            async with world.client() as client:
                await _until_done(client, batch)
                summary = (await client.get(f"/api/v1/batches/{batch}/summary.csv")).text
                must_be_whole(summary, await _run_keys(client))
        finally:
            for task in (tormenting, *loops, *lasting):
                task.cancel()
            await asyncio.wait([tormenting, *loops, *lasting])

    asyncio.run(scenario())


async def _sent_through_restarts(world: World) -> str:
    """Submit the videos, a fifth of them to each of five gateways, some twice."""
    batch = ""
    for part in range(5):
        async with world.client() as client:
            if not batch:
                answer = await client.post("/api/v1/batches", files={"subjects": ("s.csv", TABLE.encode())})
                batch = answer.json()["batch_key"]
            for name in NAMES[part::5] + NAMES[:1]:
                sent = await client.post(
                    "/api/v1/runs",
                    data={"batch": batch, "consent": "accepted"},
                    files={"video": (name, content(name))},
                    headers={"Idempotency-Key": f"{batch} {name}"},
                )
                assert sent.status_code == 202, sent.text
    return batch


async def _until_done(client: httpx.AsyncClient, batch: str) -> None:
    async with asyncio.timeout(120):
        while not (await client.get(f"/api/v1/batches/{batch}")).json()["done"]:
            await asyncio.sleep(0.2)


async def _run_keys(client: httpx.AsyncClient) -> list[str]:
    runs: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/v1/runs", params={"limit": 200} | ({"cursor": cursor} if cursor else {}))).json()
        runs += [run["run_key"] for run in page["runs"]]
        cursor = page["next_cursor"]
    return runs


class Processes:
    """nats-server, a gateway and two workers as processes, killed and started again."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self.folder, self.gateway = folder, gateway
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        module = "gateway.app" if name == "gateway" else "tests.faults.worker"
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": self.gateway.nats.url,
            "HUMANPOSE3D_STORE_DIRECTORY": str(self.gateway.store),
            "HUMANPOSE3D_PORT": str(self.gateway.port),
            "HUMANPOSE3D_ACK_WAIT_S": str(ACK_WAIT_S),
            "HUMANPOSE3D_MAX_DELIVERIES": "100",
            "HUMANPOSE3D_RETRY_DELAY_S": "0.1",
            "TMPDIR": str(self.gateway.scratch),
            "FAULT_READY": str(self.folder / "ready"),
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", module], cwd=REPOSITORY, env=environment, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()

    def until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.gateway.url}/readyz", timeout=20).status_code == 200:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    nats = NatsServer(folder / "nats")
    nats.folder.mkdir()
    nats.start()
    started = Processes(folder, Gateway(folder, nats))
    try:
        for name in ("gateway", "worker-1", "worker-2"):
            started.start(name)
        started.until_ready()
        yield started
    finally:
        for name in started.running:
            started.kill(name)
        nats.stop()


def test_with_processes_that_are_killed(tmp_path: Path, dice: random.Random):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for name in NAMES:
        (recordings / name).write_bytes(content(name))
    (tmp_path / "subjects.csv").write_text(TABLE)
    with processes(tmp_path) as system, Client(system.gateway.url) as client:
        batch = client.batches.begin(recordings, subjects=tmp_path / "subjects.csv")
        ended: list[Batch] = []

        def send_and_wait() -> None:
            assert client.batches.send(batch, recordings, consent=True) == {}
            ended.append(client.batches.wait(batch, timeout=600))

        sending = threading.Thread(target=send_and_wait)
        sending.start()
        for number in range(KILLS):
            time.sleep(dice.uniform(0.2, 1.5))
            name = ("gateway", "worker-1", "gateway", "worker-2")[number % 4]
            system.kill(name)
            system.start(name)
        sending.join()
        system.until_ready()
        assert ended, "the videos were not sent"
        assert ended[0].counts["completed"] == VIDEOS, ended[0].counts
        must_be_whole(client.batches.summary(batch), [run.run_key for run in client.runs()])
