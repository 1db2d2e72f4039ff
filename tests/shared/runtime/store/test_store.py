"""One suite for all stores: a folder and a real S3."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from humanpose3d.errors import InvalidKey, ObjectNotFound
from shared.runtime.store import Store, StoredPart, s3
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.store.s3 import S3Store
from tests.makers import new_run_id, s3_settings

pytestmark = pytest.mark.anyio

PART = 5 << 20


@pytest.fixture(params=["directory", "s3"])
async def store(request, tmp_path) -> AsyncIterator[Store]:
    if request.param == "directory":
        yield DirectoryStore(tmp_path / "store")
    else:
        made = S3Store(s3_settings(request.getfixturevalue("s3_server")))
        yield made
        await made.delete("runs/")


@pytest.fixture
def folder() -> str:
    return f"runs/{new_run_id()}/"


async def put(store: Store, key: str, content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    await store.put_file(key, source)


async def content(store: Store, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start, length)])


async def keys(store: Store, prefix: str) -> list[str]:
    return [found.key async for found in store.objects(prefix)]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, 2 * PART + 7])
async def test_a_file_is_read_back_unchanged(store, folder, tmp_path, size):
    original = os.urandom(size)
    await put(store, f"{folder}video.mp4", original, tmp_path)
    fetched = tmp_path / "fetched"
    await store.get_file(f"{folder}video.mp4", fetched)
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(original).digest()
    assert await content(store, f"{folder}video.mp4") == original
    assert (await store.stat(f"{folder}video.mp4")).size == size


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 3, b"abc"), (2, 3, b"cde"), (5, None, b"f"), (2, 100, b"cdef"), (3, 0, b"")],
)
async def test_a_range_of_an_object(store, folder, tmp_path, start, length, expected):
    await put(store, f"{folder}x", b"abcdef", tmp_path)
    assert await content(store, f"{folder}x", start, length) == expected


async def test_a_reader_may_stop_early(store, folder, tmp_path):
    await put(store, f"{folder}x", bytes(3 * PART), tmp_path)
    for _ in range(20):  # more often than there are connections
        chunks = store.read(f"{folder}x")
        assert await anext(chunks)
        await chunks.aclose()


async def test_putting_again_replaces(store, folder, tmp_path):
    await put(store, f"{folder}x", b"long before", tmp_path)
    await put(store, f"{folder}x", b"after", tmp_path)
    assert await content(store, f"{folder}x") == b"after"


async def test_listing_is_by_folder_in_order_of_keys(store, folder, tmp_path):
    for name in ("b/2", "a", "b/1"):
        await put(store, f"{folder}{name}", b"x", tmp_path)
    await put(store, f"{folder[:-1]}-another/a", b"x", tmp_path)
    assert await keys(store, folder) == [f"{folder}a", f"{folder}b/1", f"{folder}b/2"]
    (found,) = [found async for found in store.objects(f"{folder}b/") if found.key.endswith("1")]
    assert found.size == 1
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=1)


async def test_deleting_takes_the_folder_and_nothing_else(store, folder, tmp_path):
    await put(store, f"{folder}a/b/c", b"x", tmp_path)
    await put(store, f"{folder[:-1]}-another/a", b"x", tmp_path)
    await store.delete(folder)
    await store.delete(folder)  # safe to repeat
    assert await keys(store, folder) == []
    assert await keys(store, f"{folder[:-1]}-another/") == [f"{folder[:-1]}-another/a"]
    with pytest.raises(ObjectNotFound):
        await store.stat(f"{folder}a/b/c")


async def test_more_objects_than_one_page_of_s3(store, folder, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    names = [f"{folder}{number:04}" for number in range(1010 if isinstance(store, S3Store) else 3)]
    for start in range(0, len(names), 100):
        await asyncio.gather(*(store.put_file(name, source) for name in names[start : start + 100]))
    assert await keys(store, folder) == names
    await store.delete(folder)
    assert await keys(store, folder) == []


async def test_a_missing_object_is_not_found(store, folder, tmp_path):
    with pytest.raises(ObjectNotFound):
        await store.stat(f"{folder}x")
    with pytest.raises(ObjectNotFound):
        await store.get_file(f"{folder}x", tmp_path / "x")
    with pytest.raises(ObjectNotFound):
        await content(store, f"{folder}x")
    with pytest.raises(ObjectNotFound):
        await content(store, f"{folder}x", 0, 0)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["walk 1.mp4", "Läufer_跑步.mp4", "a+b&c=d%20?#.mp4", "x" * 200])
async def test_names_with_unusual_characters(store, folder, tmp_path, name):
    await put(store, f"{folder}{name}", b"x", tmp_path)
    assert await keys(store, folder) == [f"{folder}{name}"]
    assert await content(store, f"{folder}{name}") == b"x"


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "../x", "runs/../../x", "runs//x", "runs/.", "runs/.hidden", "runs/x\0.mp4", "runs/x\n",
     "runs\\..\\x", "runs/" + "x" * 201, "/".join(["x" * 100] * 11), "runs/x/"],
)  # fmt: skip
async def test_hostile_names_are_refused(store, tmp_path, key):
    (tmp_path / "source").write_bytes(b"x")
    for refused in (
        store.put_file(key, tmp_path / "source"),
        store.get_file(key, tmp_path / "fetched"),
        store.stat(key),
        anext(store.read(key)),
        store.delete(f"{key}/"),
    ):
        with pytest.raises(InvalidKey):
            await refused


async def test_a_prefix_must_be_a_folder(store, folder):
    with pytest.raises(InvalidKey):
        await store.delete(folder[:-1])


async def test_many_at_once(store, folder, tmp_path):
    async def round_trip(number: int) -> None:
        source = tmp_path / f"in-{number}"
        source.write_bytes(bytes([number]) * 100_000)
        await store.put_file(f"{folder}{number}", source)
        assert await content(store, f"{folder}{number}") == source.read_bytes()

    await asyncio.gather(*(round_trip(number) for number in range(40)))


async def test_the_event_loop_is_not_blocked(store, folder, tmp_path):
    source = tmp_path / "large"
    source.write_bytes(bytes(10 * PART))
    transfer = asyncio.create_task(store.put_file(f"{folder}large", source))
    longest, before = 0.0, asyncio.get_running_loop().time()
    while not transfer.done():
        await asyncio.sleep(0.001)
        longest, before = max(longest, asyncio.get_running_loop().time() - before), asyncio.get_running_loop().time()
    await transfer
    assert longest < 0.5  # seconds; a blocking transfer would be a single gap, but other tests share the cores


async def test_a_running_store_is_healthy(store):
    await store.check()


async def put_part(store: Store, key: str, number: int, content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "part"
    source.write_bytes(content)
    await store.put_part(key, number, source)


async def test_an_object_arrives_in_parts_in_any_order(store, folder, tmp_path):
    pieces = [os.urandom(PART), os.urandom(PART), b"the end"]
    name = f"{folder}video"
    assert await store.parts(name) == []
    await put_part(store, name, 3, pieces[2], tmp_path)
    await put_part(store, name, 1, pieces[0], tmp_path)
    await put_part(store, name, 2, pieces[1], tmp_path)
    await put_part(store, name, 1, pieces[0], tmp_path)
    assert await store.parts(name) == [StoredPart(1, PART), StoredPart(2, PART), StoredPart(3, 7)]
    assert await keys(store, folder) == []
    await store.join_parts(name)
    assert await content(store, name) == b"".join(pieces)
    assert await store.parts(name) == []
    assert await keys(store, folder) == [name]


async def test_parts_of_objects_with_like_names_are_kept_apart(store, folder, tmp_path):
    for name, piece in (("video", b"one"), ("video.00001", b"two"), ("v[i]deo", b"three")):
        await put_part(store, f"{folder}{name}", 1, piece, tmp_path)
    for name, piece in (("video", b"one"), ("video.00001", b"two"), ("v[i]deo", b"three")):
        assert await store.parts(f"{folder}{name}") == [StoredPart(1, len(piece))]
        await store.join_parts(f"{folder}{name}")
        assert await content(store, f"{folder}{name}") == piece


async def test_an_upload_without_parts_cannot_be_joined(store, folder):
    with pytest.raises(ObjectNotFound):
        await store.join_parts(f"{folder}video")


async def test_deleting_takes_parts_that_have_arrived(store, folder, tmp_path):
    await put_part(store, f"{folder}video", 1, b"half of", tmp_path)
    await store.delete(folder)
    assert await store.parts(f"{folder}video") == []


async def test_abandoned_parts_are_swept_in_time(store, folder, tmp_path):
    await put_part(store, f"{folder}video", 1, b"half of", tmp_path)
    await put(store, f"{folder}whole", b"x", tmp_path)
    await store.sweep(timedelta(hours=1))
    assert await store.parts(f"{folder}video") == [StoredPart(1, 7)]
    await asyncio.sleep(1.1)
    await store.sweep(timedelta(seconds=0))
    assert await store.parts(f"{folder}video") == []
    assert await keys(store, folder) == [f"{folder}whole"]


async def test_a_copy_is_independent(store, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "_COPY_BYTES", PART)
    for size in (1, 2 * PART + 7):
        original = os.urandom(size)
        await put(store, f"{folder}one", original, tmp_path)
        await store.copy(f"{folder}one", f"{folder}sub/two")
        await put(store, f"{folder}one", b"another", tmp_path)
        assert await content(store, f"{folder}sub/two") == original
    await store.delete(f"{folder}sub/")
    assert await content(store, f"{folder}one") == b"another"
    with pytest.raises(ObjectNotFound):
        await store.copy(f"{folder}missing", f"{folder}two")


async def test_parts_are_discarded_of_one_object_only(store, folder, tmp_path):
    for name in ("video", "video2"):
        await put_part(store, f"{folder}{name}", 1, b"half of", tmp_path)
    await store.discard_parts(f"{folder}video")
    await store.discard_parts(f"{folder}video")
    assert await store.parts(f"{folder}video") == []
    assert await store.parts(f"{folder}video2") == [StoredPart(1, 7)]
