"""Subjects on a server: the runs that carry the same code. Used as `Client(…).subjects`."""

from pathlib import Path
from urllib.parse import quote

from humanpose3d.api_models import RunsChanged, SubjectHistory, SubjectList, SubjectSummary
from humanpose3d.connection import Connection


class Subjects:
    """The subjects of one server. Methods raise ApiError if it refuses, httpx.HTTPError if it cannot be reached."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[SubjectSummary]:
        """Your subjects, by code."""
        return SubjectList.model_validate(self._connection.get("/api/subjects/").json()).subjects

    def show(self, subject: str) -> SubjectHistory:
        """A subject's runs by session, and its key figures over the sessions."""
        return SubjectHistory.model_validate(self._connection.get(_path(subject)).json())

    def rename(self, subject: str, new: str) -> int:
        """Give all runs of a subject another code; returns how many."""
        answer = self._connection.request("PATCH", _path(subject), json={"subject": new})
        return RunsChanged.model_validate(answer.json()).runs

    def export(self, subject: str, path: str | Path) -> None:
        """Download all that is stored about a subject as one zip."""
        self._connection.save(f"{_path(subject)}archive.zip", Path(path))

    def erase(self, subject: str) -> int:
        """Erase all runs of a subject with their videos and results; returns how many runs there were."""
        return RunsChanged.model_validate(self._connection.request("DELETE", _path(subject)).json()).runs


def _path(subject: str) -> str:
    return f"/api/subjects/{quote(subject, safe='')}/"
