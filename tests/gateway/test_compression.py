"""Text files as gzip, whole ones only; the motion of a run as one binary response."""

import asyncio
import gzip
import json
import struct

import httpx
import numpy as np
import pytest
from starlette.datastructures import Headers

from gateway.compression import accepts_gzip
from humanpose3d.formats.npz import save_npz
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers, Motion
from humanpose3d.skeleton import ALL_MARKERS, MARKERS
from tests.gateway.test_api import problem, submit
from tests.gateway.world import World

TABLE = b"time_s,knee_r_flexion_deg\n" + b"0.033333333,12.500000\n" * 200_000


def get(world: World, path: str, **headers: str) -> httpx.Response:
    async def scenario() -> httpx.Response:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            await world.complete(run_key, {"a.csv": TABLE, "a.mp4": TABLE})
            named = {
                "Accept-Encoding": "identity",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            request = client.build_request("GET", f"/api/v1/runs/{run_key}/files/{path}", headers=named)
            answer = await client.send(request, stream=True)
            answer.raw = b"".join([piece async for piece in answer.aiter_raw()])  # type: ignore[attr-defined]
            return answer

    return asyncio.run(scenario())


def test_text_is_compressed_for_those_who_accept_it(world: World):
    answer = get(world, "a.csv", Accept_Encoding="br, gzip;q=0.5")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["etag"].startswith('W/"')
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-length" not in answer.headers
    assert gzip.decompress(answer.raw) == TABLE  # type: ignore[attr-defined]
    assert len(answer.raw) < len(TABLE) / 20  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("a.csv", {}), ("a.mp4", {"Accept_Encoding": "gzip"}), ("a.csv", {"Accept_Encoding": "gzip;q=0"})],
)
def test_everything_else_is_sent_as_it_is(world: World, path: str, headers: dict[str, str]):
    answer = get(world, path, **headers)
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == str(len(TABLE))
    assert answer.raw == TABLE  # type: ignore[attr-defined]


def test_a_range_is_of_the_file_itself(world: World):
    answer = get(world, "a.csv", Accept_Encoding="gzip", Range="bytes=7-20")
    assert answer.status_code == 206
    assert "content-encoding" not in answer.headers
    assert answer.raw == TABLE[7:21]  # type: ignore[attr-defined]
    assert answer.headers["content-range"] == f"bytes 7-20/{len(TABLE)}"
    assert not answer.headers["etag"].startswith("W/")


def test_a_range_of_the_compressed_text_is_answered_with_all_of_it(world: World):
    weak = get(world, "a.csv", Accept_Encoding="gzip").headers["etag"]
    answer = get(world, "a.csv", Accept_Encoding="gzip", Range="bytes=7-20", If_Range=weak)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("GZIP", True), ("*", True), ("*;q=0, gzip", True), ("gzip; q=0", False), ("br", False)]
    + [("", False), ("*, gzip;q=0", False), ("gzip;q=x", False)],
)
def test_accept_encoding(header: str, accepted: bool):
    assert accepts_gzip(Headers({"accept-encoding": header})) is accepted


def test_the_motion_of_a_run(world: World):
    rng, times = np.random.default_rng(1), np.arange(7) / 30
    positions = rng.normal(size=(7, 65, 3))
    positions[2, 4] = np.nan
    angle_sd = AngleSd(times, rng.random((7, 12, 3)))
    made: dict[str, Motion] = {
        "landmarks": Landmarks(times, rng.random((7, 33, 2)), rng.random((7, 33, 3)), rng.random((7, 33)), (640, 480)),
        "augmented_markers": Markers(times, ALL_MARKERS, positions),
        "initial_markers": Markers(times, MARKERS, positions[:, :22]),
        "angles": JointAngles(times, rng.normal(size=(7, 12, 3))),
        "angle_sd": angle_sd,
    }

    async def scenario() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        async with world.client() as client:
            run_key = (await submit(client)).json()["run_key"]
            early = await client.get(f"/api/v1/runs/{run_key}/motion")
            keys = {}
            for name, motion in made.items():
                keys[name] = f"runs/{run_key}/x/{name}.npz"
                save_npz(world.folder / "motion.npz", motion)
                await world.store.put_file(keys[name], world.folder / "motion.npz")
            await world.complete(run_key, {"a.trc": b"x"}, **keys)
            answer = await client.get(f"/api/v1/runs/{run_key}/motion")
            again = await client.get(
                f"/api/v1/runs/{run_key}/motion", headers={"If-None-Match": answer.headers["etag"]}
            )
            return early, answer, again

    early, answer, again = asyncio.run(scenario())
    problem(early, 409, "run-not-finished")
    assert again.status_code == 304
    (length,) = struct.unpack_from("<I", answer.content)
    header = json.loads(answer.content[4 : 4 + length])
    assert (length + 4) % 8 == 0
    assert header["markers"] == list(ALL_MARKERS)
    found = {
        array["name"]: np.frombuffer(
            answer.content, array["type"], np.prod(array["shape"], dtype=int), 4 + length + array["offset"]
        ).reshape(array["shape"])
        for array in header["arrays"]
    }
    assert set(found) == {"times", "pixels", "visibility", "markers", "initial_markers", "angles", "angle_sd"}
    np.testing.assert_array_equal(found["times"], times)
    np.testing.assert_array_equal(found["markers"], positions.astype("f4"))
    np.testing.assert_array_equal(found["angle_sd"], angle_sd.values.astype("f4"))
