"""A Python client of the API: submit a video, wait for the run, download the results.

>>> with Client("http://127.0.0.1:8000") as client:           # doctest: +SKIP
...     run_key = client.submit(Path("walk.mp4"), height=1.78, weight=75, consent=True, estimate_missing=True)
...     client.wait(run_key, on_progress=lambda progress: print(progress.progress, progress.stage))
...     client.download(run_key, Path("results"))
"""

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self, Unpack

import httpx

from humanpose3d.api_models import (
    Accepted,
    Progress,
    Run,
    RunFilters,
    RunList,
    RunParameters,
    RunSummary,
    ShareLink,
    ShareList,
    Statistics,
)
from humanpose3d.batch_client import Batches
from humanpose3d.connection import POLL_S, Connection, fields_of, parts_of, patiently
from humanpose3d.errors import HumanPose3DError
from humanpose3d.notes import NotesKeywords, SubmitKeywords
from humanpose3d.subject_client import Subjects


class RunFailed(HumanPose3DError):
    """The run ended without results; `progress` states how and why."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        super().__init__(progress.error or f"the run was {progress.status}")


class Client:
    """A connection to one server. Methods raise ApiError if it refuses, httpx.HTTPError if it cannot be reached.

    `batches` and `subjects` are the server's batches of videos, and the runs of one person over time.
    """

    def __init__(
        self, base_url: str, api_key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connection = Connection(base_url, api_key, transport)
        self.batches = Batches(self._connection)
        self.subjects = Subjects(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

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
            sent = {"video": (path.name, file)}
            answer = self._connection.request("POST", "/api/runs/", data=fields, files=sent, headers=headers)
        return Accepted.model_validate(answer.json()).run_key

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
        return self._submit_stored({**_fields(height, weight, consent, options), **uploaded})

    def submit_again(
        self,
        run_key: str,
        *,
        height: float,
        weight: float,
        consent: bool,
        **options: Unpack[SubmitKeywords],
    ) -> str:
        """As `submit`, with the video of an earlier run, such as for another person in it (`person="2"`)."""
        return self._submit_stored({**_fields(height, weight, consent, options), "video_of": run_key})

    def _submit_stored(self, fields: dict[str, str]) -> str:
        """Submit a video that the server has; returns the run's key."""
        answer = self._connection.request("POST", "/api/runs/", files=parts_of(fields))
        return Accepted.model_validate(answer.json()).run_key

    def begin_upload(self) -> str:
        """Begin an upload; returns its key."""
        return self._connection.begin_upload()

    def upload(self, video: str | Path, upload_key: str) -> None:
        """Send the parts of a video that are missing. Call it again to resume after a broken connection."""
        self._connection.upload(video, upload_key)

    def progress(self, run_key: str) -> Progress:
        """Progress of the run."""
        return Progress.model_validate(self._connection.get(f"/api/runs/{run_key}/progress/").json())

    def wait(
        self, run_key: str, *, on_progress: Callable[[Progress], None] | None = None, timeout: float | None = None
    ) -> Run:
        """Return when the run is completed. Raises RunFailed if it ends otherwise, TimeoutError after `timeout` s.

        A server that is unavailable is asked again until then; without a `timeout`, for 10 minutes at a time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            progress = patiently(lambda: self.progress(run_key), deadline)
            if on_progress:
                on_progress(progress)
            if progress.status == "completed":
                return patiently(lambda: self.run(run_key), deadline)
            if progress.done:
                raise RunFailed(progress)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Run {run_key} is at {progress.progress:.0f} % after {timeout:g} s.")
            time.sleep(POLL_S)

    def run(self, run_key: str) -> Run:
        """All details of a run."""
        return Run.model_validate(self._connection.get(f"/api/runs/{run_key}/").json())

    def runs(self, **filters: Unpack[RunFilters]) -> Iterator[RunSummary]:
        """Your runs that fit all filters given, newest first."""
        query = {name: str(value) for name, value in filters.items() if value is not None}
        for page in self._connection.pages("/api/runs/", query):
            yield from RunList.model_validate(page).runs

    def statistics(self, run_key: str) -> Statistics:
        """Statistics of the joint angles."""
        return Statistics.model_validate(self._connection.get(f"/api/runs/{run_key}/statistics/").json())

    def parameters(self, run_key: str) -> RunParameters:
        """Task, events and key figures."""
        return RunParameters.model_validate(self._connection.get(f"/api/runs/{run_key}/parameters/").json())

    def download(self, run_key: str, directory: str | Path) -> list[Path]:
        """Download all results into `directory`, laid out as by `humanpose3d run`; returns the files."""
        paths = []
        for file in self.run(run_key).files:
            path = Path(directory) / _inside(file.path)
            self._connection.save(file.url, path)
            paths.append(path)
        return paths

    def cancel(self, run_key: str) -> Progress:
        """Stop a run."""
        return Progress.model_validate(self._connection.request("POST", f"/api/runs/{run_key}/cancel").json())

    def change(self, run_key: str, *, name: str | None = None, **notes: Unpack[NotesKeywords]) -> Run:
        """Change a run's name (its files keep the video's) and those notes that are given."""
        given = {"name": name, **notes}
        body = {field: str(value) if isinstance(value, date) else value for field, value in given.items()}
        return Run.model_validate(self._connection.request("PATCH", f"/api/runs/{run_key}/", json=body).json())

    def share(self, run_key: str, *, days: int = 7, with_video: bool = False, with_notes: bool = False) -> ShareLink:
        """A link that shows a completed run, and nothing else, to everyone who has it, for 1 to 90 days.

        with_video  show the video and the preview too; refused for a run with `blur_faces`.
        with_notes  show subject code, session, labels, side, note and run.json.
        """
        wanted = {"days": days, "with_video": with_video, "with_notes": with_notes}
        answer = self._connection.request("POST", f"/api/runs/{run_key}/shares", json=wanted)
        return self._absolute(ShareLink.model_validate(answer.json()))

    def shares(self, run_key: str) -> list[ShareLink]:
        """The links of a run that are valid."""
        listed = ShareList.model_validate(self._connection.get(f"/api/runs/{run_key}/shares").json())
        return [self._absolute(share) for share in listed.shares]

    def revoke_share(self, run_key: str, share_key: str) -> None:
        """Revoke a link: from now on it shows nothing."""
        self._connection.request("DELETE", f"/api/runs/{run_key}/shares/{share_key}")

    def _absolute(self, share: ShareLink) -> ShareLink:
        return share.model_copy(update={"url": self._base_url + share.url})

    def erase(self, run_key: str) -> None:
        """Erase a run with its video and results."""
        self._connection.request("DELETE", f"/api/runs/{run_key}/")


def _fields(height: float, weight: float, consent: bool, options: SubmitKeywords) -> dict[str, str]:
    accepted = {"consent": "accepted"} if consent else {}
    return {"height": str(height), "weight": str(weight), **accepted, **fields_of(options)}


def _inside(path: str) -> PurePosixPath:
    """A result's path, which must stay within the folder it is saved in."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"the server names a file outside its results: {path!r}")
    return relative
