"""Tests specific to the S3 store: signatures, presigned uploads, network failures."""

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from minio import Minio
from minio.error import S3Error
from urllib3 import HTTPResponse

from humanpose3d.errors import StoreFull, StoreUnavailable
from shared.runtime.store.s3 import S3Store
from tests.makers import new_run_id, s3_settings
from tests.proxy import proxy_to
from tests.servers import ACCESS_KEY, SECRET_KEY, S3Server, free_port

pytestmark = pytest.mark.anyio

PART = 5 << 20


@pytest.fixture
def store(s3_server) -> S3Store:
    return S3Store(s3_settings(s3_server))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video"
    path.write_bytes(os.urandom(3 * PART))
    return path


def key() -> str:
    return f"runs/{new_run_id()}/video/original.mp4"


def through(port: int) -> S3Store:
    return S3Store(s3_settings(S3Server(Path("unused"), port=port, ports=[])))


@pytest.mark.parametrize("wrong", [{"s3_secret_key": "not-the-secret"}, {"s3_access_key": "unknown"}])
async def test_wrong_credentials_are_refused_and_not_repeated_to_the_user(s3_server, video, wrong):
    store = S3Store(s3_settings(s3_server, **wrong))
    with pytest.raises(StoreUnavailable) as refused:
        await store.put_file(key(), video)
    for secret in ("not-the-secret", ACCESS_KEY, SECRET_KEY, str(s3_server.port)):
        assert secret not in str(refused.value)


async def test_a_full_store_is_reported_and_checked_until_it_has_space(store, video, monkeypatch):
    await store.check()
    writes = 0

    def refuse(*_: object, **__: object) -> None:
        nonlocal writes
        writes += 1
        raise S3Error(HTTPResponse(status=507), "XMinioStorageFull", "Storage backend is full.", None, None, None)

    with monkeypatch.context() as full:
        full.setattr(store._client, "fput_object", refuse)
        full.setattr(store._client, "put_object", refuse)
        await store.check()
        assert writes == 0
        for attempt in (store.put_file(key(), video), store.check(), store.check()):
            with pytest.raises(StoreFull, match="disk of the object store is full"):
                await attempt
        assert writes == 3
    await store.check()
    monkeypatch.setattr(store._client, "put_object", refuse)
    await store.check()  # healthy again: no probe is written


async def upload(form, content: bytes) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.post(form.url, data=form.fields, files={"file": ("video.mp4", content)})
    return answer.status_code


async def test_a_presigned_form_uploads_one_object(store, tmp_path):
    name = key()
    form = await store.presign(name, timedelta(minutes=5), max_bytes=1000)
    assert await upload(form, b"x" * 1000) in (200, 201, 204)
    assert (await store.stat(name)).size == 1000
    assert SECRET_KEY not in repr(form)


async def test_a_presigned_form_does_nothing_else(store):
    form = await store.presign(key(), timedelta(minutes=5), max_bytes=1000)
    assert await upload(form, b"x" * 1001) >= 400
    form.fields["key"] = key()
    assert await upload(form, b"x") >= 400


async def test_a_presigned_form_expires(store):
    form = await store.presign(key(), timedelta(seconds=1), max_bytes=1000)
    await asyncio.sleep(1.5)
    assert await upload(form, b"x") == 403


async def test_a_presigned_form_names_the_public_address(s3_server):
    store = S3Store(s3_settings(s3_server, s3_public_endpoint="https://store.example.org"))
    form = await store.presign(key(), timedelta(minutes=5), max_bytes=1000)
    assert form is not None
    assert form.url == "https://store.example.org/humanpose3d"


async def put(url: str, content: bytes) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.put(url, content=content)).status_code


async def test_presigned_addresses_take_the_parts_of_one_object(store, tmp_path):
    name = key()
    pieces = [os.urandom(PART), b"the end"]
    for number, piece in enumerate(pieces, start=1):
        assert await put(await store.presign_part(name, number, timedelta(minutes=5)), piece) == 200
    assert [part.size for part in await store.parts(name)] == [PART, 7]
    await store.join_parts(name)
    await store.get_file(name, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"".join(pieces)


async def test_a_presigned_address_takes_its_own_part_for_a_while_and_no_other(store):
    name = key()
    url = await store.presign_part(name, 1, timedelta(seconds=1))
    assert await put(url.replace("partNumber=1", "partNumber=2"), b"x") == 403
    assert await put(url.replace(name, key()), b"x") == 403
    await asyncio.sleep(1.5)
    assert await put(url, b"x") == 403
    assert await store.parts(name) == []


async def test_two_concurrent_starts_share_one_upload(store, tmp_path):
    name = key()
    source = tmp_path / "part"
    source.write_bytes(bytes(PART))
    await asyncio.gather(*(store.put_part(name, number, source) for number in (1, 2, 3, 4)))
    missing = {1, 2, 3, 4} - {part.number for part in await store.parts(name)}
    for number in missing:  # from a process that began a second upload at the same time
        await store.put_part(name, number, source)
    assert [part.number for part in await store.parts(name)] == [1, 2, 3, 4]


async def test_a_store_that_is_down_is_unavailable_soon(video):
    store = through(free_port())
    started = time.monotonic()
    for call in (store.check(), store.put_file(key(), video), store.stat(key())):
        with pytest.raises(StoreUnavailable):
            await call
    assert time.monotonic() - started < 10


async def test_an_upload_cut_in_the_middle_leaves_nothing_and_can_be_repeated(s3_server, store, video, tmp_path):
    async with proxy_to(s3_server.port) as proxy:
        cut, name = through(proxy.port), key()
        proxy.cut_after = PART // 2
        with pytest.raises(StoreUnavailable):
            await cut.put_file(name, video)
        assert [found.key async for found in store.objects(name.rpartition("/")[0] + "/")] == []
        proxy.cut_after = None
        await cut.put_file(name, video)
        await cut.get_file(name, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == video.read_bytes()


async def test_a_download_cut_in_the_middle_leaves_no_file(s3_server, store, video, tmp_path):
    name = key()
    await store.put_file(name, video)
    async with proxy_to(s3_server.port) as proxy:
        proxy.delay_s = 0.05
        getting = asyncio.create_task(through(proxy.port).get_file(name, tmp_path / "fetched"))
        await asyncio.sleep(0.5)
        proxy.go_down()
        with pytest.raises(StoreUnavailable):
            await getting
    assert not (tmp_path / "fetched").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["video"]


async def test_deleting_aborts_uploads_that_broke_off(s3_server, store):
    name = key()
    await store.check()  # makes the bucket
    sdk = Minio(f"127.0.0.1:{s3_server.port}", ACCESS_KEY, SECRET_KEY, secure=False, region="us-east-1")
    sdk._create_multipart_upload("humanpose3d", name, {})
    folder = name.rpartition("/")[0] + "/"
    assert len(sdk._list_multipart_uploads("humanpose3d", prefix=folder).uploads) == 1
    await store.delete(folder)
    assert sdk._list_multipart_uploads("humanpose3d", prefix=folder).uploads == []
