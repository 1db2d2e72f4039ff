"""The gateway's list of runs as an SQLite file: one row a run, and an index for every question.

A copy that may be deleted at any time: the bus has the states, and the file remembers up to which revision of them it
is filled. A row's `id` is the time of acceptance in microseconds, followed by ten bits of a digest of the run's key:
one number that orders runs by their acceptance, the same in every gateway. SQLite orders an index by `id` where its own
columns are equal, so that a page of any list is read from one place. For one process, whose threads may share it.
"""

import hashlib
import json
import logging
import queue
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from gateway.resources import run_summary
from gateway.run_filter import RunFilter
from humanpose3d.api_models import RunSummary, SubjectSummary
from humanpose3d.errors import RunUnreadable
from shared.runtime.bus import History, StateChange
from shared.runtime.run_state import BatchPlace, RunState

_TABLES: Final = """
CREATE TABLE position (identity TEXT NOT NULL, revision INTEGER NOT NULL);
INSERT INTO position VALUES ('', 0);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    owner TEXT,           -- NULL where only another version can read the run: it is not listed, but erased in time
    status TEXT,
    updated_at INTEGER,   -- microseconds
    subject TEXT,
    session TEXT,         -- as 2026-11-30
    labels TEXT,          -- as JSON
    task TEXT,
    batch TEXT,
    video TEXT,           -- of the batch
    webhook_due INTEGER,  -- microseconds; NULL where nothing is to be sent
    text TEXT,            -- what a search looks through
    summary TEXT          -- what a list shows beside these columns, as JSON
);
CREATE INDEX by_owner ON runs (owner);
CREATE INDEX by_batch ON runs (owner, batch);
CREATE INDEX by_video ON runs (owner, batch, video) WHERE video IS NOT NULL;
CREATE INDEX by_subject ON runs (owner, subject, session);
CREATE INDEX by_session ON runs (owner, session);
CREATE INDEX by_task ON runs (owner, task);
CREATE INDEX by_status ON runs (owner, status);
CREATE INDEX queued ON runs (status) WHERE status = 'queued';
CREATE INDEX unfinished ON runs (updated_at) WHERE status IN ('queued', 'running');
CREATE INDEX webhooks ON runs (webhook_due) WHERE webhook_due IS NOT NULL;
CREATE TABLE labels (owner TEXT, label TEXT, id INTEGER, PRIMARY KEY (owner, label, id)) WITHOUT ROWID;
CREATE TRIGGER labels_added AFTER INSERT ON runs BEGIN
    INSERT INTO labels SELECT new.owner, value, new.id FROM json_each(new.labels);
END;
CREATE TRIGGER labels_removed AFTER DELETE ON runs BEGIN
    DELETE FROM labels
    WHERE owner = old.owner AND label IN (SELECT value FROM json_each(old.labels)) AND id = old.id;
END;
CREATE TRIGGER labels_changed AFTER UPDATE OF owner, labels ON runs
WHEN (old.owner, old.labels) IS NOT (new.owner, new.labels) BEGIN
    DELETE FROM labels
    WHERE owner = old.owner AND label IN (SELECT value FROM json_each(old.labels)) AND id = old.id;
    INSERT INTO labels SELECT new.owner, value, new.id FROM json_each(new.labels);
END;
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'runs', content_rowid = 'id', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER words_added AFTER INSERT ON runs BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER words_removed AFTER DELETE ON runs BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER words_changed AFTER UPDATE OF text ON runs WHEN old.text IS NOT new.text BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
"""

_FILTERS: Final = ("batch", "subject", "session", "task", "status")
"""Columns that a filter compares, those that few runs share first: the first one given, other than empty, is looked up.
"""
_RARE: Final = frozenset(("batch", "subject", "session"))

_COLUMNS: Final = ("owner", *_FILTERS, "video", "labels", "updated_at", "webhook_due", "text", "summary")
_INSERT: Final = f"INSERT INTO runs (id, run_id, {', '.join(_COLUMNS)}) VALUES (:id, :run_id, :{', :'.join(_COLUMNS)})"  # noqa: S608 -- constants
_UPDATE: Final = f"UPDATE runs SET {', '.join(f'{name} = :{name}' for name in _COLUMNS)} WHERE id = :id"  # noqa: S608 -- constants

_IN_COLUMNS: Final = ("status", "session", "task")
"""Fields of a run's summary that are stored in columns of that name; `_APART` are those that are stored otherwise."""
_APART: Final = ("run_key", "accepted_at", "updated_at", "results_url")
VERSION: Final = zlib.crc32(repr((_TABLES, sorted(RunSummary.model_fields), _IN_COLUMNS, _APART)).encode()) >> 1
"""Of the tables and of what a list shows, and where it is stored: a file of another version is filled again."""
_LISTED: Final = ", ".join(f"runs.{name}" for name in ("id", "run_id", "updated_at", "summary", *_IN_COLUMNS))

_DIGEST_BITS: Final = 10
_READERS: Final = 4
_WRITER_CACHE_KIB: Final = 65_536
_READER_CACHE_KIB: Final = 8_192
_MANY: Final = 20_000
"""The runs of an owner with more than these are searched by the index of words, those of others one after another."""
_SHORTEST_WORD: Final = 3
"""That the index of words finds."""


_log = logging.getLogger(__name__)


class ListedRun(NamedTuple):
    """A run as a list shows it."""

    id: int
    """Its place in the order of acceptance; see the top of this file."""
    summary: Mapping[str, object]
    """Of its `RunSummary` all fields but the address, as in JSON."""


class IndexFile:
    """The list of runs in this file. Every method may raise sqlite3.Error, such as for a full disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._erased: set[str] = set()
        """Runs that were dropped before the bus reported it: what it still reports of them is older."""
        try:
            self._writer = self._opened()
        except sqlite3.DatabaseError:  # damaged, or of another version
            for each in path.parent.glob(f"{path.name}*"):
                each.unlink()
            self._writer = self._opened()
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(_connected(path, _READER_CACHE_KIB))

    def close(self) -> None:
        """Close it once what is being read and written is done."""
        for _ in range(_READERS):
            self._readers.get().close()
        with self._writing:
            self._writer.close()

    @property
    def position(self) -> tuple[str, int]:
        """Identity of the bus that it was filled from, and up to which revision."""
        with self._reading() as connection:
            identity, revision = connection.execute("SELECT identity, revision FROM position").fetchone()
        return identity, revision

    def continues(self, history: History) -> bool:
        """Whether what is here is a part of this history."""
        identity, revision = self.position
        return identity == history.identity and revision <= history.newest

    def clear(self, identity: str) -> None:
        """Remove all, to be filled from this bus."""
        with self._writing:
            self._writer.executescript(
                f"BEGIN; DROP TABLE words; DROP TABLE labels; DROP TABLE runs; DROP TABLE position; {_TABLES} COMMIT;"
            )
            with self._writer:
                self._writer.execute("UPDATE position SET identity = ?", (identity,))

    def apply(self, changes: Iterable[StateChange]) -> None:
        """Take over changes, in their order, and remember the last one's revision."""
        with self._transaction() as connection:
            for change in changes:
                if change.state is None and change.unreadable is None:
                    _drop(connection, change.run_id)
                    self._erased.discard(change.run_id)
                elif change.run_id not in self._erased:
                    _take_over(connection, change)
                connection.execute("UPDATE position SET revision = ?", (change.revision,))

    def put(self, state: RunState) -> None:
        """Take over a state, unless a newer one is here."""
        with self._transaction() as connection:
            _put(connection, state)

    def drop(self, run_id: str) -> None:
        """Remove a run, if it is here. What the bus reports of it until it reports the erasure changes nothing."""
        with self._transaction() as connection:
            if _drop(connection, run_id):
                self._erased.add(run_id)

    def copy_to(self, path: Path) -> None:
        """Write a compact copy into a new file."""
        with self._reading() as connection:
            connection.execute("VACUUM INTO ?", (str(path),))

    def count(self) -> int:
        """Number of all runs, also of those that only another version can read."""
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        return int(count)

    def beyond(self, run_ids: Set[str]) -> list[str]:
        """The runs that are here and not among these."""
        with self._reading() as connection:
            found = connection.execute("SELECT run_id FROM runs")
            return [run_id for (run_id,) in found if run_id not in run_ids]

    def select(self, owner: str, wanted: RunFilter, before: int | None, limit: int) -> list[ListedRun]:
        """An owner's runs that the filter fits, newest first; only those before the one of the id `before`."""
        with self._reading() as connection:
            query, values = _selection(owner, wanted, before, searchable=_has_many(connection, owner))
            return [_listed(*row) for row in connection.execute(query, (*values, limit))]

    def subjects(self, owner: str) -> list[SubjectSummary]:
        """An owner's subjects, by code."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT subject, count(*), count(DISTINCT session), min(session), max(session) "
                "FROM runs INDEXED BY by_subject WHERE owner = ? AND subject > '' GROUP BY subject ORDER BY subject",
                (owner,),
            )
            return [SubjectSummary(**dict(zip(SubjectSummary.model_fields, row, strict=True))) for row in rows]

    def batches(self) -> set[str]:
        """The batches that have runs."""
        with self._reading() as connection:
            return {batch for (batch,) in connection.execute("SELECT DISTINCT batch FROM runs WHERE batch > ''")}

    def unfailed(self, owner: str, place: BatchPlace) -> list[str]:
        """The runs of a batch's video that neither failed nor were cancelled."""
        return self._run_ids(
            "SELECT run_id FROM runs INDEXED BY by_video "
            "WHERE owner = ? AND batch = ? AND video = ? AND status NOT IN ('failed', 'cancelled')",
            owner,
            place.key,
            place.video,
        )

    def waiting_before(self, state: RunState) -> int:
        """Number of waiting runs that were accepted before this one."""
        with self._reading() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM runs WHERE status = 'queued' AND id < ?", (id_of(state.accepted_at, ""),)
            ).fetchone()
        return int(count)

    def accepted_before(self, time: datetime, limit: int) -> list[str]:
        """The oldest runs accepted before this time, also those that only another version can read."""
        return self._run_ids("SELECT run_id FROM runs WHERE id < ? ORDER BY id LIMIT ?", id_of(time, ""), limit)

    def unchanged_since(self, time: datetime) -> list[str]:
        """The runs that have not ended, and were last changed before this time."""
        return self._run_ids(
            "SELECT run_id FROM runs WHERE status IN ('queued', 'running') AND updated_at < ?", _microseconds(time)
        )

    def webhooks_due(self, time: datetime) -> list[str]:
        """The runs whose webhook is to be tried by this time."""
        return self._run_ids("SELECT run_id FROM runs WHERE webhook_due <= ?", _microseconds(time))

    def _run_ids(self, query: str, *values: int | str) -> list[str]:
        with self._reading() as connection:
            return [run_id for (run_id,) in connection.execute(query, values)]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = self._readers.get()
        try:
            yield connection
        finally:
            self._readers.put(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing, self._writer:
            yield self._writer

    def _opened(self) -> sqlite3.Connection:
        """A connection that writes, to a file with tables. Raises sqlite3.DatabaseError where the file is damaged."""
        connection = _connected(self._path, _WRITER_CACHE_KIB)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:  # new, or of another version: refused where it has tables
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection


def _connected(path: Path, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power failure may cost the last changes, which the bus has
    connection.execute("PRAGMA secure_delete = ON")  # of an erased run
    return connection


def _take_over(connection: sqlite3.Connection, change: StateChange) -> None:
    if change.unreadable is not None:
        _put_unreadable(connection, change.unreadable)
    elif change.state is not None:
        _put(connection, change.state)


def _put(connection: sqlite3.Connection, state: RunState) -> None:
    place, row = id_of(state.accepted_at, state.run_id), row_of(state)
    known = connection.execute("SELECT id, updated_at FROM runs WHERE run_id = ?", (state.run_id,)).fetchone()
    if known and known[0] >> _DIGEST_BITS == place >> _DIGEST_BITS:
        if known[1] is None or known[1] <= _microseconds(state.updated_at):
            connection.execute(_UPDATE, {**row, "id": known[0]})
        return
    if known:  # it could not be read before, and its time of acceptance was not known
        _drop(connection, state.run_id)
    _insert(connection, state.run_id, place, row)


def _put_unreadable(connection: sqlite3.Connection, run: RunUnreadable) -> None:
    """A run that only another version can read. Where its time of acceptance is unknown as well, it is taken as new."""
    _log.error("run %s cannot be read by this version and is not listed", run.run_id)
    known = connection.execute("SELECT id FROM runs WHERE run_id = ?", (run.run_id,)).fetchone()
    row = {**dict.fromkeys(_COLUMNS), "labels": "[]", "text": ""}
    try:
        accepted_at = datetime.fromisoformat(run.accepted_at or "").astimezone(UTC)
    except (ValueError, OverflowError):
        accepted_at = datetime.now(UTC)
    if known:
        connection.execute(_UPDATE, {**row, "id": known[0]})
    else:
        _insert(connection, run.run_id, id_of(accepted_at, run.run_id), row)


def _insert(connection: sqlite3.Connection, run_id: str, place: int, row: Mapping[str, object]) -> None:
    while connection.execute("SELECT 1 FROM runs WHERE id = ?", (place,)).fetchone():
        place += 1  # another run of the same microsecond, with the same bits of the digest
    connection.execute(_INSERT, {**row, "id": place, "run_id": run_id})


def _drop(connection: sqlite3.Connection, run_id: str) -> bool:
    """Whether the run was there."""
    return connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,)).rowcount > 0


def row_of(state: RunState) -> dict[str, object]:
    """A run's columns, but for `id` and `run_id`."""
    notes, batch, due = state.notes, state.request.batch, state.webhook_due
    text = (state.name, state.request.name, notes.subject, *notes.labels, notes.side, notes.note)
    return {
        "owner": state.request.owner,
        "status": state.status,
        "updated_at": _microseconds(state.updated_at),
        "subject": notes.subject,
        "session": state.session.isoformat(),
        "labels": json.dumps(notes.labels),
        "task": state.request.options.task,
        "batch": batch.key if batch else "",
        "video": batch.video if batch else None,
        "webhook_due": None if due is None else _microseconds(due),
        "text": _searched("\n".join(dict.fromkeys(text))),
        "summary": run_summary("", state).model_dump_json(exclude={*_IN_COLUMNS, *_APART}, exclude_defaults=True),
    }


def _searched(text: str) -> str:
    """As it is searched: without regard to upper and lower case, and to a character that ends a text in SQLite."""
    return text.replace("\0", " ").casefold()


def _listed(place: int, run_id: str, updated_at: int, summary: str, *columns: str) -> ListedRun:
    fields = {**json.loads(summary), **dict(zip(_IN_COLUMNS, columns, strict=True)), "run_key": run_id}
    times = {"accepted_at": _time(place >> _DIGEST_BITS), "updated_at": _time(updated_at)}
    return ListedRun(place, {**fields, **times})


def id_of(accepted_at: datetime, run_id: str) -> int:
    """A row's `id`, see the top of this file; the lowest of its microsecond where `run_id` is empty."""
    digest = int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=2).digest()) if run_id else 0
    return (_microseconds(accepted_at) << _DIGEST_BITS) + (digest >> (16 - _DIGEST_BITS))


def _microseconds(time: datetime) -> int:
    """Since 1970."""
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _selection(owner: str, wanted: RunFilter, before: int | None, *, searchable: bool) -> tuple[str, list[str | int]]:
    """Query and values, but for the limit. Which index is read is stated: SQLite does not know how rare a value is."""
    equal = {name: str(value) for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    words = _searched(wanted.text or "").split()
    phrases = [_phrase(word) for word in words if len(word) >= _SHORTEST_WORD]
    conditions: list[tuple[str, str | int]] = []
    if wanted.label is not None:
        source, place = "labels CROSS JOIN runs USING (id)", "labels.id"
        conditions += [("labels.owner = ?", owner), ("labels.label = ?", wanted.label)]
    elif phrases and searchable and not _RARE & {name for name, value in equal.items() if value}:
        source, place = "words CROSS JOIN runs ON runs.id = words.rowid", "words.rowid"
        conditions.append(("words MATCH ?", " ".join(phrases)))
    else:
        looked_up = next((name for name, value in equal.items() if value), "owner")
        source, place = f"runs INDEXED BY by_{looked_up}", "runs.id"
    conditions.append(("runs.owner = ?", owner))
    conditions += [(f"runs.{name} = ?", value) for name, value in equal.items()]
    conditions += [("instr(runs.text, ?)", word) for word in words]
    if before is not None:
        conditions.append((f"{place} < ?", before))
    fits = " AND ".join(condition for condition, _ in conditions)
    query = f"SELECT {_LISTED} FROM {source} WHERE {fits} ORDER BY {place} DESC LIMIT ?"  # noqa: S608 -- values are bound
    return query, [value for _, value in conditions]


def _time(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _has_many(connection: sqlite3.Connection, owner: str) -> bool:
    query = "SELECT 1 FROM runs INDEXED BY by_owner WHERE owner = ? LIMIT 1 OFFSET ?"
    return connection.execute(query, (owner, _MANY)).fetchone() is not None


def _phrase(word: str) -> str:
    """For a query of the index of words."""
    return '"' + word.replace('"', '""') + '"'
