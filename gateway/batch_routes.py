"""The API's calls about batches."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from gateway import downloads, resources
from gateway.batch_records import Batch, checked_batch_key
from gateway.dependencies import Base, Given, Key
from gateway.forms import VIDEO_LIST, read_form
from gateway.problems import responses
from gateway.submission import NAME, SUBJECTS, person_schema, read_batch
from humanpose3d.api_models import Batch as BatchDetails
from humanpose3d.api_models import BatchList, RunsChanged

router = APIRouter(responses=responses(401, 403, 503), tags=["batches"])

_MAX_BYTES: Final = 4 << 20
_SCHEMA: Final = {
    "type": "object",
    "properties": {
        SUBJECTS: {"type": "string", "format": "binary", "description": "the table of subjects (CSV)"},
        VIDEO_LIST: {
            "type": "string",
            "description": "the videos' paths, one a line; needed where the table has patterns, or there is none",
        },
        NAME: {"type": "string", "description": "of the batch"},
        **person_schema(),
    },
    "additionalProperties": False,
}


class _InMemory:
    """Receives the table."""

    def __init__(self) -> None:
        self.content = b""

    async def write(self, data: bytes) -> None:
        """Receive the next bytes."""
        self.content += data


@router.post(
    "/batches",
    status_code=201,
    responses=responses(400, 408, 413, 415, 422, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _SCHEMA}}}},
)
async def begin_batch(
    request: Request,
    services: Given,
    key: Key,
    base: Base,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> BatchDetails:
    """Begin a batch by its table of subjects and common options. Its videos are then submitted as runs with `batch`.

    Height, weight and notes hold where the table has none.
    """
    content_type, table = request.headers.get("content-type", ""), _InMemory()
    form = await read_form(content_type, request.stream(), table, _MAX_BYTES, file_field=SUBJECTS)
    new = read_batch(form.fields, table.content, services.settings.models_directory)
    record = await services.batches.begin(key, new, idempotency_key)
    return resources.batch_details(base, await services.batches.get(key, record.key))


@router.get("/batches", responses=responses(422))
async def list_batches(
    services: Given,
    key: Key,
    base: Base,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> BatchList:
    """Your batches, newest first."""
    batches, next_cursor = await services.batches.page(key, limit, cursor)
    return BatchList(batches=[resources.batch_summary(base, batch) for batch in batches], next_cursor=next_cursor)


def _batch_key(batch_key: str) -> str:
    return checked_batch_key(batch_key)


BatchKey = Annotated[str, Depends(_batch_key)]


async def _batch(services: Given, key: Key, batch_key: BatchKey) -> Batch:
    return await services.batches.get(key, batch_key)


Found = Annotated[Batch, Depends(_batch)]


@router.get("/batches/{batch_key}", responses=responses(404, 422))
async def show_batch(batch: Found, base: Base) -> BatchDetails:
    """The videos of a batch, with their runs, and what is missing."""
    return resources.batch_details(base, batch)


@router.get(
    "/batches/{batch_key}/summary.csv",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **responses(404, 422)},
    response_class=Response,
)
async def download_summary(services: Given, key: Key, batch: Found) -> Response:
    """The key figures of all videos, a row a video, as `humanpose3d run` writes them."""
    return downloads.text_response("summary.csv", await services.batches.summary(key, batch), "text/csv")


@router.get(
    "/batches/{batch_key}/archive.zip",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 422),
    },
    response_class=StreamingResponse,
)
async def download_batch(services: Given, key: Key, batch: Found) -> Response:
    """The results of all completed runs as one zip: a folder a video, and `summary.csv`."""
    name = batch.record.name or f"batch {batch.record.created_at:%Y-%m-%d}"
    return downloads.archive_response(name, services.batches.members(key, batch))


@router.post("/batches/{batch_key}/cancel", responses=responses(404, 422))
async def cancel_batch(services: Given, key: Key, base: Base, batch_key: BatchKey) -> BatchDetails:
    """Stop all runs of a batch that have not ended."""
    return resources.batch_details(base, await services.batches.cancel(key, batch_key))


@router.delete("/batches/{batch_key}", responses=responses(404, 422))
async def erase_batch(services: Given, key: Key, batch_key: BatchKey) -> RunsChanged:
    """Erase a batch: its table, and all of its runs with their videos and results."""
    return RunsChanged(runs=await services.batches.erase(key, batch_key))
