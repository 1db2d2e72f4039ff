"""Files of a run as streamed answers: ranges, and all of them as one archive, never held whole in memory."""

import mimetypes
import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from stream_zip import NO_COMPRESSION_64, ZIP_64, Method, async_stream_zip

from gateway.container_type import HEAD_BYTES, container
from gateway.errors import RangeNotSatisfiable
from humanpose3d.errors import ObjectNotFound
from shared.runtime.run_state import RunState
from shared.runtime.store import Store

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_TYPES: Final = {".trc": "text/tab-separated-values", ".mot": "text/plain"}
_COMPRESSED: Final = (".mp4", ".png")
_REPORT_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""For pages and drawings among the results: they show what is in them, run nothing and ask nobody."""
_READABLE: Final = 0o100644


async def file_response(store: Store, state: RunState, path: str, range_header: str | None) -> Response:
    """One result file, or the part of it that a Range header asks for (RFC 9110, 14).

    Raises ObjectNotFound where the run has no such file, RangeNotSatisfiable.
    """
    key = state.results.get(path)
    if key is None:
        raise ObjectNotFound("The run has no such file.")
    return await _response(store, key, path.rsplit("/", 1)[-1], _media_type(path), range_header)


async def video_response(store: Store, state: RunState, range_header: str | None) -> Response:
    """The video that was sent, or a part of it; where faces are to be hidden, the preview and never the video.

    Raises ObjectNotFound, RangeNotSatisfiable.
    """
    if state.request.options.blur_faces:
        return await file_response(store, state, f"{state.request.name}_preview.mp4", range_header)
    key = state.request.video_key
    head = b"".join([chunk async for chunk in store.read(key, 0, HEAD_BYTES)])
    media_type, suffix = container(head)
    return await _response(store, key, state.request.name + suffix, media_type, range_header)


async def _response(store: Store, key: str, name: str, media_type: str, range_header: str | None) -> Response:
    found = await store.stat(key)
    etag = f'"{found.modified.timestamp():.0f}-{found.size}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Content-Disposition": _disposition(name)}
    if name.endswith((".html", ".svg")):
        headers["Content-Security-Policy"] = _REPORT_POLICY
    part = _parse_range(range_header, found.size)
    if part is None:
        headers["Content-Length"] = str(found.size)
        return StreamingResponse(store.read(key), 200, headers, media_type)
    start, length = part
    headers |= {"Content-Length": str(length), "Content-Range": f"bytes {start}-{start + length - 1}/{found.size}"}
    return StreamingResponse(store.read(key, start, length), 206, headers, media_type)


def archive_response(store: Store, state: RunState) -> Response:
    """All results as one zip, made while it is sent."""
    name = state.request.name
    headers = {"Content-Disposition": _disposition(f"{name}.zip")}
    members = _members(store, name, state.results, state.updated_at)
    archive = async_stream_zip(members, get_compressobj=_fast_deflate)
    return StreamingResponse(archive, 200, headers, "application/zip")


def _fast_deflate() -> "zlib._Compress":
    """Twenty times as fast as the default, for tables of numbers a seventh larger: archives are made anew each time."""
    return zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS)


async def _members(
    store: Store, folder: str, files: Mapping[str, str], date: datetime
) -> AsyncIterator[tuple[str, datetime, int, Method, AsyncIterable[bytes]]]:
    for path, key in sorted(files.items()):
        method = NO_COMPRESSION_64 if path.endswith(_COMPRESSED) else ZIP_64
        yield f"{folder}/{path}", date, _READABLE, method, store.read(key)


def _parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and length; None where the whole file is to be sent (also for forms that a server may ignore)."""
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or (not first and int(last) == 0):
        raise RangeNotSatisfiable(f"The file has {size} bytes.")
    return start, end - start + 1


def _media_type(path: str) -> str:
    suffix = "." + path.rsplit(".", 1)[-1]
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _disposition(name: str) -> str:
    return f"inline; filename*=UTF-8''{quote(name)}"
