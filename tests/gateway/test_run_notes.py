"""Subject, session, labels, side and note of runs: given, changed, filtered by."""

import asyncio
from datetime import UTC, datetime

import httpx

from tests.gateway.world import FORM, MP4, World

RUNS: tuple[dict[str, str], ...] = (
    {"subject": "P07", "session": "2026-11-02", "labels": "before", "task": "gait"},
    {"subject": "P07", "session": "2026-11-16", "labels": "after,left shoe", "side": "left", "task": "squat"},
    {"subject": "P08", "note": "Stumbled twice"},
    {},
)


async def submit(client: httpx.AsyncClient, **fields: str) -> str:
    answer = await client.post("/api/runs/", data={**FORM, **fields}, files={"video": ("walk.mp4", MP4)})
    run_key: str = answer.json()["run_key"]
    return run_key


def test_runs_are_found_by_what_is_noted(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            keys = [await submit(client, **fields) for fields in RUNS]

            async def found(**filters: str) -> list[int]:
                runs = (await client.get("/api/runs/", params=filters)).json()["runs"]
                return [keys.index(run["run_key"]) for run in runs]

            assert await found() == [3, 2, 1, 0]
            assert await found(subject="P07") == [1, 0]
            assert await found(subject="P0") == []
            assert await found(subject="P07", session="2026-11-16") == [1]
            assert await found(session=str(datetime.now(UTC).date())) == [3, 2]
            assert await found(label="left shoe") == [1]
            assert await found(task="auto") == [3, 2]
            assert await found(text="STUMBLED") == [2]
            assert await found(text="before") == [0]
            assert await found(batch="none") == []
            await client.post(f"/api/runs/{keys[0]}/cancel")
            assert await found(status="cancelled") == [0]
            assert (await client.get("/api/runs/", params={"session": "today"})).status_code == 422
            first = (await client.get("/api/runs/", params={"subject": "P07", "limit": "1"})).json()
            rest = (await client.get("/api/runs/", params={"subject": "P07", "cursor": first["next_cursor"]})).json()
            assert [run["run_key"] for run in (*first["runs"], *rest["runs"])] == [keys[1], keys[0]]

    asyncio.run(scenario())


def test_notes_are_changed_one_by_one_also_after_the_run(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            key = await submit(client, **RUNS[1])
            await world.complete(key, {"walk_final.trc": b"1"})
            change = {"subject": "P09", "labels": ["after"]}
            run = (await client.patch(f"/api/runs/{key}/", json=change)).json()
            assert run["notes"] == {
                "subject": "P09", "session": "2026-11-16", "labels": ["after"], "side": "left", "note": "",
            }  # fmt: skip
            assert (run["name"], run["status"]) == ("walk", "completed")
            run = (await client.patch(f"/api/runs/{key}/", json={"session": None, "name": "second"})).json()
            assert (run["notes"]["session"], run["name"]) == (None, "second")
            assert run["session"] == run["accepted_at"][:10]
            for wrong in ({"subject": "a/b"}, {"labels": ["a,b"]}, {"height": 1.8}):
                refused = await client.patch(f"/api/runs/{key}/", json=wrong)
                assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")

    asyncio.run(scenario())


def test_the_same_key_with_other_notes_is_another_submission(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            answers = [
                await client.post(
                    "/api/runs/",
                    data={**FORM, "subject": subject},
                    files={"video": ("walk.mp4", MP4)},
                    headers={"Idempotency-Key": "one"},
                )
                for subject in ("P07", "P07", "P08")
            ]
            assert [answer.status_code for answer in answers] == [202, 202, 422]
            assert answers[2].json()["code"] == "idempotency-key-reused"

    asyncio.run(scenario())
