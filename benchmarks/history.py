"""A history of made-up runs, the same each time: as states in the bus, and as a gateway's list of them."""

import base64
import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import nats

from gateway.index_file import IndexFile, id_of, row_of
from humanpose3d.api_models import Problem
from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject, route
from shared.runtime.bus import History
from shared.runtime.bus.streams import BUCKET, STATES
from shared.runtime.run_state import RunRequest, RunState, StageRecord

OWNERS: Final = ("laboratory", *(f"group-{number}" for number in range(99)))
"""The first owns half of all runs, the others share the rest."""
SUBJECTS: Final = 5000
EVERY_S: Final = 30
"""Seconds between two runs."""
NEWEST: Final = datetime(2026, 11, 30, tzinfo=UTC)

_MOVEMENTS: Final = ("walk", "squat", "jump", "sit_to_stand", "gait", "lunge", "reach", "step")
_FILES: Final = 40
_UNCONFIRMED: Final = 500
# What is replaced in the templates.
_TEMPLATE_ID: Final = "run-template"
_NAME: Final = "movement-name"
_SUBJECT: Final = "p-code"
_OWNER: Final = "the-owner"
_AT: Final = datetime(2001, 1, 1, microsecond=123456, tzinfo=UTC)


class MadeUp(NamedTuple):
    """What distinguishes a run from others of its status."""

    run_id: str
    status: int
    """0: completed, 1: failed, 2: cancelled."""
    at: datetime
    subject: str
    name: str
    owner: str

    def fill(self, template: str) -> str:
        """The template's text as this run's."""
        return (
            template.replace(_TEMPLATE_ID, self.run_id)
            .replace(_NAME, self.name)
            .replace(_SUBJECT, self.subject)
            .replace(_OWNER, self.owner)
            .replace(_stated(_AT), _stated(self.at))
        )


def runs(count: int) -> Iterator[MadeUp]:
    """Oldest first: 90 % completed, 5 % failed, 5 % cancelled."""
    chance = random.Random(1)
    for number in range(count):
        subject = f"p{number % SUBJECTS:04}"
        yield MadeUp(
            run_id=base64.urlsafe_b64encode(chance.randbytes(15)).decode(),
            status=chance.choices((0, 1, 2), (90, 5, 5))[0],
            at=NEWEST - timedelta(seconds=EVERY_S * (count - number), microseconds=chance.randrange(1, 10**6)),
            subject=subject,
            name=f"{subject}_{chance.choice(_MOVEMENTS)}_{number % 7}",
            owner=OWNERS[0] if number % 2 else OWNERS[1 + number // 2 % (len(OWNERS) - 1)],
        )


async def write_states(url: str, count: int) -> int:
    """Write the states into the bus at this address, whose streams are declared; returns their bytes."""
    client = await nats.connect(url)
    templates, size = [state.model_dump_json() for state in _templates()], 0
    for number, run in enumerate(runs(count), start=1):
        subject, stored = f"$KV.{BUCKET}.{run.run_id}", run.fill(templates[run.status]).encode()
        size += len(stored)
        if number % _UNCONFIRMED and number < count:
            await client.publish(subject, stored)
        else:  # confirmed, and with it all before: the stream stores them in their order
            await client.jetstream(timeout=60).publish(subject, stored, stream=STATES)
    await client.close()
    return size


def write_list(path: Path, history: History, count: int) -> None:
    """Write the list that a gateway has when it has read all these states; its indexes are built at the end."""
    IndexFile(path).close()
    with sqlite3.connect(path) as connection:
        later = "type = 'trigger' OR (type = 'index' AND sql IS NOT NULL AND name NOT LIKE 'words%')"
        built = connection.execute(f"SELECT type, name, sql FROM sqlite_master WHERE {later}").fetchall()
        for kind, name, _ in built:
            connection.execute(f"DROP {kind} {name}")
        templates = [json.dumps(row_of(state)) for state in _templates()]
        columns = ("id", "run_id", *json.loads(templates[0]))
        connection.executemany(
            f"INSERT INTO runs ({', '.join(columns)}) VALUES (:{', :'.join(columns)})",
            (_row(run, templates[run.status]) for run in runs(count)),
        )
        connection.execute("INSERT INTO labels SELECT owner, value, runs.id FROM runs, json_each(labels)")
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        for *_, sql in built:
            connection.execute(sql)
        connection.execute("UPDATE position SET identity = ?, revision = ?", (history.identity, history.newest))
    connection.close()


def _row(run: MadeUp, template: str) -> dict[str, object]:
    row: dict[str, object] = json.loads(run.fill(template))
    at = run.at - datetime(1970, 1, 1, tzinfo=UTC)
    apart = {"updated_at": at // timedelta(microseconds=1), "session": run.at.date().isoformat()}
    return {**row, **apart, "id": id_of(run.at, run.run_id), "run_id": run.run_id}


def _templates() -> tuple[RunState, RunState, RunState]:
    """A completed, a failed and a cancelled run."""
    options, folder = RunOptions(), f"runs/{_TEMPLATE_ID}/"
    request = RunRequest(
        video_key=f"videos/{_TEMPLATE_ID}/0123456789ab/video",
        name=_NAME,
        subject=Subject(height=1.78, weight=75),
        options=options,
        consented_at=_AT,
        owner=_OWNER,
        fingerprint="0" * 64,
    )
    accepted = RunState.accepted(_TEMPLATE_ID, request, RunNotes(subject=_SUBJECT, labels=("pre",)))
    accepted = accepted.model_copy(update={"accepted_at": _AT, "updated_at": _AT, "attempts": 6})
    finished = {
        stage: StageRecord(
            attempt=attempt,
            artefacts={made: f"{folder}{stage}/{attempt}/{made}.npz" for made in ("output", "report", "extra")},
            seconds=1.5,
        )
        for attempt, stage in enumerate(route(options), start=1)
    }
    results = {f"joint_angles/{_NAME}_{number}.csv": f"{folder}results/6/{number}.csv" for number in range(_FILES)}
    done = {"status": "completed", "progress": 100.0, "finished": finished, "results": results}
    problem = Problem(code="nobody-detected", status=422, detail="No person was detected. Record again.")
    return (
        accepted.model_copy(update=done),
        accepted.model_copy(update={"status": "failed", "problem": problem}),
        accepted.model_copy(update={"status": "cancelled"}),
    )


def _stated(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
