"""A Python client of the API: submit a video, wait for the run, download the results.

>>> with Client("http://127.0.0.1:8000") as client:           # doctest: +SKIP
...     run_key = client.submit(Path("walk.mp4"), height=1.78, weight=75, consent=True, estimate_missing=True)
...     client.wait(run_key, on_progress=lambda progress: print(progress.progress, progress.stage))
...     client.download(run_key, Path("results"))
"""

import math
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack

import httpx

from humanpose3d.api_models import (
    Accepted,
    PartAddress,
    ProblemDetails,
    Progress,
    Run,
    RunFilters,
    RunList,
    RunParameters,
    RunSummary,
    Statistics,
    UploadForm,
    UploadState,
)
from humanpose3d.errors import HumanPose3DError
from humanpose3d.notes import NotesKeywords, SubmitKeywords

T = TypeVar("T")

_POLL_S: Final = 0.5

_LONGEST_PAUSE_S: Final = 15.0
"""Between two questions to an unavailable server."""

_PATIENCE_S: Final = 600.0
"""How long an unavailable server is asked again where the caller sets no time limit."""

_OUT_OF_SERVICE: Final = (502, 503, 504)


class ApiError(HumanPose3DError):
    """The server refused the request; `problem` states what and why."""

    def __init__(self, problem: ProblemDetails) -> None:
        self.problem = problem
        super().__init__(f"{problem.code} ({problem.status}): {problem.detail}")


class RunFailed(HumanPose3DError):
    """The run ended without results; `progress` states how and why."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        super().__init__(progress.error or f"the run was {progress.status}")


class Client:
    """A connection to one server. Methods raise ApiError if it refuses, httpx.HTTPError if it cannot be reached."""

    def __init__(
        self, base_url: str, api_key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(30, read=300, write=300)
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self,
        video: str | Path,
        *,
        height: float,
        weight: float,
        consent: bool,
        idempotency_key: str | None = None,
        **options: Unpack[SubmitKeywords],
    ) -> str:
        """Send a video of a person of this height (metres) and weight (kilograms); returns the run's key.

        `consent=True` states that the person in the video has consented to the analysis. Only the caller can know this,
        and without it the server refuses. `options` are those of `humanpose3d.options.RunOptions` and the notes of
        `humanpose3d.notes.RunNotes`: subject, session, labels, side, note.
        """
        path, fields = Path(video), _fields(height, weight, consent, options)
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        with path.open("rb") as file:
            answer = self._http.post("/api/runs/", data=fields, files={"video": (path.name, file)}, headers=headers)
        return Accepted.model_validate(_checked(answer).json()).run_key

    def submit_large(
        self,
        video: str | Path,
        *,
        height: float,
        weight: float,
        consent: bool,
        **options: Unpack[SubmitKeywords],
    ) -> str:
        """As `submit`, with the video sent in parts, directly to the store where it can be reached."""
        upload_key = self.begin_upload()
        self.upload(video, upload_key)
        uploaded = {"upload_key": upload_key, "video_name": Path(video).name}
        fields = {**_fields(height, weight, consent, options), **uploaded}
        parts = {name: (None, value) for name, value in fields.items()}
        return Accepted.model_validate(_checked(self._http.post("/api/runs/", files=parts)).json()).run_key

    def begin_upload(self) -> str:
        """Begin an upload; returns its key."""
        return UploadForm.model_validate(_checked(self._http.post("/api/uploads/")).json()).upload_key

    def upload(self, video: str | Path, upload_key: str) -> None:
        """Send the parts of a video that are missing. Call it again to resume after a broken connection."""
        state = UploadState.model_validate(self._get(f"/api/uploads/{upload_key}").json())
        path = Path(video)
        size = path.stat().st_size
        arrived = {part.number for part in state.parts}
        numbers = range(1, math.ceil(size / state.part_bytes) + 1)
        with path.open("rb") as file:
            for number in () if state.complete else [each for each in numbers if each not in arrived]:
                file.seek((number - 1) * state.part_bytes)
                self._send_part(upload_key, number, file.read(state.part_bytes))
        _checked(self._http.post(f"/api/uploads/{upload_key}/complete", json={"size": size}))

    def _send_part(self, upload_key: str, number: int, content: bytes) -> None:
        asked = _checked(self._http.post(f"/api/uploads/{upload_key}/parts/{number}"))
        url = PartAddress.model_validate(asked.json()).url
        if url.startswith("/"):
            _checked(self._http.put(url, content=content))
        else:
            httpx.put(url, content=content, timeout=300).raise_for_status()

    def progress(self, run_key: str) -> Progress:
        """Progress of the run."""
        return Progress.model_validate(self._get(f"/api/runs/{run_key}/progress/").json())

    def wait(
        self, run_key: str, *, on_progress: Callable[[Progress], None] | None = None, timeout: float | None = None
    ) -> Run:
        """Return when the run is completed. Raises RunFailed if it ends otherwise, TimeoutError after `timeout` s.

        A server that is unavailable is asked again until then; without a `timeout`, for 10 minutes at a time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            progress = _patiently(lambda: self.progress(run_key), deadline)
            if on_progress:
                on_progress(progress)
            if progress.status == "completed":
                return _patiently(lambda: self.run(run_key), deadline)
            if progress.done:
                raise RunFailed(progress)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Run {run_key} is at {progress.progress:.0f} % after {timeout:g} s.")
            time.sleep(_POLL_S)

    def run(self, run_key: str) -> Run:
        """All details of a run."""
        return Run.model_validate(self._get(f"/api/runs/{run_key}/").json())

    def runs(self, **filters: Unpack[RunFilters]) -> Iterator[RunSummary]:
        """Your runs that fit all filters given, newest first."""
        query = {name: str(value) for name, value in filters.items() if value is not None}
        while True:
            page = RunList.model_validate(self._get("/api/runs/", query).json())
            yield from page.runs
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def statistics(self, run_key: str) -> Statistics:
        """Statistics of the joint angles."""
        return Statistics.model_validate(self._get(f"/api/runs/{run_key}/statistics/").json())

    def parameters(self, run_key: str) -> RunParameters:
        """Task, events and key figures."""
        return RunParameters.model_validate(self._get(f"/api/runs/{run_key}/parameters/").json())

    def download(self, run_key: str, directory: str | Path) -> list[Path]:
        """Download all results into `directory`, laid out as by `humanpose3d run`; returns the files."""
        paths = []
        for file in self.run(run_key).files:
            path = Path(directory) / _inside(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._http.stream("GET", file.url) as answer, path.open("wb") as target:
                if answer.is_error:
                    answer.read()
                for chunk in _checked(answer).iter_bytes():
                    target.write(chunk)
            paths.append(path)
        return paths

    def cancel(self, run_key: str) -> Progress:
        """Stop a run."""
        return Progress.model_validate(_checked(self._http.post(f"/api/runs/{run_key}/cancel")).json())

    def change(self, run_key: str, *, name: str | None = None, **notes: Unpack[NotesKeywords]) -> Run:
        """Change a run's name (its files keep the video's) and those notes that are given."""
        given = {"name": name, **notes}
        body = {field: str(value) if isinstance(value, date) else value for field, value in given.items()}
        return Run.model_validate(_checked(self._http.patch(f"/api/runs/{run_key}/", json=body)).json())

    def erase(self, run_key: str) -> None:
        """Erase a run with its video and results."""
        _checked(self._http.delete(f"/api/runs/{run_key}/"))

    def _get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        return _checked(self._http.get(path, params=query or {}))


def _patiently(ask: Callable[[], T], deadline: float | None) -> T:
    """The answer, requested again with increasing pauses while the server is unavailable.

    Raises TimeoutError after the deadline, by the monotonic clock; without one, the error that remains.
    """
    last, pause = deadline or time.monotonic() + _PATIENCE_S, _POLL_S
    while True:
        try:
            return ask()
        except (ApiError, httpx.HTTPError) as error:
            if not _may_pass(error):
                raise
            if time.monotonic() + pause > last:
                if deadline is None:
                    raise
                raise TimeoutError(f"The server is unavailable: {error}") from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _may_pass(error: ApiError | httpx.HTTPError) -> bool:
    """Whether the server, or the proxy in front of it, is out of service rather than refusing."""
    match error:
        case ApiError():
            return error.problem.status in _OUT_OF_SERVICE
        case httpx.HTTPStatusError():
            return error.response.status_code in _OUT_OF_SERVICE
        case _:
            return isinstance(error, httpx.TransportError)


def _fields(height: float, weight: float, consent: bool, options: SubmitKeywords) -> dict[str, str]:
    given = {name: _field(name, value) for name, value in options.items() if value is not None}
    accepted = {"consent": "accepted"} if consent else {}
    return {"height": str(height), "weight": str(weight), **accepted, **given}


def _field(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return ("," if name == "labels" else " ").join(map(str, value))
    return str(value)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        if answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise ApiError(ProblemDetails.model_validate(answer.json()))
        answer.raise_for_status()
    return answer


def _inside(path: str) -> PurePosixPath:
    """A result's path, which must stay within the folder it is saved in."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"the server names a file outside its results: {path!r}")
    return relative
