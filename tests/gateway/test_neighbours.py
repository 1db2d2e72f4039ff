"""Runs stored by another version of the gateway, on a real nats-server: shown where possible, never blocking."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.api_keys import append, create
from shared.runtime.bus.nats import NatsBus
from tests.gateway.test_api import problem, submit
from tests.gateway.world import FORM, World
from tests.makers import bus_settings
from tests.servers import NatsServer

pytestmark = pytest.mark.anyio

STORED = Path(__file__).parents[1] / "shared" / "runtime" / "stored" / "state.json"
RUN = "run-0123456789abcdef"


@pytest.fixture
def nats_server(tmp_path: Path):
    server = NatsServer(tmp_path / "nats")
    server.folder.mkdir()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[NatsBus]:
    made = NatsBus(bus_settings(nats_server.url))
    yield made
    await made.close()


async def store(bus: NatsBus, run_id: str, state: bytes) -> None:
    await (await bus._states()).put(run_id, state)


def of_later(owner: str = "local", **changes: object) -> bytes:
    """A state that this version cannot read."""
    state = json.loads(STORED.read_text())
    state |= {"status": "paused", **changes}
    state["request"]["owner"] = owner
    return json.dumps(state).encode()


def with_option_of_later() -> bytes:
    """A state that this version can read only by ignoring an option."""
    state = json.loads(STORED.read_text())
    state["request"]["owner"] = "local"
    state["request"]["options"]["hide_scene"] = True
    return json.dumps(state).encode()


async def test_what_the_neighbouring_versions_stored_is_shown(tmp_path: Path, scratch: Path, bus: NatsBus):
    earlier = json.loads(STORED.read_text())
    earlier["request"]["owner"] = "local"
    later = {**earlier, "run_id": "run-of-tomorrow", "mood": "good"}
    later["request"] = {**earlier["request"], "lighting": "dim", "options": {**earlier["request"]["options"], "x": 0}}
    for state in (earlier, later):
        await store(bus, state["run_id"], json.dumps(state).encode())
    async with World(tmp_path, bus=bus).client() as client:
        listed = (await client.get("/api/runs/")).json()["runs"]
        assert {run["run_key"] for run in listed} == {RUN, "run-of-tomorrow"}
        for run_key in (RUN, "run-of-tomorrow"):
            assert (await client.get(f"/api/runs/{run_key}/")).json()["stage"] == "refiner.depth"
            assert (await client.delete(f"/api/runs/{run_key}/")).status_code == 204


@pytest.mark.parametrize(
    "stored", [of_later(), with_option_of_later(), b"{", b"\xff", b"[]", b'"x"', b'{"request": 5}']
)
async def test_an_unreadable_run_blocks_no_other(tmp_path: Path, scratch: Path, bus: NatsBus, stored: bytes):
    async with World(tmp_path, bus=bus).client() as client:
        before = (await submit(client)).json()["run_key"]
        await store(bus, RUN, stored)
        await store(bus, before, stored)  # a readable one
        other = NatsBus(bus._settings)
        (tmp_path / "other").mkdir()
        async with World(tmp_path / "other", bus=other).client() as second:
            after = (await submit(second)).json()["run_key"]
            async with asyncio.timeout(10):
                while [run["run_key"] for run in (await client.get("/api/runs/")).json()["runs"]] != [after]:
                    await asyncio.sleep(0.02)
            assert [run["run_key"] for run in (await second.get("/api/runs/")).json()["runs"]] == [after]
            for path in ("", "progress/", "events", "video", "files/a.trc", "archive.zip", "statistics", "parameters"):
                problem(await second.get(f"/api/runs/{RUN}/{path}"), 409, "run-unreadable")
            problem(await second.post(f"/api/runs/{RUN}/cancel"), 409, "run-unreadable")
            problem(await second.patch(f"/api/runs/{RUN}/", json={"name": "x"}), 409, "run-unreadable")
            assert (await second.get("/readyz")).status_code == 200
            for run_key in (RUN, before):
                assert (await second.delete(f"/api/runs/{run_key}/")).status_code == 204
                problem(await second.get(f"/api/runs/{run_key}/"), 404, "run-not-found")


async def test_only_its_owner_erases_it_and_its_video_is_erased_too(tmp_path: Path, scratch: Path, bus: NatsBus):
    secrets = {}
    for owner in ("one", "two"):
        secrets[owner], stored = create(owner)
        append(tmp_path / "keys", stored)
    world = World(tmp_path, bus=bus, api_keys_file=tmp_path / "keys")
    async with world.client() as client:
        client.headers["Authorization"] = f"Bearer {secrets['one']}"
        run_key = (await submit(client)).json()["run_key"]
        await store(bus, run_key, of_later("one", run_id=run_key))
        client.headers["Authorization"] = f"Bearer {secrets['two']}"
        problem(await client.get(f"/api/runs/{run_key}/"), 404, "run-not-found")
        problem(await client.delete(f"/api/runs/{run_key}/"), 404, "run-not-found")
        assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
        client.headers["Authorization"] = f"Bearer {secrets['one']}"
        assert (await client.delete(f"/api/runs/{run_key}/")).status_code == 204
        assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


async def test_retention_and_idempotency_include_it(tmp_path: Path, scratch: Path, bus: NatsBus):
    await store(bus, RUN, of_later(accepted_at=(datetime.now(UTC) - timedelta(days=3)).isoformat()))
    world = World(tmp_path, bus=bus, retention_days=1)
    async with world.client() as client, asyncio.timeout(10):
        form = {**FORM, "upload_key": RUN}
        answer = await client.post("/api/runs/", files={name: (None, value) for name, value in form.items()})
        assert answer.json()["code"] in ("run-unreadable", "upload-not-found")  # the second once it is erased
        while (await client.get(f"/api/runs/{RUN}/")).status_code != 404:
            await asyncio.sleep(0.02)
