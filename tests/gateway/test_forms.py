import asyncio
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.requests import ClientDisconnect

from gateway import forms
from gateway.errors import BodyTooLarge, MalformedForm, StorageFull, TooSlow, UnsupportedMediaType
from gateway.forms import Form, read_form, room_demanded
from humanpose3d.errors import InvalidOption, StoreFull

BOUNDARY = "frontier"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Collected:
    """Receives the video."""

    pieces: list[bytes] = field(default_factory=list)

    async def write(self, data: bytes) -> None:
        self.pieces.append(data)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


def read(body: bytes, video: Collected, *, content_type: str = TYPE, limit: int = 1 << 30, chunk: int = 7919) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]

    return asyncio.run(read_form(content_type, chunks(), video, limit))


@pytest.mark.parametrize("chunk", [1, 10, 100_000_000])
def test_fields_and_video_are_complete_however_they_are_split(chunk: int):
    video, taken = bytes(range(256)) * 10 + b"\r\n--front", Collected()
    body = part("video", video, "walk.mp4") + part("height", b"1.78") + part("weight", b"75") + END
    assert read(body, taken, chunk=chunk) == Form({"height": "1.78", "weight": "75"}, "walk.mp4")
    assert taken.content == video


def test_a_large_video_is_passed_on_while_it_arrives(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_WRITE_BYTES", 1000)
    seen: list[int] = []
    taken = Collected()
    body = part("video", b"x" * 100_000, "v.mp4") + END

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]
            seen.append(len(taken.content))

    asyncio.run(read_form(TYPE, chunks(), taken, 1 << 30))
    assert seen[len(seen) // 2] > 30_000
    assert max(len(piece) for piece in taken.pieces) < 3000


def test_a_form_without_video_has_none():
    assert read(part("height", b"1.78") + END, Collected()) == Form({"height": "1.78"}, None)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x.mp4", "a" * 4096 + ".mp4", "übung 走る.mp4", "nul\x00.mp4"]
)
def test_file_names_are_only_names(name: str):
    taken = Collected()
    assert read(part("video", b"1", name) + END, taken).filename is not None
    assert taken.content == b"1"


def test_a_broken_connection_is_reported_as_an_incomplete_form():
    async def broken() -> AsyncIterator[bytes]:
        yield part("height", b"1")
        raise ClientDisconnect

    with pytest.raises(MalformedForm):
        asyncio.run(read_form(TYPE, broken(), Collected(), 1 << 20))


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
def test_anything_but_a_multipart_form_is_refused(body: bytes, error: type[Exception]):
    with pytest.raises(error):
        read(body, Collected())


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("", UnsupportedMediaType),
        ("application/json", UnsupportedMediaType),
        ("multipart/form-data", MalformedForm),
        (f"multipart/form-data; boundary={'b' * 71}", MalformedForm),
    ],
)
def test_other_content_types_are_refused(content_type: str, error: type[Exception]):
    with pytest.raises(error):
        read(END, Collected(), content_type=content_type)


def test_a_body_over_the_limit_is_refused_while_it_arrives():
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield part("video", b"", "v.mp4")[:-2]
        while True:
            taken += 1000
            yield b"x" * 1000

    with pytest.raises(BodyTooLarge):
        asyncio.run(read_form(TYPE, endless(), Collected(), 10_000))
    assert taken <= 11_000


def test_a_client_that_stops_is_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_PAUSE_S", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield part("height", b"1")
        await asyncio.sleep(60)

    with pytest.raises(TooSlow):
        asyncio.run(read_form(TYPE, stalled(), Collected(), 1 << 20))


def test_a_client_that_sends_too_slowly_is_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forms, "_PAUSE_S", 0.1)

    async def dripping() -> AsyncIterator[bytes]:
        yield part("video", b"", "v.mp4")[:-2]
        while True:
            await asyncio.sleep(0.02)
            yield b"x"

    with pytest.raises(TooSlow):
        asyncio.run(read_form(TYPE, dripping(), Collected(), 1 << 20))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "x"), OSError(errno.EFBIG, "x"), StoreFull("x")])
def test_a_full_disk_is_reported(error: Exception):
    with pytest.raises(StorageFull), room_demanded():
        raise error
