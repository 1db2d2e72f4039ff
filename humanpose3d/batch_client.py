"""Batches on a server: many videos with one table of subjects. Used as `Client(…).batches`."""

import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Unpack

from humanpose3d.api_models import Batch, BatchList, BatchSummary, RunsChanged
from humanpose3d.batch.videos import Video, find_videos
from humanpose3d.connection import POLL_S, ApiError, Connection, fields_of, parts_of, patiently
from humanpose3d.notes import SubmitKeywords

_QUOTA: Final = 429
_SMALL_BYTES: Final = 16 << 20
"""Up to which size a video is sent in one request; larger ones are sent in parts."""

Videos = str | Path | Sequence[str | Path]
"""A folder, files, or several of both; folders are searched as by `humanpose3d run`."""


class Batches:
    """The batches of one server. Methods raise ApiError if it refuses, httpx.HTTPError if it cannot be reached.

    >>> key = client.batches.begin("recordings", subjects="subjects.csv", pose_model="lite")  # doctest: +SKIP
    >>> refused = client.batches.send(key, "recordings", consent=True)                        # doctest: +SKIP
    >>> batch = client.batches.wait(key)                                                      # doctest: +SKIP
    >>> client.batches.download(key, "results")                                               # doctest: +SKIP
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(
        self,
        videos: Videos,
        *,
        subjects: str | Path | None = None,
        height: float | None = None,
        weight: float | None = None,
        name: str = "",
        idempotency_key: str | None = None,
        **options: Unpack[SubmitKeywords],
    ) -> str:
        """Begin a batch of these videos; returns its key. No video is sent yet.

        subjects  the table of who is in which video; without it, `height` and `weight` hold for all.
        options   of all runs, and notes; a cell of the table goes before them.

        Raises VideoNotFound, and ApiError with everything that is missing or wrong in the table.
        """
        labels = "\n".join(video.label for video in _found(videos))
        fields = {**fields_of({"height": height, "weight": weight, **options}), "videos": labels, "name": name}
        parts: dict[str, Any] = dict(parts_of(fields))
        if subjects is not None:
            parts["subjects"] = (Path(subjects).name, Path(subjects).read_bytes())
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        answer = self._connection.request("POST", "/api/batches/", files=parts, headers=headers)
        return Batch.model_validate(answer.json()).batch_key

    def send(
        self,
        batch_key: str,
        videos: Videos,
        *,
        consent: bool,
        on_sent: Callable[[str], None] | None = None,
    ) -> dict[str, ApiError]:
        """Send the videos that the batch is missing; returns those that the server refused, and why.

        An outage of the server is waited for. Call it again, also from another process, to go on after an
        interruption: what was sent is not sent again.

        consent  `True` states that the people in all of the videos have consented to the analysis.
        on_sent  is told each video that was accepted.

        Raises ApiError where the batch does not exist, or the API key's limit of runs is reached.
        """
        batch = patiently(lambda: self.show(batch_key))
        missing = {entry.file for entry in batch.entries if entry.status == "missing"}
        refused: dict[str, ApiError] = {}
        for video in _found(videos):
            if video.label not in missing:
                continue
            try:
                self._send(batch_key, video, consent)
            except ApiError as error:
                if error.problem.status == _QUOTA:
                    raise
                refused[video.label] = error
            else:
                if on_sent:
                    on_sent(video.label)
        return refused

    def _send(self, batch_key: str, video: Video, consent: bool) -> None:
        fields = {"batch": batch_key, "video_name": video.label, **({"consent": "accepted"} if consent else {})}
        if video.path.stat().st_size <= _SMALL_BYTES:
            patiently(lambda: self._send_small(video, fields))
            return
        upload_key = patiently(self._connection.begin_upload)
        patiently(lambda: self._connection.upload(video.path, upload_key))
        parts = parts_of({**fields, "upload_key": upload_key})
        patiently(lambda: self._connection.request("POST", "/api/runs/", files=parts))

    def _send_small(self, video: Video, fields: Mapping[str, str]) -> None:
        """In one request; the key makes it the same run when it is repeated."""
        headers = {"Idempotency-Key": hashlib.sha256(f"{fields['batch']} {video.label}".encode()).hexdigest()}
        with video.path.open("rb") as file:
            sent = {"video": (video.path.name, file)}
            self._connection.request("POST", "/api/runs/", data=fields, files=sent, headers=headers)

    def show(self, batch_key: str) -> Batch:
        """The videos of a batch with their runs, and what is missing."""
        return Batch.model_validate(self._connection.get(f"/api/batches/{batch_key}/").json())

    def list(self) -> Iterator[BatchSummary]:
        """All your batches, newest first."""
        for page in self._connection.pages("/api/batches/"):
            yield from BatchList.model_validate(page).batches

    def wait(
        self, batch_key: str, *, on_progress: Callable[[Batch], None] | None = None, timeout: float | None = None
    ) -> Batch:
        """Return when all runs of the batch have ended, however they did. Raises TimeoutError after `timeout` s.

        Missing videos are not waited for. A server that is unavailable is asked again, as by `Client.wait`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            batch = patiently(lambda: self.show(batch_key), deadline)
            if on_progress:
                on_progress(batch)
            if not batch.counts["queued"] + batch.counts["running"]:
                return batch
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Batch {batch_key} is at {batch.progress:.0f} % after {timeout:g} s.")
            time.sleep(POLL_S)

    def summary(self, batch_key: str) -> str:
        """The content of `summary.csv`: the key figures, a row a video."""
        return self._connection.get(f"/api/batches/{batch_key}/summary.csv").text

    def download(self, batch_key: str, directory: str | Path) -> None:
        """Download `summary.csv` and the results of all completed runs, laid out as by `humanpose3d run FOLDER`."""
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "batch.zip"
            self._connection.save(f"/api/batches/{batch_key}/archive.zip", archive)
            with zipfile.ZipFile(archive) as content:
                content.extractall(directory)

    def cancel(self, batch_key: str) -> Batch:
        """Stop all runs of a batch that have not ended."""
        return Batch.model_validate(self._connection.request("POST", f"/api/batches/{batch_key}/cancel").json())

    def erase(self, batch_key: str) -> int:
        """Erase a batch with all of its runs, their videos and results; returns how many runs there were."""
        answer = self._connection.request("DELETE", f"/api/batches/{batch_key}/")
        return RunsChanged.model_validate(answer.json()).runs


def _found(videos: Videos) -> list[Video]:
    given = [videos] if isinstance(videos, str | Path) else videos
    return find_videos([Path(each) for each in given])
