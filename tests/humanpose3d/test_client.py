import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.api_keys import append, create
from gateway.incoming import PART_BYTES
from humanpose3d import client as client_module
from humanpose3d import connection
from humanpose3d.api_models import ProblemDetails, Progress, RunStatus
from humanpose3d.client import Client, RunFailed
from humanpose3d.connection import ApiError
from humanpose3d.errors import StoreUnavailable
from tests.gateway.conftest import FILES
from tests.gateway.world import MP4, World

Serve = Callable[[World], str]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mp4"
    path.write_bytes(MP4)
    return path


def test_submit_wait_download_erase(world: World, serve: Serve, video: Path, tmp_path: Path):
    with Client(serve(world)) as client:
        run_key = client.submit(
            video, height=1.78, weight=75, consent=True, augmentation_cycles=3, estimate_missing=True
        )
        seen: list[Progress] = []
        run = client.wait(run_key, on_progress=seen.append, timeout=20)
        assert (run.status, run.options.augmentation_cycles, run.options.estimate_missing) == ("completed", 3, True)
        assert [progress.progress for progress in seen] == sorted(progress.progress for progress in seen)
        assert seen[-1].progress == 100
        paths = client.download(run_key, tmp_path / "results")
        assert {str(path.relative_to(tmp_path / "results")): path.read_bytes() for path in paths} == FILES
        assert [summary.run_key for summary in client.runs()] == [run_key]
        assert len(client.statistics(run_key).angles) == 36
        found = client.parameters(run_key)
        assert (found.task, [figure.name for figure in found.key_figures]) == (
            "squat",
            ["repetitions", "depth", "knee_flexion_peak"],
        )
        client.erase(run_key)
        assert list(client.runs()) == []


def test_a_large_video_is_sent_in_parts_and_resumed_after_an_interruption(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    world = World(tmp_path, max_upload_bytes=3 * PART_BYTES)
    video = tmp_path / "walk.mp4"
    video.write_bytes(MP4 + bytes(2 * PART_BYTES))
    sent: list[int] = []
    put_part = world.store.put_part

    async def breaking(key: str, number: int, path: Path) -> None:
        sent.append(number)
        if len(sent) == 2:
            raise StoreUnavailable("gone for a moment")
        await put_part(key, number, path)

    monkeypatch.setattr(world.store, "put_part", breaking)
    with Client(serve(world)) as client:
        upload_key = client.begin_upload()
        with pytest.raises(ApiError, match="store-unavailable"):
            client.upload(video, upload_key)
        client.upload(video, upload_key)
        client.upload(video, upload_key)
        assert sent == [1, 2, 2, 3]
        run_key = client.submit_large(video, height=1.78, weight=75, consent=True)
        assert client.wait(run_key, timeout=20).name == "walk"
        assert client.change(run_key, name="before").name == "before"


def test_a_refusal_is_an_error_with_the_problem(world: World, serve: Serve, video: Path):
    with Client(serve(world)) as client:
        with pytest.raises(ApiError, match="height") as caught:
            client.submit(video, height=5, weight=75, consent=True)
        assert (caught.value.problem.code, caught.value.problem.status) == ("invalid-option", 422)
        with pytest.raises(ApiError, match="consent"):
            client.submit(video, height=1.78, weight=75, consent=False)


@pytest.mark.parametrize("submit", [Client.submit, Client.submit_large])
def test_consent_has_no_default(submit: Callable[..., str]):
    """Only the caller can know about it."""
    assert inspect.signature(submit).parameters["consent"].default is inspect.Parameter.empty


def test_a_cancelled_run_is_not_waited_for(tmp_path: Path, serve: Serve, video: Path, monkeypatch: pytest.MonkeyPatch):
    async def idle(self: World, files: dict[str, bytes]) -> None:
        return

    monkeypatch.setattr(World, "complete_everything", idle)
    with Client(serve(World(tmp_path))) as client:
        run_key = client.submit(video, height=1.78, weight=75, consent=True)
        with pytest.raises(TimeoutError):
            client.wait(run_key, timeout=0)
        assert client.cancel(run_key).done
        with pytest.raises(RunFailed, match="cancelled"):
            client.wait(run_key)


def progress(status: RunStatus, server: httpx.Request) -> httpx.Response:
    done, at = status != "running", datetime.now(UTC)
    now = Progress(
        run_key="run-00000000", status=status, progress=50, stage=None, frames=None, queue_position=None, done=done,
        at=at, error=None, problem=None, results_url="/",
    )  # fmt: skip
    return httpx.Response(200, json=now.model_dump(mode="json"), request=server)


def answering(*answers: int | Exception | RunStatus) -> Client:
    """A client of a server that gives these answers, the last one for ever."""
    left = list(answers)

    def serve(request: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return progress(answer, request)
        if answer == 502:  # of a proxy
            return httpx.Response(answer)
        problem = ProblemDetails.from_code(answer, "bus-unavailable", "The bus is down.", [])
        headers = {"content-type": "application/problem+json"}
        return httpx.Response(answer, json=problem.model_dump(mode="json"), headers=headers)

    return Client("http://server", transport=httpx.MockTransport(serve))


def test_waiting_outlasts_an_outage_and_a_restart(monkeypatch: pytest.MonkeyPatch):
    for module in (client_module, connection):
        monkeypatch.setattr(module, "POLL_S", 0.001)
    outage = (503, httpx.ConnectError("refused"), 502, 504)
    with answering("running", *outage, "running", *outage, "cancelled") as client, pytest.raises(RunFailed):
        client.wait("run-00000000", timeout=20)


def test_waiting_for_an_unavailable_server_ends(monkeypatch: pytest.MonkeyPatch):
    for module in (client_module, connection):
        monkeypatch.setattr(module, "POLL_S", 0.001)
    monkeypatch.setattr(connection, "_PATIENCE_S", 0.05)
    with answering("running", 503) as client:
        with pytest.raises(TimeoutError, match="The bus is down"):
            client.wait("run-00000000", timeout=0.05)
        with pytest.raises(ApiError, match="The bus is down"):
            client.wait("run-00000000")


def test_a_refusal_ends_the_wait():
    with answering("running", 404) as client, pytest.raises(ApiError, match="404"):
        client.wait("run-00000000", timeout=20)


def test_a_key_is_sent(tmp_path: Path, serve: Serve, video: Path):
    secret, stored = create("lab")
    append(tmp_path / "keys", stored)
    url = serve(World(tmp_path, api_keys_file=tmp_path / "keys"))
    with Client(url) as stranger, pytest.raises(ApiError, match="not-authenticated"):
        stranger.submit(video, height=1.78, weight=75, consent=True)
    with Client(url, secret) as client:
        assert client.submit(video, height=1.78, weight=75, consent=True)


def test_one_idempotency_key_creates_one_run(world: World, serve: Serve, video: Path):
    with Client(serve(world)) as client:
        keys = {client.submit(video, height=1.78, weight=75, consent=True, idempotency_key="k") for _ in range(3)}
        assert len(keys) == 1
