"""Videos uploaded before their run: whole by a form, or in parts, which can be resumed.

An upload consists only of its unguessable key: its state is read from the store each time, so any gateway can serve any
upload, and a client can resume after a reload, a restart or hours without network. A run gets its own copy: the address
of an upload never refers to a run's video.
"""

import math
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.errors import BodyTooLarge, UploadIncomplete, UploadNotFound
from gateway.incoming import PART_BYTES, PlacedVideo
from humanpose3d.errors import InvalidOption, ObjectNotFound, RunExists, RunNotFound, RunUnreadable
from shared.runtime.bus import Bus
from shared.runtime.store import PresignedUpload, Store, StoredPart

UPLOADS: Final = "uploads/"
"""The store's folder of all uploads, separate from runs' videos."""

PRESIGNED_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Arrived:
    """What has been received of an upload: its parts, or the complete video."""

    parts: list[StoredPart]
    complete: bool


class Uploads:
    """Receives videos. Every call may raise StoreUnavailable and BusUnavailable."""

    def __init__(self, bus: Bus, store: Store, max_bytes: int) -> None:
        self._bus, self._store, self.max_bytes = bus, store, max_bytes

    async def begin(self) -> tuple[str, PresignedUpload | None]:
        """A new key, and the form to upload a whole video under it; None where the store has no public address."""
        upload_key = new_id()
        return upload_key, await self._store.presign(_key(upload_key), PRESIGNED_LIFETIME, self.max_bytes)

    async def arrived(self, upload_key: str) -> Arrived:
        """What has been received of an upload; complete if it has become a run, nothing for an unused key."""
        with suppress(ObjectNotFound):
            await self._store.stat(_key(upload_key))
            return Arrived([], complete=True)
        if await self._is_run(upload_key):
            return Arrived([], complete=True)
        return Arrived(await self._store.parts(_key(upload_key)), complete=False)

    async def address(self, upload_key: str, number: int) -> str | None:
        """The store's address to PUT this part to; None where it has no public address.

        Raises RunExists, InvalidOption.
        """
        await self._demand_open(upload_key, number)
        return await self._store.presign_part(_key(upload_key), number, PRESIGNED_LIFETIME)

    async def put(self, upload_key: str, number: int, path: Path) -> None:
        """Store a part. Raises RunExists, InvalidOption."""
        await self._demand_open(upload_key, number)
        await self._store.put_part(_key(upload_key), number, path)

    async def complete(self, upload_key: str, size: int) -> None:
        """Join the parts to one video of `size` bytes; safe to repeat. Raises UploadIncomplete, BodyTooLarge."""
        if size > self.max_bytes:
            raise BodyTooLarge(f"The video is larger than the {self.max_bytes / 1e6:,.0f} MB that this server takes.")
        arrived = await self.arrived(upload_key)
        if arrived.complete:
            return
        numbers = [part.number for part in arrived.parts]
        missing = sorted(set(range(1, math.ceil(size / PART_BYTES) + 1)) - set(numbers))
        there = sum(part.size for part in arrived.parts)
        if missing or there != size:
            raise UploadIncomplete(
                f"{there} of {size} bytes have arrived. Send what is missing"
                + (f" (parts {', '.join(map(str, missing[:20]))})." if missing else ": the parts' sizes do not fit.")
            )
        with suppress(ObjectNotFound):  # another request has just joined them
            await self._store.join_parts(_key(upload_key))

    async def copy_to(self, upload_key: str, video: PlacedVideo) -> None:
        """Give a run its own copy. Raises UploadNotFound."""
        try:
            await self._store.copy(_key(upload_key), video.key)
        except ObjectNotFound:
            raise UploadNotFound("There is no finished upload of this key. Upload the video first.") from None

    async def remove(self, upload_key: str) -> None:
        """Remove an upload."""
        await self._store.discard_parts(_key(upload_key))
        await self._store.delete(f"{UPLOADS}{upload_key}/")

    async def sweep(self, age: timedelta) -> None:
        """Remove uploads that are older than `age` and became no run."""
        await self._store.sweep(age)
        oldest = datetime.now(UTC) - age
        async for found in self._store.objects(UPLOADS):
            if found.modified < oldest:
                await self._store.delete(found.key.rpartition("/")[0] + "/")

    async def _demand_open(self, upload_key: str, number: int) -> None:
        """Refuse to change the video of a run."""
        most = math.ceil(self.max_bytes / PART_BYTES)
        if not 1 <= number <= most:
            raise InvalidOption({"number": f"is a part's number, 1 to {most}"})
        if await self._is_run(upload_key):
            raise RunExists("A run was started with this upload. Begin another one.")

    async def _is_run(self, upload_key: str) -> bool:
        try:
            await self._bus.read(upload_key)
        except RunNotFound:
            return False
        except RunUnreadable:
            pass
        return True


def new_id() -> str:
    """An unguessable key of a run or an upload."""
    return secrets.token_urlsafe(15)


def _key(upload_key: str) -> str:
    return f"{UPLOADS}{upload_key}/video"
