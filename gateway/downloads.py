"""Files of a run as streamed responses: whole, in ranges, or as one archive, never held whole in memory."""

import mimetypes
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Send
from stream_zip import NO_COMPRESSION_64, ZIP_64, Method, async_stream_zip

from gateway.compression import accepts_gzip, compressed, is_worth_it
from gateway.conditions import Validators, is_unchanged, wanted_range
from gateway.container_type import HEAD_BYTES, container
from humanpose3d.errors import ObjectNotFound
from shared.runtime.run_state import RunState
from shared.runtime.store import Store, content

_TYPES: Final = {".trc": "text/tab-separated-values", ".mot": "text/plain", ".osim": "application/xml"}
_COMPRESSED: Final = (".avi", ".m4v", ".mov", ".mp4", ".mpg", ".ogv", ".png", ".ts", ".webm", ".wmv")
_REPORT_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""For HTML and SVG results: they run no scripts and load nothing."""
_READABLE: Final = 0o100644


class Streamed(StreamingResponse):
    """A streamed response that closes its source at once, however it ends."""

    def __init__(
        self, content: AsyncIterable[bytes | str], status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(content, status, headers, media_type)
        self._content = content

    async def stream_response(self, send: Send) -> None:
        """Send all of it."""
        try:
            await super().stream_response(send)
        finally:
            if isinstance(self._content, AsyncGenerator):
                await self._content.aclose()


async def file_response(store: Store, state: RunState, path: str, asked: Headers) -> Response:
    """One result file: whole, a range, or only if changed, by the request's headers (RFC 9110, 13 and 14).

    Raises ObjectNotFound where the run has no such file, RangeNotSatisfiable, PreconditionFailed.
    """
    key = state.results.get(path)
    if key is None:
        raise ObjectNotFound("The run has no such file.")
    return await _response(store, key, path.rsplit("/", 1)[-1], _media_type(path), asked)


async def video_response(store: Store, state: RunState, asked: Headers) -> Response:
    """The uploaded video, or a range of it; with `blur_faces` only ever the preview.

    Raises ObjectNotFound, RangeNotSatisfiable, PreconditionFailed.
    """
    if state.request.options.blur_faces:
        return await file_response(store, state, f"{state.request.name}_preview.mp4", asked)
    media_type, suffix = await _container(store, state)
    return await _response(store, state.request.video_key, state.request.name + suffix, media_type, asked)


async def _container(store: Store, state: RunState) -> tuple[str, str]:
    """Media type and suffix of a run's video."""
    return container(await content(store, state.request.video_key, 0, HEAD_BYTES))


async def _response(store: Store, key: str, name: str, media_type: str, asked: Headers) -> Response:
    found = await store.stat(key)
    validators = Validators(f'"{found.modified.timestamp():.0f}-{found.size}"', found.modified)
    headers = {**validators.headers, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if is_unchanged(asked, validators):
        return Response(None, 304, headers)
    headers["Content-Disposition"] = _disposition(name)
    if name.endswith((".html", ".svg")):
        headers["Content-Security-Policy"] = _REPORT_POLICY
    part = wanted_range(asked, validators, found.size)
    compressible = is_worth_it(name, found.size)
    if compressible:
        headers["Vary"] = "Accept-Encoding"
    if part is None and compressible and accepts_gzip(asked):
        # Another representation of the file: its tag is weak, so that ranges are never taken from both.
        headers |= {"Content-Encoding": "gzip", "ETag": f"W/{validators.etag}"}
        del headers["Accept-Ranges"]
        return Streamed(compressed(store.read(key)), 200, headers, media_type)
    if part is None:
        headers["Content-Length"] = str(found.size)
        return Streamed(store.read(key), 200, headers, media_type)
    start, length = part
    headers |= {"Content-Length": str(length), "Content-Range": f"bytes {start}-{start + length - 1}/{found.size}"}
    return Streamed(store.read(key, start, length), 206, headers, media_type)


class Member(NamedTuple):
    """A file of an archive."""

    path: str
    date: datetime
    content: AsyncIterable[bytes]


def run_members(store: Store, folder: str, state: RunState) -> Iterator[Member]:
    """The results of a run, in a folder."""
    for path, key in sorted(state.results.items()):
        yield Member(f"{folder}/{path}", state.updated_at, store.read(key))


async def video_member(store: Store, folder: str, state: RunState) -> Member:
    """The uploaded video of a run, in a folder. Raises ObjectNotFound."""
    _, suffix = await _container(store, state)
    path = f"{folder}/{state.request.name}{suffix}"
    return Member(path, state.accepted_at, store.read(state.request.video_key))


def text_member(path: str, text: str) -> Member:
    """A text made now."""

    async def content() -> AsyncIterator[bytes]:
        yield text.encode()

    return Member(path, datetime.now(UTC), content())


def archive_response(name: str, members: Iterable[Member] | AsyncIterable[Member]) -> Response:
    """Files as one zip, created while it is sent."""
    headers = {"Content-Disposition": _disposition(f"{name}.zip")}
    archive = async_stream_zip(_zipped(members), get_compressobj=_fast_deflate)
    return Streamed(archive, 200, headers, "application/zip")


def text_response(name: str, text: str, media_type: str) -> Response:
    """A text made now."""
    headers = {"Content-Disposition": _disposition(name), "Cache-Control": "no-store"}
    return Response(text.encode(), 200, headers, media_type)


def _fast_deflate() -> "zlib._Compress":
    """Twenty times as fast as the default, at a seventh more size for tables: archives are not cached."""
    return zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS)


async def _zipped(
    members: Iterable[Member] | AsyncIterable[Member],
) -> AsyncIterator[tuple[str, datetime, int, Method, AsyncIterable[bytes]]]:
    def entry(member: Member) -> tuple[str, datetime, int, Method, AsyncIterable[bytes]]:
        method = NO_COMPRESSION_64 if member.path.endswith(_COMPRESSED) else ZIP_64
        return member.path, member.date, _READABLE, method, member.content

    if isinstance(members, AsyncIterable):
        async for member in members:
            yield entry(member)
    else:
        for member in members:
            yield entry(member)


def _media_type(path: str) -> str:
    suffix = "." + path.rsplit(".", 1)[-1]
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _disposition(name: str) -> str:
    return f"inline; filename*=UTF-8''{quote(name)}"
