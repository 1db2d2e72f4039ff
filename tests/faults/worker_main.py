"""A worker process for the fault suite: all stages, on a real bus and store, dying by itself now and then.

    python -m tests.faults.worker_main SEED DEATHS

DEATHS is the chance to die by kill -9 at each step of the loop. A run whose video says so kills it every time.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import get_args

from shared import runs, telemetry
from shared.bus.nats import NatsBus
from shared.contracts import StageName, StageTask
from shared.settings import Settings
from shared.store import open_store
from shared.worker import Phase, Worker
from tests.stub_runner import StubRunner

POISON = b"film poison"
SLOW = b"film slow"


async def main(seed: str, deaths: str) -> None:
    settings = Settings.from_environment()
    telemetry.start(settings, "faults")
    chance = random.Random(seed)

    def observe(_phase: Phase, _task: StageTask) -> None:
        if chance.random() < float(deaths):
            os.kill(os.getpid(), signal.SIGKILL)

    bus, store = NatsBus(settings), open_store(settings)
    workers = [
        Worker(stage, StubRunner(stage, _first if stage == "detector" else None), bus, store, settings, observe)
        for stage in get_args(StageName)
    ]
    loops = [asyncio.create_task(worker.run()) for worker in workers]
    tending = asyncio.create_task(runs.tend(bus))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await asyncio.gather(*(worker.stop() for worker in workers))
    await asyncio.gather(*loops)
    tending.cancel()
    await bus.close()


async def _first(video: Path) -> None:
    content = video.read_bytes()
    if content == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if content == SLOW:
        await asyncio.sleep(1.5)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
