"""Subjects over HTTP: sessions, key figures over time, another code, export, erasure."""

import asyncio
import io
import json
import zipfile

import pytest

from tests.gateway.test_batches import FILES, QUALITY, TABLE, VIDEOS, begin, complete, listed, send
from tests.gateway.test_run_notes import submit
from tests.gateway.world import MP4, World

ERRORS = {"measured_error": {"view": "lateral", "rendered": {"mae_deg": {"knee": {"flexion": 7.1}}}}}


def test_a_subject_s_sessions_and_key_figures(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            late = await submit(client, subject="P07", session="2026-11-16")
            early = await submit(client, subject="P07", session="2026-11-02")
            await submit(client, subject="P07", session="2026-11-16", blur_faces="on")
            await submit(client, subject="P08")
            await submit(client)
            for key in (late, early):
                await complete(world, client, key, {**FILES, "quality.json": json.dumps(QUALITY | ERRORS).encode()})
            subjects = (await client.get("/api/v1/subjects")).json()["subjects"]
            assert [(each["subject"], each["runs"], each["sessions"]) for each in subjects] == [
                ("P07", 3, 2), ("P08", 1, 1),
            ]  # fmt: skip
            assert (subjects[0]["first_session"], subjects[0]["last_session"]) == ("2026-11-02", "2026-11-16")
            shown = (await client.get("/api/v1/subjects/P07")).json()
            assert [run["run_key"] for run in shown["history"]][:2] == [early, late]
            (depth,) = [series for series in shown["figures"] if series["name"] == "depth"]
            assert (depth["task"], depth["unit"]) == ("squat", "m")
            assert [(point["session"], point["run_key"], point["value"]) for point in depth["points"]] == [
                ("2026-11-02", early, 0.4), ("2026-11-16", late, 0.4),
            ]  # fmt: skip
            assert depth["points"][0]["sd"] == pytest.approx(0.028)
            (knee,) = [series for series in shown["figures"] if series["name"] == "knee_flexion_peak"]
            assert (knee["side"], knee["points"][0]["error"], depth["points"][0]["error"]) == ("right", 7.1, None)
            for method, url in (("GET", "P09"), ("DELETE", "P09"), ("GET", "P09/archive.zip")):
                answer = await client.request(method, f"/api/v1/subjects/{url}")
                assert (answer.status_code, answer.json()["code"]) == (404, "subject-not-found")

    asyncio.run(scenario())


def test_another_code_holds_for_all_runs_and_for_what_a_batch_still_expects(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            batch = (await begin(client)).json()["batch_key"]
            await send(client, batch, VIDEOS[0])
            await submit(client, subject="P1", note="stays")
            renamed = await client.patch("/api/v1/subjects/P1", json={"subject": "A 1"})
            assert renamed.json() == {"runs": 2}
            await send(client, batch, VIDEOS[1])
            subjects = (await client.get("/api/v1/subjects")).json()["subjects"]
            assert [(each["subject"], each["runs"]) for each in subjects] == [("A 1", 3)]
            history = (await client.get("/api/v1/subjects/A%201")).json()["history"]
            assert sorted(run["notes"]["note"] for run in history) == ["first visit", "first visit", "stays"]
            for wrong in ("", "a/b"):
                assert (await client.patch("/api/v1/subjects/A%201", json={"subject": wrong})).status_code == 422

    asyncio.run(scenario())


def test_export_and_erasure_of_a_subject(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            doubtful = f"{TABLE}eva.mp4;P3;1,7;170;;;;;\n*b.mp4;P1;1,6;60;;;;;\n"
            batch = (await begin(client, doubtful, (*VIDEOS, "eva.mp4", "b.mp4"))).json()["batch_key"]
            done = (await send(client, batch, VIDEOS[0])).json()["run_key"]
            other = (await send(client, batch, VIDEOS[2])).json()["run_key"]
            await complete(world, client, done)
            blurred = await submit(client, subject="P1", session="2026-11-02", blur_faces="on")
            content = (await client.get("/api/v1/subjects/P1/archive.zip")).content
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert sorted(archive.namelist()) == [
                    "2026-11-02 walk/quality.json", "2026-11-02 walk/walk.mp4", "2026-11-02 walk/walk_final.trc",
                    "runs.json",
                ]  # fmt: skip
                assert archive.read("2026-11-02 walk/walk.mp4") == MP4 + VIDEOS[0].encode()
                runs = json.loads(archive.read("runs.json"))
                assert [run["run_key"] for run in runs] == [done, blurred]
            assert (await client.delete("/api/v1/subjects/P1")).json() == {"runs": 2}
            assert [run["run_key"] for run in await listed(client)] == [other]
            shown = (await client.get(f"/api/v1/batches/{batch}")).json()
            assert [entry["video"] for entry in shown["entries"]] == ["ben/walk.mp4", "eva.mp4"]
            assert (await client.delete("/api/v1/subjects/P3")).json() == {"runs": 0}  # it was only expected
            kept = "".join(path.read_text("latin-1") for path in (world.folder / "store").rglob("*.json"))
            assert ("P1" in kept, "P3" in kept, "P2" in kept) == (False, False, True)

    asyncio.run(scenario())
