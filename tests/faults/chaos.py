"""Kills services of the distributed system at random while it works on real videos.

Run by hand: `python -m tests.faults.chaos --kills 40 --seed 1` (about 10 minutes on two cores).

Two gateways, two detectors, one worker of each other service, NATS and S3 are started. Clients submit the sample video
all the time, each by one of the gateways, and ask the other after a failure. Meanwhile services and NATS are ended by
SIGKILL and started again, until the kills are done; then every run must be completed once, all with the same bytes,
and after their erasure nothing may be left. Prints JSON, and exits with 1 where this does not hold.

A worker that dies counts as a failed try, and a run that failed five times is given up. Kills are much more frequent
here than that limit is made for, so it is raised.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

import httpx
import psutil

from humanpose3d.client import Client, RunFailed
from humanpose3d.connection import ApiError
from humanpose3d.options import StageName
from shared.runtime.bus.nats import NatsBus
from tests.cluster import Cluster
from tests.makers import s3_settings
from tests.servers import REPOSITORY, is_alive

SAMPLE: Final = REPOSITORY / "examples" / "sample.mp4"
SETTINGS: Final = {"HUMANPOSE3D_ACK_WAIT_S": "5", "HUMANPOSE3D_MAX_DELIVERIES": "100"}
CLIENTS: Final = 3
RUN_S: Final = 900.0
"""In which a run must end."""

MARKER_S: Final = 5.0
"""Longer than the bus keeps a marker of an erasure."""


@dataclass
class Outcome:
    """What became of one run."""

    run_key: str
    status: str
    files: str
    """One hash of the paths and bytes of all TRC and CSV files."""
    trc: list[str]
    """Distinct hashes of its final TRC by the two gateways."""


@dataclass
class Chaos:
    """The clients and the kills."""

    cluster: Cluster
    dice: random.Random
    over: threading.Event = field(default_factory=threading.Event)
    """No new run is submitted any more."""
    outcomes: list[Outcome] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    orphans: list[psutil.Process] = field(default_factory=list)
    """Processes that a killed service had started."""

    def kill_often(self, kills: int) -> None:
        """Every process once before any of them again."""
        names = [*self.cluster.services, "nats"]
        for number in range(kills):
            if number % len(names) == 0:
                self.dice.shuffle(names)
            name = names[number % len(names)]
            time.sleep(self.dice.uniform(0.5, 6))
            self._kill(name, self.dice.uniform(0, 3))
            self.killed[name.partition("-")[0]] += 1

    def _kill(self, name: str, down_s: float) -> None:
        if name == "nats":
            self.cluster.nats.stop(signal.SIGKILL)
            time.sleep(down_s)
            self.cluster.nats.start()
            return
        process = self.cluster.processes[name]
        self.orphans += psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        time.sleep(down_s)
        self.cluster.start_service(name)

    def submit_often(self, dice: random.Random) -> None:
        while not self.over.is_set():
            try:
                self.outcomes.append(self._run(dice))
            except Exception as error:  # noqa: BLE001 -- reported with the others at the end
                self.errors.append(repr(error))

    def _run(self, dice: random.Random) -> Outcome:
        urls = [gateway.url for gateway in self.cluster.gateways.values()]
        dice.shuffle(urls)
        run_key = _submitted(urls)
        with Client(urls[0]) as client:
            try:
                status: str = client.wait(run_key, timeout=RUN_S).status
            except RunFailed as failed:
                return Outcome(run_key, f"{failed.progress.status}: {failed}", "", [])
        seen = [_downloaded(url, run_key) for url in urls]
        assert len({files for files, _ in seen}) == 1, f"two gateways give other bytes of {run_key}"
        return Outcome(run_key, status, seen[0][0], sorted({trc for _, trc in seen}))

    @contextmanager
    def clients(self) -> Iterator[None]:
        """Submit until the block ends, then wait for the runs."""
        threads = [
            threading.Thread(target=self.submit_often, args=(random.Random(self.dice.random()),))
            for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()


def _submitted(urls: list[str]) -> str:
    """Submit until one of the gateways has confirmed, as one submission."""
    once, deadline = secrets.token_hex(8), time.monotonic() + RUN_S
    while True:
        for url in urls:
            with contextlib.suppress(httpx.HTTPError, ApiError), Client(url) as client:
                return client.submit(
                    SAMPLE, height=1.72, weight=70, consent=True, idempotency_key=once, pose_model="lite"
                )
        assert time.monotonic() < deadline, "no gateway accepts a run"
        time.sleep(0.2)


def _downloaded(url: str, run_key: str) -> tuple[str, str]:
    """Hashes of all TRC and CSV files, and of the final TRC."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with tempfile.TemporaryDirectory() as folder, Client(url) as client:
                paths = sorted(path for path in client.download(run_key, folder) if path.suffix in (".trc", ".csv"))
                everything = b"".join(path.name.encode() + path.read_bytes() for path in paths)
                [trc] = [path for path in paths if path.name.endswith("_final.trc")]
                return hashlib.sha256(everything).hexdigest(), hashlib.sha256(trc.read_bytes()).hexdigest()
        except (httpx.HTTPError, ApiError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _erase(cluster: Cluster, run_key: str) -> None:
    with Client(cluster.url) as client:
        client.erase(run_key)


async def _endings(bus: NatsBus, run_key: str) -> list[str]:
    """The distinct final events published for a run."""
    seen: dict[int, str] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1), contextlib.aclosing(bus.events(run_key)) as events:
            async for _, event in events:
                if event.status in ("completed", "failed", "cancelled"):
                    seen[event.revision] = event.status
    return list(seen.values())


async def _accounts(cluster: Cluster, run_keys: list[str]) -> dict[str, object]:
    """What the bus says of the runs, and what is left of them when they have been erased."""
    bus = NatsBus(s3_settings(cluster.s3, nats_url=cluster.nats.url))
    endings = {run_key: await _endings(bus, run_key) for run_key in run_keys}
    deadline = time.monotonic() + 60
    while any(queues := [await bus.depth(stage) for stage in get_args(StageName)]) and time.monotonic() < deadline:
        if not any(queue.waiting + queue.working for queue in queues):
            break
        await asyncio.sleep(0.5)
    await bus.close()
    for run_key in run_keys:
        await asyncio.to_thread(_erase, cluster, run_key)
    await asyncio.sleep(MARKER_S)
    left = await cluster.traces()
    return {
        "runs_that_ended_other_than_once": {run_key: found for run_key, found in endings.items() if len(found) != 1},
        "tasks_left": sum(queue.waiting + queue.working for queue in queues),
        "dead_letters": sum(queue.dead for queue in queues),
        "traces": [trace for trace in left if trace != "health"],
    }


def attack(folder: Path, seed: int, kills: int) -> dict[str, object]:
    """Start the system, kill, and account for every run."""
    cluster = Cluster(folder, gateways=2, settings=SETTINGS)
    chaos = Chaos(cluster, random.Random(seed))
    try:
        cluster.start()
        with chaos.clients():
            chaos.kill_often(kills)
        for gateway in cluster.gateways.values():
            cluster.until_ready(200, gateway.url)
        accounts = asyncio.run(_accounts(cluster, [outcome.run_key for outcome in chaos.outcomes]))
    finally:
        cluster.stop()
    return {
        "seed": seed,
        "kills": dict(chaos.killed),
        "runs": dict(Counter(outcome.status for outcome in chaos.outcomes)),
        "errors": chaos.errors,
        "distinct_final_trc": len({trc for outcome in chaos.outcomes for trc in outcome.trc}),
        "distinct_file_sets": len({outcome.files for outcome in chaos.outcomes}),
        **accounts,
        "processes_left": [process.pid for process in chaos.orphans if is_alive(process)],
    }


def _holds(report: dict[str, object]) -> bool:
    runs = report["runs"]
    assert isinstance(runs, dict)
    nothing = ("errors", "runs_that_ended_other_than_once", "tasks_left", "dead_letters", "traces")
    clean = not any(report[name] for name in (*nothing, "processes_left"))
    return clean and set(runs) == {"completed"} and report["distinct_final_trc"] == report["distinct_file_sets"] == 1


def main() -> int:
    """Read the arguments, attack, report."""
    parser = argparse.ArgumentParser(description="Kill services at random while they work on runs.")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = attack(Path(folder), parsed.seed, parsed.kills)
    print(json.dumps(report, indent=1))
    return 0 if _holds(report) else 1


if __name__ == "__main__":
    sys.exit(main())
