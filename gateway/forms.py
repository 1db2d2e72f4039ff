"""Parses a multipart form as a stream: fields in memory, its file into a sink of the caller's.

Nothing is held whole in memory, every limit is checked as bytes come in, and a client that stops sending is dropped.
"""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from gateway.errors import BodyTooLarge, MalformedForm, StorageFull, TooSlow, UnsupportedMediaType
from humanpose3d.errors import InvalidOption, StoreFull

VIDEO: Final = "video"
VIDEO_LIST: Final = "videos"
_MAX_FIELDS: Final = 64
_MAX_FIELD_BYTES: Final = 8192
_MAX_LIST_BYTES: Final = 1 << 20
_MAX_HEADER_BYTES: Final = 32_768
_WRITE_BYTES: Final = 1 << 20
# A phone on a poor connection sends more than this; after the pause a slower connection is closed.
_MIN_BYTES_PER_SECOND: Final = 2_000
_PAUSE_S: Final = 20.0


class Sink(Protocol):
    """Receives a file's bytes."""

    async def write(self, data: bytes) -> None:
        """Receive the next bytes."""


@dataclass(frozen=True)
class Form:
    """Content of a form: its fields by name, and the client's name of its file, if there is one."""

    fields: dict[str, str]
    filename: str | None


async def read_form(
    content_type: str, body: AsyncIterator[bytes], file: Sink, max_bytes: int, *, file_field: str = VIDEO
) -> Form:
    """Read a form; the bytes of its one file, the field `file_field`, go to `file`.

    Raises UnsupportedMediaType, MalformedForm, BodyTooLarge, TooSlow, what `file` raises, and InvalidOption where a
    field comes twice.
    """
    boundary = _boundary(content_type)
    reader = _Reader(file, file_field)
    parser = MultipartParser(boundary, reader.callbacks(), max_header_size=_MAX_HEADER_BYTES)  # type: ignore[arg-type]  # its callbacks are a TypedDict
    try:
        async for chunk in _within_limits(body, max_bytes):
            parser.write(chunk)
            await reader.spill(_WRITE_BYTES)
        parser.finalize()
        await reader.spill(1)
        return reader.form()
    except FormParserError:
        raise MalformedForm("The body is not a complete multipart form. Send it again.") from None


async def read_body(body: AsyncIterator[bytes], path: Path, max_bytes: int) -> None:
    """Read a raw body into a new file.

    Raises MalformedForm where it is empty, BodyTooLarge, TooSlow.
    """
    with path.open("xb") as file:
        async for chunk in _within_limits(body, max_bytes):
            await asyncio.to_thread(file.write, chunk)
        if not file.tell():
            raise MalformedForm("The body is empty.")


async def _within_limits(body: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """The pieces of the body, with limits on time and size."""
    received, started = 0, time.monotonic()
    async for chunk in _patiently(body):
        received += len(chunk)
        if received > max_bytes:
            raise BodyTooLarge(f"More was sent than the {max_bytes / 1e6:,.0f} MB that this server takes at once.")
        _demand_pace(received, time.monotonic() - started)
        yield chunk


@contextmanager
def room_demanded() -> Iterator[None]:
    """Reports a full disk, here or in the store, to the client."""
    try:
        yield
    except StoreFull:
        raise StorageFull("The server has no room for this upload at the moment. Try again later.") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull("The server has no room for this upload at the moment. Try again later.") from None
        raise


def _boundary(content_type: str) -> bytes:
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType("Send the video and its options as multipart/form-data.")
    boundary: bytes = parameters.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046, 5.1.1
        raise MalformedForm("The Content-Type header names no valid boundary.")
    return boundary


async def _patiently(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of the body; raises TooSlow where the next one does not arrive."""
    while True:
        try:
            async with asyncio.timeout(_PAUSE_S):
                chunk = await anext(body)
        except TimeoutError:
            raise TooSlow("The upload stopped. Send it again.") from None
        except ClientDisconnect:
            raise MalformedForm("The connection ended before the upload did. Send it again.") from None
        except StopAsyncIteration:
            return
        yield chunk


def _demand_pace(received: int, elapsed: float) -> None:
    if elapsed > _PAUSE_S and received < elapsed * _MIN_BYTES_PER_SECOND:
        raise TooSlow(f"The upload is slower than {_MIN_BYTES_PER_SECOND / 1000:g} kB a second. Use a faster line.")


@dataclass
class _Reader:
    """Collects the parser's callbacks."""

    file: Sink
    file_field: str
    fields: dict[str, str] = field(default_factory=dict)
    _name: str = ""
    _filename: str | None = None
    _header: bytes = b""
    _header_content: bytes = b""
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _value: bytearray = field(default_factory=bytearray)
    _unwritten: bytearray = field(default_factory=bytearray)
    _ended: bool = False

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_done,
            "on_headers_finished": self._headers_done,
            "on_part_data": self._data,
            "on_part_end": self._part_done,
            "on_end": self._end,
        }

    async def spill(self, least: int) -> None:
        """Pass on the received bytes of the file, if there are at least `least`."""
        if len(self._unwritten) >= least:
            data, self._unwritten = bytes(self._unwritten), bytearray()
            await self.file.write(data)

    def form(self) -> Form:
        if not self._ended:
            raise MalformedForm("The form breaks off before its end. Send it again.")
        return Form(self.fields, self._filename)

    def _begin(self) -> None:
        self._headers, self._value = {}, bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_content += data[start:end]

    def _header_done(self) -> None:
        self._headers[self._header.lower()] = self._header_content
        self._header = self._header_content = b""

    def _headers_done(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        if not self._name:
            raise MalformedForm("A part of the form has no name.")
        if self._name in self.fields or (self._name == self.file_field and self._filename is not None):
            raise InvalidOption({self._name: "is given twice"})
        if len(self.fields) >= _MAX_FIELDS:
            raise MalformedForm(f"The form has more than {_MAX_FIELDS} fields.")
        if self._name == self.file_field and filename is None:
            raise InvalidOption({self.file_field: "has to be a file"})
        if self._name == self.file_field:
            self._filename = (filename or b"").decode("utf-8", "replace")
        elif filename is not None:
            raise InvalidOption({self._name: f"is a file; only {self.file_field!r} can be one"})

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self.file_field:
            self._unwritten += data[start:end]
            return
        self._value += data[start:end]
        longest = _MAX_LIST_BYTES if self._name == VIDEO_LIST else _MAX_FIELD_BYTES
        if len(self._value) > longest:
            raise InvalidOption({self._name: f"is longer than {longest} bytes"})

    def _part_done(self) -> None:
        if self._name != self.file_field:
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True
