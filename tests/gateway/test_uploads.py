"""Videos between the first byte and the run: in a folder and on a real S3."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import incoming
from gateway.app import create_app
from humanpose3d.errors import BusUnavailable
from shared.runtime.bus import Bus
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.store import Store
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.store.s3 import S3Store
from tests.gateway.test_api import problem, submit
from tests.gateway.world import FORM, MP4, World
from tests.makers import s3_settings

pytestmark = pytest.mark.anyio

OTHER = MP4[:16] + b"another video" + bytes(500)
FOLDERS = ("runs/", "videos/", "pending/", "uploads/")


@pytest.fixture(params=["directory", "s3"])
async def store(request, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "directory":
        yield DirectoryStore(tmp_path / "store")
    else:
        made = S3Store(s3_settings(request.getfixturevalue("s3_server"), s3_bucket=f"uploads-{time.time_ns()}"))
        yield made


@pytest.fixture
def world(tmp_path: Path, scratch: Path, store: Store) -> World:
    return World(tmp_path, store=store, max_upload_bytes=100_000_000)


async def kept(store: Store) -> list[str]:
    return [found.key for folder in FOLDERS async for found in store.objects(folder)]


async def start(client: httpx.AsyncClient, upload_key: str, **changes: str) -> httpx.Response:
    form = {**FORM, "upload_key": upload_key, **changes}
    return await client.post("/api/runs/", files={name: (None, value) for name, value in form.items()})


async def uploaded(client: httpx.AsyncClient, content: bytes = MP4) -> tuple[str, dict[str, Any]]:
    """The key of a complete upload, sent in parts through the gateway, and the response to its creation."""
    begun = (await client.post("/api/uploads/")).json()
    url = f"/api/uploads/{begun['upload_key']}"
    (await client.put(f"{url}/parts/1", content=content)).raise_for_status()
    (await client.post(f"{url}/complete", json={"size": len(content)})).raise_for_status()
    return begun["upload_key"], begun


async def test_an_issued_upload_form_cannot_write_to_a_run(tmp_path: Path, scratch: Path, s3_server):
    store = S3Store(s3_settings(s3_server, s3_bucket=f"uploads-{time.time_ns()}"))
    world = World(tmp_path, store=store)
    async with world.client() as client, httpx.AsyncClient() as stranger:
        begun = (await client.post("/api/uploads/")).json()
        run_key = begun["upload_key"]

        async def post(content: bytes) -> None:
            answer = await stranger.post(begun["url"], data=begun["fields"], files={"file": content})
            assert answer.is_success, answer.text

        await post(MP4)
        assert (await start(client, run_key)).json()["run_key"] == run_key
        await post(OTHER)
        assert (await client.get(f"/api/runs/{run_key}/video")).content == MP4
        assert (await start(client, run_key)).json()["run_key"] == run_key
        assert (await client.delete(f"/api/runs/{run_key}/")).status_code == 204
        assert await kept(store) == []
        await post(OTHER)
        problem(await client.get(f"/api/runs/{run_key}/video"), 404, "run-not-found")
        await asyncio.sleep(1.1)
        await swept(world, timedelta(0))
        assert await kept(store) == []


async def swept(world: World, age: timedelta) -> None:
    app = create_app(world.settings, world.bus, world.store)
    async with app.router.lifespan_context(app):
        await app.state.services.run_service.sweep(age)


async def test_a_finished_upload_without_a_run_is_swept_and_one_with_a_run_is_not(world: World):
    async with world.client() as client:
        await uploaded(client)
        run_key, _ = await uploaded(client)
        assert (await start(client, run_key)).status_code == 202
        posted = (await submit(client)).json()["run_key"]
        own = (await world.bus.read(posted)).state.request.video_key
        for place in (f"{posted}/dead/", "nobodys-run/dead/", own.removeprefix("videos/").removesuffix("video")):
            if f"videos/{place}video" != own:
                await world.store.copy(own, f"videos/{place}video")
            await world.store.copy(own, f"pending/{place}marker")  # as a gateway that was killed leaves it
        await swept(world, timedelta(hours=1))
        assert len(await kept(world.store)) == 8
        await asyncio.sleep(1.1)
        await swept(world, timedelta(0))
        videos = [(await world.bus.read(key)).state.request.video_key for key in (run_key, posted)]
        assert sorted(await kept(world.store)) == sorted(videos)
        for key in (run_key, posted):
            assert (await client.get(f"/api/runs/{key}/video")).content == MP4


async def test_the_gateway_sweeps_by_itself(tmp_path: Path, scratch: Path):
    world = World(tmp_path)
    async with world.client() as client:
        await uploaded(client)
    (video,) = (path for path in (tmp_path / "store" / "uploads").rglob("*") if path.is_file())
    os.utime(video, (time.time() - 90_000, time.time() - 90_000))
    async with world.client(), asyncio.timeout(5):
        while video.exists():
            await asyncio.sleep(0.02)


async def test_an_upload_starts_one_run_however_often_it_is_requested(world: World):
    async with world.client() as client:
        upload_key, _ = await uploaded(client)
        answers = await asyncio.gather(*(start(client, upload_key) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
        problem(await start(client, upload_key, height="1.9"), 422, "idempotency-key-reused")
        state = (await client.get(f"/api/uploads/{upload_key}")).json()
        assert (state["parts"], state["complete"]) == ([], True)
        assert await kept(world.store) == [(await world.bus.read(upload_key)).state.request.video_key]
        assert (await client.get(f"/api/runs/{upload_key}/video")).content == MP4


@pytest.mark.parametrize("key", ["../../x", "x", "", "a" * 65, "run\x00key1", "run key 1", "*", ">", "run.key.one"])
async def test_an_invalid_upload_key_is_reported(tmp_path: Path, scratch: Path, key: str):
    async with World(tmp_path).client() as client:
        problem(await start(client, key), 422, "upload-not-found")


async def test_an_upload_that_is_no_video_starts_no_run(world: World):
    async with world.client() as client:
        upload_key, _ = await uploaded(client, b"GIF89a" + bytes(500))
        problem(await start(client, upload_key), 422, "unreadable-video")
        assert (await client.get("/api/runs/")).json()["runs"] == []
        assert await kept(world.store) == [f"uploads/{upload_key}/video"]


async def test_of_two_videos_with_one_idempotency_key_the_accepted_one_is_kept(world: World):
    async with world.client() as client:
        for number in range(6):
            sent = (MP4, OTHER) if number % 2 else (OTHER, MP4)
            first, second = await asyncio.gather(
                *(submit(client, idempotency_key=str(number), content=content.decode("latin-1")) for content in sent)
            )
            assert sorted((first.status_code, second.status_code)) == [202, 422]
            accepted, content = (first, sent[0]) if first.status_code == 202 else (second, sent[1])
            run_key = accepted.json()["run_key"]
            assert (await client.get(f"/api/runs/{run_key}/video")).content == content
        assert len(await kept(world.store)) == 6


async def test_a_large_video_leaves_no_more_than_a_part_on_the_gateway(world: World, scratch: Path):
    size, most = 4 * incoming.PART_BYTES + 100, 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal most
        for name, value in FORM.items():
            yield f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="v.mp4"\r\n\r\n' + MP4
        for start_ in range(0, size, 1 << 16):
            yield bytes(min(1 << 16, size - start_))
            most = max(most, sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file()))
        yield b"\r\n--x--\r\n"

    async with world.client() as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await client.post("/api/runs/", content=body(), headers=headers)
        assert answer.status_code == 202, answer.text
        video = await client.get(f"/api/runs/{answer.json()['run_key']}/video")
        assert video.content == MP4 + bytes(size)
    assert incoming.PART_BYTES / 2 < most < 1.3 * incoming.PART_BYTES
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("content", [b"PK\x03\x04", MP4])
async def test_a_refused_upload_leaves_nothing_however_large(world: World, content: bytes):
    large = content + bytes(2 * incoming.PART_BYTES)
    async with world.client() as client:
        form = {**FORM, "height": "3"} if content == MP4 else FORM
        answer = await client.post("/api/runs/", data=form, files={"video": ("v.mp4", large)})
        problem(answer, 422, "invalid-option" if content == MP4 else "unreadable-video")
        assert await kept(world.store) == []
        assert not list(world.folder.rglob(".unfinished*"))


async def test_a_run_that_may_exist_keeps_its_video(world: World, monkeypatch: pytest.MonkeyPatch):
    """The bus may store the run without answering: its video must not be deleted."""
    create = type(world.bus).create

    async def stored_unheard(bus: Bus, state: Any) -> int:
        await create(bus, state)
        raise BusUnavailable("no answer")

    async with world.client() as client:
        monkeypatch.setattr(MemoryBus, "create", stored_unheard)
        problem(await submit(client, idempotency_key="one"), 503, "bus-unavailable")
        monkeypatch.undo()
        run_key = (await submit(client, idempotency_key="one")).json()["run_key"]
        assert (await client.get(f"/api/runs/{run_key}/video")).content == MP4
        assert len(await kept(world.store)) == 1
