"""What a run costs the services besides its stages: `python -m benchmarks.load --queued 10000 --seconds 120`.

Runs are queued as the gateway does it, half of them as one batch; 100 workers, whose stages take no time, process them
over a real NATS server and a store in a folder, while a real gateway follows. Measured are finished runs and processor
time of every part. Workers share the machine: on few cores they are the limit themselves, and the limit of the other
parts follows from their processor time for each run.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.scale import RESULTS, Gateway, bus_of, cpu_s, settings_of
from gateway.uploads import new_id
from humanpose3d.api_models import Advance
from humanpose3d.options import RunOptions, StageName, Subject, route
from shared.runtime import runs
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import BatchPlace, RunRequest
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.worker.loop import Worker
from shared.runtime.worker.stage_child import ResultsJob, StageDone, StageJob

WORKERS: Final = 100
PROCESSES: Final = 4
AT_ONCE: Final = 50


class _NoWork:
    """A stage that takes no time."""

    divided = False

    def __init__(self, stage: StageName) -> None:
        self.stage = stage

    async def inputs(self) -> frozenset[str]:
        return frozenset({"video"})

    async def run(self, job: StageJob, progress: Callable[[Advance], None]) -> StageDone:
        progress(Advance(done=1, total=2))
        made = {name: job.outputs / f"{name}.json" for name in (f"{self.stage}-made", "report")}
        for path in made.values():
            path.write_text("{}")
        return StageDone(artefacts=made, seconds=0.0, sha256={})

    async def write_results(self, job: ResultsJob) -> None:
        for number in range(20):
            (job.outputs / f"{number}.txt").write_text("result")

    async def close(self) -> None:
        pass


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), arguments.queued, arguments.seconds)
    (RESULTS / "load.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def measured(folder: Path, queued: int, seconds: float) -> dict[str, Any]:
    """All figures, by name."""
    result: dict[str, Any] = {"workers": WORKERS, "queued": queued, "cores": psutil.cpu_count()}
    with bus_of(folder, 0) as nats, Gateway(folder, nats.url).running("gateway", result) as (_, gateway):
        assert nats.process is not None
        parts = {"nats": psutil.Process(nats.process.pid), "gateway": gateway}
        before, began = {name: cpu_s(each) for name, each in parts.items()}, time.perf_counter()
        asyncio.run(_queue(folder, nats.url, queued))
        result["queued_per_s"] = queued / (time.perf_counter() - began)
        result |= {
            f"{name}_cpu_ms_per_queued": _per(cpu_s(each) - before[name], queued) for name, each in parts.items()
        }
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            before = {name: cpu_s(each) for name, each in parts.items()}
            jobs = [(folder, nats.url, number, seconds) for number in range(PROCESSES)]
            done = pool.starmap(_work, jobs)
        finished = asyncio.run(_finished(nats.url))
        result |= {"finished": finished, "finished_per_minute": 60 * finished / seconds}
        result |= {f"{name}_cpu_ms_per_run": _per(cpu_s(each) - before[name], finished) for name, each in parts.items()}
        result["workers_cpu_ms_per_run"] = _per(sum(done), finished)
        result |= {f"{name}_rss_mb": each.memory_info().rss / 1e6 for name, each in parts.items()}
    return result


def _per(seconds: float, count: int) -> float:
    return 1000 * seconds / max(1, count)


async def _queue(folder: Path, url: str, count: int) -> None:
    bus, store = NatsBus(settings_of(url)), DirectoryStore(folder / "store")
    video, batch = folder / "video", new_id()
    video.write_bytes(b"video")
    at_once = asyncio.Semaphore(AT_ONCE)

    async def submit(number: int) -> None:
        async with at_once:
            run_id = new_id()
            key = f"videos/{run_id}/0123456789ab/video"
            await store.put_file(key, video)
            await runs.submit(
                bus, run_id, _request(key, BatchPlace(key=batch, video=str(number)) if number % 2 else None)
            )

    await asyncio.gather(*map(submit, range(count)))
    await bus.close()


def _request(video_key: str, batch: BatchPlace | None) -> RunRequest:
    return RunRequest.model_validate(
        {
            "video_key": video_key,
            "name": "walk",
            "subject": Subject(height=1.78, weight=75),
            "options": RunOptions(),
            "consented_at": "2026-11-30T00:00:00Z",
            "owner": "laboratory",
            "fingerprint": "one",
            "batch": batch,
        }
    )


def _work(folder: Path, url: str, number: int, seconds: float) -> float:
    """A share of the workers in one process, each with a connection; returns its processor time."""
    before = time.process_time()
    asyncio.run(_working(folder, url, number, seconds))
    return time.process_time() - before


async def _working(folder: Path, url: str, number: int, seconds: float) -> None:
    stages: Sequence[StageName] = route(RunOptions())
    settings, store = settings_of(url, max_ack_pending="1000"), DirectoryStore(folder / "store")
    mine = [stages[each % len(stages)] for each in range(number, WORKERS, PROCESSES)]
    buses = [NatsBus(settings) for _ in mine]
    workers = [Worker(stage, _NoWork(stage), bus, store, settings) for stage, bus in zip(mine, buses, strict=True)]
    loops = [asyncio.create_task(worker.run()) for worker in workers]
    await asyncio.sleep(seconds)
    await asyncio.gather(*(worker.stop() for worker in workers))
    await asyncio.gather(*loops)
    for bus in buses:
        await bus.close()


async def _finished(url: str) -> int:
    bus, finished = NatsBus(settings_of(url)), 0
    async for change in bus.states():
        if change is None:
            break
        finished += change.state is not None and change.state.status == "completed"
    await bus.close()
    return finished


if __name__ == "__main__":
    main()
