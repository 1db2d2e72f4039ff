import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import forms
from gateway.errors import BodyTooLarge, MalformedForm, StorageFull, TooSlow, UnsupportedMediaType
from gateway.forms import Form, read_form
from humanpose3d.errors import InvalidOption

BOUNDARY = "frontier"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def read(body: bytes, scratch: Path, *, content_type: str = TYPE, limit: int = 1 << 30, chunk: int = 7919) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]

    return asyncio.run(read_form(content_type, chunks(), scratch, limit))


@pytest.mark.parametrize("chunk", [1, 10, 100_000_000])
def test_fields_and_video_arrive_whole_however_they_are_cut(chunk: int, tmp_path: Path):
    video = bytes(range(256)) * 10 + b"\r\n--front"
    body = part("video", video, "walk.mp4") + part("height", b"1.78") + part("weight", b"75") + END
    form = read(body, tmp_path, chunk=chunk)
    assert form.fields == {"height": "1.78", "weight": "75"}
    assert form.video is not None
    assert form.video.path.read_bytes() == video
    assert (form.video.filename, form.video.size) == ("walk.mp4", len(video))
    assert form.video.sha256 == hashlib.sha256(video).hexdigest()


def test_a_large_video_is_written_while_it_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_WRITE_BYTES", 1000)
    seen: list[int] = []
    body = part("video", b"x" * 100_000, "v.mp4") + END

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]
            seen.append((tmp_path / "upload").stat().st_size)

    asyncio.run(read_form(TYPE, chunks(), tmp_path, 1 << 30))
    assert seen[len(seen) // 2] > 30_000


def test_a_form_without_video_has_none(tmp_path: Path):
    assert read(part("height", b"1.78") + END, tmp_path) == Form({"height": "1.78"}, None)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x.mp4", "a" * 4096 + ".mp4", "übung 走る.mp4", "nul\x00.mp4"]
)
def test_hostile_file_names_are_only_names(name: str, tmp_path: Path):
    form = read(part("video", b"1", name) + END, tmp_path)
    assert form.video is not None
    assert form.video.path.parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedForm),
        (b"not a form at all", MalformedForm),
        (part("height", b"1"), MalformedForm),
        (part("video", b"12345", "v.mp4")[:-4], MalformedForm),
        (part("", b"1") + END, MalformedForm),
        (b"".join(part(f"f{index}", b"1") for index in range(65)) + END, MalformedForm),
        (part("height", b"1") + part("height", b"2") + END, InvalidOption),
        (part("video", b"1", "a.mp4") + part("video", b"2", "b.mp4") + END, InvalidOption),
        (part("height", b"1", "h.txt") + END, InvalidOption),
        (part("video", b"1") + END, InvalidOption),
        (part("height", b"1" * 8193) + END, InvalidOption),
    ],
)
def test_what_is_no_such_form_is_refused(body: bytes, error: type[Exception], tmp_path: Path):
    with pytest.raises(error):
        read(body, tmp_path)


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("", UnsupportedMediaType),
        ("application/json", UnsupportedMediaType),
        ("multipart/form-data", MalformedForm),
        (f"multipart/form-data; boundary={'b' * 71}", MalformedForm),
    ],
)
def test_other_content_types_are_refused(content_type: str, error: type[Exception], tmp_path: Path):
    with pytest.raises(error):
        read(END, tmp_path, content_type=content_type)


def test_a_body_over_the_limit_is_refused_while_it_arrives(tmp_path: Path):
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield part("video", b"", "v.mp4")[:-2]
        while True:
            taken += 1000
            yield b"x" * 1000

    with pytest.raises(BodyTooLarge):
        asyncio.run(read_form(TYPE, endless(), tmp_path, 10_000))
    assert taken <= 11_000


def test_a_client_that_stops_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_PAUSE_S", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield part("height", b"1")
        await asyncio.sleep(60)

    with pytest.raises(TooSlow):
        asyncio.run(read_form(TYPE, stalled(), tmp_path, 1 << 20))


def test_a_client_that_drips_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_PAUSE_S", 0.1)

    async def dripping() -> AsyncIterator[bytes]:
        yield part("video", b"", "v.mp4")[:-2]
        while True:
            await asyncio.sleep(0.02)
            yield b"x"

    with pytest.raises(TooSlow):
        asyncio.run(read_form(TYPE, dripping(), tmp_path, 1 << 20))


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(self: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(forms._Reader, "_write", full)
    with pytest.raises(StorageFull):
        read(part("video", b"1", "v.mp4") + END, tmp_path)
