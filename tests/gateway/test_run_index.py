"""The list of runs: the same suite with each bus, in memory and on a real nats-server."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import nats
import pytest

from gateway import index_file, index_snapshot, resources
from gateway.index_file import IndexFile
from gateway.run_filter import RunFilter
from gateway.run_index import RunIndex
from humanpose3d.errors import BusUnavailable, RunUnreadable
from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions
from shared.runtime.bus import Bus, StateChange
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.bus.nats import NatsBus
from shared.runtime.run_state import BatchPlace, Delivery, RunState, Webhook
from shared.runtime.store import Store
from shared.runtime.store.directory import DirectoryStore
from tests.makers import bus_settings, new_request, new_run_id, new_state
from tests.servers import NatsServer

pytestmark = pytest.mark.anyio

ALL = RunFilter()
START = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "nats"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "memory":
        yield MemoryBus()
        return
    made = NatsBus(bus_settings(request.getfixturevalue("server").url))
    for run_id in await made.run_ids():  # of an earlier test
        await made.forget(run_id)
    yield made
    await made.close()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@asynccontextmanager
async def started(bus: Bus, store: Store, folder: Path | None = None) -> AsyncIterator[RunIndex]:
    index = RunIndex(bus, store, folder)
    await index.start(timeout=20)
    index.check()
    try:
        yield index
    finally:
        await index.stop()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[IndexFile]:
    made = IndexFile(tmp_path / "runs.sqlite")
    yield made
    made.close()


def state_of(number: int = 0, *, owner: str = "owner", notes: RunNotes = RunNotes(), **request: object) -> RunState:  # noqa: B008 -- frozen
    """A run accepted `number` seconds after the start."""
    run_id = new_run_id()
    asked = new_request(run_id).model_copy(update={"owner": owner, **request})
    at = START + timedelta(seconds=number)
    return RunState.accepted(run_id, asked, notes).model_copy(update={"accepted_at": at, "updated_at": at})


def keys(listed: list[index_file.ListedRun]) -> list[str]:
    return [str(run.summary["run_key"]) for run in listed]


async def until(reached) -> None:
    async with asyncio.timeout(20):
        while not await reached():
            await asyncio.sleep(0.01)


def test_an_erased_run_does_not_come_back_by_what_the_bus_reports_late(file: IndexFile):
    run, other = state_of(1), state_of(2)
    file.put(run)
    file.drop(run.run_id)
    file.apply([StateChange(run.run_id, run.cancelled(), 7), StateChange(other.run_id, other, 8)])
    assert keys(file.select("owner", ALL, None, 9)) == [other.run_id]
    file.apply([StateChange(run.run_id, None, 9), StateChange(run.run_id, run, 10)])
    assert keys(file.select("owner", ALL, None, 9)) == [other.run_id, run.run_id]


async def test_runs_from_before_and_after_the_start_are_listed_newest_first(bus: Bus, store: Store):
    old, new, others = state_of(1), state_of(2), state_of(3, owner="other")
    for state in (old, others):
        await bus.create(state)
    async with started(bus, store) as index:
        assert keys(await index.select("owner", ALL, limit=9)) == [old.run_id]
        revision = await bus.create(new)

        async def listed() -> bool:
            return keys(await index.select("owner", ALL, limit=9)) == [new.run_id, old.run_id]

        await until(listed)
        await bus.update(new.cancelled(), revision)

        async def cancelled() -> bool:
            return keys(await index.select("owner", RunFilter(status="cancelled"), limit=9)) == [new.run_id]

        await until(cancelled)
        await bus.forget(old.run_id)

        async def erased() -> bool:
            return keys(await index.select("owner", ALL, limit=9)) == [new.run_id]

        await until(erased)


async def test_own_writes_are_visible_at_once_and_never_replaced_by_older_ones(bus: Bus, store: Store):
    async with started(bus, store) as index:
        state = state_of(1)
        await index.put(state.cancelled())
        await index.put(state)
        assert keys(await index.select("owner", RunFilter(status="cancelled"), limit=9)) == [state.run_id]
        await index.drop(state.run_id)
        assert await index.select("owner", ALL, limit=9) == []


@pytest.mark.parametrize("kept", [True, False])
async def test_a_list_continues_after_a_restart_and_drops_what_was_erased_meanwhile(
    bus: Bus, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
):
    """From its own file, and from the copy in the store."""
    monkeypatch.setattr(index_snapshot, "_WORTH_IT", 2)
    folder = tmp_path / "index" if kept else None
    old, erased, new = state_of(1), state_of(2), state_of(3)
    await bus.create(old)
    await bus.create(erased)
    async with started(bus, store, folder) as index:
        await index.save()
    assert [found.key async for found in store.objects("index/")] == ([] if kept else [index_snapshot.KEY])
    await bus.forget(erased.run_id)
    await bus.create(new)
    reported = []
    states = bus.states

    async def noted(after: int = 0) -> AsyncIterator[StateChange | None]:
        async for change in states(after):
            reported.append(change and change.run_id)
            yield change

    monkeypatch.setattr(bus, "states", noted)
    async with started(bus, store, folder) as index:
        assert keys(await index.select("owner", ALL, limit=9)) == [new.run_id, old.run_id]
    assert old.run_id not in reported  # it was in the file


async def test_of_two_gateways_in_one_folder_the_second_has_a_temporary_list(bus: Bus, store: Store, tmp_path: Path):
    state = state_of()
    await bus.create(state)
    async with started(bus, store, tmp_path / "index"), started(bus, store, tmp_path / "index") as second:
        assert keys(await second.select("owner", ALL, limit=9)) == [state.run_id]


async def test_the_copy_of_a_long_list_is_renewed_when_it_is_old_and_a_damaged_one_is_ignored(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bus, state = MemoryBus(), state_of()
    await bus.create(state)
    (tmp_path / "damaged").write_bytes(b"no copy")
    await store.put_file(index_snapshot.KEY, tmp_path / "damaged")
    async with started(bus, store) as index:
        assert keys(await index.select("owner", ALL, limit=9)) == [state.run_id]
        monkeypatch.setattr(index_snapshot, "_WORTH_IT", 1)
        await index.save()
        assert (await store.stat(index_snapshot.KEY)).size == len(b"no copy")
        monkeypatch.setattr(index_snapshot, "_OLD", timedelta(0))
        monkeypatch.setattr(index_snapshot, "_WORTH_IT", 2)
        await index.save()
        assert (await store.stat(index_snapshot.KEY)).size == len(b"no copy")
        monkeypatch.setattr(index_snapshot, "_WORTH_IT", 1)
        await index.save()
        assert (await store.stat(index_snapshot.KEY)).size > 1000


async def test_a_bus_that_was_set_up_again_is_followed_from_its_beginning(server: NatsServer, store: Store):
    bus = NatsBus(bus_settings(server.url))
    for _ in range(3):
        await bus.create(state_of())
    async with started(bus, store) as index:
        client = await nats.connect(server.url)
        await client.jetstream().delete_stream("KV_runs")
        await client.close()
        new = state_of(1)

        async def stored() -> bool:
            try:
                await bus.check()
                return await bus.create(new) > 0
            except BusUnavailable:
                return False

        await until(stored)

        async def listed() -> bool:
            return keys(await index.select("owner", ALL, limit=9)) == [new.run_id]

        await until(listed)
    await bus.close()


class TestFile:
    def test_pages_continue_where_the_last_one_ended(self, file: IndexFile):
        states = [state_of(number // 2) for number in range(10)]  # two in each second
        for state in states:
            file.put(state)
        found, before = [], None
        while page := file.select("owner", ALL, before, 3):
            found += page
            before = page[-1].id
        assert len(set(keys(found))) == 10
        order = {state.run_id: state.accepted_at for state in states}
        assert [order[key] for key in keys(found)] == sorted(order.values(), reverse=True)

    def test_a_run_is_listed_as_it_is_stored(self, file: IndexFile):
        notes = RunNotes(subject="P01", session=date(2026, 11, 29), labels=("pre", "left"), side="left", note="hurts")
        for state in (
            state_of(1, notes=notes, batch=BatchPlace(key="batch-one", video="a.mp4")).cancelled(),
            state_of(),
        ):
            file.put(state)
            (listed, *_) = (run for run in file.select("owner", ALL, None, 9) if run.summary["run_key"] == state.run_id)
            assert resources.listed("/api", listed.summary) == resources.run_summary("/api", state)

    def test_two_runs_of_one_place_are_both_kept(self, file: IndexFile, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(index_file, "id_of", lambda accepted_at, run_id: 5)
        for _ in range(2):
            file.put(state_of())
        assert [run.id for run in file.select("owner", ALL, None, 9)] == [6, 5]

    @pytest.mark.parametrize("many", [0, 20_000])
    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            (ALL, {0, 1, 2}),
            (RunFilter(subject="P01"), {0, 1}),
            (RunFilter(subject=""), {2}),
            (RunFilter(session=date(2026, 11, 29)), {0}),
            (RunFilter(session=START.date()), {1, 2}),
            (RunFilter(label="pre"), {0, 2}),
            (RunFilter(label="pre", subject="P01"), {0}),
            (RunFilter(label="pr"), set()),
            (RunFilter(task="squat"), {1}),
            (RunFilter(batch="batch-one"), {2}),
            (RunFilter(batch=""), {0, 1}),
            (RunFilter(status="queued"), {0, 1, 2}),
            (RunFilter(status="failed"), set()),
            (RunFilter(text="SQUAT"), {1}),
            (RunFilter(text="quat dee"), {1}),
            (RunFilter(text="qu"), {1}),
            (RunFilter(text='say "ah"'), {2}),
            (RunFilter(text="straße"), {2}),
            (RunFilter(text="STRASSE"), {2}),
            (RunFilter(text="a\0b"), set()),
            (RunFilter(text="p01", task="auto"), {0}),
            (RunFilter(text="knee", subject="P01", session=date(2026, 11, 29), label="pre", status="queued"), {0}),
            (RunFilter(text="%"), set()),
        ],
    )
    def test_filters(
        self, file: IndexFile, monkeypatch: pytest.MonkeyPatch, many: int, wanted: RunFilter, numbers: set[int]
    ):
        monkeypatch.setattr(index_file, "_MANY", many)  # with and without the index of words
        one = RunNotes(subject="P01", session=date(2026, 11, 29), labels=("pre", "left"), note="Knee hurts")
        states = [
            state_of(0, notes=one),
            state_of(1, name="deep_squat", notes=RunNotes(subject="P01"), options=RunOptions(task="squat")),
            state_of(
                2,
                notes=RunNotes(labels=("pre",), side="Straße", note='say "ah"'),
                batch=BatchPlace(key="batch-one", video="a.mp4"),
            ),
        ]
        for state in (*states, state_of(3, owner="other", notes=one)):
            file.put(state)
        found = keys(file.select("owner", wanted, None, 9))
        assert found == [states[number].run_id for number in sorted(numbers, reverse=True)], asdict(wanted)

    def test_changed_notes_are_found_and_the_old_ones_not(self, file: IndexFile, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(index_file, "_MANY", 0)
        state = state_of(notes=RunNotes(labels=("before",)))
        file.put(state)
        file.put(state.annotated(RunNotes(labels=("after",))))
        for old in (RunFilter(label="before"), RunFilter(text="before")):
            assert file.select("owner", old, None, 9) == []
        for new in (RunFilter(label="after"), RunFilter(text="after")):
            assert keys(file.select("owner", new, None, 9)) == [state.run_id]
        file.drop(state.run_id)
        assert file.select("owner", RunFilter(label="after"), None, 9) == []
        assert file.select("owner", RunFilter(text="after"), None, 9) == []

    def test_the_place_in_the_queue_counts_those_that_wait(self, file: IndexFile):
        first, second, third = (state_of(number) for number in range(3))
        for state in (first, second.cancelled(), third):
            file.put(state)
        assert (file.waiting_before(first), file.waiting_before(third)) == (0, 1)

    def test_old_runs_are_found_also_those_of_another_version(self, file: IndexFile):
        old, young = state_of(0), state_of(60)
        unreadable = RunUnreadable(new_run_id(), "owner", (START - timedelta(days=1)).isoformat())
        dateless = RunUnreadable(new_run_id(), "owner", "the day before")
        file.apply(StateChange(state.run_id, state, 1) for state in (young, old))
        file.apply(StateChange(run.run_id, None, 2, run) for run in (unreadable, dateless))
        assert file.accepted_before(START + timedelta(seconds=30), 9) == [unreadable.run_id, old.run_id]
        assert file.accepted_before(START + timedelta(seconds=30), 1) == [unreadable.run_id]
        assert keys(file.select("owner", ALL, None, 9)) == [young.run_id, old.run_id]
        assert file.count() == 4
        readable = state_of(1).model_copy(update={"run_id": dateless.run_id})
        file.put(readable)  # stored again by this version
        assert file.accepted_before(START + timedelta(seconds=30), 9)[-1] == readable.run_id
        assert file.count() == 4

    def test_unfinished_runs_that_do_not_change(self, file: IndexFile):
        states = [state_of(0), state_of(0).cancelled(), state_of(60)]
        for state in states:
            file.put(state)
        assert file.unchanged_since(START + timedelta(seconds=30)) == [states[0].run_id]

    def test_webhooks_are_due_from_the_end_of_the_run_until_they_are_delivered(self, file: IndexFile):
        waiting = state_of(webhook=Webhook(url="https://example.org", secret="whsec_"))
        file.put(waiting)
        file.put(state_of().cancelled())
        now = datetime.now(UTC)
        assert file.webhooks_due(now) == []
        ended = waiting.cancelled()
        file.put(ended)
        assert file.webhooks_due(now) == [waiting.run_id]
        file.put(ended.with_delivery(Delivery(tries=1, due=now + timedelta(minutes=1))))
        assert file.webhooks_due(now) == []
        assert file.webhooks_due(now + timedelta(minutes=1)) == [waiting.run_id]
        file.put(ended.with_delivery(Delivery(tries=2, over=True)))
        assert file.webhooks_due(now + timedelta(days=9)) == []

    def test_a_video_of_a_batch_is_looked_up_among_a_thousand_by_few_steps(self, file: IndexFile):
        def place(number: int) -> BatchPlace:
            return BatchPlace(key="batch-one", video=f"{number}.mp4")

        states = [state_of(number, batch=place(number)) for number in range(1000)]
        ended = [state_of(0, batch=place(700)).cancelled(), state_of(1, batch=place(1001)).cancelled()]
        others = [state_of(0, owner="other", batch=place(700)), state_of(0, batch=BatchPlace(key="b", video="700.mp4"))]
        file.apply(StateChange(state.run_id, state, 1) for state in (*states, *ended, *others))
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        for connection in (file._readers.get() for _ in range(4)):
            connection.set_progress_handler(count, 1)
            file._readers.put(connection)
        assert file.unfailed("owner", place(700)) == [states[700].run_id]
        assert file.unfailed("owner", place(1001)) == []
        assert steps < 200

    def test_no_question_reads_all_rows(self, file: IndexFile):
        now = datetime.now(UTC)
        asked: list[str] = []
        for connection in (file._readers.get() for _ in range(4)):
            connection.set_trace_callback(asked.append)
            file._readers.put(connection)
        for wanted in (ALL, RunFilter(status="failed"), RunFilter(subject="a", text="b"), RunFilter(label="c")):
            file.select("owner", wanted, 5, 9)
        file.waiting_before(new_state())
        file.accepted_before(now, 9)
        file.unchanged_since(now)
        file.webhooks_due(now)
        file.unfailed("owner", BatchPlace(key="batch-one", video="a.mp4"))
        with sqlite3.connect(file._path) as connection:
            for query in asked:
                for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {query}"):
                    assert not step.startswith("SCAN"), (query, step)
        connection.close()


def test_a_file_remembers_its_position_and_belongs_to_one_bus(tmp_path: Path):
    path, state = tmp_path / "runs.sqlite", state_of()
    file = IndexFile(path)
    assert file.position == ("", 0)
    file.clear("one")
    file.apply([StateChange(state.run_id, state, 7)])
    file.close()
    file = IndexFile(path)
    assert file.position == ("one", 7)
    assert keys(file.select("owner", ALL, None, 9)) == [state.run_id]
    file.clear("another")
    assert file.position == ("another", 0)
    assert (file.count(), file.select("owner", RunFilter(text="walk"), None, 9)) == (0, [])
    file.close()


@pytest.mark.parametrize("damage", [b"no database", None])
def test_a_damaged_file_and_one_of_another_version_are_replaced(tmp_path: Path, damage: bytes | None):
    path = tmp_path / "runs.sqlite"
    file = IndexFile(path)
    file.put(state_of())
    file.close()
    if damage is None:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 1")
        connection.close()
    else:
        path.write_bytes(damage * 100)
    file = IndexFile(path)
    assert (file.count(), file.position) == (0, ("", 0))
    file.close()
