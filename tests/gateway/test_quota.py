"""The quota of an API key: counted once for all gateways, in memory and on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gateway.api_keys import append, create
from shared.runtime.bus import Bus
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.bus.nats import NatsBus
from tests.gateway.test_api import problem, submit
from tests.gateway.world import World
from tests.makers import bus_settings
from tests.servers import NatsServer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "nats"])
async def buses(request, tmp_path: Path) -> AsyncIterator[tuple[Bus, Bus]]:
    """The buses of two gateways."""
    if request.param == "memory":
        shared = MemoryBus()
        yield shared, shared
        return
    server = NatsServer(tmp_path / "nats")
    server.folder.mkdir()
    server.start()
    made = NatsBus(bus_settings(server.url)), NatsBus(bus_settings(server.url))
    try:
        yield made
    finally:
        for bus in made:
            await bus.close()
        server.stop()


@pytest.fixture
def gateways(tmp_path: Path, scratch: Path, buses: tuple[Bus, Bus]) -> tuple[World, World]:
    secret, stored = create("lab", runs_per_day=2)
    append(tmp_path / "keys", stored)
    (tmp_path / "secret").write_text(secret)
    made = []
    for name, bus in zip("ab", buses, strict=True):
        (tmp_path / name).mkdir()
        made.append(World(tmp_path / name, bus=bus, api_keys_file=tmp_path / "keys"))
    return made[0], made[1]


def authorized(client: httpx.AsyncClient, folder: Path) -> httpx.AsyncClient:
    client.headers["Authorization"] = f"Bearer {(folder / 'secret').read_text()}"
    return client


async def test_the_quota_holds_for_concurrent_requests(gateways: tuple[World, World], tmp_path: Path):
    async with gateways[0].client() as one, gateways[1].client() as two:
        clients = [authorized(client, tmp_path) for client in (one, two)]
        answers = await asyncio.gather(*(submit(clients[number % 2]) for number in range(12)))
        assert sorted(answer.status_code for answer in answers) == [202] * 2 + [429] * 10
        for answer in answers:
            if answer.status_code == 429:
                problem(answer, 429, "quota-exceeded")


async def test_erased_runs_still_count(gateways: tuple[World, World], tmp_path: Path):
    async with gateways[0].client() as client:
        authorized(client, tmp_path)
        for _ in range(2):
            run_key = (await submit(client)).json()["run_key"]
            assert (await client.delete(f"/api/runs/{run_key}/")).status_code == 204
        problem(await submit(client), 429, "quota-exceeded")
        assert (await gateways[0].bus.read_starts("lab")).starts.keys().isdisjoint({run_key})


async def test_the_same_run_counts_once_and_refused_ones_not_at_all(gateways: tuple[World, World], tmp_path: Path):
    async with gateways[0].client() as client:
        authorized(client, tmp_path)
        for _ in range(4):
            problem(await submit(client, height="9"), 422, "invalid-option")
            assert (await submit(client, idempotency_key="one")).status_code == 202
        problem(await submit(client, idempotency_key="one", weight="80"), 422, "idempotency-key-reused")
        assert (await submit(client, idempotency_key="two")).status_code == 202
        assert (await submit(client, idempotency_key="two")).status_code == 202
        problem(await submit(client, idempotency_key="three"), 429, "quota-exceeded")


async def test_the_quota_is_available_again_after_a_day(gateways: tuple[World, World], tmp_path: Path):
    bus = gateways[0].bus
    yesterday = datetime.now(UTC) - timedelta(days=1, seconds=1)
    await bus.update_starts("lab", {"one": yesterday, "two": datetime.now(UTC)}, 0)
    async with gateways[0].client() as client:
        authorized(client, tmp_path)
        assert (await submit(client)).status_code == 202
        problem(await submit(client), 429, "quota-exceeded")
        assert "one" not in (await bus.read_starts("lab")).starts
