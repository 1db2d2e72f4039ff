"""What the gateway serves for the page, without a browser."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from humanpose3d.client import Client
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, LANDMARK_SEGMENTS, LANDMARKS, SEGMENTS
from tests.page import walker
from tests.page.fake_server import FakeServer

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 4
FORM = {"height": "1.78", "weight": "75", "consent": "accepted"}


async def video_key(server: FakeServer, run_key: str) -> str:
    (key,) = [stored.key async for stored in server.store.objects(f"videos/{run_key}/")]
    return key


def run_of(server: FakeServer, content: bytes) -> str:
    answer = httpx.post(f"{server.url}/api/runs/", data=FORM, files={"video": ("Gehen 1.mov", content)})
    run_key: str = answer.json()["run_key"]
    return run_key


@pytest.mark.parametrize(
    ("start", "media_type", "suffix"),
    [
        (MP4[:12], "video/mp4", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime", "mov"),
        (b"\x1a\x45\xdf\xa3\x00\x00\x00\x00", "video/webm", "webm"),
        (b"RIFF\x00\x00\x00\x00AVI ", "video/x-msvideo", "avi"),
    ],
)
def test_the_video_is_served_with_its_own_type(server: FakeServer, start: bytes, media_type: str, suffix: str):
    content = start + MP4[12:]
    url = f"{server.url}/api/runs/{run_of(server, content)}/video"
    whole = httpx.get(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, content, media_type)
    assert whole.headers["content-disposition"].endswith(f"''Gehen%201.{suffix}")
    part = httpx.get(url, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, content[4:12])
    assert part.headers["content-range"] == f"bytes 4-11/{len(content)}"


def test_what_is_no_video_is_not_served(server: FakeServer, tmp_path: Path):
    """A client can store anything with a presigned form; served as one of our pages it would be dangerous."""
    run_key = run_of(server, MP4)
    (tmp_path / "page").write_bytes(b"<!doctype html><script>alert(1)</script>")
    server.do(server.store.put_file(server.do(video_key(server, run_key)), tmp_path / "page"))
    answer = httpx.get(f"{server.url}/api/runs/{run_key}/video")
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable-video")


def test_the_skeleton_is_that_of_the_project(server: FakeServer):
    skeleton = httpx.get(f"{server.url}/api/skeleton/").json()
    assert skeleton["landmarks"] == list(LANDMARKS)
    assert skeleton["segments"] == [list(pair) for pair in SEGMENTS]
    assert skeleton["landmark_segments"] == [list(pair) for pair in LANDMARK_SEGMENTS]
    assert [joint["name"] for joint in skeleton["joints"]] == [group.name for group in JOINT_GROUPS]
    assert len(set(LANDMARK_SEGMENTS)) == 35


def test_the_page_and_its_parts_carry_their_headers(server: FakeServer):
    page = httpx.get(f"{server.url}/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    script = httpx.get(f"{server.url}/static/vendor/three.core.min.js")
    assert (script.headers["cache-control"], script.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    assert script.headers["content-encoding"] == "gzip"
    unchanged = httpx.get(str(script.url), headers={"If-None-Match": script.headers["etag"]})
    assert unchanged.status_code == 304
    assert httpx.get(f"{server.url}/static/../app.py").status_code == 404
    assert httpx.get(f"{server.url}/static/%2e%2e/app.py").status_code == 404


def test_statistics_include_the_uncertainty_that_a_run_states(server: FakeServer):
    run_key = run_of(server, MP4)
    with Client(server.url) as client:
        client.wait(run_key, timeout=60)
        rows = {(row.joint, row.angle): row.uncertainty for row in client.statistics(run_key).angles}
    known = walker.spread().values[:, JOINT_GROUP_INDEX["knee_r"], 0]
    assert rows["knee_r", "flexion"] == pytest.approx(np.nanmean(known), abs=5e-4)
    assert rows["hip_l", "adduction"] == pytest.approx(4)
    assert rows["trunk", "flexion"] is None


def test_an_erased_video_is_gone(server: FakeServer):
    run_key = run_of(server, MP4)
    assert httpx.delete(f"{server.url}/api/runs/{run_key}/").status_code == 204
    assert httpx.get(f"{server.url}/api/runs/{run_key}/video").status_code == 404
