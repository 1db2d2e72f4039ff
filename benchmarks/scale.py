"""What a long history costs the gateway: `python -m benchmarks.scale --runs 1000000`.

Made-up states are written straight into a real NATS server, and the list of them as a gateway would have it by then. A
real gateway starts with that list, then with the copy in the store only; and, with a shorter history, without both. The
store is a folder. Measured are memory, time until the gateway is ready, requests over HTTP one after another, processor
time while nothing is asked, and retention.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from benchmarks import history
from gateway import index_snapshot
from gateway.api_keys import append, create
from gateway.index_file import IndexFile
from shared.runtime.bus import History
from shared.runtime.bus.nats import NatsBus
from shared.runtime.settings import Settings
from shared.runtime.store.directory import DirectoryStore
from tests.servers import REPOSITORY, NatsServer, free_port

RESULTS: Final = Path(__file__).parent / "results"
READY_S: Final = 3600
IDLE_S: Final = 20
ASKED: Final = 100
EXPIRED: Final = 100
SHORT: Final = 5_000
"""Runs that a gateway without a list reads from the bus."""
MP4: Final = b"\x00\x00\x00\x20ftypisom" + bytes(1000)
FORM: Final = {"height": "1.78", "weight": "75", "consent": "accepted"}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="for the servers' data, kept between calls; default: temporary")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = measured(arguments.folder or Path(temporary), arguments.runs)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scale.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def measured(folder: Path, runs: int) -> dict[str, Any]:
    """All figures, by name."""
    result: dict[str, Any] = {"cores": os.cpu_count(), "runs": runs}
    with bus_of(folder / "short", SHORT) as short:
        gateway = Gateway(folder / "short", short.url)
        for name in ("filled_from_bus", "short_own_file"):
            with gateway.running(name, result):
                pass
    took = result["ready_cpu_s_filled_from_bus"] - result["ready_cpu_s_short_own_file"]
    result["fill_cpu_us_per_run"] = 1e6 * took / SHORT
    with bus_of(folder, runs) as long:
        result |= asyncio.run(_listed(long.url))
        file = folder / "index" / "runs.sqlite"
        if not file.exists():
            file.parent.mkdir()
            history.write_list(file, asyncio.run(_held(long.url)), runs)
        gateway = Gateway(folder, long.url)
        with gateway.running("own_file", result) as (url, process):
            result |= _asked(url, process, gateway.keys)
        result["index_file_mb"] = file.stat().st_size / 1e6
        _store_copy(file, folder / "store" / index_snapshot.KEY, result)
        with gateway.running("copy_in_store", result, kept=False):
            pass
        result |= _retention(gateway, long.url)
        assert long.process is not None
        result["nats_rss_mb"] = psutil.Process(long.process.pid).memory_info().rss / 1e6
    return result


def _store_copy(source: Path, target: Path, result: dict[str, Any]) -> None:
    """As a gateway stores it."""
    file, before = IndexFile(source), time.process_time()
    asyncio.run(index_snapshot.renew(DirectoryStore(target.parents[1]), file))
    file.close()
    result |= {"copy_cpu_s": time.process_time() - before, "copy_mb": target.stat().st_size / 1e6}


@contextmanager
def bus_of(folder: Path, runs: int) -> Iterator[NatsServer]:
    """A server with this number of runs; those of an earlier call are used again."""
    nats = NatsServer(folder / "nats")
    is_new = not nats.folder.exists()
    nats.folder.mkdir(parents=True, exist_ok=True)
    nats.start()
    try:
        if is_new:
            asyncio.run(_fill(nats.url, runs))
        yield nats
    finally:
        nats.stop()


async def _fill(url: str, runs: int) -> None:
    bus = NatsBus(settings_of(url))
    await bus.check()
    await history.write_states(url, runs)
    await bus.close()


async def _listed(url: str) -> dict[str, Any]:
    """The keys of all runs, which a gateway lists only where it has missed an erasure."""
    bus = NatsBus(settings_of(url))
    started = time.perf_counter()
    listed = len(await bus.run_ids())
    listing = time.perf_counter() - started
    await bus.close()
    return {"keys_listed": listed, "keys_listed_s": listing}


async def _held(url: str) -> History:
    bus = NatsBus(settings_of(url))
    held = await bus.history()
    await bus.close()
    return held


def settings_of(url: str, **settings: str) -> Settings:
    """Of a process beside the gateway."""
    return Settings.model_validate({"nats_url": url, "store_directory": "unused", **settings})


class Gateway:
    """The gateway as a process, with a key of the owner of half of all runs, and one with a quota."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self.folder, self._nats_url = folder, nats_url
        keys = folder / "keys"
        keys.unlink(missing_ok=True)
        self.keys = {}
        for owner, limit in ((history.OWNERS[0], None), ("limited", 1)):
            self.keys[owner], stored = create(owner, runs_per_day=limit)
            append(keys, stored)

    @contextmanager
    def running(
        self, name: str, result: dict[str, Any], *, kept: bool = True, **settings: str
    ) -> Iterator[tuple[str, psutil.Process]]:
        """Run it; time until it is ready and memory are added to the result."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "HUMANPOSE3D_NATS_URL": self._nats_url,
            "HUMANPOSE3D_STORE_DIRECTORY": str(self.folder / "store"),
            "HUMANPOSE3D_API_KEYS_FILE": str(self.folder / "keys"),
            "HUMANPOSE3D_PORT": str(port),
            "HUMANPOSE3D_LOG_LEVEL": "WARNING",
            **({"HUMANPOSE3D_INDEX_DIRECTORY": str(self.folder / "index")} if kept else {}),
            **settings,
        }
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "gateway.app"], cwd=REPOSITORY, env=environment)
        watched = psutil.Process(process.pid)
        try:
            _until(lambda: _is_ready(url))
            result[f"ready_s_{name}"] = time.perf_counter() - started
            result[f"ready_cpu_s_{name}"] = cpu_s(watched)
            yield url, watched
            result[f"rss_mb_{name}"] = watched.memory_info().rss / 1e6
            print(json.dumps(result, indent=2), flush=True)
        finally:
            process.terminate()
            process.wait()


def _subject(chance: random.Random) -> str:
    return f"p{chance.randrange(history.SUBJECTS):04}"


QUESTIONS: Final[dict[str, Callable[[random.Random], dict[str, str | int]]]] = {
    "list": lambda _: {},
    "list_of_200": lambda _: {"limit": 200},
    "search_common": lambda _: {"text": "walk"},
    "search_rare": lambda chance: {"text": f"{_subject(chance)}_squat"},
    "search_absent": lambda chance: {"text": f"zz{chance.randrange(10**6)}"},
    "search_two_letters": lambda _: {"text": "wa"},
    "search_two_letters_absent": lambda _: {"text": "qx"},
    "filter_subject": lambda chance: {"subject": _subject(chance)},
    "filter_status": lambda chance: {"status": chance.choice(("failed", "queued", "completed"))},
    "filter_label_and_status": lambda _: {"label": "pre", "status": "failed"},
    "filter_session": lambda _: {"session": "2026-11-01"},
}
"""Parameters of `GET /runs`."""


def _asked(url: str, process: psutil.Process, keys: dict[str, str]) -> dict[str, Any]:
    """Requests one after another; then nothing is requested for a while."""
    chance, cursors = random.Random(1), [""]
    result: dict[str, Any] = {}
    with httpx.Client(base_url=url, timeout=60) as client:

        def listed(parameters: dict[str, str | int]) -> httpx.Response:
            return client.get("/api/v1/runs", params=parameters)

        def next_page() -> httpx.Response:
            answer = listed({"limit": 200} | ({"cursor": cursors[-1]} if cursors[-1] else {}))
            cursors.append(answer.json()["next_cursor"])
            return answer

        def send() -> httpx.Response:
            return client.post("/api/v1/runs", data=FORM, files={"video": ("walk.mp4", MP4)})

        client.headers["Authorization"] = f"Bearer {keys[history.OWNERS[0]]}"
        for name, question in QUESTIONS.items():
            result |= _measured(name, process, lambda question=question: listed(question(chance)))  # type: ignore[misc]
        result |= _measured("page_after_page", process, next_page)
        result |= _measured("subjects", process, lambda: client.get("/api/v1/subjects"))
        client.headers["Authorization"] = f"Bearer {keys['limited']}"
        send().raise_for_status()
        result |= _measured("submission_beyond_quota", process, send, status=429)
    before = cpu_s(process)
    time.sleep(IDLE_S)
    return result | {"idle_cpu_share": (cpu_s(process) - before) / IDLE_S}


def _measured(
    name: str, process: psutil.Process, ask: Callable[[], httpx.Response], status: int = 200
) -> dict[str, Any]:
    """Milliseconds until the answer, and of the gateway's processor."""
    took, before = [], cpu_s(process)
    for _ in range(ASKED):
        began = time.perf_counter()
        answer = ask()
        took.append(1000 * (time.perf_counter() - began))
        if answer.status_code != status:
            raise RuntimeError(f"{name} was answered by {answer.status_code}: {answer.text}")
    return {
        f"{name}_p50_ms": statistics.median(took),
        f"{name}_p99_ms": statistics.quantiles(took, n=100)[98],
        f"{name}_cpu_ms": 1000 * (cpu_s(process) - before) / ASKED,
    }


def _retention(gateway: Gateway, nats_url: str) -> dict[str, Any]:
    """The oldest runs are erased by a start with a retention period that ends just after them."""
    with sqlite3.connect(gateway.folder / "index" / "runs.sqlite") as connection:
        oldest = "SELECT id >> 10 FROM runs ORDER BY id LIMIT 1 OFFSET ?"
        (microseconds,) = connection.execute(oldest, (EXPIRED,)).fetchone()
    connection.close()
    days = (time.time() - microseconds / 1e6) / 86_400
    result: dict[str, Any] = {}
    before = asyncio.run(_held(nats_url)).runs
    began = time.perf_counter()
    with gateway.running("retention", result, HUMANPOSE3D_RETENTION_DAYS=str(days)):
        _until(lambda: asyncio.run(_held(nats_url)).runs <= before - EXPIRED)
        return result | {"retention_erased": EXPIRED, "retention_s": time.perf_counter() - began}


def cpu_s(process: psutil.Process) -> float:
    """Its processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=20).is_success
    except httpx.HTTPError:
        return False


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_S
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("It is not reached.")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
