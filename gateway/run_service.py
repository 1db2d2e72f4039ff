"""What can be done with runs, over bus, store and index. Knows nothing of HTTP."""

import base64
import binascii
import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.api_keys import ApiKey
from gateway.errors import IdempotencyKeyReused, QuotaExceeded, UploadNotFound
from gateway.forms import Upload
from gateway.run_index import RunIndex
from gateway.submission import Submission
from gateway.uploads import new_id, video_key
from humanpose3d.errors import InvalidKey, InvalidOption, ObjectNotFound, RunExists, RunNotFound
from shared.names import safe_name
from shared.runtime import runs
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunRequest, RunState
from shared.runtime.store import Store

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Page:
    """Some runs, newest first, and where the next page begins (None after the last)."""

    runs: list[RunState]
    next_cursor: str | None


class RunService:
    """Takes runs on and answers for them. Every call is for an API key, and sees that key's runs only."""

    def __init__(self, bus: Bus, store: Store, index: RunIndex) -> None:
        self._bus, self._store, self._index = bus, store, index

    async def submit(
        self, key: ApiKey, submission: Submission, video: Upload, idempotency_key: str | None = None
    ) -> RunState:
        """Accept a run whose video lies on this machine. When this returns, nothing but an erasure can lose the run.

        The same Idempotency-Key with the same submission gives the same run, however often it is sent.
        Raises QuotaExceeded, IdempotencyKeyReused, BusUnavailable, StoreUnavailable.
        """
        run_id = _derived_id(key, idempotency_key) if idempotency_key else new_id()
        fingerprint = submission.fingerprint(video.sha256)
        if idempotency_key and (earlier := await self._earlier(run_id, fingerprint)):
            return earlier
        self._check_quota(key)
        await self._store.put_file(video_key(run_id), video.path)
        return await self._accept(run_id, _request(key, submission, video.filename, video_key(run_id), fingerprint))

    async def submit_uploaded(self, key: ApiKey, submission: Submission, upload_key: str, filename: str) -> RunState:
        """Accept a run whose video was uploaded before. Raises UploadNotFound besides."""
        fingerprint = submission.fingerprint(upload_key)
        if earlier := await self._earlier(upload_key, fingerprint):
            return earlier
        self._check_quota(key)
        try:
            await self._store.stat(video_key(upload_key))
        except (ObjectNotFound, InvalidKey):
            raise UploadNotFound("There is no finished upload of this key. Upload the video first.") from None
        return await self._accept(upload_key, _request(key, submission, filename, video_key(upload_key), fingerprint))

    async def get(self, key: ApiKey, run_id: str) -> RunState:
        """One run, as the bus has it now. Raises RunNotFound, for another owner's run too."""
        state, _ = await self._bus.read(run_id)
        if state.request.owner != key.owner:
            raise RunNotFound(f"There is no run {run_id}.")
        return state

    def page(self, key: ApiKey, limit: int, cursor: str | None) -> Page:
        """The owner's runs, newest first. Raises InvalidOption for a cursor that is none of ours."""
        own = self._index.owned_by(key.owner)
        if cursor is not None:
            before = _read_cursor(cursor)
            own = [state for state in own if (state.accepted_at, state.run_id) < before]
        return Page(own[:limit], _cursor(own[limit - 1]) if len(own) > limit else None)

    def position(self, state: RunState) -> int | None:
        """How many runs were accepted before this one and wait as it does; None when it does not wait."""
        if state.status != "queued":
            return None
        return sum(other.status == "queued" and other.accepted_at < state.accepted_at for other in self._index)

    async def rename(self, key: ApiKey, run_id: str, title: str) -> RunState:
        """Give a run another name; its files keep theirs. Raises RunNotFound."""
        await self.get(key, run_id)
        state = await runs.rename(self._bus, run_id, title)
        self._index.put(state)
        return state

    async def cancel(self, key: ApiKey, run_id: str) -> RunState:
        """Stop a run. Raises RunNotFound, and RunOver where it has ended."""
        await self.get(key, run_id)
        state = await runs.cancel(self._bus, run_id)
        self._index.put(state)
        return state

    async def erase(self, key: ApiKey, run_id: str) -> None:
        """Stop a run and remove its video, its results and every trace of it. Raises RunNotFound."""
        await self.get(key, run_id)
        await self._erase(run_id)

    async def erase_older_than(self, age: timedelta) -> int:
        """Erase every run that was accepted longer ago than `age`; returns how many."""
        oldest = datetime.now(UTC) - age
        expired = [state.run_id for state in self._index if state.accepted_at < oldest]
        for run_id in expired:
            with contextlib.suppress(RunNotFound):  # another gateway was faster
                await self._erase(run_id)
        return len(expired)

    async def _erase(self, run_id: str) -> None:
        await runs.erase(self._bus, self._store, run_id)
        self._index.drop(run_id)

    async def _accept(self, run_id: str, request: RunRequest) -> RunState:
        try:
            state = await runs.submit(self._bus, run_id, request)
        except RunExists:
            state = await self._same(run_id, request.fingerprint)
        self._index.put(state)
        return state

    async def _earlier(self, run_id: str, fingerprint: str) -> RunState | None:
        """The run that an earlier request of the same kind started, if there was one."""
        try:
            return await self._same(run_id, fingerprint)
        except RunNotFound:
            return None

    async def _same(self, run_id: str, fingerprint: str) -> RunState:
        state, _ = await self._bus.read(run_id)
        if state.request.fingerprint != fingerprint:
            raise IdempotencyKeyReused("This key was used for another submission. Use a new one.")
        if state.status == "queued":
            # The request that created it may have died before it queued the work; twice queued is done once.
            await runs.publish_next(self._bus, state)
        return state

    def _check_quota(self, key: ApiKey) -> None:
        if key.runs_per_day is None:
            return
        since = datetime.now(UTC) - _DAY
        if sum(state.accepted_at > since for state in self._index.owned_by(key.owner)) >= key.runs_per_day:
            raise QuotaExceeded(f"This API key may start {key.runs_per_day} runs in 24 hours. Try again later.")


def _request(key: ApiKey, submission: Submission, filename: str, video: str, fingerprint: str) -> RunRequest:
    return RunRequest(
        video_key=video,
        name=safe_name(Path(filename)),
        subject=submission.subject,
        options=submission.options,
        consented_at=datetime.now(UTC),
        owner=key.owner,
        fingerprint=fingerprint,
    )


def _derived_id(key: ApiKey, idempotency_key: str) -> str:
    digest = hashlib.sha256(f"{key.owner}\0{idempotency_key}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:15]).decode()


def _cursor(state: RunState) -> str:
    return base64.urlsafe_b64encode(f"{state.accepted_at.isoformat()} {state.run_id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        accepted_at, run_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        parsed = datetime.fromisoformat(accepted_at)
    except (ValueError, binascii.Error):
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise InvalidOption({"cursor": "is not one that this server gave"})
    return parsed, run_id
