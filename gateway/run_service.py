"""Operations on runs, using bus, store and index. Independent of HTTP."""

import base64
import contextlib
import hashlib
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from gateway import concurrently
from gateway.api_keys import ANONYMOUS, ApiKey
from gateway.errors import BatchVideoSent, IdempotencyKeyReused, UploadNotFound
from gateway.incoming import PENDING, VIDEOS, PlacedVideo, placed
from gateway.index_file import ListedRun
from gateway.quota import Quota
from gateway.resources import listed
from gateway.run_filter import RunFilter
from gateway.run_index import RunIndex
from gateway.submission import VIDEO_OF, Submission
from gateway.uploads import Uploads, new_id
from humanpose3d.api_models import RunSummary
from humanpose3d.errors import InvalidOption, ObjectNotFound, RunExists, RunNotFound, RunUnreadable, Unavailable
from humanpose3d.neutral import NONE_STATED, demand_height
from humanpose3d.notes import RunNotes
from shared.names import safe_name
from shared.runtime import runs
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunId, RunRequest, RunState
from shared.runtime.store import Store

_AT_ONCE: Final = 1000
"""Expired runs that are looked up at a time."""

NO_LIMIT: Final = -1

_run_ids: Final = TypeAdapter(RunId)


@dataclass(frozen=True)
class Page:
    """Some runs, newest first, and where the next page begins (None after the last)."""

    runs: list[ListedRun]
    next_cursor: str | None


class RunService:
    """Accepts and manages runs. Every call is for an API key, and has access to that key's runs only."""

    def __init__(self, bus: Bus, store: Store, index: RunIndex, uploads: Uploads) -> None:
        self._bus, self._store, self._index, self._uploads = bus, store, index, uploads
        self._quota = Quota(bus)

    @staticmethod
    def new_run_id(key: ApiKey, idempotency_key: str | None) -> str:
        """The key of a run to be submitted: always the same for the same owner and Idempotency-Key."""
        return _derived_id(key, idempotency_key) if idempotency_key else new_id()

    async def submit(
        self, key: ApiKey, submissions: Sequence[Submission], video: PlacedVideo, filename: str, sha256: str
    ) -> list[RunState]:
        """Accept a run for each submission of a video that is in its place; the others have a copy, made by the store.

        When this returns, only an erasure can remove the runs. The same video with the same submissions gives the same
        runs, however often it is sent; a video that was sent again is not kept. Where this fails after some runs were
        accepted, sending it again accepts the rest. Raises InvalidOption, BatchVideoSent where all of the runs are
        there, QuotaExceeded, IdempotencyKeyReused, BusUnavailable.
        """
        async with AsyncExitStack() as stack:
            places = [video]
            for other in _run_ids_of(video.run_id, submissions)[1:]:
                places.append(await stack.enter_async_context(placed(self._store, other)))
                await self._store.copy(video.key, places[-1].key)
            return await _all_of(
                self._submit(key, submission, place, filename, sha256)
                for submission, place in zip(submissions, places, strict=True)
            )

    async def _submit(
        self, key: ApiKey, submission: Submission, video: PlacedVideo, filename: str, sha256: str
    ) -> RunState:
        fingerprint = submission.fingerprint(sha256)
        if earlier := await self._earlier(video.run_id, fingerprint):
            return earlier
        stance = await self._given_stance(key, video.run_id, submission)
        request = _request(key, submission, filename, video.key, fingerprint, stance)
        return await self._accept(key, video.run_id, video, request, submission.notes)

    async def submit_again(
        self, key: ApiKey, submissions: Sequence[Submission], video: PlacedVideo, run_id: str, filename: str | None
    ) -> list[RunState]:
        """Accept a run for each submission of a copy of an earlier run's video. As `submit`.

        Raises InvalidOption where that run or its video is gone, or where it hides faces and a submission does not.
        """
        earlier = await self._named(key, run_id, VIDEO_OF)
        if earlier.request.options.blur_faces and not all(each.options.blur_faces for each in submissions):
            raise InvalidOption({VIDEO_OF: "that run blurs faces, so that this one has to as well (blur_faces)"})
        try:
            await self._store.copy(earlier.request.video_key, video.key)
        except ObjectNotFound:
            raise InvalidOption({VIDEO_OF: "the video of that run is no longer stored: send it again"}) from None
        return await self.submit(key, submissions, video, filename or f"{earlier.request.name}.mp4", f"run {run_id}")

    async def submit_uploaded(
        self, key: ApiKey, submissions: Sequence[Submission], upload_key: str, filename: str
    ) -> list[RunState]:
        """Accept a run for each submission of a video that was uploaded before.

        As `submit`; also raises UploadNotFound and UnreadableVideo.
        """
        states = await _all_of(
            self._submit_uploaded(key, submission, run_id, upload_key, filename)
            for submission, run_id in zip(submissions, _run_ids_of(upload_key, submissions), strict=True)
        )
        with contextlib.suppress(Unavailable):  # it is swept in a day
            await self._uploads.remove(upload_key)
        return states

    async def _submit_uploaded(
        self, key: ApiKey, submission: Submission, run_id: str, upload_key: str, filename: str
    ) -> RunState:
        fingerprint = submission.fingerprint(upload_key)
        if earlier := await self._earlier(run_id, fingerprint):
            return earlier
        stance = await self._given_stance(key, run_id, submission)
        async with placed(self._store, run_id) as video:
            try:
                await self._uploads.copy_to(upload_key, video)
            except UploadNotFound:
                if earlier := await self._earlier(run_id, fingerprint):  # another request was faster
                    return earlier
                raise
            await video.demand_video()
            request = _request(key, submission, filename, video.key, fingerprint, stance)
            return await self._accept(key, run_id, video, request, submission.notes)

    async def get(self, key: ApiKey, run_id: str) -> RunState:
        """One run, as currently stored in the bus. Raises RunNotFound (also for another owner's run), RunUnreadable."""
        try:
            state, _ = await self._bus.read(run_id)
            owner = state.request.owner
        except RunUnreadable as error:
            if _may_see(key, error.owner):
                raise
            owner = error.owner or ""
        if not _may_see(key, owner):
            raise RunNotFound("There is no such run.")
        return state

    def check(self) -> None:
        """Raises BusUnavailable while lists of runs are not current."""
        self._index.check()

    async def page(self, key: ApiKey, wanted: RunFilter, limit: int, cursor: str | None) -> Page:
        """The owner's runs that the filter fits, newest first. Raises InvalidOption for an invalid cursor."""
        before = None if cursor is None else _read_cursor(cursor)
        own = await self._index.select(key.owner, wanted, before=before, limit=limit + 1)
        return Page(own[:limit], _cursor(own[limit - 1]) if len(own) > limit else None)

    async def all(self, key: ApiKey, wanted: RunFilter) -> list[RunSummary]:
        """All of the owner's runs that the filter fits, newest first. Raises BusUnavailable while that is not known."""
        self._index.check()
        return [listed("", run.summary) for run in await self._index.select(key.owner, wanted, limit=NO_LIMIT)]

    async def position(self, state: RunState) -> int | None:
        """Number of waiting runs that were accepted before this one; None when it does not wait."""
        return await self._index.waiting_before(state) if state.status == "queued" else None

    async def change(self, key: ApiKey, run_id: str, title: str | None, notes: Mapping[str, object]) -> RunState:
        """Change a run's name and those notes that are given; its files keep their names.

        Raises RunNotFound, InvalidOption.
        """
        await self.get(key, run_id)
        state = await runs.annotate(self._bus, run_id, title, notes)
        await self._index.put(state)
        return state

    async def cancel(self, key: ApiKey, run_id: str) -> RunState:
        """Stop a run. Raises RunNotFound, and RunOver where it has ended."""
        await self.get(key, run_id)
        state = await runs.cancel(self._bus, run_id)
        await self._index.put(state)
        return state

    async def erase(self, key: ApiKey, run_id: str) -> None:
        """Stop a run and remove its video, its results and all other data. Raises RunNotFound."""
        with contextlib.suppress(RunUnreadable):
            await self.get(key, run_id)
        await self._erase(run_id)

    async def get_all(self, key: ApiKey, run_ids: Iterable[str]) -> list[RunState]:
        """Those of these runs that are there and can be read, as currently stored in the bus, in this order."""
        return await concurrently.found(partial(self.get, key), run_ids, RunNotFound, RunUnreadable)

    async def erase_all(self, key: ApiKey, run_ids: Iterable[str]) -> int:
        """Erase these runs; returns how many there were, without those that another request erased first."""
        return len(await concurrently.found(partial(self.erase, key), run_ids, RunNotFound))

    async def erase_older_than(self, age: timedelta) -> int:
        """Erase every run that was accepted longer ago than `age`; returns how many."""
        oldest, erased = datetime.now(UTC) - age, 0
        while expired := await self._index.accepted_before(oldest, _AT_ONCE):
            for run_id in expired:
                try:
                    await self._erase(run_id)
                except RunNotFound:  # another gateway was faster
                    await self._index.drop(run_id)
            erased += len(expired)
        return erased

    async def requeue_lost(self) -> None:
        """Publish lost tasks of waiting runs again."""
        waiting = await self._index.unchanged_since(datetime.now(UTC) - runs.LOST_AFTER)
        await runs.requeue_lost(self._bus, waiting)

    async def _erase(self, run_id: str) -> None:
        try:
            await self._bus.read(run_id)
        except RunUnreadable:  # the location of the run's video is unknown
            await self._store.delete(f"{VIDEOS}{run_id}/")
        await runs.erase(self._bus, self._store, run_id)
        await self._uploads.remove(run_id)
        await self._index.drop(run_id)

    async def sweep(self, age: timedelta) -> None:
        """Remove uploads and videos that are older than `age` and belong to no run."""
        await self._uploads.sweep(age)
        oldest = datetime.now(UTC) - age
        async for found in self._store.objects(PENDING):
            if found.modified < oldest:
                video = PlacedVideo.marked(self._store, found.key)
                if not await self._is_of_a_run(video):
                    await video.remove()
                await self._store.delete(video.marker)

    async def _is_of_a_run(self, video: PlacedVideo) -> bool:
        try:
            state, _ = await self._bus.read(video.run_id)
        except RunNotFound:
            return False
        except RunUnreadable:
            return True
        return state.request.video_key == video.key

    async def _accept(
        self, key: ApiKey, run_id: str, video: PlacedVideo, request: RunRequest, notes: RunNotes
    ) -> RunState:
        await self._demand_missing(key, run_id, request)
        await self._quota.take(key, run_id)
        video.kept = True  # from here on the run may exist, even if the confirmation is lost
        try:
            state = await runs.submit(self._bus, run_id, request, notes)
        except RunExists:
            video.kept = False
            state = await self._same(run_id, request.fingerprint)
        await self._index.put(state)
        return state

    async def _demand_missing(self, key: ApiKey, run_id: str, request: RunRequest) -> None:
        """Raises BatchVideoSent where the batch has another run of this video, unless that failed or was cancelled."""
        if request.batch is None:
            return
        self._index.check()
        for other in await self._index.unfailed(key.owner, request.batch):
            if other != run_id:
                raise BatchVideoSent(
                    f"The batch already has {request.batch.video}: it is run {other}. Cancel or erase that run "
                    "to send the video again."
                )

    async def _given_stance(self, key: ApiKey, run_id: str, submission: Submission) -> str | None:
        """Object key of a copy of the neutral stance of the run that the options name; that run may be erased.

        Raises InvalidOption.
        """
        named = submission.options.neutral_run
        if named is None:
            return None
        state = await self._named(key, named, "neutral_run")
        if state.status != "completed":
            raise InvalidOption({"neutral_run": "has no results (yet)"})
        if "neutral_stance" not in state.made:
            raise InvalidOption({"neutral_run": NONE_STATED})
        demand_height(state.request.subject.height, submission.subject.height)
        copied = f"{runs.folder(run_id)}given_stance.json"
        await self._store.copy(state.made["neutral_stance"], copied)
        return copied

    async def _named(self, key: ApiKey, run_id: str, field: str) -> RunState:
        """The run that a field of a form names. Raises InvalidOption."""
        try:
            return await self.get(key, _run_ids.validate_python(run_id))
        except (ValidationError, RunNotFound, RunUnreadable):
            raise InvalidOption({field: "there is no run with this key"}) from None

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
            # The request that created it may have failed before queueing the work; queued twice, it is done once.
            await runs.publish_next(self._bus, state)
        return state


def _run_ids_of(run_id: str, submissions: Sequence[Submission]) -> list[str]:
    """The keys of a video's runs: that of the request, and for further people always the same made from it."""
    places = (submission.batch for submission in submissions[1:])
    return [run_id, *(_digest(f"{run_id}\0{place.video}") for place in places if place is not None)]


async def _all_of(accepting: Iterable[Awaitable[RunState]]) -> list[RunState]:
    """One after the other. Raises BatchVideoSent only where every one does: the others are accepted."""
    states, sent = [], None
    for each in accepting:
        try:
            states.append(await each)
        except BatchVideoSent as error:
            sent = error
    if sent is not None and not states:
        raise sent
    return states


def _request(
    key: ApiKey, submission: Submission, filename: str, video: str, fingerprint: str, stance: str | None
) -> RunRequest:
    return RunRequest(
        video_key=video,
        name=safe_name(Path(filename)) + submission.suffix,
        subject=submission.subject,
        options=submission.options,
        consented_at=datetime.now(UTC),
        owner=key.owner,
        fingerprint=fingerprint,
        stance_key=stance,
        webhook=submission.webhook,
        batch=submission.batch,
    )


def _may_see(key: ApiKey, owner: str | None) -> bool:
    """Whether a run of this owner belongs to this key; without API keys also runs whose owner is unknown."""
    return key.owner == owner or (owner is None and key.owner == ANONYMOUS)


def _derived_id(key: ApiKey, idempotency_key: str) -> str:
    return _digest(f"{key.owner}\0{idempotency_key}")


def _digest(text: str) -> str:
    """As a run's key."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:15]).decode()


def _cursor(run: ListedRun) -> str:
    return base64.urlsafe_b64encode(run.id.to_bytes(8)).decode()


def _read_cursor(cursor: str) -> int:
    """The `id` of the run that the last page ended with."""
    try:
        place = base64.b64decode(cursor.encode(), b"-_", validate=True)
    except ValueError:
        place = b""
    if len(place) != 8 or place[0] > 0x7F:
        raise InvalidOption({"cursor": "is not one that this server gave"})
    return int.from_bytes(place)
