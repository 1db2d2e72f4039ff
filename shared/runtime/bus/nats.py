"""The bus on NATS JetStream; its streams are in `shared.runtime.bus.streams`.

Pitfalls of its settings: MaxDeliver would count orderly stops and outages like crashes, so it is off, and tries are
counted in the run's state; AckWait is ignored when BackOff is set, so retries are delayed by explicit naks; after a
full disk a stream answers no write until the server is restarted, but answers an empty purge with the old error; the
key-value bucket is read from the stream's leader, since direct reads may be stale; ordinary deletes leave permanent
markers, so a run is forgotten by purging its subjects.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue
from pydantic import BaseModel, TypeAdapter

from humanpose3d.api_models import Problem
from humanpose3d.errors import BusDiskFull, BusUnavailable, RunChanged, RunExists, RunNotFound
from humanpose3d.options import StageName
from shared.runtime.bus.protocol import History, QueueDepth, StateChange, StoredStarts, StoredState
from shared.runtime.bus.reading import DeadLetter, brief, change_of, state_of
from shared.runtime.bus.streams import (
    BUCKET,
    DEAD,
    EVENTS,
    HEALTH,
    ON_DISK,
    PARTS,
    PROBE_BYTES,
    STAGES,
    STATES,
    consumer_name,
    declare,
)
from shared.runtime.run_state import PartTask, RunState, StageEvent, StageTask
from shared.runtime.settings import Settings

log = logging.getLogger(__name__)

_NOTHING: Final = "nothing"
"""A subject that no message has."""

_DISK_FULL: Final = (
    "The message bus cannot write: its disk is full, or was, and the bus has not been restarted since. "
    "Make room on that disk; accepted runs wait and go on afterwards."
)

_WRITE_ERROR: Final = 10051
"""The answer to a purge where an earlier write failed."""

_CANNOT_STORE: Final = (10012, 10049, 10077)
"""Error codes: no such consumer, stream, message."""

_REQUEST_S: Final = 5.0
"""Time limit of the server's answers."""

_LISTING_S: Final = 30.0
"""The same for a page of 100,000 subjects."""

_MARKER_S: Final = 1.0
"""An erased run leaves an empty marker for this long, so that followers of the states are notified."""

_HEARTBEAT_S: Final = 1.0
_UNREADABLE_RETRY_S: Final = 60.0

_starts: Final = TypeAdapter(dict[str, datetime])


def _subject(task: StageTask) -> str:
    return f"stage.{consumer_name(task.stage)}.{task.run_id}"


def _part_subject(task: PartTask) -> str:
    return f"part.{consumer_name(task.stage)}.{task.run_id}.{task.number}"


def _run_id(subject: str) -> str:
    """The run of a state's subject."""
    return subject.rpartition(".")[2]


def _digest(owner: str) -> str:
    """An owner's name as a key, which allows only few characters."""
    return hashlib.sha256(owner.encode()).hexdigest()


@dataclass(frozen=True)
class _Received:
    message: Msg
    client: Client

    async def in_progress(self) -> None:
        await self._settle(b"+WPI")

    async def ack(self) -> None:
        await self._settle(b"+ACK")

    async def retry(self, delay: float) -> None:
        await self._settle(b"-NAK" if delay <= 0 else b"-NAK " + json.dumps({"delay": int(delay * 1e9)}).encode())

    async def discard(self, reason: str) -> None:
        await self._settle(b"+TERM " + reason.encode())

    async def _settle(self, answer: bytes) -> None:
        """Send it and wait until the server has confirmed (the double ack)."""
        with _translated():
            _must_be_connected(self.client)
            await self.client.request(self.message.reply, answer, timeout=_REQUEST_S)


@dataclass(frozen=True)
class _Delivery(_Received):
    task: StageTask
    sequence: int
    count: int
    headers: Mapping[str, str]

    async def hand_back(self) -> None:
        await self.retry(0)


@dataclass(frozen=True)
class _PartDelivery(_Received):
    task: PartTask
    count: int
    bus: "NatsBus"

    async def hand_back(self) -> None:
        # A new message, since the server counts the deliveries of the old one permanently. In this order: a duplicate
        # offer is harmless.
        await self.bus.offer(self.task, handed_back=self.message.metadata.sequence.stream)
        await self.ack()


class NatsBus:
    """See `shared.runtime.bus.protocol.Bus`. Connects with the first call, and reconnects."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._bucket: KeyValue | None = None
        self._starts: KeyValue | None = None
        self._connecting = asyncio.Lock()
        self._closed = False
        self._pulls: dict[tuple[str, str], JetStreamContext.PullSubscription] = {}

    async def publish(self, task: StageTask, headers: Mapping[str, str] | None = None) -> None:
        await self._publish(STAGES, _subject(task), task, task.message_id, headers)

    async def pull(self, stage: StageName, timeout: float) -> _Delivery | None:
        message = await self._fetch(STAGES, consumer_name(stage), timeout)
        if message is None:
            return None
        try:
            task = StageTask.read(message.data)
        except ValueError as error:
            log.warning("a task on %s is left to a worker of another version: %s", message.subject, brief(error))
            await _Received(message, self._connection()).retry(_UNREADABLE_RETRY_S)
            return None
        return _Delivery(
            message=message,
            client=self._connection(),
            task=task,
            sequence=message.metadata.sequence.stream,
            count=message.metadata.num_delivered or 1,
            headers=message.headers or {},
        )

    async def has_task(self, stage: StageName, run_id: str) -> bool:
        return await self._holds(STAGES, f"stage.{consumer_name(stage)}.{run_id}")

    async def _holds(self, stream: str, subject: str) -> bool:
        jetstream = await self._ready()
        with _translated():
            try:
                await jetstream.get_last_msg(stream, subject)
            except NotFoundError:
                return False
        return True

    async def withdraw(self, stage: StageName, run_id: str) -> None:
        jetstream = await self._ready()
        with _translated():
            await jetstream.purge_stream(STAGES, subject=f"stage.{consumer_name(stage)}.{run_id}")

    async def offer(self, task: PartTask, handed_back: int = 0) -> None:
        await self._publish(PARTS, _part_subject(task), task, f"{task.message_id}.{handed_back}")

    async def pull_part(self, stage: StageName, timeout: float) -> _PartDelivery | None:
        message = await self._fetch(PARTS, consumer_name(stage), timeout)
        if message is None:
            return None
        try:
            task = PartTask.read(message.data)
        except ValueError as error:
            log.warning("a part on %s is left to its coordinator: %s", message.subject, brief(error))
            await _Received(message, self._connection()).discard("unreadable")
            return None
        return _PartDelivery(message, self._connection(), task, message.metadata.num_delivered or 1, self)

    async def is_offered(self, task: PartTask) -> bool:
        return await self._holds(PARTS, _part_subject(task))

    async def withdraw_parts(self, stage: StageName, run_id: str) -> None:
        jetstream = await self._ready()
        with _translated():
            await jetstream.purge_stream(PARTS, subject=f"part.{consumer_name(stage)}.{run_id}.*")

    async def bury(self, task: StageTask, problem: Problem) -> None:
        subject = f"dlq.{consumer_name(task.stage)}.{task.run_id}"
        await self._publish(DEAD, subject, DeadLetter(task=task, problem=problem), task.message_id)

    async def dead_letters(self, stage: StageName) -> list[tuple[StageTask, Problem]]:
        found = []
        async for message in self._follow(DEAD, f"dlq.{consumer_name(stage)}.*"):
            if message is None:
                break
            try:
                letter = DeadLetter.read(message.data)
            except ValueError as error:
                log.warning("a dead letter on %s cannot be read: %s", message.subject, brief(error))
                continue
            found.append((letter.task, letter.problem))
        return found

    async def depth(self, stage: StageName) -> QueueDepth:
        jetstream = await self._ready()
        with _translated():
            queue = await jetstream.consumer_info(STAGES, consumer_name(stage))
            dead = await jetstream.stream_info(DEAD, subjects_filter=f"dlq.{consumer_name(stage)}.*")
        return QueueDepth(queue.num_pending or 0, queue.num_ack_pending or 0, len(dead.state.subjects or {}))

    async def create(self, state: RunState) -> int:
        bucket = await self._states()
        with _translated():
            try:
                async with self._writing(STATES):
                    return await bucket.create(state.run_id, state.model_dump_json().encode())
            except KeyWrongLastSequenceError:
                raise RunExists(f"There is a run {state.run_id} already.") from None

    async def read(self, run_id: str) -> StoredState:
        bucket = await self._states()
        with _translated():
            try:
                entry = await bucket.get(run_id)
            except KeyNotFoundError:
                raise RunNotFound(f"There is no run {run_id}.") from None
        assert entry.value is not None
        assert entry.revision is not None
        return StoredState(state_of(run_id, entry.value), entry.revision)

    async def update(self, state: RunState, revision: int) -> int:
        bucket = await self._states()
        with _translated():
            try:
                async with self._writing(STATES):
                    return await bucket.update(state.run_id, state.model_dump_json().encode(), revision)
            except KeyWrongLastSequenceError:
                raise RunChanged(f"Run {state.run_id} was changed by another.") from None

    async def states(self, after: int = 0) -> AsyncGenerator[StateChange | None, None]:
        caught_up = after > 0  # before, an erased run's marker reports nothing that is known
        async for message in self._follow(STATES, f"$KV.{BUCKET}.>", after):
            if message is None:
                caught_up = True
                yield None
            elif message.data or caught_up:
                yield change_of(_run_id(message.subject), message.data, message.metadata.sequence.stream)

    async def history(self) -> History:
        jetstream = await self._ready()
        with _translated(), self._redeclaring():
            stream = await jetstream.stream_info(STATES)
        return History(str(stream.created), stream.state.last_seq, stream.state.messages)

    async def run_ids(self) -> set[str]:
        await self._ready()
        found: set[str] = set()
        total = 1
        with _translated():
            while len(found) < total:
                page = await self._subjects(len(found))
                total = page["total"] if page["state"].get("subjects") else 0
                found.update(map(_run_id, page["state"].get("subjects") or ()))
        return found

    async def _subjects(self, offset: int) -> dict[str, Any]:
        """A page of the subjects of the states' stream; the server limits its length."""
        asked = json.dumps({"subjects_filter": ">", "offset": offset}).encode()
        answer = await self._connection().request(f"$JS.API.STREAM.INFO.{STATES}", asked, timeout=_LISTING_S)
        page: dict[str, Any] = json.loads(answer.data)
        if "error" in page:
            raise BusUnavailable("The message bus refused to list the runs.")
        return page

    async def read_starts(self, owner: str) -> StoredStarts:
        bucket = await self._starts_bucket()
        with _translated():
            try:
                entry = await bucket.get(_digest(owner))
            except KeyNotFoundError:
                return StoredStarts({}, 0)
        assert entry.value is not None
        assert entry.revision is not None
        return StoredStarts(_starts.validate_json(entry.value), entry.revision)

    async def update_starts(self, owner: str, starts: Mapping[str, datetime], revision: int) -> None:
        bucket = await self._starts_bucket()
        with _translated():
            try:
                await bucket.update(_digest(owner), _starts.dump_json(dict(starts)), revision)
            except KeyWrongLastSequenceError:
                raise RunChanged("Runs of this owner were started by another.") from None

    async def announce(self, event: StageEvent) -> None:
        subject = f"run.{event.run_id}.{event.status}"
        await self._publish(EVENTS, subject, event, f"{event.run_id}.{event.revision}")

    async def events(self, run_id: str, after: int = 0) -> AsyncGenerator[tuple[int, StageEvent], None]:
        async for message in self._follow(EVENTS, f"run.{run_id}.*", after):
            if message is None:
                continue
            try:
                event = StageEvent.read(message.data)
            except ValueError as error:
                log.warning("an event on %s cannot be read: %s", message.subject, brief(error))
                continue
            yield message.metadata.sequence.stream, event

    async def forget(self, run_id: str) -> None:
        jetstream = await self._ready()
        bucket = await self._states()
        with _translated():
            await jetstream.purge_stream(STAGES, subject=f"stage.*.{run_id}")
            await jetstream.purge_stream(PARTS, subject=f"part.*.{run_id}.*")
            await jetstream.purge_stream(EVENTS, subject=f"run.{run_id}.*")
            await jetstream.purge_stream(DEAD, subject=f"dlq.*.{run_id}")
            await bucket.purge(run_id, msg_ttl=_MARKER_S)

    async def check(self) -> None:
        jetstream = await self._ready()
        with _translated(), self._redeclaring():
            await asyncio.gather(*map(self._must_be_writable, ON_DISK))
            async with self._writing(HEALTH):
                await jetstream.publish("health", bytes(PROBE_BYTES), stream=HEALTH)

    async def _must_be_writable(self, stream: str) -> None:
        """Raises BusDiskFull where an earlier write to the stream failed."""
        jetstream = await self._ready()
        try:
            await jetstream.purge_stream(stream, subject=_NOTHING)
        except APIError as error:
            if error.err_code != _WRITE_ERROR:
                raise
            raise BusDiskFull(_DISK_FULL) from error

    @asynccontextmanager
    async def _writing(self, stream: str) -> AsyncIterator[None]:
        """Where a write is not answered, check whether a full disk is the reason."""
        try:
            yield
        except TimeoutError:
            if stream in ON_DISK:
                await self._must_be_writable(stream)
            raise

    async def close(self) -> None:
        """Close the connection; a call that still runs does not open another."""
        self._closed = True
        if self._client is not None:
            await self._client.close()

    async def _ready(self) -> JetStreamContext:
        """Connected, with every stream and consumer declared."""
        async with self._connecting:
            if self._closed:
                raise BusUnavailable("The connection to the message bus has been closed.")
            with _translated():
                if self._client is None or self._client.is_closed:
                    self._client = await self._connect()
                    self._jetstream = None
                _must_be_connected(self._client)
                if self._jetstream is None:
                    self._pulls.clear()
                    jetstream = self._client.jetstream(timeout=_REQUEST_S)
                    self._bucket, self._starts = await declare(jetstream, self._settings)
                    self._jetstream = jetstream
                return self._jetstream

    def _connection(self) -> Client:
        assert self._client is not None
        return self._client

    async def _connect(self) -> Client:
        client = Client()
        password = self._settings.nats_password
        try:
            async with asyncio.timeout(_REQUEST_S):
                await client.connect(
                    servers=self._settings.nats_url.split(","),
                    user=self._settings.nats_user,
                    password=password.get_secret_value() if password else None,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    ping_interval=10,
                    error_cb=_log_error,
                )
        except BaseException:
            await client.close()
            raise
        return client

    async def _states(self) -> KeyValue:
        await self._ready()
        assert self._bucket is not None
        return self._bucket

    async def _starts_bucket(self) -> KeyValue:
        await self._ready()
        assert self._starts is not None
        return self._starts

    async def _publish(
        self, stream: str, subject: str, content: BaseModel, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        jetstream = await self._ready()
        with _translated(), self._redeclaring():
            async with self._writing(stream):
                await jetstream.publish(
                    subject,
                    content.model_dump_json().encode(),
                    stream=stream,
                    headers={**(headers or {}), api.Header.MSG_ID: message_id},
                )

    async def _fetch(self, stream: str, consumer: str, timeout: float) -> Msg | None:
        jetstream = await self._ready()
        started = time.monotonic()
        with _translated(), self._redeclaring():
            if (stream, consumer) not in self._pulls:
                self._pulls[stream, consumer] = await jetstream.pull_subscribe_bind(consumer, stream)
            try:
                return (await self._pulls[stream, consumer].fetch(1, timeout))[0]
            except TimeoutError:
                if time.monotonic() - started < timeout / 2:  # refused rather than waited: the consumer is gone
                    raise
                return None

    @contextlib.contextmanager
    def _redeclaring(self) -> Iterator[None]:
        """A stream or consumer that does not answer may be gone: the next call declares all of them again."""
        try:
            yield
        except (nats.errors.Error, TimeoutError):
            self._jetstream = None
            raise

    async def _follow(self, stream: str, subject: str, after: int = 0) -> AsyncGenerator[Msg | None, None]:
        """The messages after a sequence, kept ones first, then None, then new ones; survives broken connections.

        After each of these, None follows again when the messages kept meanwhile have been returned.
        """
        was_caught_up = False
        while True:
            try:
                async with self._following(stream, subject, after) as (messages, kept):
                    caught_up = not kept
                    if caught_up:
                        was_caught_up = True
                        yield None
                    async for message in messages:
                        after = message.metadata.sequence.stream
                        yield message
                        if message.metadata.num_pending == 0 and not caught_up:
                            caught_up = was_caught_up = True
                            yield None
            except BusUnavailable as error:
                if not was_caught_up:
                    raise
                log.info("following %s again: %s", stream, error)
                await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _following(self, stream: str, subject: str, after: int) -> AsyncIterator[tuple[AsyncIterator[Msg], int]]:
        """Messages of an own consumer, and how many were kept when it began."""
        jetstream = await self._ready()
        client = self._connection()
        with _translated():
            inbox = client.new_inbox()
            subscription = await client.subscribe(inbox)
            try:
                consumer = await jetstream.add_consumer(
                    stream,
                    api.ConsumerConfig(
                        deliver_subject=inbox,
                        filter_subject=subject,
                        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                        opt_start_seq=after + 1,
                        ack_policy=api.AckPolicy.NONE,
                        idle_heartbeat=_HEARTBEAT_S,
                        flow_control=True,
                        inactive_threshold=30 * _HEARTBEAT_S,
                        mem_storage=True,
                        num_replicas=1,
                    ),
                )
                yield _in_order(client, subscription), consumer.num_pending or 0
            finally:
                if client.is_connected:
                    await subscription.unsubscribe()


async def _in_order(client: Client, subscription: Subscription) -> AsyncIterator[Msg]:
    """The messages of a push consumer. Raises TimeoutError when it falls silent, BusUnavailable when one is missing."""
    last = 0
    while True:
        message = await subscription.next_msg(3 * _HEARTBEAT_S)
        if JetStreamContext.is_status_msg(message):
            # A heartbeat, or the server asks whether all before it has been taken; it goes on when that is answered.
            stalled = (message.headers or {}).get(api.Header.CONSUMER_STALLED)
            if answer := message.reply or stalled:
                await client.publish(answer)
            continue
        if message.metadata.sequence.consumer != last + 1:
            raise BusUnavailable("A message was lost on the way.")
        last += 1
        yield message


def _must_be_connected(client: Client) -> None:
    if not client.is_connected:  # otherwise messages would wait in the client and take effect much later
        raise BusUnavailable("The connection to the message bus is down.")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translates the client's errors to this project's, without addresses."""
    try:
        yield
    except APIError as error:
        if error.err_code in _CANNOT_STORE:
            raise BusDiskFull(_DISK_FULL) from error
        raise BusUnavailable(f"The message bus refused ({error.err_code or type(error).__name__}).") from error
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise BusUnavailable(f"The message bus did not answer ({type(error).__name__}).") from error


async def _log_error(error: Exception) -> None:
    log.warning("message bus: %s", type(error).__name__)
