"""Links: what they show, to whom, and how long; and what a token does not open."""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api_keys import append, create
from gateway.shares import MOST, Shares
from humanpose3d.client import Client
from shared.runtime import runs
from shared.runtime.run_state import Share
from tests.gateway.world import FORM, MP4, World

SECRET = "an example of a secret with 32 characters or more"
FILES = {
    "walk_final.trc": b"0123456789" * 100,
    "walk_preview.mp4": b"preview",
    "walk_of_a_later_version.gif": b"image",
    "quality.json": b"{}",
    "run.json": b'{"notes": {}}',
}
SHOWN = ["quality.json", "walk_final.trc"]
NOTES = {"subject": "P07", "session": "2026-11-02", "labels": "pre", "note": "knee"}


class Owner:
    """An owner of API keys with a completed run, and what those can do who have its links."""

    def __init__(self, client: httpx.AsyncClient, world: World, secret: str) -> None:
        self.client, self.world = client, world
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.run = ""

    async def completed(self, **fields: str) -> str:
        form = {**FORM, **NOTES, **fields}
        sent = await self.ask("POST", "/runs", data=form, files={"video": ("walk.mp4", MP4)})
        self.run = sent.json()["run_key"]
        await self.world.complete(self.run, FILES)
        return self.run

    async def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        return await self.client.request(method, f"/api/v1{path}", headers=self.headers, **content)

    async def share(self, **wanted: object) -> httpx.Response:
        return await self.ask("POST", f"/runs/{self.run}/shares", json=wanted)

    async def token(self, **wanted: object) -> str:
        return str((await self.share(**wanted)).json()["url"]).removeprefix("/#/shared/")

    async def see(self, token: str, path: str = "", method: str = "GET", **headers: str) -> httpx.Response:
        return await self.client.request(
            method, f"/api/v1/shared{path}", headers={"Authorization": f"Bearer {token}", **headers}
        )

    async def code(self, token: str, path: str = "") -> tuple[int, str]:
        answer = await self.see(token, path)
        return answer.status_code, answer.json()["code"]


@asynccontextmanager
async def owners(tmp_path: Path, count: int = 1, **settings: Any) -> AsyncIterator[list[Owner]]:
    secrets = []
    for number in range(count):
        secret, stored = create(f"lab {number}")
        append(tmp_path / "keys", stored)
        secrets.append(secret)
    world = World(tmp_path, **{"api_keys_file": tmp_path / "keys", "share_secret": SECRET, **settings})
    async with world.client() as client:
        yield [Owner(client, world, secret) for secret in secrets]


def names(archive: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        return sorted(zipped.namelist())


@pytest.mark.usefixtures("scratch")
def test_a_link_shows_one_result_without_key_video_and_notes_until_it_is_revoked(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path) as (owner,):
            run = await owner.completed()
            assert (await owner.ask("GET", f"/runs/{run}")).json()["shares_url"] == f"/api/v1/runs/{run}/shares"
            made = await owner.share(days=3)
            assert made.status_code == 201
            left = datetime.fromisoformat(made.json()["expires_at"]) - datetime.now(UTC)
            assert timedelta(days=3, minutes=-1) < left <= timedelta(days=3)
            token = made.json()["url"].removeprefix("/#/shared/")
            shown = (await owner.see(token)).json()
            assert (shown["name"], shown["subject"]) == ("walk", {"height": 1.78, "weight": 75})
            assert (shown["notes"], shown["video_url"]) == (None, None)
            assert [file["path"] for file in shown["files"]] == SHOWN
            assert "P07" not in str(shown)
            assert (await owner.client.get(shown["files"][1]["url"])).status_code == 404  # the token belongs to it
            file = await owner.see(token, "/files/walk_final.trc", Range="bytes=0-4")
            assert (file.status_code, file.text) == (206, "01234")
            head = await owner.see(token, "/files/walk_final.trc", "HEAD")
            assert (head.status_code, head.headers["content-length"], head.content) == (200, "1000", b"")
            assert names((await owner.see(token, "/archive.zip")).content) == [f"walk/{name}" for name in SHOWN]
            for path in ("/statistics", "/parameters", "/motion"):
                assert (await owner.see(token, path)).status_code == 200
            for path in ("/video", "/files/walk_preview.mp4", "/files/run.json", "/files/walk_of_a_later_version.gif"):
                for method in ("GET", "HEAD"):
                    refused = await owner.see(token, path, method, Range="bytes=0-1")
                    assert (refused.status_code, b"preview" in refused.content) == (404, False)
            listed = (await owner.ask("GET", f"/runs/{run}/shares")).json()["shares"]
            assert listed == [made.json()]
            path = f"/runs/{run}/shares/{made.json()['share_key']}"
            assert (await owner.ask("DELETE", path)).status_code == 204
            assert (await owner.ask("DELETE", path)).json()["code"] == "share-not-found"
            assert await owner.code(token) == (410, "share-revoked")

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
def test_video_and_notes_are_shown_where_the_owner_wants_it(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path) as (owner,):
            await owner.completed()
            token = await owner.token(with_video=True, with_notes=True)
            shown = (await owner.see(token)).json()
            assert (shown["notes"]["subject"], shown["video_url"]) == ("P07", "/api/v1/shared/video")
            assert [file["path"] for file in shown["files"]] == sorted(FILES)
            part = await owner.see(token, "/video", Range="bytes=4-7")
            assert (part.status_code, part.content) == (206, b"ftyp")
            assert len(names((await owner.see(token, "/archive.zip")).content)) == len(FILES)

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
def test_of_a_run_with_blurred_faces_no_video_is_shown(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path) as (owner,):
            run = await owner.completed(blur_faces="on")
            refused = await owner.share(with_video=True)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "with_video")
            share = share_of(timedelta(days=1)).model_copy(update={"with_video": True})  # as if it had been accepted
            await runs.change(owner.world.bus, run, lambda state: state.with_shares([share]))
            token = signed(owner.world).token(run, share)
            shown = (await owner.see(token)).json()
            assert (shown["video_url"], [file["path"] for file in shown["files"]]) == (
                None,
                [*SHOWN[:1], "walk_final.trc"],
            )
            for path in ("/video", "/files/walk_preview.mp4"):
                assert (await owner.see(token, path)).status_code == 404
            assert "walk/walk_preview.mp4" not in names((await owner.see(token, "/archive.zip")).content)

    asyncio.run(scenario())


def share_of(valid: timedelta) -> Share:
    now = datetime.now(UTC).replace(microsecond=0)
    return Share(id="a-share-of-mine", created_at=now - timedelta(days=9), expires_at=now + valid)


def signed(world: World, secret: str = SECRET) -> Shares:
    settings = world.settings.model_validate({**dict(world.settings), "share_secret": secret})
    return Shares(world.bus, None, settings.share_secret)  # type: ignore[arg-type]  # tokens need no service


@pytest.mark.usefixtures("scratch")
def test_an_expired_token_opens_nothing_and_cannot_be_prolonged(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path) as (owner,):
            run = await owner.completed()
            share = share_of(timedelta(seconds=-1))
            await runs.change(owner.world.bus, run, lambda state: state.with_shares([share]))
            token = signed(owner.world).token(run, share)
            assert await owner.code(token, "/archive.zip") == (410, "share-expired")
            *stated, expiry, signature = token.split(".")
            later = ".".join((*stated, str(int(expiry) + 99_999), signature))
            assert await owner.code(later) == (404, "share-not-found")
            assert (await owner.ask("GET", f"/runs/{run}/shares")).json()["shares"] == []
            await owner.share()
            assert len((await owner.world.bus.read(run)).state.shares) == 1  # the expired one is not kept

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
def test_no_other_token_opens_a_result_and_none_tells_whether_a_run_exists(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path) as (owner,):
            runs_of = [await owner.completed() for _ in range(2)]
            token = await owner.token()
            prefix, *rest = token.split("_", 1)[0], token.split("_", 1)[1]
            run, share, expiry, signature = rest[0].split(".")
            assert run == runs_of[1]
            unsigned = [
                "",
                token[:-1],
                f"{token}A",
                token.swapcase(),
                f"{prefix}_{runs_of[0]}.{share}.{expiry}.{signature}",
                f"{prefix}_{run}.other-share.{expiry}.{signature}",
                f"{prefix}_no-such-run.{share}.{expiry}.{signature}",
                f"{prefix}_../../x.{share}.{expiry}.{signature}",
                f"{prefix}_{run}.{share}.{expiry}.",
                signed(owner.world, SECRET[::-1]).token(run, share_of(timedelta(days=1))),
            ]
            answers = {(await owner.see(each)).text for each in unsigned}
            assert len(answers) == 1
            assert "share-not-found" in answers.pop()
            foreign = signed(owner.world).token(runs_of[0], share_of(timedelta(days=1)))  # signed, but not given
            assert await owner.code(foreign) == (410, "share-revoked")
            await owner.ask("DELETE", f"/runs/{run}")
            assert await owner.code(token) == (410, "share-revoked")

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize("with_keys", [True, False])
def test_a_token_opens_no_other_call(tmp_path: Path, with_keys: bool):
    async def scenario() -> None:
        async with owners(tmp_path, api_keys_file=tmp_path / "keys" if with_keys else None) as (owner,):
            run = await owner.completed()
            headers = {"Authorization": f"Bearer {await owner.token(with_video=True)}"}
            document = (await owner.client.get("/openapi.json")).json()
            tried = 0
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    if {"apiKey": []} not in operation.get("security", []):
                        continue
                    url = (
                        path.replace("{run_key}", run)
                        .replace("{path}", "walk_final.trc")
                        .replace("{", "")
                        .replace("}", "")
                    )
                    answer = await owner.client.request(method, url, headers=headers)
                    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated"), (method, path)
                    tried += 1
            assert tried > 25
            for path in ("/files/..%2F..%2Fruns", "/files/%2Fetc%2Fpasswd", "/files/../../runs", "/../runs", f"/{run}"):
                assert (await owner.client.get(f"/api/v1/shared{path}", headers=headers)).status_code in (401, 404)

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
def test_only_the_owner_shares_and_only_what_is_completed(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path, 2) as (owner, other):
            other.run = await owner.completed()
            key = (await owner.share()).json()["share_key"]
            assert (await other.share()).status_code == 404
            for method, path in (("GET", ""), ("DELETE", f"/{key}")):
                assert (await other.ask(method, f"/runs/{owner.run}/shares{path}")).status_code == 404
            for days in (0, 91):
                assert (await owner.share(days=days)).status_code == 422
            for _ in range(MOST - 1):
                assert (await owner.share()).status_code == 201
            assert (await owner.share()).json()["code"] == "too-many-shares"
            sent = await other.ask("POST", "/runs", data=FORM, files={"video": ("walk.mp4", MP4)})
            other.run = sent.json()["run_key"]
            assert (await other.share()).json()["code"] == "run-not-finished"

    asyncio.run(scenario())


@pytest.mark.usefixtures("scratch")
def test_without_the_setting_nothing_is_shared_and_old_links_say_so(tmp_path: Path):
    async def scenario() -> None:
        async with owners(tmp_path, share_secret="") as (owner,):
            run = await owner.completed()
            assert (await owner.ask("GET", f"/runs/{run}")).json()["shares_url"] is None
            share = share_of(timedelta(days=1))
            await runs.change(owner.world.bus, run, lambda state: state.with_shares([share]))
            assert await owner.code(signed(owner.world).token(run, share)) == (403, "sharing-disabled")
            answers = [await owner.share(), await owner.ask("GET", f"/runs/{run}/shares")]
            assert {answer.json()["code"] for answer in answers} == {"sharing-disabled"}

    asyncio.run(scenario())


def test_the_client_shares_and_no_log_has_the_token(
    tmp_path: Path, scratch: Path, serve: Callable[[World], str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    address = serve(World(tmp_path, share_secret=SECRET))
    video = tmp_path / "walk.mp4"
    video.write_bytes(MP4)
    with Client(address) as client:
        run = client.submit(video, height=1.78, weight=75, consent=True)
        client.wait(run, timeout=20)
        link = client.share(run, days=1)
        assert client.shares(run) == [link]
        assert link.url.startswith(f"{address}/#/shared/hp3dshare_")
        token = link.url.rpartition("/")[2]
        headers = {"Authorization": f"Bearer {token}"}
        for path in ("", "files/none", "video"):
            httpx.get(f"{address}/api/v1/shared/{path}", headers=headers)
        assert httpx.get(f"{address}/api/v1/shared/", headers=headers).json()["name"] == "walk"
        client.revoke_share(run, link.share_key)
        assert client.shares(run) == []
        assert httpx.get(f"{address}/api/v1/shared", headers=headers).status_code == 410
    assert token.rpartition(".")[2] not in caplog.text
