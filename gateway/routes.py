"""The API under `/api`: thin functions between HTTP and `gateway.runs`."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from gateway import downloads
from gateway.api_keys import ApiKey, KeyRing
from gateway.container_type import check_container
from gateway.errors import NotFinished
from gateway.events import event_stream
from gateway.forms import Form, read_body, read_form
from gateway.problems import responses
from gateway.resources import (
    Accepted,
    PartAddress,
    Progress,
    Run,
    RunChange,
    RunList,
    RunSummary,
    Skeleton,
    Statistics,
    UploadForm,
    UploadSize,
    UploadState,
)
from gateway.run_service import RunService
from gateway.submission import UPLOAD_KEY, VIDEO_NAME, read_submission
from gateway.uploads import PART_BYTES, Uploads
from humanpose3d.errors import InvalidOption
from humanpose3d.formats.npz import load_npz
from humanpose3d.motion import AngleSd, JointAngles
from humanpose3d.options import RunOptions, Subject
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunId, RunState
from shared.runtime.settings import Settings
from shared.runtime.store import Store
from shared.scratch import scratch_folder

_BINARY: Final = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

router = APIRouter(prefix="/api", responses=responses(401, 503))


class Services:
    """What the routes work with; one a process."""

    def __init__(self, settings: Settings, bus: Bus, store: Store, run_service: RunService, keys: KeyRing) -> None:
        self.settings, self.bus, self.store, self.run_service, self.keys = settings, bus, store, run_service, keys
        self.uploads = Uploads(bus, store, settings.max_upload_bytes)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]


def _key(services: Given, authorization: Annotated[str | None, Header()] = None) -> ApiKey:
    scheme, _, secret = (authorization or "").partition(" ")
    return services.keys.authenticate(secret.strip() if scheme.lower() == "bearer" else None)


Key = Annotated[ApiKey, Depends(_key)]


def _form_schema() -> dict[str, object]:
    """The form as OpenAPI: the contracts' own fields beside the video."""
    properties: dict[str, object] = {
        "video": {"type": "string", "format": "binary", "description": "the video; or name an upload_key"},
        UPLOAD_KEY: {"type": "string", "description": "of a video that was uploaded through POST /api/uploads/"},
        VIDEO_NAME: {"type": "string", "description": "file name of a video that was uploaded before"},
        "consent": {"type": "string", "enum": ["accepted"], "description": "the person in the video has consented"},
    }
    for contract in (Subject, RunOptions):
        properties |= contract.model_json_schema()["properties"]
    return {
        "type": "object",
        "properties": properties,
        "required": ["consent", *Subject.model_fields],
        "additionalProperties": False,
    }


@router.post(
    "/runs",
    status_code=202,
    responses=responses(400, 408, 413, 415, 422, 429, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _form_schema()}}}},
)
async def start_run(
    request: Request,
    services: Given,
    key: Key,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Accepted:
    """Accept a video and its options. The run is queued; its progress is at `progress_url`."""
    settings = services.settings
    with scratch_folder() as scratch:
        form = await read_form(
            request.headers.get("content-type", ""),
            request.stream(),
            scratch,
            settings.max_upload_bytes,
        )
        submission = read_submission(form.fields, settings.models_directory)
        if form.video is None:
            name = form.fields.get(VIDEO_NAME, "video")
            state = await services.run_service.submit_uploaded(key, submission, _upload_key(form), name)
        else:
            check_container(form.video.path)
            state = await services.run_service.submit(key, submission, form.video, idempotency_key)
    return Accepted.of(state, submission.warnings)


def _upload_key(form: Form) -> str:
    try:
        return form.fields[UPLOAD_KEY]
    except KeyError:
        raise InvalidOption({"video": f"is required (or an {UPLOAD_KEY})"}) from None


@router.post("/uploads", status_code=201, dependencies=[Depends(_key)])
async def begin_upload(services: Given) -> UploadForm:
    """Begin the upload of a large video; the run is started with its `upload_key` afterwards."""
    upload_key, form = await services.uploads.begin()
    return UploadForm.of(upload_key, form, services.uploads.max_bytes)


@router.get("/uploads/{upload_key}", responses=responses(422), dependencies=[Depends(_key)])
async def show_upload(services: Given, upload_key: RunId) -> UploadState:
    """What has arrived of an upload, so that it goes on from there."""
    return UploadState.of(upload_key, await services.uploads.arrived(upload_key))


@router.post("/uploads/{upload_key}/parts/{number}", responses=responses(409, 422), dependencies=[Depends(_key)])
async def address_part(services: Given, request: Request, upload_key: RunId, number: int) -> PartAddress:
    """Where to PUT part `number` (from 1); valid for a quarter of an hour."""
    own = request.scope["path"]
    return PartAddress(url=await services.uploads.address(upload_key, number) or own)


@router.put(
    "/uploads/{upload_key}/parts/{number}",
    status_code=204,
    responses=responses(400, 408, 409, 413, 422, 507),
    dependencies=[Depends(_key)],
    openapi_extra={"requestBody": {"required": True, **_BINARY}},
)
async def put_part(services: Given, request: Request, upload_key: RunId, number: int) -> None:
    """Store a part here, where the store takes none itself."""
    with scratch_folder() as scratch:
        await read_body(request.stream(), scratch / "part", PART_BYTES)
        await services.uploads.put(upload_key, number, scratch / "part")


@router.post("/uploads/{upload_key}/complete", responses=responses(400, 409, 413, 422), dependencies=[Depends(_key)])
async def complete_upload(services: Given, upload_key: RunId, whole: UploadSize) -> UploadState:
    """Make one video of the parts. Refused while some are missing; may be repeated."""
    await services.uploads.complete(upload_key, whole.size)
    return UploadState.of(upload_key, await services.uploads.arrived(upload_key))


@router.get("/runs", responses=responses(422))
async def list_runs(
    services: Given,
    key: Key,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> RunList:
    """Your runs, newest first."""
    page = services.run_service.page(key, limit, cursor)
    return RunList(runs=[RunSummary.of(state) for state in page.runs], next_cursor=page.next_cursor)


async def _run(services: Given, key: Key, run_key: str) -> RunState:
    return await services.run_service.get(key, run_key)


Found = Annotated[RunState, Depends(_run)]


@router.get("/runs/{run_key}", responses=responses(404, 422))
async def show_run(state: Found) -> Run:
    """State, options and files of a run."""
    return Run.of(state)


@router.get("/runs/{run_key}/progress", responses=responses(404, 422))
async def show_progress(services: Given, state: Found) -> Progress:
    """How far a run is, and why it failed if it did."""
    return Progress.of(state, services.run_service.position(state))


@router.get(
    "/runs/{run_key}/events",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **responses(404, 422)},
    response_class=StreamingResponse,
)
async def follow_run(
    services: Given, state: Found, last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0
) -> StreamingResponse:
    """The run's changes as server-sent events; `Last-Event-ID` resumes where a connection broke."""
    stream: AsyncIterator[str] = event_stream(services.bus, state, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, 200, headers, "text/event-stream")


@router.get(
    "/runs/{run_key}/files/{path:path}",
    responses={200: _BINARY, 206: {"description": "the part asked for", **_BINARY}, **responses(404, 416, 422)},
    response_class=StreamingResponse,
)
async def download_file(
    services: Given, state: Found, path: str, range_header: Annotated[str | None, Header(alias="Range")] = None
) -> Response:
    """One file of the results, or a range of it."""
    return await downloads.file_response(services.store, state, path, range_header)


@router.get(
    "/runs/{run_key}/video",
    responses={200: _BINARY, 206: {"description": "the part asked for", **_BINARY}, **responses(404, 416, 422)},
    response_class=StreamingResponse,
)
async def download_video(
    services: Given, state: Found, range_header: Annotated[str | None, Header(alias="Range")] = None
) -> Response:
    """The video as it was sent, or a range of it; with `blur_faces` the preview in its place, once there is one."""
    return await downloads.video_response(services.store, state, range_header)


@router.get(
    "/runs/{run_key}/archive.zip",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 409, 422),
    },
    response_class=StreamingResponse,
)
async def download_archive(services: Given, state: Found) -> Response:
    """All files of the results as one zip."""
    _demand_results(state)
    return downloads.archive_response(services.store, state)


@router.get("/runs/{run_key}/statistics", responses=responses(404, 409, 422))
async def show_statistics(services: Given, state: Found) -> Statistics:
    """Range of motion, extremes, mean, asymmetry and stated uncertainty of every joint angle."""
    _demand_results(state)
    made = {name: key for record in state.finished.values() for name, key in record.artefacts.items()}
    with scratch_folder() as scratch:
        path, spread = scratch / "angles.npz", scratch / "spread.npz"
        await services.store.get_file(made.get("refined_angles") or made["angles"], path)
        if "angle_spread" in made:
            await services.store.get_file(made["angle_spread"], spread)
        return Statistics.of(
            state.run_id,
            load_npz(path, JointAngles),
            load_npz(spread, AngleSd) if "angle_spread" in made else None,
        )


@router.patch("/runs/{run_key}", responses=responses(400, 404, 422))
async def rename_run(services: Given, key: Key, run_key: str, change: RunChange) -> Run:
    """Give a run another name. Its files keep the video's name, so that what was downloaded before still fits."""
    return Run.of(await services.run_service.rename(key, run_key, change.name))


@router.post("/runs/{run_key}/cancel", responses=responses(404, 409, 422))
async def cancel_run(services: Given, key: Key, run_key: str) -> Progress:
    """Stop a run that has not ended."""
    return Progress.of(await services.run_service.cancel(key, run_key), None)


@router.delete("/runs/{run_key}", status_code=204, responses=responses(404, 422))
async def erase_run(services: Given, key: Key, run_key: str) -> None:
    """Stop the run and erase its video, its results and every trace of it."""
    await services.run_service.erase(key, run_key)


@router.get("/skeleton")
async def show_skeleton() -> Skeleton:
    """Names of landmarks, markers and joints, and which markers a line joins."""
    return Skeleton()


def _demand_results(state: RunState) -> None:
    if state.status != "completed":
        raise NotFinished(f"The run is {state.status}; it has no results (yet).")
