"""The object store on S3: MinIO or any compatible server. Plain S3 calls only.

The SDK is blocking, so its calls run in the store's own few threads. A file is sent in parts of 5 MiB, one at a time:
memory is bounded by the number of threads, regardless of the number and size of the files.
"""

import asyncio
import io
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource
from minio.datatypes import Object, Part, PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from humanpose3d.errors import ObjectNotFound, ScratchFull, StoreFull, StoreUnavailable
from shared.room import is_full
from shared.runtime.settings import Settings
from shared.runtime.store.protocol import (
    CHUNK_BYTES,
    PresignedUpload,
    StoredObject,
    StoredPart,
    checked_key,
    checked_prefix,
)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS: Final = 8
_PART_BYTES: Final = 5 << 20
_CONNECT_S: Final = 5.0
_READ_S: Final = 30.0
_PROBE_BYTES: Final = 1 << 20
_COPY_BYTES: Final = 256 << 20
"""Size that the server copies in one request, which must be answered within the time-out."""

_FULL: Final = ("XMinioStorageFull", "InsufficientCapacity", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")
_MISSING: Final = ("NoSuchKey", "NoSuchObject", "ResourceNotFound")


class S3Store:
    """See `shared.runtime.store.protocol.Store`. A missing bucket is created with the first call."""

    def __init__(self, settings: Settings) -> None:
        assert settings.s3_endpoint is not None
        self._bucket = settings.s3_bucket
        self._client = _client(settings, settings.s3_endpoint)
        self._public_url = (settings.s3_public_endpoint or settings.s3_endpoint).rstrip("/")
        self._public = _client(settings, self._public_url)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self._bucket_known = False
        self._full = False
        """The last write was refused because the disk was full."""

    async def put_file(self, key: str, path: Path) -> None:
        await self._write(self._put_file, checked_key(key), path)

    async def get_file(self, key: str, path: Path) -> None:
        await self._call(self._get_file, checked_key(key), path)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        if length == 0:  # which the SDK interprets as everything
            await self.stat(key)
            return
        response = await self._call(self._client.get_object, self._bucket, checked_key(key), start, length or 0)
        try:
            while chunk := await self._call(response.read, CHUNK_BYTES):
                yield chunk
        finally:
            response.close()
            response.release_conn()

    async def copy(self, source: str, target: str) -> None:
        await self._write(self._copy, checked_key(source), checked_key(target))

    async def stat(self, key: str) -> StoredObject:
        return _stored(await self._call(self._client.stat_object, self._bucket, checked_key(key)))

    async def objects(self, prefix: str) -> AsyncGenerator[StoredObject, None]:
        for found in await self._call(self._list, checked_prefix(prefix)):
            yield _stored(found)

    async def delete(self, prefix: str) -> None:
        await self._call(self._delete, checked_prefix(prefix))

    async def presign(self, key: str, lifetime: timedelta, max_bytes: int) -> PresignedUpload | None:
        expires = datetime.now(UTC) + lifetime
        policy = PostPolicy(self._bucket, expires)
        policy.add_equals_condition("key", checked_key(key))
        policy.add_content_length_range_condition(1, max_bytes)
        fields = await self._call(self._public.presigned_post_policy, policy)
        return PresignedUpload(f"{self._public_url}/{self._bucket}", {"key": key, **fields}, expires)

    async def put_part(self, key: str, number: int, path: Path) -> None:
        await self._write(self._put_part, checked_key(key), number, path)

    async def presign_part(self, key: str, number: int, lifetime: timedelta) -> str | None:
        upload = await self._call(self._begin_upload, checked_key(key))
        query: dict[str, str | list[str] | tuple[str]] = {"partNumber": str(number), "uploadId": upload}
        return await self._call(
            self._public.get_presigned_url, "PUT", self._bucket, key, lifetime, extra_query_params=query
        )

    async def parts(self, key: str) -> list[StoredPart]:
        upload = await self._call(self._upload, checked_key(key))
        if upload is None:
            return []
        return [StoredPart(part.part_number, part.size or 0) for part in await self._call(self._parts, key, upload)]

    async def join_parts(self, key: str) -> None:
        await self._call(self._join_parts, checked_key(key))

    async def discard_parts(self, key: str) -> None:
        await self._call(self._discard_parts, checked_key(key))

    async def sweep(self, age: timedelta) -> None:
        await self._call(self._sweep, datetime.now(UTC) - age)

    async def check(self) -> None:
        if not await self._call(self._client.bucket_exists, self._bucket):
            self._bucket_known = False
            raise StoreUnavailable("The object store has lost its bucket.")
        if self._full:  # not every time: each write may be charged, and is kept for ever in a versioned bucket
            probe = io.BytesIO(bytes(_PROBE_BYTES))
            await self._write(self._client.put_object, self._bucket, "health", probe, _PROBE_BYTES)

    async def _write(self, work: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        try:
            await self._call(work, *arguments, **named)
        except StoreFull:
            self._full = True
            raise
        self._full = False

    async def _call(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        with _translated():
            if not self._bucket_known:
                await loop.run_in_executor(self._threads, self._make_bucket)
            return await loop.run_in_executor(self._threads, lambda: work(*arguments, **named))

    def _make_bucket(self) -> None:
        try:
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):  # another process was faster
                raise
        self._bucket_known = True

    def _put_file(self, key: str, path: Path) -> None:
        self._client.fput_object(self._bucket, key, str(path), part_size=_PART_BYTES, num_parallel_uploads=1)

    def _copy(self, source: str, target: str) -> None:
        size = self._client.stat_object(self._bucket, source).size or 0
        if size <= _COPY_BYTES:
            self._client.copy_object(self._bucket, target, CopySource(self._bucket, source))
            return
        starts = range(0, size, _COPY_BYTES)
        pieces = [
            ComposeSource(self._bucket, source, offset=start, length=min(_COPY_BYTES, size - start)) for start in starts
        ]
        self._client.compose_object(self._bucket, target, pieces)

    def _get_file(self, key: str, path: Path) -> None:
        response = self._client.get_object(self._bucket, key)
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                for chunk in response.stream(CHUNK_BYTES):
                    file.write(chunk)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
            response.close()
            response.release_conn()

    # The SDK's public API handles whole objects only; uploads in parts use its internal functions.

    def _upload(self, key: str) -> str | None:
        """The multipart upload of this object: the oldest, so that all processes use the same."""
        found = self._client._list_multipart_uploads(self._bucket, prefix=key).uploads
        own = [upload for upload in found if upload.object_name == key]
        oldest = min(own, key=lambda upload: (upload.initiated_time, upload.upload_id), default=None)
        return None if oldest is None else str(oldest.upload_id)

    def _begin_upload(self, key: str) -> str:
        upload = self._upload(key)
        if upload is None:
            made = self._client._create_multipart_upload(self._bucket, key, {})
            upload = self._upload(key) or made  # another process may have begun one at the same time
        return upload

    def _put_part(self, key: str, number: int, path: Path) -> None:
        upload = self._begin_upload(key)
        self._client._upload_part(self._bucket, key, path.read_bytes(), None, upload, number)

    def _parts(self, key: str, upload: str) -> list[Part]:
        parts: dict[int, Part] = {}  # by number, since some servers list a part that was sent again twice
        marker: str | None = None
        while True:
            page = self._client._list_parts(self._bucket, key, upload, part_number_marker=marker)
            parts |= {part.part_number: part for part in page.parts}
            if not page.is_truncated:
                return [part for _, part in sorted(parts.items())]
            marker = str(page.next_part_number_marker)

    def _join_parts(self, key: str) -> None:
        upload = self._upload(key)
        parts = [] if upload is None else self._parts(key, upload)
        if upload is None or not parts:
            raise ObjectNotFound("Nothing of this object has arrived.")
        self._client._complete_multipart_upload(self._bucket, key, upload, parts)

    def _discard_parts(self, key: str) -> None:
        while (upload := self._upload(key)) is not None:
            self._client._abort_multipart_upload(self._bucket, key, upload)

    def _sweep(self, oldest: datetime) -> None:
        # MinIO lists uploads by full names only, so finds none here, and removes them by itself after a day.
        for upload in self._client._list_multipart_uploads(self._bucket, prefix="").uploads:
            if upload.initiated_time is not None and upload.initiated_time < oldest:
                self._client._abort_multipart_upload(self._bucket, upload.object_name, str(upload.upload_id))

    def _list(self, prefix: str) -> list[Object]:
        return list(self._client.list_objects(self._bucket, prefix, recursive=True))

    def _delete(self, prefix: str) -> None:
        # Interrupted uploads; MinIO lists them by full names only, and removes them by itself after a day.
        unfinished = self._client._list_multipart_uploads(self._bucket, prefix=prefix)
        for upload in unfinished.uploads:
            self._client._abort_multipart_upload(self._bucket, upload.object_name, str(upload.upload_id))
        names = [DeleteObject(str(found.object_name)) for found in self._list(prefix)]
        if any(list(self._client.remove_objects(self._bucket, names))):
            raise StoreUnavailable("The object store did not remove every object.")


def _client(settings: Settings, url: str) -> Minio:
    address = urlsplit(url)
    assert settings.s3_secret_key is not None
    return Minio(
        address.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=address.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(
            maxsize=_THREADS,
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            ssl_context=ssl.create_default_context(),
        ),
    )


def _stored(found: Object) -> StoredObject:
    assert found.last_modified is not None
    return StoredObject(str(found.object_name), found.size or 0, found.last_modified)


@contextmanager
def _translated() -> Iterator[None]:
    """Translates the SDK's errors to the store's, without addresses."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise ObjectNotFound("There is no such object in the store.") from None
        if error.code in _FULL:
            raise StoreFull("The disk of the object store is full. Make room; accepted runs wait.") from error
        raise StoreUnavailable(f"The object store refused ({error.code}).") from error
    except OSError as error:
        if is_full(error):  # this machine's, where an object was fetched to
            raise ScratchFull("The disk for work in progress is full.") from error
        raise StoreUnavailable(f"The object store did not answer ({type(error).__name__}).") from error
    except (MinioException, HTTPError) as error:
        raise StoreUnavailable(f"The object store did not answer ({type(error).__name__}).") from error
