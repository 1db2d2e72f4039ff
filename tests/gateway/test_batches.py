"""Batches over HTTP: begun by a table of subjects, filled by runs, summarised, cancelled, erased."""

import asyncio
import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api_keys import append, create
from gateway.batch_records import BatchRecord, BatchRecords
from gateway.errors import BatchNotFound
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.options import RunOptions, Subject
from tests.gateway.world import MP4, World, keys_for

TABLE = """\
file;subject;height;weight;task;session;labels;side;note
ana/*.mp4;P1;1,72;70;;2026-11-02;before;right;first visit
ben/walk.mp4;P2;1,80;80,5;squat;;;;
"""
VIDEOS = ("ana/walk.mp4", "ana/squat.mp4", "ben/walk.mp4")
QUALITY = {"verdict": "Seen from the side: good.", "warnings": [{"code": "view-frontal", "message": "…"}]}
FILES = {"quality.json": json.dumps(QUALITY).encode(), "walk_final.trc": b"0123"}


async def begin(
    client: httpx.AsyncClient, table: str | None = TABLE, videos: tuple[str, ...] = VIDEOS, key: str = "", **fields: str
) -> httpx.Response:
    files: dict[str, Any] = {} if table is None else {"subjects": ("subjects.csv", table.encode())}
    files |= {name: (None, value) for name, value in {**fields, "videos": "\n".join(videos)}.items() if value}
    return await client.post("/api/v1/batches", files=files, headers={"Idempotency-Key": key} if key else {})


async def send(client: httpx.AsyncClient, batch: str, video: str, **fields: str) -> httpx.Response:
    form = {"batch": batch, "consent": "accepted", "video_name": video, **fields}
    return await client.post("/api/v1/runs", data=form, files={"video": (video.split("/")[-1], MP4 + video.encode())})


async def complete(world: World, client: httpx.AsyncClient, run: str, files: dict[str, bytes] = FILES) -> None:
    """Complete a run; returns when the gateway lists it so."""
    await world.complete(run, files)
    async with asyncio.timeout(10):
        while run not in {each["run_key"] for each in await listed(client, status="completed")}:
            await asyncio.sleep(0)


async def listed(client: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = (await client.get("/api/v1/runs", params=filters)).json()["runs"]
    return runs


async def show(client: httpx.AsyncClient, batch: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/api/v1/batches/{batch}")).json()
    return shown


async def summary(client: httpx.AsyncClient, batch: str) -> dict[str, dict[str, str]]:
    text = (await client.get(f"/api/v1/batches/{batch}/summary.csv")).text
    return {row["file"]: row for row in csv.DictReader(io.StringIO(text))}


def test_a_batch_from_its_table_to_its_archive(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            answer = await begin(client, name="Autumn", pose_model="lite")
            begun = answer.json()
            batch = begun["batch_key"]
            assert (answer.status_code, begun["videos"], begun["counts"]["missing"]) == (201, 3, 3)
            sent = [(await send(client, batch, video)).json()["run_key"] for video in VIDEOS[:2]]
            run = (await client.get(f"/api/v1/runs/{sent[0]}")).json()
            assert (run["subject"], run["options"]["pose_model"]) == ({"height": 1.72, "weight": 70}, "lite")
            assert run["batch"] == {"key": batch, "video": "ana/walk.mp4"}
            assert (run["session"], run["notes"]["labels"]) == ("2026-11-02", ["before"])
            await complete(world, client, sent[0])
            shown = await show(client, batch)
            assert [(each["video"], each["status"]) for each in shown["entries"]] == [
                ("ana/walk.mp4", "completed"), ("ana/squat.mp4", "queued"), ("ben/walk.mp4", "missing"),
            ]  # fmt: skip
            assert (shown["done"], shown["counts"]["queued"]) == (False, 1)
            assert shown["progress"] == pytest.approx(100 / 3)
            last = (await send(client, batch, "ben/walk.mp4")).json()["run_key"]
            assert (await client.get(f"/api/v1/runs/{last}")).json()["task"] == "squat"
            await complete(world, client, last)
            await client.post(f"/api/v1/runs/{sent[1]}/cancel")
            assert (await show(client, batch))["done"]
            rows = await summary(client, batch)
            assert [(row["status"], row["results"]) for row in rows.values()] == [
                ("done", "walk"), ("failed", ""), ("done", "walk_2"),
            ]  # fmt: skip
            assert rows["ana/squat.mp4"]["error"] == "The run was cancelled."
            ana = rows["ana/walk.mp4"]
            assert (ana["subject"], ana["side"], ana["note"], ana["height_m"]) == ("P1", "right", "first visit", "1.72")
            assert (ana["task"], ana["warnings"], ana["depth [m]"]) == ("squat", "view-frontal", "0.4")
            content = (await client.get(f"/api/v1/batches/{batch}/archive.zip")).content
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert sorted(archive.namelist()) == [
                    "summary.csv",
                    *(f"{folder}/{file}" for folder in ("walk", "walk_2") for file in sorted(FILES)),
                ]
                assert archive.read("walk/walk_final.trc") == b"0123"
                assert archive.read("summary.csv").decode().splitlines()[0].startswith("file,results,status")

    asyncio.run(scenario())


def test_what_is_wrong_with_the_table_is_told_before_any_video_is_sent(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            for table, videos, said in (
                (TABLE.replace("1,72", "172"), VIDEOS, "line 2 (ana/*.mp4): height should be less than"),
                (TABLE, (*VIDEOS, "eva/walk.mp4"), "eva/walk.mp4: no line fits"),
                (f"{TABLE}*/walk.mp4;P3;1,7;70;;;;;\n", VIDEOS, "ana/walk.mp4: lines 2, 4 all fit"),
                (TABLE, (), "patterns, which need the list of videos: line 2 (ana/*.mp4)"),
                (TABLE, ("a.mp4", "a.mp4"), "listed twice: a.mp4"),
                (TABLE.replace("weight", "mass"), VIDEOS, "it also has 'mass'"),
                (None, (), "subjects: is required"),
                (None, VIDEOS, "height: is required"),
                ("", VIDEOS, "height: is required"),
            ):
                answer = await begin(client, table, videos, name="Autumn")
                assert answer.status_code == 422
                assert said in answer.json()["detail"]
            refused = await begin(client, consent="accepted", posture="x")
            assert [fault["field"] for fault in refused.json()["errors"]] == ["consent", "posture"]
            assert (await client.get("/api/v1/batches")).json() == {"batches": [], "next_cursor": None}

    asyncio.run(scenario())


def test_a_table_that_names_its_videos_needs_no_list_and_one_person_no_table(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            named = (await begin(client, "file,height,weight\nwalk.mp4,1.7,165\nb.mp4,1.8,\n", (), weight="80")).json()
            assert [each["video"] for each in named["entries"]] == ["walk.mp4", "b.mp4"]
            assert [each["subject"]["weight"] for each in named["entries"]] == [165, 80]
            assert named["warnings"] == [
                "line 2 (walk.mp4): 165 kg at 1.7 m is unusual (body mass index 57): is this right?"
            ]
            same = (await begin(client, None, VIDEOS, height="1.7", weight="60", subject="P5")).json()
            assert {each["notes"]["subject"] for each in same["entries"]} == {"P5"}
            listed = (await client.get("/api/v1/batches", params={"limit": "1"})).json()
            rest = (await client.get("/api/v1/batches", params={"cursor": listed["next_cursor"]})).json()
            keys = [batch["batch_key"] for batch in (*listed["batches"], *rest["batches"])]
            assert (keys, rest["next_cursor"]) == ([same["batch_key"], named["batch_key"]], None)

    asyncio.run(scenario())


def test_a_video_has_one_run_in_a_batch_and_what_the_batch_states_is_not_stated_again(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            batch = (await begin(client)).json()["batch_key"]
            run = (await send(client, batch, "squat.mp4")).json()["run_key"]  # only one path ends so
            again = await send(client, batch, "ana/squat.mp4")
            assert (again.status_code, again.json()["code"]) == (409, "batch-video-sent")
            assert run in again.json()["detail"]
            for video, fields, said in (
                ("walk.mp4", {}, "ana/walk.mp4, ben/walk.mp4 all end with"),
                ("eva.mp4", {}, "the batch has no video 'eva.mp4'"),
                ("ben/walk.mp4", {"height": "1.8", "note": "x"}, "height: is stated by the batch"),
            ):
                refused = await send(client, batch, video, **fields)
                assert (refused.status_code, said in refused.json()["detail"]) == (422, True)
            assert (await send(client, "no-such-batch", "ben/walk.mp4")).status_code == 404
            await client.post(f"/api/v1/runs/{run}/cancel")
            other = (await send(client, batch, "ana/squat.mp4")).json()["run_key"]
            (entry,) = [each for each in (await show(client, batch))["entries"] if each["run"]]
            assert (entry["run"]["run_key"], entry["status"]) == (other, "queued")

    asyncio.run(scenario())


PEOPLE = """\
file,person,subject,height,weight
ana/walk.mp4,1,P1,1.72,70
ana/walk.mp4,2,P2,1.85,88
ben/walk.mp4,,P3,1.80,80
"""
TWO = ("ana/walk.mp4, person 1", "ana/walk.mp4, person 2")


def run_keys(sent: httpx.Response) -> list[str]:
    assert sent.status_code == 202, sent.text
    return [sent.json()["run_key"], *sent.json()["other_run_keys"]]


def test_a_video_is_sent_once_for_all_of_its_people(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            batch = (await begin(client, PEOPLE, ())).json()["batch_key"]
            assert [each["file"] for each in (await show(client, batch))["entries"]] == [VIDEOS[0]] * 2 + [VIDEOS[2]]
            keys = run_keys(await send(client, batch, VIDEOS[0]))
            runs = [(await client.get(f"/api/v1/runs/{key}")).json() for key in keys]
            assert [run["batch"]["video"] for run in runs] == list(TWO)
            assert [(run["options"]["person"], run["subject"]["height"], run["notes"]["subject"]) for run in runs] == [
                ("1", 1.72, "P1"), ("2", 1.85, "P2"),
            ]  # fmt: skip
            assert [run["video_name"] for run in runs] == ["walk_person_1", "walk_person_2"]
            for key in keys:
                await complete(world, client, key)
            assert [row["results"] for row in (await summary(client, batch)).values()] == [
                "walk_person_1", "walk_person_2", "",
            ]  # fmt: skip
            await client.delete(f"/api/v1/runs/{keys[0]}")
            video = await client.get(f"/api/v1/runs/{keys[1]}/video")  # its own copy
            assert video.content == MP4 + VIDEOS[0].encode()
            assert run_keys(await send(client, batch, VIDEOS[0])) != keys  # the erased one again, and only that
            assert [each["status"] for each in (await show(client, batch))["entries"]] == [
                "queued", "completed", "missing",
            ]  # fmt: skip
            assert (await send(client, batch, VIDEOS[0])).json()["code"] == "batch-video-sent"
            assert (await send(client, batch, TWO[1])).json()["code"] == "batch-video-sent"
            await client.post(f"/api/v1/batches/{batch}/cancel")
            assert len(run_keys(await send(client, batch, TWO[0]))) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("uploaded", [False, True])
def test_where_the_limit_is_reached_between_two_people_sending_again_accepts_the_rest(
    tmp_path: Path, scratch: Path, uploaded: bool
):
    secret, stored = create("lab", 1)
    append(tmp_path / "keys", stored)
    world = World(tmp_path, api_keys_file=tmp_path / "keys")

    async def scenario() -> None:
        async with world.client() as client:
            client.headers["Authorization"] = f"Bearer {secret}"
            batch = (await begin(client, PEOPLE, ())).json()["batch_key"]
            form = {"batch": batch, "consent": "accepted", "video_name": VIDEOS[0]}
            sent: dict[str, Any] = {"data": form, "files": {"video": ("walk.mp4", MP4)}}
            if uploaded:
                key = (await client.post("/api/v1/uploads")).json()["upload_key"]
                await client.put(f"/api/v1/uploads/{key}/parts/1", content=MP4)
                await client.post(f"/api/v1/uploads/{key}/complete", json={"size": len(MP4)})
                sent = {"files": {name: (None, value) for name, value in {**form, "upload_key": key}.items()}}

            async def submit() -> httpx.Response:
                return await client.post("/api/v1/runs", headers={"Idempotency-Key": "once"}, **sent)

            assert (await submit()).status_code == 429
            (tmp_path / "keys").write_text(json.dumps({"owner": "lab", "sha256": stored.sha256, "runs_per_day": 2}))
            keys = run_keys(await submit())
            assert run_keys(await submit()) == keys
            assert sorted(run["run_key"] for run in await listed(client)) == sorted(keys)
            stored_videos = [found.key async for found in world.store.objects("videos/")]
            assert len(stored_videos) == 2  # no copy is left over

    asyncio.run(scenario())


def test_a_batch_is_begun_once_cancelled_as_a_whole_and_erased_as_a_whole(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            first, same = [(await begin(client, key="one")).json()["batch_key"] for _ in range(2)]
            assert first == same
            other = await begin(client, key="one", pose_model="lite")
            assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
            for video in VIDEOS:
                await send(client, first, video)
            done = (await listed(client))[0]["run_key"]
            await complete(world, client, done)
            cancelled = (await client.post(f"/api/v1/batches/{first}/cancel")).json()
            assert (cancelled["counts"]["cancelled"], cancelled["counts"]["completed"]) == (2, 1)
            assert (await client.delete(f"/api/v1/batches/{first}")).json() == {"runs": 3}
            assert (await client.get(f"/api/v1/batches/{first}")).status_code == 404
            assert await listed(client) == []
            assert [path for path in (world.folder / "store").rglob("*") if path.is_file()] == []

    asyncio.run(scenario())


def test_retention_removes_a_batch_with_its_last_run(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            services = client._transport.app.state.services  # type: ignore[attr-defined]
            kept, unused = [(await begin(client)).json()["batch_key"] for _ in range(2)]
            run = (await send(client, kept, "ben/walk.mp4")).json()["run_key"]
            await services.batches.erase_unused(timedelta(days=1))
            assert len((await client.get("/api/v1/batches")).json()["batches"]) == 2
            await services.batches.erase_unused(timedelta(0))
            assert (await client.get(f"/api/v1/batches/{unused}")).status_code == 404
            await client.delete(f"/api/v1/runs/{run}")
            assert (await show(client, kept))["counts"]["missing"] == 3
            await services.batches.erase_unused(timedelta(0))
            assert (await client.get("/api/v1/batches")).json()["batches"] == []

    asyncio.run(scenario())


def test_another_key_s_batches_and_subjects_are_not_there(tmp_path: Path, scratch: Path):
    secrets = keys_for(tmp_path / "keys", "lab", "clinic")
    world = World(tmp_path, api_keys_file=tmp_path / "keys")

    async def scenario() -> None:
        async with world.client() as client:
            client.headers["Authorization"] = f"Bearer {secrets[0]}"
            batch = (await begin(client, key="one")).json()["batch_key"]
            await send(client, batch, VIDEOS[0])
            client.headers["Authorization"] = f"Bearer {secrets[1]}"
            for method, path in (
                ("GET", ""), ("GET", "/summary.csv"), ("GET", "/archive.zip"), ("POST", "/cancel"), ("DELETE", ""),
            ):  # fmt: skip
                assert (await client.request(method, f"/api/v1/batches/{batch}{path}")).status_code == 404
            for method, path in (("GET", ""), ("GET", "/archive.zip"), ("DELETE", "")):
                assert (await client.request(method, f"/api/v1/subjects/P1{path}")).status_code == 404
            assert (await send(client, batch, VIDEOS[1])).json()["code"] == "batch-not-found"
            assert (await client.get("/api/v1/batches")).json()["batches"] == []
            assert (await client.get("/api/v1/subjects")).json()["subjects"] == []
            assert (await begin(client, key="one")).json()["batch_key"] != batch
            client.headers["Authorization"] = f"Bearer {secrets[0]}"
            assert (await show(client, batch))["counts"]["queued"] == 1

    asyncio.run(scenario())


def test_a_record_with_an_option_of_another_version_is_not_read(world: World):
    """It might hide a face."""

    async def scenario() -> None:
        records = BatchRecords(world.store)
        record = BatchRecord(
            key="batch-0001",
            owner="lab",
            created_at=datetime.now(UTC),
            name="",
            options=RunOptions(),
            videos=(BatchVideo(video="walk.mp4", subject=Subject(height=1.7, weight=60)),),
            fingerprint="one",
        )
        await records.put(record)
        assert await records.get("lab", record.key) == record
        (stored,) = (world.folder / "store").rglob("batch.json")
        stored.write_text(stored.read_text().replace('"blur_faces":false', '"blur_faces":false,"blur_tattoos":true'))
        with pytest.raises(BatchNotFound):
            await records.get("lab", record.key)
        assert await records.all("lab") == []

    asyncio.run(scenario())
