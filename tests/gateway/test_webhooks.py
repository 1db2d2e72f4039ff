"""The end of a run is sent to its webhook: signed, again after failures, also by the next gateway."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gateway import webhooks
from gateway.webhooks import is_due
from shared.runtime.bus import Bus
from tests.gateway.test_api import problem
from tests.gateway.world import FORM, MP4, World

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A server that answers with the given statuses, then with 204, and keeps what it received."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        left = list(statuses)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(left.pop(0) if left else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told?of=runs"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def start(*statuses: int) -> Receiver:
        made.append(Receiver(*statuses))
        return made[-1]

    yield start
    for each in made:
        each.server.shutdown()
        each.server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_LOOK_S", 0.02)
    monkeypatch.setattr(webhooks, "PAUSES", (timedelta(seconds=0.05),) * 2)


async def submit(client: httpx.AsyncClient, url: str, secret: str = SECRET) -> httpx.Response:
    form = {**FORM, "webhook_url": url, "webhook_secret": secret}
    return await client.post("/api/v1/runs", data=form, files={"video": ("walk.mp4", MP4)})


async def delivered(bus: Bus, run_key: str) -> int:
    """Waits until the delivery is over; returns the number of tries."""
    for _ in range(1000):
        state = (await bus.read(run_key)).state
        if state.delivery.over:
            return state.delivery.tries
        await asyncio.sleep(0.02)
    raise AssertionError("the webhook is still waiting")


def run_to_its_end(world: World, url: str) -> tuple[str, int]:
    async def scenario() -> tuple[str, int]:
        async with world.client() as client:
            run_key = (await submit(client, url)).json()["run_key"]
            await world.complete(run_key, {"a.trc": b"x"})
            return run_key, await delivered(world.bus, run_key)

    return asyncio.run(scenario())


@pytest.fixture
def private(tmp_path: Path, scratch: Path) -> World:
    return World(tmp_path, private_webhooks=True)


def test_a_delivery_is_signed_as_standard_webhooks_are(private: World, receiver: Callable[..., Receiver]):
    there = receiver()
    run_key, tries = run_to_its_end(private, there.url)
    ((headers, body),) = there.received
    assert tries == 1
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    told = json.loads(body)
    assert told["type"] == "run.completed"
    assert told["data"]["run_key"] == run_key
    assert told["data"]["results_url"] == f"/api/v1/runs/{run_key}/"
    assert SECRET not in body.decode()


def test_a_failure_is_tried_again_with_the_same_id_and_then_given_up(private: World, receiver: Callable[..., Receiver]):
    there = receiver(500, 302)  # redirects are not followed
    assert run_to_its_end(private, there.url)[1] == 3
    assert len({headers["webhook-id"] for headers, _ in there.received}) == 1
    silent = receiver(*[503] * 9)
    assert run_to_its_end(private, silent.url)[1] == 3
    assert len(silent.received) == 3


def test_the_next_gateway_sends_what_the_last_one_could_not(private: World, receiver: Callable[..., Receiver]):
    there = receiver()

    async def scenario() -> str:
        async with private.client() as client:
            run_key: str = (await submit(client, there.url)).json()["run_key"]
        await private.complete(run_key, {"a.trc": b"x"})  # no gateway is running now
        assert is_due((await private.bus.read(run_key)).state, datetime.now(UTC))
        async with private.client():
            await delivered(private.bus, run_key)
        return run_key

    run_key = asyncio.run(scenario())
    ((headers, _),) = there.received
    assert headers["webhook-id"] == f"{run_key}.completed"


def test_names_that_lead_into_a_private_network_are_not_called(
    world: World, receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
):
    there = receiver()
    monkeypatch.setattr(webhooks, "_url_fault", lambda url, *, private: None)  # the name looked public when it came
    assert run_to_its_end(world, there.url.replace("127.0.0.1", "localhost"))[1] == 3
    assert there.received == []


@pytest.mark.parametrize(
    ("url", "secret", "fields"),
    [
        ("https://10.0.0.8/x", SECRET, {"webhook_url"}),
        ("https://[::1]/x", SECRET, {"webhook_url"}),
        ("https://[::ffff:10.0.0.8]/x", SECRET, {"webhook_url"}),
        ("http://example.org/x", SECRET, {"webhook_url"}),
        ("ftp://example.org/x", SECRET, {"webhook_url"}),
        ("https://user@example.org/x", SECRET, {"webhook_url"}),
        ("https://example.org:99999/x", SECRET, {"webhook_url"}),
        ("", SECRET, {"webhook_url"}),
        ("https://example.org/x", "whsec_c2hvcnQ=", {"webhook_secret"}),
        ("https://example.org/x", base64.b64encode(KEY).decode(), {"webhook_secret"}),
        ("gopher://x", "", {"webhook_url", "webhook_secret"}),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(world: World, url: str, secret: str, fields: set[str]):
    async def scenario() -> httpx.Response:
        async with world.client() as client:
            return await submit(client, url, secret)

    answer = asyncio.run(scenario())
    problem(answer, 422, "invalid-option")
    assert {error["field"] for error in answer.json()["errors"]} == fields


def test_the_secret_is_never_told(private: World, receiver: Callable[..., Receiver]):
    there = receiver()

    async def scenario() -> str:
        async with private.client() as client:
            run_key = (await submit(client, there.url)).json()["run_key"]
            return (await client.get(f"/api/v1/runs/{run_key}")).text + repr((await private.bus.read(run_key)).state)

    assert SECRET not in asyncio.run(scenario())
