"""Pages of other sites in a visitor's browser can neither read nor change anything here."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.api_keys import append, create
from tests.gateway.test_api import problem, submit
from tests.gateway.world import World

NAMES = ["127.0.0.1:8000", "127.0.0.1", "127.5.6.7:99", "[::1]:8000", "localhost:8000", "LOCALHOST", "pose.localhost"]
FOREIGN = [
    "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:8000", "evil.example#localhost", "10.0.0.1",
    "127.0.0.1@evil.example", "localhost:8000:8000", "", "[::2]", "2130706433", "[::1", "a b",
]  # fmt: skip


@pytest.mark.parametrize(("host", "status"), [(n, 200) for n in NAMES] + [(n, 403) for n in FOREIGN])
def test_without_keys_only_the_machine_s_own_names_are_answered(world: World, host: str, status: int):
    async def scenario() -> None:
        async with world.client() as client:
            for path in ("/api/runs/", "/", "/openapi.json"):
                answer = await client.get(path, headers={"Host": host})
                assert answer.status_code == status
                if status == 403:
                    assert "HUMANPOSE3D_PUBLISHED_ON" in problem(answer, 403, "unknown-host")["detail"]

    asyncio.run(scenario())


OWN = {"Origin": "http://127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        (OWN, False),
        ({**OWN, "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
        ({"Origin": "http://127.0.0.1:3000"}, True),
        ({"Origin": "https://127.0.0.1:8000.evil.example"}, True),
        ({"Origin": "http://127.0.0.1:8000@evil.example"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({**OWN, "Sec-Fetch-Site": "same-site"}, True),
        ({"Origin": "https://lab.example.evil.example"}, True),
    ],
)
def test_only_own_pages_change_anything(tmp_path: Path, headers: dict[str, str], refused: bool):
    world = World(tmp_path, cors_origins="https://lab.example, https://other.example")

    async def scenario() -> None:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            client.headers.update(headers)
            calls = [
                await client.patch(f"/api/runs/{run_key}/", json={"name": "x"}),
                await client.post(f"/api/runs/{run_key}/cancel"),
                await client.post("/api/uploads/"),
                await submit(client),
                await client.delete(f"/api/runs/{run_key}/"),
            ]
            assert (await client.get("/api/runs/")).status_code == 200  # other pages can request it, but not read it
            for answer in calls:
                if refused:
                    assert "HUMANPOSE3D_CORS_ORIGINS" in problem(answer, 403, "foreign-origin")["detail"]
                else:
                    assert answer.is_success, answer.text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "gateway.humanpose3d.svc:8000"}, 200),
        ({"Host": "pose.example", "Origin": "https://pose.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "127.0.0.1:8000", "Origin": "https://pose.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "192.168.1.5:8000", "Origin": "http://192.168.1.5:8000"}, 200),
        ({"Host": "evil.example", "Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Host": "pose.example", "Origin": "https://evil.example"}, 403),
    ],
)
def test_with_keys_the_same_holds_for_browsers(tmp_path: Path, headers: dict[str, str], status: int):
    secret, stored = create("lab")
    append(tmp_path / "keys", stored)
    world = World(tmp_path, api_keys_file=tmp_path / "keys", host="0.0.0.0", published_on="pose.example, pose")

    async def scenario() -> None:
        async with world.client() as client:
            answer = await client.post("/api/uploads/", headers={"Authorization": f"Bearer {secret}", **headers})
            assert answer.status_code == (201 if status == 200 else status)

    asyncio.run(scenario())


def test_a_real_server_refuses_a_rebound_name(world: World, serve):
    url = serve(world)
    assert httpx.get(f"{url}/api/runs/").status_code == 200
    problem(httpx.get(f"{url}/api/runs/", headers={"Host": "evil.example"}), 403, "unknown-host")
