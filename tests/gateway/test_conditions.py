"""Conditional requests (RFC 9110, 13), ranges (14) and HEAD (9.3.2) of result files."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from tests.gateway.test_api import problem, submit
from tests.gateway.world import World

CONTENT = b"0123456789"
NOW = datetime.now(UTC)
BEFORE, LATER = (format_datetime(NOW + timedelta(days=days), usegmt=True) for days in (-1, 1))


def answered(world: World, headers: dict[str, str], method: str = "GET") -> tuple[httpx.Response, httpx.Response]:
    """The responses to a plain and a conditional request; ETAG and DATE in a header are replaced by the file's own."""

    async def scenario() -> tuple[httpx.Response, httpx.Response]:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"a.trc": CONTENT})
            url = f"/api/runs/{run_key}/files/a.trc"
            plain = await client.get(url)
            filled = {
                name: value.replace("ETAG", plain.headers["etag"]).replace("DATE", plain.headers["last-modified"])
                for name, value in headers.items()
            }
            return plain, await client.request(method, url, headers=filled)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": "W/ETAG"}, 304),
        ({"If-None-Match": '"other", ETAG'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
        ({"If-Modified-Since": "DATE"}, 304),
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": "no date"}, 200),
        ({"If-Match": "ETAG"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/ETAG"}, 412),
        ({"If-Unmodified-Since": "DATE"}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": "no date"}, 200),
        ({"Range": "bytes=2-4", "If-Range": "ETAG"}, 206),
        ({"Range": "bytes=2-4", "If-Range": "DATE"}, 206),
        ({"Range": "bytes=2-4", "If-Range": "W/ETAG"}, 200),
        ({"Range": "bytes=2-4", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=2-4", "If-Range": BEFORE}, 200),
        ({"Range": "bytes=20-", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=2-4", "If-None-Match": "ETAG"}, 304),
        ({"Range": "bytes=0-" + "9" * 4400}, 206),
        ({"Range": "bytes=" + "0" * 4400 + "-3"}, 206),
        ({"Range": "bytes=-" + "9" * 4400}, 206),
        ({"Range": "bytes=" + "9" * 4400 + "-"}, 416),
    ],
)
def test_conditions(world: World, headers: dict[str, str], status: int):
    plain, answer = answered(world, headers)
    assert answer.status_code == status
    if status in (200, 206, 304):
        assert answer.headers["etag"] == plain.headers["etag"]
        assert answer.headers["last-modified"] == plain.headers["last-modified"]
    if status == 200:
        assert answer.content == CONTENT
    if status == 206:
        assert int(answer.headers["content-length"]) == len(answer.content) > 0
    if status == 304:
        assert answer.content == b""
    if status == 412:
        problem(answer, 412, "precondition-failed")
    if status == 416:
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=2-4"}, {"If-None-Match": "ETAG"}, {"Range": "bytes=99-"}])
def test_head_is_get_without_the_content(world: World, headers: dict[str, str]):
    _, got = answered(world, headers)
    _, head = answered(world, headers, "HEAD")
    assert head.content == b""
    assert head.status_code == got.status_code
    for name in ("content-type", "content-length", "content-range"):
        assert head.headers.get(name) == got.headers.get(name)


def test_head_of_an_endless_stream_ends(world: World, serve):
    url = serve(world)
    answer = httpx.post(f"{url}/api/runs/", data={}, files={})
    assert answer.status_code == 415
    sent = httpx.post(
        f"{url}/api/runs/",
        data={"height": "1.78", "weight": "75", "consent": "accepted"},
        files={"video": ("v.mp4", b"\0\0\0\x20ftypisom")},
    )
    run = sent.json()["results_url"]
    with httpx.Client(base_url=url, timeout=5) as client:
        for path in (f"{run}events", f"{run}video", f"{run}progress/", "/", "/static/app.js", "/readyz", "/api/runs"):
            answer = client.head(path)
            assert (answer.status_code, answer.content) == (200, b""), path
        assert client.head(f"{run}files/none").status_code == 404
        assert client.get("/api/runs/").status_code == 200  # on the same connection
