"""The API's calls about subjects: the runs that carry the same code."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response, StreamingResponse

from gateway import downloads, resources
from gateway.dependencies import Base, Given, Key
from gateway.problems import responses
from gateway.subjects import summary_of
from humanpose3d.api_models import RunsChanged, RunSummary, SubjectChange, SubjectHistory, SubjectList

router = APIRouter(responses=responses(401, 403, 503), tags=["subjects"])


async def _runs(services: Given, key: Key, base: Base, subject: str) -> list[RunSummary]:
    return [resources.at(base, run) for run in await services.subjects.runs(key, subject)]


Runs = Annotated[list[RunSummary], Depends(_runs)]


@router.get("/subjects")
async def list_subjects(services: Given, key: Key) -> SubjectList:
    """Your subjects, by code."""
    return SubjectList(subjects=await services.subjects.all(key))


@router.get("/subjects/{subject}", responses=responses(404, 422))
async def show_subject(services: Given, key: Key, subject: str, runs: Runs) -> SubjectHistory:
    """The runs of a subject by session, and its key figures over the sessions, with their errors where known."""
    return SubjectHistory(
        **summary_of(subject, runs).model_dump(), history=runs, figures=await services.subjects.series(key, runs)
    )


@router.patch("/subjects/{subject}", responses=responses(400, 404, 422))
async def rename_subject(services: Given, key: Key, subject: str, change: SubjectChange) -> RunsChanged:
    """Give all runs of a subject another code. If runs have that code already, the two become one subject."""
    return RunsChanged(runs=await services.subjects.rename(key, subject, change.subject))


@router.get(
    "/subjects/{subject}/archive.zip",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 422),
    },
    response_class=StreamingResponse,
)
async def export_subject(services: Given, key: Key, base: Base, subject: str, runs: Runs) -> Response:
    """All that is stored about a subject as one zip: results and videos, a folder a run, and `runs.json`."""
    return downloads.archive_response(subject, services.subjects.members(key, base, runs))


@router.delete("/subjects/{subject}", responses=responses(404, 422))
async def erase_subject(services: Given, key: Key, subject: str) -> RunsChanged:
    """Erase all runs of a subject with their videos and results, and its lines in the tables of batches."""
    return RunsChanged(runs=await services.subjects.erase(key, subject))
