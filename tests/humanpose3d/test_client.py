from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.api_keys import append, create
from gateway.incoming import PART_BYTES
from humanpose3d.api_models import Progress
from humanpose3d.client import ApiError, Client, RunFailed
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
        assert client.rename(run_key, "before").name == "before"


def test_a_refusal_is_an_error_with_the_problem(world: World, serve: Serve, video: Path):
    with Client(serve(world)) as client:
        with pytest.raises(ApiError, match="height") as caught:
            client.submit(video, height=5, weight=75, consent=True)
        assert (caught.value.problem.code, caught.value.problem.status) == ("invalid-option", 422)
        with pytest.raises(ApiError, match="consent"):
            client.submit(video, height=1.78, weight=75, consent=False)


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
