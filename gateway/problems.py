"""Every error is returned as an RFC 9457 problem with a stable code and without internals of the server."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from humanpose3d.api_models import FieldProblem, ProblemDetails
from humanpose3d.errors import HumanPose3DError

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)


def problem(
    status: int, code: str, detail: str, errors: list[FieldProblem] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem as a response."""
    return _response(ProblemDetails.from_code(status, code, detail, errors or []), headers)


def _response(body: ProblemDetails, headers: dict[str, str] | None) -> JSONResponse:
    return JSONResponse(body.model_dump(), body.status, headers, MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for problems of these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": "a problem", "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem, and describe problems in its OpenAPI document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= {**schema.pop("$defs"), ProblemDetails.__name__: schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    app.add_exception_handler(HumanPose3DError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HumanPose3DError)
    if error.status >= 500:
        _log.warning("%s %s: %s", request.method, request.url.path, error.code)
    return of_error(error)


def of_error(error: HumanPose3DError) -> JSONResponse:
    """An error of the tree as a response."""
    return _response(ProblemDetails.of(error), getattr(error, "headers", None))


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [FieldProblem(field=str(item["loc"][-1]), detail=item["msg"]) for item in error.errors()]
    detail = "; ".join(f"{item.field}: {item.detail}" for item in errors)
    return problem(422, "invalid-request", detail, errors)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed", 408: "too-slow", 413: "body-too-large"}
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, codes.get(error.status_code, "http-error"), str(error.detail), headers=headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "internal", "An internal error, which was logged. Try again, and report it if it persists.")
