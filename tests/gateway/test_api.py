"""The API with an in-memory bus and a store in a folder: every route, every refusal."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import events
from gateway.api_keys import append, create
from gateway.app import create_app
from gateway.incoming import PART_BYTES
from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import BusUnavailable, InvalidSetting, StoreUnavailable
from shared.runtime import runs
from tests.gateway.world import FORM, MP4, World


async def submit(client: httpx.AsyncClient, path: str = "/api/runs/", **changes: str) -> httpx.Response:
    headers = {"Idempotency-Key": changes.pop("idempotency_key")} if "idempotency_key" in changes else {}
    content = changes.pop("content", "").encode() or MP4
    form = {name: value for name, value in {**FORM, **changes}.items() if value}
    return await client.post(path, data=form, files={"video": ("walk.mp4", content)}, headers=headers)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    return body


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_run_from_submission_to_results(world: World, slash: str):
    files = {"walk_final.trc": b"0123456789", "joint_angles/walk_angles_knee_r.csv": b"time_s\n"}

    async def scenario() -> None:
        async with world.client() as client:
            accepted = await submit(client, f"/api/runs{slash}", augmentation_cycles="3", show_video="on")
            assert accepted.status_code == 202
            run_key = accepted.json()["run_key"]
            assert [warning.split(":")[0] for warning in accepted.json()["warnings"]] == ["show_video"]

            progress = (await client.get(accepted.json()["progress_url"])).json()
            assert (progress["status"], progress["progress"], progress["done"]) == ("queued", 0, False)
            assert (progress["stage"], progress["queue_position"]) == ("detector", 0)
            problem(await client.get(f"/api/runs/{run_key}/archive.zip"), 409, "run-not-finished")
            problem(await client.get(f"/api/runs/{run_key}/parameters{slash}"), 409, "run-not-finished")

            await world.complete(run_key, files)
            progress = (await client.get(f"/api/runs/{run_key}/progress{slash}")).json()
            assert (progress["status"], progress["progress"], progress["done"]) == ("completed", 100, True)

            run = (await client.get(f"/api/runs/{run_key}{slash}")).json()
            assert run["name"] == "walk"
            assert run["options"]["augmentation_cycles"] == 3
            assert {file["path"] for file in run["files"]} == set(files)
            for file in run["files"]:
                assert (await client.get(file["url"])).content == files[file["path"]]
            archive = zipfile.ZipFile(io.BytesIO((await client.get(run["archive_url"])).content))
            assert {name: archive.read(name) for name in archive.namelist()} == {
                f"walk/{path}": content for path, content in files.items()
            }
            statistics = (await client.get(f"/api/runs/{run_key}/statistics{slash}")).json()
            assert len(statistics["angles"]) == 36
            found = (await client.get(f"/api/runs/{run_key}/parameters{slash}")).json()
            assert (found["task"], found["view"], found["recognised"]) == ("squat", "lateral", True)
            assert [(figure["name"], figure["value"]) for figure in found["key_figures"]] == [
                ("repetitions", 2),
                ("depth", 0.4),
                ("knee_flexion_peak", 91),
            ]
            assert len(found["parameters"]) == 5
            assert found["events"] == [{"time_s": 1.5, "kind": "lowest", "side": None, "repetition": 1}]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=0-100", 206, b"0123456789"),
        ("bytes=-100", 206, b"0123456789"),
        ("bytes=4-2", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_ranges(world: World, asked: str, status: int, content: bytes | None):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"a.trc": b"0123456789"})
            answer = await client.get(f"/api/runs/{run_key}/files/a.trc", headers={"Range": asked})
            assert answer.status_code == status
            if content is not None:
                assert answer.content == content
                assert int(answer.headers["content-length"]) == len(content)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changes", "status", "code", "fields"),
    [
        ({"consent": ""}, 422, "consent-missing", ["consent"]),
        ({"height": "3"}, 422, "invalid-option", ["height"]),
        ({"weight": "", "visibility_min": "7"}, 422, "invalid-option", ["visibility_min", "weight"]),
        ({"blur": "on"}, 422, "invalid-option", ["blur"]),
        ({"depth_model_path": "../../etc/passwd"}, 422, "invalid-option", ["depth_model_path"]),
        ({"neutral": "2"}, 422, "invalid-option", ["neutral"]),
        ({"neutral_run": "no_such_run"}, 422, "invalid-option", ["neutral_run"]),
        ({"neutral_run": "../../etc"}, 422, "invalid-option", ["neutral_run"]),
        ({"content": "PK\x03\x04 a zip called mp4"}, 422, "unreadable-video", []),
    ],
)
def test_errors_are_reported_and_nothing_is_kept(
    world: World, changes: dict[str, str], status: int, code: str, fields: list[str]
):
    async def scenario() -> None:
        async with world.client() as client:
            body = problem(await submit(client, **changes), status, code)
            assert sorted(error["field"] for error in body["errors"]) == fields
            assert (await client.get("/api/runs/")).json()["runs"] == []

    asyncio.run(scenario())
    assert not [path for path in (world.folder / "store").rglob("*") if path.is_file()]
    assert not list((world.folder / "scratch").iterdir())


def test_a_body_over_the_limit_is_refused(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            answer = await client.post("/api/runs/", data=FORM, files={"video": ("v.mp4", bytes(2_000_000))})
            problem(answer, 413, "body-too-large")

    asyncio.run(scenario())


def test_unknown_things_are_404_and_wrong_methods_405(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            problem(await client.get("/api/runs/unknown-run/"), 404, "run-not-found")
            problem(await client.get("/api/nothing"), 404, "not-found")
            problem(await client.put("/api/runs/"), 405, "method-not-allowed")
            run_key = (await submit(client)).json()["run_key"]
            problem(await client.get(f"/api/runs/{run_key}/files/%2e%2e/secret"), 404, "object-not-found")

    asyncio.run(scenario())


def test_one_idempotency_key_creates_one_run(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            first, again = [(await submit(client, idempotency_key="k")).json()["run_key"] for _ in range(2)]
            assert first == again
            both = await asyncio.gather(*(submit(client, idempotency_key="k2") for _ in range(5)))
            assert len({answer.json()["run_key"] for answer in both}) == 1
            problem(await submit(client, idempotency_key="k", height="1.9"), 422, "idempotency-key-reused")
            assert len((await client.get("/api/runs/")).json()["runs"]) == 2

    asyncio.run(scenario())


def test_pages_hold_every_run_once_newest_first(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            made = [(await submit(client)).json()["run_key"] for _ in range(5)]
            seen, cursor = [], None
            while True:
                query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
                page = (await client.get("/api/runs/", params=query)).json()
                seen += [run["run_key"] for run in page["runs"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert seen == made[::-1]
            problem(await client.get("/api/runs/", params={"cursor": "bm9wZQ=="}), 422, "invalid-option")
            problem(await client.get("/api/runs/", params={"limit": 0}), 422, "invalid-request")

    asyncio.run(scenario())


def test_a_run_is_renamed_and_its_files_keep_their_names(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"walk_final.trc": b"1"})
            renamed = (await client.patch(f"/api/runs/{run_key}/", json={"name": "  Frau Müller, vorher "})).json()
            assert (renamed["name"], renamed["video_name"]) == ("Frau Müller, vorher", "walk")
            assert [file["path"] for file in renamed["files"]] == ["walk_final.trc"]
            (listed,) = (await client.get("/api/runs/")).json()["runs"]
            assert listed["name"] == "Frau Müller, vorher"
            for name in ("", "   ", "two\nlines", "x" * 101):
                problem(await client.patch(f"/api/runs/{run_key}/", json={"name": name}), 422, "invalid-request")
            problem(await client.patch("/api/runs/unknown-run/", json={"name": "x"}), 404, "run-not-found")

    asyncio.run(scenario())


def test_progress_states_the_frames_of_the_running_stage(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            assert (await client.get(f"/api/runs/{run_key}/progress/")).json()["frames"] is None
            claimed = await runs.change(world.bus, run_key, lambda state: state.claimed("detector", 1, 1, "worker"))
            claim = claimed.state.claim
            assert claim is not None
            await runs.change(world.bus, run_key, lambda state: state.progressed(claim, Advance(done=30, total=120)))
            progress = (await client.get(f"/api/runs/{run_key}/progress/")).json()
            assert progress["frames"] == {"done": 30, "total": 120}
            await client.post(f"/api/runs/{run_key}/cancel")

    asyncio.run(scenario())


def test_a_cancelled_run_ends_once(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            progress = (await client.post(f"/api/runs/{run_key}/cancel")).json()
            assert (progress["status"], progress["done"]) == ("cancelled", True)
            problem(await client.post(f"/api/runs/{run_key}/cancel"), 409, "run-over")

    asyncio.run(scenario())


def test_an_erased_run_leaves_nothing(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"a.trc": b"1"})
            assert (await client.delete(f"/api/runs/{run_key}/")).status_code == 204
            problem(await client.get(f"/api/runs/{run_key}/"), 404, "run-not-found")
            assert (await client.get("/api/runs/")).json()["runs"] == []

    asyncio.run(scenario())
    assert not [path for path in (world.folder / "store").rglob("*") if path.is_file()]


def test_a_failed_run_says_why(world: World):
    reason = Problem(code="nobody-detected", status=422, detail="No person is in the video.")

    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await runs.change(world.bus, run_key, lambda state: state.failed(reason))
            progress = (await client.get(f"/api/runs/{run_key}/progress/")).json()
            assert (progress["done"], progress["error"]) == (True, "No person is in the video.")
            assert progress["problem"]["code"] == "nobody-detected"

    asyncio.run(scenario())


def test_events_are_sent_in_order_and_resumed_after_the_last_seen(world: World):
    async def read(client: httpx.AsyncClient, run_key: str, after: int) -> list[tuple[int | None, str]]:
        text = (await client.get(f"/api/runs/{run_key}/events", headers={"Last-Event-ID": str(after)})).text
        told = []
        for block in text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if lines:
                identity = int(lines["id"]) if "id" in lines else None
                told.append((identity, json.loads(lines["data"])["status"]))
        return told

    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            follower = asyncio.create_task(read(client, run_key, 0))
            await asyncio.sleep(0.05)
            await client.post(f"/api/runs/{run_key}/cancel")
            told = await asyncio.wait_for(follower, 5)
            assert [status for _, status in told] == ["queued", "cancelled"]
            assert await read(client, run_key, 0) == [(None, "cancelled")]

    asyncio.run(scenario())


def test_where_faces_are_blurred_the_original_video_is_never_served(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client, blur_faces="on")).json()["run_key"]
            problem(await client.get(f"/api/runs/{run_key}/video"), 404, "object-not-found")
            await world.complete(run_key, {"walk_preview.mp4": b"no face"})
            shown = await client.get(f"/api/runs/{run_key}/video", headers={"Range": "bytes=3-"})
            assert (shown.status_code, shown.content) == (206, b"face")
            assert shown.headers["content-type"] == "video/mp4"

    asyncio.run(scenario())


def test_pages_among_the_results_run_no_scripts(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"report.html": b"<p>", "walk_landmarks.svg": b"<svg/>"})
            for name, kind in (("report.html", "text/html"), ("walk_landmarks.svg", "image/svg+xml")):
                answer = await client.get(f"/api/runs/{run_key}/files/{name}")
                assert answer.headers["content-type"].split(";")[0] == kind
                assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")

    asyncio.run(scenario())


def test_an_idle_event_stream_is_kept_open(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)

    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            follower = asyncio.create_task(client.get(f"/api/runs/{run_key}/events"))
            await asyncio.sleep(0.2)
            await client.post(f"/api/runs/{run_key}/cancel")
            assert ": still there\n\n" in (await asyncio.wait_for(follower, 5)).text

    asyncio.run(scenario())


def test_each_key_sees_its_own_runs_only(tmp_path: Path):
    secrets = {}
    for owner, quota in (("one", None), ("two", 1)):
        secrets[owner], stored = create(owner, quota)
        append(tmp_path / "keys", stored)
    world = World(tmp_path, api_keys_file=tmp_path / "keys", host="0.0.0.0")

    async def scenario() -> None:
        async with world.client() as client:
            one, two = ({"Authorization": f"Bearer {secrets[owner]}"} for owner in ("one", "two"))
            refused = await client.get("/api/runs/")
            problem(refused, 401, "not-authenticated")
            assert refused.headers["www-authenticate"] == "Bearer"
            problem(await client.get("/api/runs/", headers={"Authorization": "Bearer wrong"}), 401, "not-authenticated")
            client.headers.update(one)
            run_key = (await submit(client)).json()["run_key"]
            client.headers.update(two)
            for call in (
                client.get(f"/api/runs/{run_key}/"),
                client.get(f"/api/runs/{run_key}/files/a.trc"),
                client.post(f"/api/runs/{run_key}/cancel"),
                client.delete(f"/api/runs/{run_key}/"),
            ):
                problem(await call, 404, "run-not-found")
            assert (await client.get("/api/runs/")).json()["runs"] == []
            assert (await submit(client)).status_code == 202
            problem(await submit(client), 429, "quota-exceeded")

    asyncio.run(scenario())


@pytest.mark.parametrize("address", [{"host": "0.0.0.0"}, {"host": "10.0.0.1"}, {"published_on": "192.168.1.2"}])
def test_without_keys_the_gateway_does_not_start_where_others_can_reach_it(tmp_path: Path, address: dict[str, Any]):
    world = World(tmp_path, **address)
    with pytest.raises(InvalidSetting, match="HUMANPOSE3D_API_KEYS_FILE"):
        create_app(world.settings, world.bus, world.store)


def test_inside_a_container_it_starts_when_published_on_loopback_only(tmp_path: Path):
    world = World(tmp_path, host="0.0.0.0", published_on="127.0.0.1")
    assert create_app(world.settings, world.bus, world.store).title == "HumanPose3D"


def test_ready_only_while_bus_and_store_answer(world: World, monkeypatch: pytest.MonkeyPatch):
    async def no_bus() -> None:
        raise BusUnavailable("gone")

    async def no_store() -> None:
        raise StoreUnavailable("gone")

    async def scenario() -> None:
        async with world.client() as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            monkeypatch.setattr(world.bus, "check", no_bus)
            problem(await client.get("/readyz"), 503, "bus-unavailable")
            monkeypatch.undo()
            monkeypatch.setattr(world.store, "check", no_store)
            problem(await client.get("/readyz"), 503, "store-unavailable")
            monkeypatch.undo()
            assert (await client.get("/readyz")).status_code == 200

    asyncio.run(scenario())


def test_an_internal_error_exposes_no_details(world: World, monkeypatch: pytest.MonkeyPatch):
    async def broken() -> None:
        raise RuntimeError("/srv/secret/path")

    async def scenario() -> None:
        async with world.client() as client:
            monkeypatch.setattr(world.bus, "check", broken)
            answer = await client.get("/readyz")
            problem(answer, 500, "internal")
            assert "secret" not in answer.text

    asyncio.run(scenario())


async def send_part(client: httpx.AsyncClient, upload_key: str, number: int, content: bytes) -> httpx.Response:
    url = (await client.post(f"/api/uploads/{upload_key}/parts/{number}")).json()["url"]
    assert url == f"/api/uploads/{upload_key}/parts/{number}"
    return await client.put(url, content=content)


def test_a_video_is_uploaded_in_parts_and_resumed_after_an_interruption(tmp_path: Path, scratch: Path):
    world = World(tmp_path, max_upload_bytes=3 * PART_BYTES)
    video = MP4 + bytes(PART_BYTES)

    async def scenario() -> None:
        async with world.client() as client:
            begun = (await client.post("/api/uploads/")).json()
            upload_key = begun["upload_key"]
            assert (begun["url"], begun["part_bytes"], begun["max_bytes"]) == (None, PART_BYTES, 3 * PART_BYTES)
            url = f"/api/uploads/{upload_key}"
            assert (await client.get(url)).json() | {"parts": [], "complete": False} == (await client.get(url)).json()
            assert (await send_part(client, upload_key, 1, video[:PART_BYTES])).status_code == 204
            size = {"size": len(video)}
            missing = problem(await client.post(f"{url}/complete", json=size), 409, "upload-incomplete")
            assert "parts 2" in missing["detail"]
        async with world.client() as client:  # another gateway, later
            assert (await client.get(url)).json()["parts"] == [{"number": 1, "size": PART_BYTES}]
            assert (await send_part(client, upload_key, 2, b"short")).status_code == 204
            wrong = problem(await client.post(f"{url}/complete", json=size), 409, "upload-incomplete")
            assert "sizes do not fit" in wrong["detail"]
            assert (await send_part(client, upload_key, 2, video[PART_BYTES:])).status_code == 204
            for _ in range(2):
                whole = (await client.post(f"{url}/complete", json=size)).json()
                assert (whole["parts"], whole["complete"]) == ([], True)
            form = {**FORM, "upload_key": upload_key, "video_name": "Squat 1.mov"}
            started = await client.post("/api/runs/", files={name: (None, value) for name, value in form.items()})
            assert started.json()["run_key"] == upload_key
            assert (await client.get(f"/api/runs/{upload_key}/")).json()["name"] == "Squat 1"
            assert (await client.get(f"/api/runs/{upload_key}/video")).content == video
            problem(await client.post(f"{url}/parts/1"), 409, "run-exists")
            problem(await client.put(f"{url}/parts/1", content=b"another video"), 409, "run-exists")

    asyncio.run(scenario())
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("number", "content", "status", "code"),
    [
        (1, b"", 400, "malformed-form"),
        (1, bytes(PART_BYTES + 1), 413, "body-too-large"),
        (0, b"x", 422, "invalid-option"),
        (2, b"x", 422, "invalid-option"),
    ],
)
def test_a_part_that_no_video_has_is_refused(world: World, number: int, content: bytes, status: int, code: str):
    async def scenario() -> None:
        async with world.client() as client:
            upload_key = (await client.post("/api/uploads/")).json()["upload_key"]
            problem(await client.put(f"/api/uploads/{upload_key}/parts/{number}", content=content), status, code)
            assert (await client.get(f"/api/uploads/{upload_key}")).json()["parts"] == []
            too_large = {"size": world.settings.max_upload_bytes + 1}
            problem(await client.post(f"/api/uploads/{upload_key}/complete", json=too_large), 413, "body-too-large")
            problem(await client.get("/api/uploads/..%2Fx"), 404, "not-found")
            problem(await client.get("/api/uploads/short"), 422, "invalid-request")

    asyncio.run(scenario())


def test_a_run_needs_a_video(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            answer = await client.post("/api/runs/", files={n: (None, v) for n, v in FORM.items()})
            problem(answer, 422, "invalid-option")
            form = {**FORM, "upload_key": "never-uploaded"}
            answer = await client.post("/api/runs/", files={n: (None, v) for n, v in form.items()})
            problem(answer, 422, "upload-not-found")

    asyncio.run(scenario())


def test_retention_erases_older_runs(tmp_path: Path):
    world = World(tmp_path, retention_days=1e-6)

    async def scenario() -> None:
        async with world.client() as client:
            await submit(client)
        await asyncio.sleep(0.2)
        async with world.client() as client:
            async with asyncio.timeout(5):
                while (await client.get("/api/runs/")).json()["runs"]:
                    await asyncio.sleep(0.02)

    asyncio.run(scenario())
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


@pytest.mark.parametrize(("configured", "allowed"), [(None, None), ("https://lab.example", "https://lab.example")])
def test_other_sites_pages_are_kept_out_unless_configured(tmp_path: Path, configured: str | None, allowed: str | None):
    world = World(tmp_path, cors_origins=configured)

    async def scenario() -> None:
        async with world.client() as client:
            answer = await client.get("/api/runs/", headers={"Origin": "https://lab.example"})
            assert answer.headers.get("access-control-allow-origin") == allowed
            answer = await client.get("/api/runs/", headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in answer.headers

    asyncio.run(scenario())


def test_the_neutral_stance_of_a_completed_run_is_given_to_the_angles(world: World):
    async def scenario() -> None:
        async with world.client() as client:
            stance = (await submit(client, neutral="0,5 2")).json()["run_key"]
            early = problem(await submit(client, neutral_run=stance), 422, "invalid-option")
            assert "no results" in early["detail"]
            (world.folder / "stance.json").write_bytes(b"{}")
            await world.store.put_file("runs/stance.json", world.folder / "stance.json")
            await world.complete(stance, {}, neutral_stance="runs/stance.json")
            walk = (await submit(client, neutral_run=stance)).json()["run_key"]
            task = (await world.bus.read(walk)).state.task()
            assert task is not None
            assert task.artefacts["given_stance"] == f"runs/{walk}/given_stance.json"
            assert (await world.store.stat(f"runs/{walk}/given_stance.json")).size == 2
            taller = problem(await submit(client, neutral_run=stance, height="1.9"), 422, "invalid-option")
            assert "1.78 m tall" in taller["detail"]
            await world.complete(walk, {})
            without = problem(await submit(client, neutral_run=walk), 422, "invalid-option")
            assert "without a neutral stance" in without["detail"]

    asyncio.run(scenario())
