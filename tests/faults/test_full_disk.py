"""A full disk of the bus or the store: nothing accepted is lost, and messages name the disk."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import get_args

import pytest

from humanpose3d.api_models import Problem
from humanpose3d.errors import BusDiskFull, BusUnavailable, StoreFull
from humanpose3d.options import StageName
from shared.runtime import runs
from shared.runtime.bus import nats
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import RunState
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.worker.loop import Worker
from tests.disks import fill, small_disk
from tests.makers import bus_settings, first_task, new_request, new_run_id, new_state
from tests.servers import NatsServer
from tests.stub_runner import VIDEO, StubRunner
from tests.workers import working

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 16) as folder:
        yield folder


@pytest.fixture
def server(disk: Path) -> Iterator[NatsServer]:
    server = NatsServer(disk / "nats")
    server.folder.mkdir()
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write to a full disk is not answered at all."""
    monkeypatch.setattr(nats, "_REQUEST_S", 2.0)


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[NatsBus]:
    made = NatsBus(bus_settings(server.url))
    await made.check()
    yield made
    await made.close()


async def test_the_bus_is_unhealthy_from_a_full_disk_until_its_restart(server: NatsServer, bus: NatsBus, disk: Path):
    state = new_state()
    await bus.create(state)
    filler = fill(disk)
    with pytest.raises(BusDiskFull, match="Make room on that disk"):
        await bus.check()
    filler.unlink()
    with pytest.raises(BusDiskFull):
        await bus.check()
    server.stop()
    server.start()
    await back(bus)
    assert (await bus.read(state.run_id)).state == state


async def test_a_stream_that_met_a_full_disk_is_named_even_when_there_is_space_again(bus: NatsBus, disk: Path):
    """Where nothing checked the bus while the disk was full."""
    state = new_state()
    await bus.create(state)
    filler = fill(disk)
    with pytest.raises(BusDiskFull):
        await bus.bury(first_task(state), Problem(code="long", status=500, detail="x" * 5000))
    filler.unlink()
    with pytest.raises(BusDiskFull):
        await bus.check()


async def back(bus: NatsBus) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await bus.check()
            except BusUnavailable:
                await asyncio.sleep(0.1)


async def test_the_store_is_unhealthy_while_its_disk_is_full(disk: Path, tmp_path: Path):
    store = DirectoryStore(disk / "store")
    await store.check()
    filler = fill(disk)
    with pytest.raises(StoreFull, match="disk of the store's folder is full"):
        await store.check()
    (tmp_path / "video").write_bytes(bytes(100_000))
    with pytest.raises(StoreFull):
        await store.put_file("runs/x/video", tmp_path / "video")
    filler.unlink()
    await store.check()
    assert [found async for found in store.objects("runs/")] == []


async def test_a_full_disk_costs_an_accepted_run_no_attempt(
    server: NatsServer, bus: NatsBus, disk: Path, tmp_path: Path
):
    """However long it lasts, and however often the workers poll."""
    store, run_id = DirectoryStore(disk / "store"), new_run_id()
    (tmp_path / "video").write_bytes(VIDEO)
    request = new_request(run_id)
    await store.put_file(request.video_key, tmp_path / "video")
    await runs.submit(bus, run_id, request)
    filler = fill(disk)
    with pytest.raises(BusUnavailable):
        await bus.check()
    workers = [Worker(stage, StubRunner(stage), bus, store, bus_settings(server.url)) for stage in get_args(StageName)]
    async with working(*workers):
        await asyncio.sleep(4)  # time for many deliveries, of which a run has only 3 where each one counts
        state = (await bus.read(run_id)).state
        assert not state.is_over
        assert state.attempts <= 1  # the first claim may fit in the last free bytes
        filler.unlink()
        server.stop()
        server.start()
        async with asyncio.timeout(60):
            while not (state := (await read(bus, run_id))).is_over:
                await asyncio.sleep(0.1)
    assert state.status == "completed"


async def read(bus: NatsBus, run_id: str) -> RunState:
    while True:
        try:
            return (await bus.read(run_id)).state
        except BusUnavailable:
            await asyncio.sleep(0.1)
