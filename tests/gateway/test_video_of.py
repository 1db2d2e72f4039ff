"""The video of an earlier run, analysed again without sending it."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.gateway.test_batches import PEOPLE, VIDEOS, begin, run_keys
from tests.gateway.test_run_notes import submit
from tests.gateway.world import FORM, MP4, World, keys_for


async def again(client: httpx.AsyncClient, run: str, key: str = "", **fields: str) -> httpx.Response:
    form = {**FORM, "video_of": run, **fields}
    files = {name: (None, value) for name, value in form.items() if value}
    return await client.post("/api/v1/runs", files=files, headers={"Idempotency-Key": key} if key else {})


def test_the_video_is_a_copy_that_outlives_the_earlier_run(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            first = await submit(client)
            (other,) = run_keys(await again(client, first, "once", height="1.65", person="2"))
            assert run_keys(await again(client, first, "once", height="1.65", person="2")) == [other]
            assert (await again(client, first, "once", height="1.66")).json()["code"] == "idempotency-key-reused"
            await client.delete(f"/api/v1/runs/{first}")
            run = (await client.get(f"/api/v1/runs/{other}")).json()
            assert (run["video_name"], run["subject"]["height"], run["options"]["person"]) == ("walk", 1.65, "2")
            assert (await client.get(f"/api/v1/runs/{other}/video")).content == MP4
            assert len([found async for found in world.store.objects("videos/")]) == 1
            for run_key in (first, "../../etc"):
                refused = await again(client, run_key)
                assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "video_of")
            assert (await again(client, other, consent="")).json()["code"] == "consent-missing"

    asyncio.run(scenario())


def test_all_people_of_a_batch_s_video_are_analysed_from_one_that_is_there(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            first = await submit(client)
            batch = (await begin(client, PEOPLE, ())).json()["batch_key"]
            sent = await again(client, first, batch=batch, video_name=VIDEOS[0], height="", weight="")
            runs = [(await client.get(f"/api/v1/runs/{key}")).json() for key in run_keys(sent)]
            assert [(run["video_name"], run["subject"]["height"]) for run in runs] == [
                ("walk_person_1", 1.72), ("walk_person_2", 1.85),
            ]  # fmt: skip

    asyncio.run(scenario())


@pytest.mark.parametrize("ended", ["queued", "cancelled", "completed"])
def test_a_run_that_hides_faces_gives_its_video_to_no_run_that_does_not(world: World, ended: str):
    async def scenario() -> None:
        async with world.client() as client:
            first = await submit(client, blur_faces="on")
            if ended == "cancelled":
                await client.post(f"/api/v1/runs/{first}/cancel")
            elif ended == "completed":
                await world.complete(first, {})
                await world.store.delete(f"videos/{first}/")  # as the worker does
            assert (await again(client, first)).status_code == 422
            accepted = await again(client, first, blur_faces="on")
            assert accepted.status_code == (422 if ended == "completed" else 202)

    asyncio.run(scenario())


def test_another_key_s_video_is_not_there(tmp_path: Path, scratch: Path):
    secrets = keys_for(tmp_path / "keys", "lab", "clinic")
    world = World(tmp_path, api_keys_file=tmp_path / "keys")

    async def scenario() -> None:
        async with world.client() as client:
            client.headers["Authorization"] = f"Bearer {secrets[0]}"
            first = await submit(client)
            client.headers["Authorization"] = f"Bearer {secrets[1]}"
            assert "there is no run with this key" in (await again(client, first)).text
            assert [found async for found in world.store.objects("pending/")] == []

    asyncio.run(scenario())


def test_two_videos_in_one_form_are_refused_and_neither_is_taken(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            first = await submit(client)
            files = {name: (None, value) for name, value in {**FORM, "video_of": first}.items()}
            refused = await client.post("/api/v1/runs", files={**files, "video": ("walk.mp4", MP4)})
            assert refused.status_code == 422
            assert [fault["field"] for fault in refused.json()["errors"]] == ["video", "video_of"]
            assert len((await client.get("/api/v1/runs")).json()["runs"]) == 1
            assert len([found async for found in world.store.objects("videos/")]) == 1

    asyncio.run(scenario())
