"""Receives a video and passes it on to the store in parts, so that this machine holds only one part at a time.

Until its run is accepted, a video is stored under a random key that no other process knows, and a marker in the store
names it. A video that is not accepted is removed; the remains of a killed process are swept after a day. The sweep
reads the markers only, since there may be very many videos.
"""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from gateway.container_type import HEAD_BYTES, container
from gateway.forms import room_demanded
from humanpose3d.errors import InputError, Unavailable
from shared.runtime.store import Store, content
from shared.scratch import scratch_folder

PART_BYTES: Final = 8 << 20
"""Minimum size of all parts but the last: S3 requires 5 MiB, and small parts limit what is sent again."""

VIDEOS: Final = "videos/"
"""The store's folder of all videos of accepted or pending runs: videos/<run>/<random>/video."""


PENDING: Final = "pending/"
"""The store's folder of markers: pending/<run>/<random>/marker, for videos whose run is not accepted yet."""


class PlacedVideo:
    """Location of a run's video, from before the run is accepted. Kept if `kept` is set when the block ends."""

    def __init__(self, store: Store, run_id: str, name: str) -> None:
        self.store, self.run_id = store, run_id
        self.folder = f"{VIDEOS}{run_id}/{name}/"
        self.key = f"{self.folder}video"
        self.marker = f"{PENDING}{run_id}/{name}/"
        self.kept = False

    @classmethod
    def marked(cls, store: Store, marker: str) -> Self:
        """The video that this object marks as pending."""
        return cls(store, *marker.removeprefix(PENDING).split("/")[:2])

    async def remove(self) -> None:
        """Remove what has been stored of it."""
        await self.store.discard_parts(self.key)
        await self.store.delete(self.folder)

    async def demand_video(self) -> None:
        """Raises UnreadableVideo where the object is not a video."""
        container(await content(self.store, self.key, 0, HEAD_BYTES))


@asynccontextmanager
async def placed(store: Store, run_id: str) -> AsyncIterator[PlacedVideo]:
    """A new location, emptied at the end unless the block keeps the video."""
    video = PlacedVideo(store, run_id, secrets.token_urlsafe(9))
    with scratch_folder() as scratch:
        (scratch / "marker").touch()
        await store.put_file(f"{video.marker}marker", scratch / "marker")
    try:
        yield video
    finally:
        with contextlib.suppress(Unavailable):  # it is swept in a day
            if not video.kept:
                await video.remove()
            await store.delete(video.marker)


class IncomingVideo:
    """The video of a form while it is received. The first bytes are checked, and only a video is stored."""

    def __init__(self, video: PlacedVideo, scratch: Path) -> None:
        self._video = video
        self._part = scratch / "part"
        self._part_bytes = 0
        self._parts = 0
        self._head = b""
        self._digest = hashlib.sha256()

    async def write(self, data: bytes) -> None:
        """Receive the next bytes. Raises StoreUnavailable."""
        self._head += data[: HEAD_BYTES - len(self._head)]
        await asyncio.to_thread(self._append, data)
        if self._part_bytes >= PART_BYTES:
            await self._send_part()

    async def finish(self) -> str:
        """Store the complete video; returns its sha256. Raises UnreadableVideo, StoreUnavailable."""
        container(self._head)
        store, key = self._video.store, self._video.key
        if not self._parts:
            await store.put_file(key, self._part)
        else:
            if self._part_bytes:
                await self._send_part()
            await store.join_parts(key)
        return self._digest.hexdigest()

    def _append(self, data: bytes) -> None:
        self._digest.update(data)
        with self._part.open("ab") as file:
            file.write(data)
        self._part_bytes += len(data)

    async def _send_part(self) -> None:
        if self._is_video():
            self._parts += 1
            await self._video.store.put_part(self._video.key, self._parts, self._part)
        self._part.unlink()
        self._part_bytes = 0

    def _is_video(self) -> bool:
        try:
            container(self._head)
        except InputError:
            return False  # the rest is read and ignored, since a client that is still sending does not see a refusal
        return True


@asynccontextmanager
async def incoming(store: Store, run_id: str) -> AsyncIterator[tuple[PlacedVideo, IncomingVideo]]:
    """A location for a run's video, and its receiver. Raises StorageFull where a disk is full in the block."""
    with room_demanded(), scratch_folder() as scratch:
        async with placed(store, run_id) as video:
            yield video, IncomingVideo(video, scratch)
