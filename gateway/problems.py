"""Every error leaves as an RFC 9457 problem with a stable code; nothing of the server's inside leaves with it."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from humanpose3d.errors import HumanPose3DError, InvalidOption

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field of a form or query."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="urn of the kind of problem", examples=["urn:humanpose3d:problem:invalid-option"])
    title: str = Field(description="the kind of problem in a few words")
    status: int = Field(description="the HTTP status")
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="what is wrong and what to do, for people")
    errors: list[FieldProblem] = Field(default=[], description="which fields are at fault")


def problem(
    status: int, code: str, detail: str, errors: list[FieldProblem] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem as a response."""
    body = ProblemDetails(
        type=f"urn:humanpose3d:problem:{code}",
        title=code.replace("-", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        errors=errors or [],
    )
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


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
    fields = error.faults.items() if isinstance(error, InvalidOption) else ()
    errors = [FieldProblem(field=field, detail=detail) for field, detail in fields]
    if error.status >= 500:
        _log.warning("%s %s: %s", request.method, request.url.path, error.code)
    return problem(error.status, error.code, str(error), errors, getattr(error, "headers", None))


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [FieldProblem(field=str(item["loc"][-1]), detail=item["msg"]) for item in error.errors()]
    detail = "; ".join(f"{item.field}: {item.detail}" for item in errors)
    return problem(422, "invalid-request", detail, errors)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed"}
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, codes.get(error.status_code, "http-error"), str(error.detail), headers=headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "internal", "An error of ours; it was logged. Please try again, and report it if it stays.")
