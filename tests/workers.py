"""Workers with a bus and a store within this process, for tests of their effect on a run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, get_args

from humanpose3d.options import RunOptions, StageName
from shared.runtime import runs
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.run_state import RunState, StageEvent
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.worker.loop import Worker
from tests.makers import bus_settings, new_request, new_run_id
from tests.stub_runner import StubRunner

ACK_WAIT_S: Final = 0.3


@asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    """Run the workers until the block ends, then stop them cleanly."""
    loops = [asyncio.create_task(each.run()) for each in workers]
    try:
        yield
    finally:
        await asyncio.gather(*(each.stop() for each in workers))
        await asyncio.gather(*loops)


class World:
    """A bus, a store, and workers on them."""

    def __init__(self, folder: Path) -> None:
        self.bus = MemoryBus(ACK_WAIT_S)
        self.store = DirectoryStore(folder / "store")
        self.video = folder / "video"
        self.video.write_bytes(b"video")
        self.settings = bus_settings("nats://127.0.0.1:4222", ack_wait_s=ACK_WAIT_S, grace_s=0.5)

    async def submitted(self, options: RunOptions = RunOptions()) -> str:  # noqa: B008 -- frozen
        run_id = new_run_id()
        request = new_request(run_id).model_copy(update={"options": options})
        await self.store.put_file(request.video_key, self.video)
        await runs.submit(self.bus, run_id, request)
        return run_id

    def worker(self, stage: StageName, runner: StubRunner | None = None, **arguments) -> Worker:
        return Worker(stage, runner or StubRunner(stage), self.bus, self.store, self.settings, **arguments)

    @asynccontextmanager
    async def working(self, *workers: Worker) -> AsyncIterator[None]:
        async with working(*workers):
            yield

    @asynccontextmanager
    async def all_stages(self) -> AsyncIterator[None]:
        async with self.working(*(self.worker(stage) for stage in get_args(StageName))):
            yield

    async def over(self, run_id: str) -> RunState:
        async with asyncio.timeout(10):
            while not (state := (await self.bus.read(run_id)).state).is_over:
                await asyncio.sleep(0.01)
        return state

    async def idle(self) -> None:
        async with asyncio.timeout(10):
            while self.bus.messages:
                await asyncio.sleep(0.01)

    def events(self, run_id: str) -> list[StageEvent]:
        return [event for _, event in self.bus._events if event.run_id == run_id]

    async def keys(self, run_id: str) -> list[str]:
        return [found.key.removeprefix(runs.folder(run_id)) async for found in self.store.objects(runs.folder(run_id))]
