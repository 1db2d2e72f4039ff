"""Tests specific to NATS: a server and a connection that can fail."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import timedelta

import nats
import pytest
from pydantic import BaseModel

from humanpose3d.api_models import Problem
from humanpose3d.errors import BusUnavailable, RunNotFound, RunUnreadable
from shared.runtime import runs
from shared.runtime.bus import StateChange
from shared.runtime.bus.nats import NatsBus
from shared.runtime.bus.streams import ON_DISK
from shared.runtime.run_state import RunState, StageEvent
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.tasks import cancel
from tests.makers import bus_settings, first_task, new_state
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
    """Wait until the bus is available again."""
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


async def test_a_follower_receives_events_after_the_server_returned(server, bus):
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
        change = await anext(states)
        if change is None:  # caught up before the run was changed
            change = await anext(states)
        assert change == StateChange(state.run_id, changed, revision)
        assert (await anext(events))[1].revision == revision


async def test_a_broken_connection_is_reported_at_once_and_restored(server):
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
async def test_streams_lost_by_the_server_are_created_again(server, bus, what):
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


async def test_a_closed_bus_does_not_connect_again(server):
    """Not by a follower that was not stopped first either: it would outlive the process's orderly end."""
    bus = NatsBus(bus_settings(server.url))
    states = bus.states()
    assert await anext(states) is None
    following = asyncio.create_task(anext(states))
    await bus.close()
    with pytest.raises(BusUnavailable, match="has been closed"):
        await bus.check()
    await asyncio.sleep(1)  # the follower has tried again meanwhile
    assert bus._connection().is_closed
    await cancel(following)
    assert following.cancelled()


async def test_an_unreachable_server_is_unavailable():
    bus = NatsBus(bus_settings(f"nats://127.0.0.1:{free_port()}"))
    with pytest.raises(BusUnavailable):
        await bus.check()
    await bus.close()


async def test_changed_settings_reach_streams_and_consumers(server, bus):
    other = NatsBus(bus_settings(server.url, ack_wait_s=7, events_days=2))
    await other.check()
    await other.close()
    client = await nats.connect(server.url)
    consumer = (await client.jetstream().consumer_info("STAGES", "refiner-depth")).config
    assert (consumer.ack_wait, consumer.max_deliver, consumer.backoff) == (7, -1, None)
    assert (await client.jetstream().stream_info("EVENTS")).config.max_age == 2 * 86400
    for name, retention in (("STAGES", "workqueue"), ("EVENTS", "limits"), ("DLQ", "limits"), ("KV_runs", "limits")):
        config = (await client.jetstream().stream_info(name)).config
        assert (config.retention, config.storage) == (retention, "file")
    await client.close()


async def test_every_stream_on_disk_is_checked_for_one_that_was_full(server, bus):
    client = await nats.connect(server.url)
    streams = [info.config for info in await client.jetstream().streams_info()]
    await client.close()
    assert sorted(str(config.name) for config in streams if config.storage == "file") == sorted(ON_DISK)


async def test_the_password_is_required_and_never_disclosed(tmp_path):
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


LATER = {"of_tomorrow": 1}
LETTER = Problem(code="of-tomorrow", status=500, detail="No task, part, event or dead letter of this version.")


async def store_as(server: NatsServer, state: RunState, **changes: object) -> None:
    """Store a state in the form of another version."""
    client = await nats.connect(server.url)
    bucket = await client.jetstream().key_value("runs")
    await bucket.put(state.run_id, json.dumps({**state.model_dump(mode="json"), **changes}).encode())
    await client.close()


async def publish_as(server: NatsServer, subject: str, content: BaseModel, **changes: object) -> None:
    """Publish a message in the form of another version."""
    client = await nats.connect(server.url)
    await client.jetstream().publish(subject, json.dumps({**content.model_dump(mode="json"), **changes}).encode())
    await client.close()


async def test_states_and_tasks_of_a_later_version_are_read(server, bus):
    state = new_state()
    await store_as(server, state, **LATER)
    assert (await bus.read(state.run_id)).state == state
    await publish_as(server, f"stage.detector.{state.run_id}", first_task(state), **LATER)
    delivery = await bus.pull("detector", 5)
    assert delivery is not None
    assert delivery.task == state.task()
    await delivery.ack()


async def test_an_unreadable_state_is_reported_and_blocks_nothing(server, bus, caplog, tmp_path):
    broken, healthy = new_state(), new_state()
    await store_as(server, broken, status="of tomorrow")
    with pytest.raises(RunUnreadable, match="delete the run") as unreadable:
        await bus.read(broken.run_id)
    assert unreadable.value.owner == "owner"
    assert unreadable.value.accepted_at == broken.accepted_at.isoformat().replace("+00:00", "Z")
    assert f"run {broken.run_id} cannot be read by this version: status" in caplog.text
    async with aclosing(bus.states()) as states, asyncio.timeout(10):
        change = await anext(states)
        assert (change.run_id, change.state) == (broken.run_id, None)
        assert change.unreadable is not None
        assert await anext(states) is None
        revision = await bus.create(healthy)
        assert await anext(states) == StateChange(healthy.run_id, healthy, revision)
    both = [broken.run_id, healthy.run_id]
    assert await runs.requeue_lost(bus, both, older_than=timedelta(0)) == [healthy.run_id]
    store = DirectoryStore(tmp_path / "store")
    (tmp_path / "video").touch()
    await store.put_file(broken.request.video_key, tmp_path / "video")
    await runs.erase(bus, store, broken.run_id)
    assert [found async for found in store.objects(runs.folder(broken.run_id))] == []
    with pytest.raises(RunNotFound):
        await bus.read(broken.run_id)


async def test_an_unreadable_task_is_left_to_the_version_that_wrote_it(server, bus, caplog, monkeypatch):
    monkeypatch.setattr("shared.runtime.bus.nats._UNREADABLE_RETRY_S", 0.5)
    state, other = new_state(), new_state()
    options = {**state.request.options.model_dump(mode="json"), "hide_scene": True}
    await publish_as(server, f"stage.detector.{state.run_id}", first_task(state), options=options)
    await bus.publish(other.task())
    assert await bus.pull("detector", 5) is None
    delivery = await bus.pull("detector", 5)
    assert delivery is not None
    assert delivery.task == other.task()
    await delivery.ack()
    assert "left to a worker of another version: options of another version: hide_scene" in caplog.text
    client = await nats.connect(server.url)
    subscription = await client.jetstream().pull_subscribe_bind("detector", "STAGES")
    assert json.loads((await subscription.fetch(1, timeout=5))[0].data)["options"] == options
    await client.close()


async def test_an_unreadable_part_is_left_to_its_coordinator(server, bus):
    await publish_as(server, "part.detector.run-12345678.0", LETTER)
    assert await bus.pull_part("detector", 5) is None
    client = await nats.connect(server.url)
    assert (await client.jetstream().stream_info("PARTS")).state.messages == 0
    await client.close()


async def test_events_and_dead_letters_of_another_version_are_skipped(server, bus):
    state = new_state()
    await publish_as(server, f"run.{state.run_id}.queued", LETTER)
    await publish_as(server, f"dlq.detector.{state.run_id}", LETTER)
    await bus.announce(StageEvent.of(state, 7))
    async with aclosing(bus.events(state.run_id)) as events, asyncio.timeout(10):
        assert (await anext(events))[1].revision == 7
    assert await bus.dead_letters("detector") == []
