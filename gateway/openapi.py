"""The OpenAPI document beyond what the routes say of themselves: tags, who may call, and an example of each call."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from gateway.dependencies import SHARE_SCHEME

TAGS: Final = [
    {"name": "runs", "description": "Submit a video, follow its run, stop it, erase it."},
    {"name": "results", "description": "Files, motion and statistics of a completed run."},
    {"name": "batches", "description": "Many videos with one table of subjects."},
    {"name": "subjects", "description": "The runs of one person over time."},
    {"name": "shares", "description": "Links that show one result to everyone who has them."},
    {"name": "uploads", "description": "Large videos in parts, before the run is started."},
    {"name": "operation", "description": "Monitoring of the server."},
]
SERVERS: Final = [{"url": "/", "description": "this server"}]

_SERVER: Final = "http://127.0.0.1:8000"
_PLACES: Final = {"path": "joint_angles/walk_angles_knee_r.csv", "number": "1", "subject": "P07"}
_BODIES: Final = {
    "start_run": "-F video=@walk.mp4 -F height=1.78 -F weight=75 -F consent=accepted",
    "put_part": "--upload-file part_1",
    "complete_upload": "--json '{\"size\": 1000000}'",
    "change_run": '--json \'{"subject": "P07", "labels": ["first visit"]}\'',
    "begin_batch": "-F subjects=@subjects.csv",
    "share_run": "--json '{\"days\": 7}'",
    "rename_subject": '--json \'{"subject": "A12"}\'',
}
"""Operation → its body in the example."""


def operation_id(route: APIRoute) -> str:
    """Name of the call: that of the function that answers it."""
    return route.name


def install(app: FastAPI, *, keys_demanded: bool) -> None:
    """Complete the application's document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if "x-codeSamples" not in operation:
                    _complete(path, method, operation, keys_demanded=keys_demanded)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _complete(path: str, method: str, operation: dict[str, Any], *, keys_demanded: bool) -> None:
    if not keys_demanded and not _is_shared(operation) and "security" in operation:
        operation["security"].append({})  # without keys on the server none is needed
    example = _example(path, method, operation)
    operation["x-codeSamples"] = [{"lang": "Shell", "source": example}]
    operation["description"] = f"{operation.get('description', '')}\n\n```sh\n{example}\n```"


def _is_shared(operation: dict[str, Any]) -> bool:
    """Whether the token of a link opens it."""
    return any(SHARE_SCHEME in scheme for scheme in operation.get("security", ()))


def _example(path: str, method: str, operation: dict[str, Any]) -> str:
    """The call with curl."""
    body = _BODIES[operation["operationId"]] if "requestBody" in operation else ""
    verb = "" if method == "get" or (method == "post" and body) else f"-X {method.upper()}"
    name = "token" if _is_shared(operation) else "key"
    key = f'-H "Authorization: Bearer ${name}"' if "security" in operation else ""
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        path = path.replace(f"{{{name}}}", _PLACES.get(name, f"${name}"))
    return " ".join(word for word in ("curl -fsS", verb, key, body, f'"{_SERVER}{path}"') if word)
