"""Operations on subjects: the runs that carry the same code. Independent of HTTP."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from gateway import concurrently
from gateway.api_keys import ApiKey
from gateway.batch_records import BatchRecords
from gateway.downloads import Member, run_members, text_member, video_member
from gateway.errors import SubjectNotFound
from gateway.resources import run as run_details
from gateway.run_filter import RunFilter
from gateway.run_index import RunIndex
from gateway.run_results import measured
from gateway.run_service import RunService
from humanpose3d.analysis import Parameter, Side, Task
from humanpose3d.api_models import FigurePoint, FigureSeries, RunSummary, SubjectSummary
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.errors import InvalidOption, ObjectNotFound, RunNotFound
from humanpose3d.notes import RunNotes
from shared.names import distinct
from shared.results.key_figures import measured_error_of
from shared.runtime.run_state import RunState
from shared.runtime.store import Store


class _Series(NamedTuple):
    """What is compared over sessions."""

    task: Task
    name: str
    side: Side | None
    unit: str


class Subjects:
    """Reads and manages subjects. Every call is for an API key, and has access to that key's runs only."""

    def __init__(self, store: Store, index: RunIndex, run_service: RunService, batches: BatchRecords) -> None:
        self._store, self._index, self._run_service, self._batches = store, index, run_service, batches

    async def all(self, key: ApiKey) -> list[SubjectSummary]:
        """The owner's subjects, by code."""
        return await self._index.subjects(key.owner)

    async def runs(self, key: ApiKey, code: str) -> list[RunSummary]:
        """The runs of a subject, by session and time. Raises SubjectNotFound."""
        if not (runs := await self._run_service.all(key, RunFilter(subject=code))):
            raise _not_found(code)
        return sorted(runs, key=lambda run: (run.session, run.accepted_at))

    async def series(self, key: ApiKey, runs: list[RunSummary]) -> list[FigureSeries]:
        """The key figures of completed runs over the sessions, one series for each task, figure and side."""
        found: dict[_Series, list[FigurePoint]] = defaultdict(list)
        states = await self._run_service.get_all(key, [run.run_key for run in runs if run.status == "completed"])
        for points in await concurrently.each(self._points, states):
            for series, point in points:
                found[series].append(point)
        return [FigureSeries(**series._asdict(), points=points) for series, points in found.items()]

    async def rename(self, key: ApiKey, code: str, new: str) -> int:
        """Give all runs of a subject another code, also what batches still expect of it; returns how many runs.

        Raises SubjectNotFound, InvalidOption.
        """
        if not (named := RunNotes.parse({"subject": new}).subject):
            raise InvalidOption({"subject": "is empty"})

        async def renamed(run: RunSummary) -> None:
            await self._run_service.change(key, run.run_key, None, {"subject": named})

        def renamed_video(video: BatchVideo) -> BatchVideo:
            return video.model_copy(update={"notes": video.notes.model_copy(update={"subject": named})})

        runs = await self._with_tables_changed(key, code, renamed_video)
        await concurrently.found(renamed, runs, RunNotFound)  # others were erased meanwhile
        return len(runs)

    async def erase(self, key: ApiKey, code: str) -> int:
        """Erase all runs of a subject with their videos, and what batches state about it; returns how many runs.

        Raises SubjectNotFound.
        """
        runs = await self._with_tables_changed(key, code, lambda _: None)
        return await self._run_service.erase_all(key, [run.run_key for run in runs])

    async def _with_tables_changed(
        self, key: ApiKey, code: str, change: Callable[[BatchVideo], BatchVideo | None]
    ) -> list[RunSummary]:
        """The runs of a subject, after its videos in batches were changed; from then on no batch starts another run.

        Raises SubjectNotFound where neither a run nor a batch has it.
        """
        expected = await self._batches.change_subject(key.owner, code, change)
        runs = await self._run_service.all(key, RunFilter(subject=code))
        if not runs and not expected:
            raise _not_found(code)
        return runs

    async def members(self, key: ApiKey, base: str, runs: list[RunSummary]) -> AsyncIterator[Member]:
        """All that is stored about runs: `runs.json`, and a folder for each with its results and its video."""
        states = await self._run_service.get_all(key, [run.run_key for run in runs])
        listed = ",\n".join(run_details(base, state).model_dump_json(indent=1) for state in states)
        yield text_member("runs.json", f"[\n{listed}\n]\n")
        folders = distinct(f"{state.session} {state.request.name}" for state in states)
        for folder, state in zip(folders, states, strict=True):
            for member in run_members(self._store, folder, state):
                yield member
            with suppress(ObjectNotFound):
                if not state.request.options.blur_faces:
                    yield await video_member(self._store, folder, state)

    async def _points(self, state: RunState) -> list[tuple[_Series, FigurePoint]]:
        """The key figures of one run."""
        found = await measured(self._store, state)
        if found is None or found.analysis is None:
            return []
        task, figures = found.analysis.task, found.analysis.key_figures
        return [
            (
                _Series(task, figure.name, figure.side, figure.unit),
                _point(state, figure, measured_error_of(figure, found.quality)),
            )
            for figure in figures
        ]


def _not_found(code: str) -> SubjectNotFound:
    return SubjectNotFound(f"No run has the subject {code!r}.")


def summary_of(code: str, runs: list[RunSummary]) -> SubjectSummary:
    """A subject with these runs, as listed."""
    sessions: set[date] = {run.session for run in runs}
    return SubjectSummary(
        subject=code, runs=len(runs), sessions=len(sessions), first_session=min(sessions), last_session=max(sessions)
    )


def _point(state: RunState, figure: Parameter, error: float | None) -> FigurePoint:
    return FigurePoint(
        session=state.session, run_key=state.run_id, value=figure.value, sd=figure.sd, n=figure.n, error=error
    )
