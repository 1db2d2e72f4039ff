"""What only NATS has: a server and a connection that can go away."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import nats
import pytest

from humanpose3d.errors import BusUnavailable
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import StageEvent
from tests.makers import bus_settings, new_state
from tests.proxy import proxy_to
from tests.servers import NatsServer, free_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(tmp_path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
async def bus(server) -> AsyncIterator[NatsBus]:
    made = NatsBus(bus_settings(server.url))
    await made.check()
    yield made
    await made.close()


async def answers(bus: NatsBus) -> None:
    """Wait until the bus is there again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await bus.check()
            except BusUnavailable:
                await asyncio.sleep(0.1)


async def test_nothing_confirmed_is_lost_when_the_server_is_killed(server, bus):
    state = new_state()
    revision = await bus.create(state)
    await bus.publish(state.task())
    await bus.announce(StageEvent.of(state, revision))
    server.stop(signal.SIGKILL)
    with pytest.raises(BusUnavailable):
        await bus.read(state.run_id)
    server.start()
    await answers(bus)
    assert await bus.read(state.run_id) == (state, revision)
    delivery = await bus.pull("detector", 5)
    assert delivery is not None
    assert delivery.task == state.task()
    await delivery.ack()
    async with aclosing(bus.events(state.run_id)) as events, asyncio.timeout(5):
        assert (await anext(events))[1].revision == revision


async def test_who_follows_hears_on_after_the_server_came_back(server, bus):
    state = new_state()
    revision = await bus.create(state)
    async with aclosing(bus.states()) as states, aclosing(bus.events(state.run_id)) as events, asyncio.timeout(30):
        await anext(states)
        assert await anext(states) is None
        await bus.announce(StageEvent.of(state, revision))
        await anext(events)
        server.stop(signal.SIGKILL)
        server.start()
        await answers(bus)
        changed = state.cancelled()
        revision = await bus.update(changed, revision)
        await bus.announce(StageEvent.of(changed, revision))
        assert await anext(states) == (state.run_id, changed)
        assert (await anext(events))[1].revision == revision


async def test_a_broken_connection_is_told_at_once_and_mended(server):
    async with proxy_to(server.port) as proxy:
        bus = NatsBus(bus_settings(f"nats://127.0.0.1:{proxy.port}"))
        state = new_state()
        await bus.create(state)
        proxy.go_down()
        await asyncio.sleep(0.1)
        started = time.monotonic()
        with pytest.raises(BusUnavailable):
            await bus.read(state.run_id)
        assert time.monotonic() - started < 1
        proxy.down = False
        await answers(bus)
        assert (await bus.read(state.run_id)).state == state
        await bus.close()


@pytest.mark.parametrize("what", ["consumer", "streams"])
async def test_what_vanished_from_the_server_is_declared_again(server, bus, what):
    assert await bus.pull("detector", 0.1) is None
    client = await nats.connect(server.url)
    if what == "consumer":
        await client.jetstream().delete_consumer("STAGES", "detector")
    else:
        for stream in await client.jetstream().streams_info():
            await client.jetstream().delete_stream(str(stream.config.name))
    await client.close()
    async with asyncio.timeout(20):
        state = new_state()
        while True:
            try:
                await bus.publish(state.task())
                delivery = await bus.pull("detector", 0.5)
            except BusUnavailable:
                continue
            if delivery is not None:
                break
    assert delivery.task == state.task()
    await delivery.ack()


async def test_a_server_that_is_not_there_is_unavailable():
    bus = NatsBus(bus_settings(f"nats://127.0.0.1:{free_port()}"))
    with pytest.raises(BusUnavailable):
        await bus.check()
    await bus.close()


async def test_changed_settings_reach_streams_and_consumers(server, bus):
    other = NatsBus(bus_settings(server.url, ack_wait_s=7, max_deliveries=9, events_days=2))
    await other.check()
    await other.close()
    client = await nats.connect(server.url)
    consumer = (await client.jetstream().consumer_info("STAGES", "refiner-depth")).config
    assert (consumer.ack_wait, consumer.max_deliver, consumer.backoff) == (7, 9, None)
    assert (await client.jetstream().stream_info("EVENTS")).config.max_age == 2 * 86400
    for name, retention in (("STAGES", "workqueue"), ("EVENTS", "limits"), ("DLQ", "limits"), ("KV_runs", "limits")):
        config = (await client.jetstream().stream_info(name)).config
        assert (config.retention, config.storage) == (retention, "file")
    await client.close()


async def test_the_password_is_needed_and_never_told(tmp_path):
    server = NatsServer(tmp_path, options=["--user", "worker", "--pass", "sesame"])
    server.start()
    try:
        bus = NatsBus(bus_settings(server.url, nats_user="worker", nats_password="sesame"))
        await bus.check()
        await bus.close()
        bus = NatsBus(bus_settings(server.url, nats_user="worker", nats_password="abracadabra"))
        with pytest.raises(BusUnavailable) as refused:
            await bus.check()
        assert "abracadabra" not in str(refused.value)
        await bus.close()
    finally:
        server.stop(signal.SIGKILL)
