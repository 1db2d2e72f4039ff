"""A connection to one server: requests whose refusals are errors, uploads in parts, and patience with outages."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from humanpose3d.api_models import PartAddress, ProblemDetails, UploadForm, UploadState
from humanpose3d.errors import HumanPose3DError

T = TypeVar("T")

POLL_S: Final = 0.5

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


class Connection:
    """A connection. Methods raise ApiError if the server refuses, httpx.HTTPError if it cannot be reached."""

    def __init__(self, base_url: str, api_key: str | None, transport: httpx.BaseTransport | None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(30, read=300, write=300)
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401 -- those of httpx
        """The server's response, which is no refusal."""
        return _checked(self._http.request(method, path, **content))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> httpx.Response:
        """The response to a GET."""
        return self.request("GET", path, params=query or {})

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The content of all pages of a list, from the first."""
        asked = dict(query or {})
        while True:
            page: dict[str, Any] = self.get(path, asked).json()
            yield page
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def save(self, url: str, path: Path) -> None:
        """Download into a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._http.stream("GET", url) as answer, path.open("wb") as target:
            if answer.is_error:
                answer.read()
            for chunk in _checked(answer).iter_bytes():
                target.write(chunk)

    def begin_upload(self) -> str:
        """Begin an upload; returns its key."""
        return UploadForm.model_validate(self.request("POST", "/api/uploads/").json()).upload_key

    def upload(self, video: str | Path, upload_key: str) -> None:
        """Send the parts of a video that are missing. Call it again to resume after a broken connection."""
        state = UploadState.model_validate(self.get(f"/api/uploads/{upload_key}").json())
        path = Path(video)
        size = path.stat().st_size
        arrived = {part.number for part in state.parts}
        numbers = range(1, math.ceil(size / state.part_bytes) + 1)
        with path.open("rb") as file:
            for number in () if state.complete else [each for each in numbers if each not in arrived]:
                file.seek((number - 1) * state.part_bytes)
                self._send_part(upload_key, number, file.read(state.part_bytes))
        self.request("POST", f"/api/uploads/{upload_key}/complete", json={"size": size})

    def _send_part(self, upload_key: str, number: int, content: bytes) -> None:
        asked = self.request("POST", f"/api/uploads/{upload_key}/parts/{number}")
        url = PartAddress.model_validate(asked.json()).url
        if url.startswith("/"):
            self.request("PUT", url, content=content)
        else:
            httpx.put(url, content=content, timeout=300).raise_for_status()


def patiently(ask: Callable[[], T], deadline: float | None = None) -> T:
    """The answer, requested again with increasing pauses while the server is unavailable.

    Raises TimeoutError after the deadline, by the monotonic clock; without one, the error that remains.
    """
    last, pause = deadline or time.monotonic() + _PATIENCE_S, POLL_S
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


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        if answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise ApiError(ProblemDetails.model_validate(answer.json()))
        answer.raise_for_status()
    return answer


def fields_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Options and notes as fields of a form; without those that are None."""
    return {name: _field(name, value) for name, value in options.items() if value is not None}


def parts_of(fields: Mapping[str, str]) -> dict[str, tuple[None, str]]:
    """Fields as the parts of a form without files."""
    return {name: (None, value) for name, value in fields.items()}


def _field(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return ("," if name == "labels" else " ").join(map(str, value))
    return str(value)
