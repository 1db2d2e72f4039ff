"""The API, under `/api/v1` and, the same, under `/api`: thin functions between HTTP and `gateway.run_service`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response, StreamingResponse

from gateway import downloads, resources, webhooks
from gateway.api_keys import ApiKey
from gateway.batch_records import checked_batch_key
from gateway.dependencies import Base, Given, Key, Services, authenticated
from gateway.errors import NotFinished, UploadNotFound
from gateway.events import event_stream
from gateway.forms import Form, read_body, read_form, room_demanded
from gateway.incoming import PART_BYTES, incoming
from gateway.motion import MEDIA_TYPE
from gateway.problems import responses
from gateway.run_filter import RunFilter
from gateway.submission import (
    BATCH,
    UPLOAD_KEY,
    VIDEO_NAME,
    VIDEO_OF,
    Submission,
    person_schema,
    read_batch_submission,
    read_submission,
)
from humanpose3d.analysis import Analysis
from humanpose3d.api_models import (
    Accepted,
    PartAddress,
    Progress,
    Run,
    RunChange,
    RunList,
    RunParameters,
    Skeleton,
    Statistics,
    UploadForm,
    UploadSize,
    UploadState,
)
from humanpose3d.errors import InvalidOption, RunNotFound
from humanpose3d.formats.npz import load_npz
from humanpose3d.motion import AngleSd, JointAngles
from shared.runtime.run_state import RunId, RunState
from shared.scratch import scratch_folder

_run_ids: Final = TypeAdapter(RunId)

_BINARY: Final = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: _BINARY,
    206: {"description": "the part requested", **_BINARY},
    304: {"description": "what the client has is current"},
    **responses(404, 412, 416, 422),
}

router = APIRouter(responses=responses(401, 403, 503))


def _form_schema() -> dict[str, object]:
    """The form as OpenAPI: the contracts' own fields beside the video."""
    properties: dict[str, object] = {
        "video": {
            "type": "string",
            "format": "binary",
            "description": "the video; or name an upload_key, or a run in video_of",
        },
        UPLOAD_KEY: {"type": "string", "description": "of a video that was uploaded through POST /api/uploads/"},
        VIDEO_OF: {"type": "string", "description": "key of a run of yours, whose video is analysed again"},
        VIDEO_NAME: {
            "type": "string",
            "description": "file name of a video that was uploaded before; what a batch calls the video",
        },
        BATCH: {
            "type": "string",
            "description": "key of a batch, which states all but consent, video and webhook",
        },
        webhooks.URL: {"type": "string", "format": "uri", "description": "https address that is told the run's end"},
        webhooks.SECRET: {
            "type": "string",
            "description": "whsec_ and 24 to 64 random bytes in base64, to sign it with",
        },
        "consent": {"type": "string", "enum": ["accepted"], "description": "the person in the video has consented"},
    }
    return {
        "type": "object",
        "properties": properties | person_schema(),
        "required": ["consent"],
        "additionalProperties": False,
    }


@router.post(
    "/runs",
    tags=["runs"],
    status_code=202,
    responses=responses(400, 404, 408, 409, 413, 415, 422, 429, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _form_schema()}}}},
)
async def start_run(
    request: Request,
    services: Given,
    key: Key,
    base: Base,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Accepted:
    """Accept a video and its options. The run is queued; its progress is at `progress_url`."""
    run_service = services.run_service
    run_id = run_service.new_run_id(key, idempotency_key)
    content_type = request.headers.get("content-type", "")
    async with incoming(services.store, run_id) as (video, arriving):
        form = await read_form(content_type, request.stream(), arriving, services.settings.max_upload_bytes)
        submissions = await _submissions(services, key, form)
        _demand_one_video(form)
        if form.filename is not None:
            sha256 = await arriving.finish()
            states = await run_service.submit(key, submissions, video, form.filename, sha256)
        elif VIDEO_OF in form.fields:
            states = await run_service.submit_again(
                key, submissions, video, form.fields[VIDEO_OF], form.fields.get(VIDEO_NAME)
            )
        else:
            name = form.fields.get(VIDEO_NAME, "video")
            states = await run_service.submit_uploaded(key, submissions, _upload_key(form), name)
    warnings = dict.fromkeys(warning for submission in submissions for warning in submission.warnings)
    return resources.accepted(base, states, warnings)


async def _submissions(services: Services, key: ApiKey, form: Form) -> list[Submission]:
    """What a form submits. A batch may stand for subject and options; it may have several people of the video."""
    fields, private = form.fields, services.settings.private_webhooks
    if BATCH not in fields:
        return [read_submission(fields, services.settings.models_directory, private_webhooks=private)]
    batch = await services.batches.records.get(key.owner, checked_batch_key(fields[BATCH]))
    name = fields.get(VIDEO_NAME) or form.filename or ""
    return read_batch_submission(fields, batch, name, private_webhooks=private)


def _demand_one_video(form: Form) -> None:
    """Raises InvalidOption where the form names no video, or more than one."""
    named = ["video"] if form.filename is not None else []
    named += [field for field in (UPLOAD_KEY, VIDEO_OF) if field in form.fields]
    if not named:
        raise InvalidOption({"video": f"is required (or an {UPLOAD_KEY}, or {VIDEO_OF})"})
    if len(named) > 1:
        raise InvalidOption(dict.fromkeys(named, f"send one of {', '.join(named)}: which video is meant is not clear"))


def _upload_key(form: Form) -> str:
    try:
        return _run_ids.validate_python(form.fields[UPLOAD_KEY])
    except ValidationError:
        raise UploadNotFound("This is not the key of an upload. POST /api/uploads/ returns one.") from None


@router.post("/uploads", tags=["uploads"], status_code=201, dependencies=[Depends(authenticated)])
async def begin_upload(services: Given) -> UploadForm:
    """Begin the upload of a large video; the run is started with its `upload_key` afterwards."""
    upload_key, form = await services.uploads.begin()
    return resources.upload_form(upload_key, form, services.uploads.max_bytes)


@router.get("/uploads/{upload_key}", tags=["uploads"], responses=responses(422), dependencies=[Depends(authenticated)])
async def show_upload(services: Given, upload_key: RunId) -> UploadState:
    """The received parts of an upload, from which it can be resumed."""
    return resources.upload_state(upload_key, await services.uploads.arrived(upload_key))


@router.post(
    "/uploads/{upload_key}/parts/{number}",
    tags=["uploads"],
    responses=responses(409, 422),
    dependencies=[Depends(authenticated)],
)
async def address_part(services: Given, request: Request, upload_key: RunId, number: int) -> PartAddress:
    """Where to PUT part `number` (from 1); valid for a quarter of an hour."""
    own = request.scope["path"]
    return PartAddress(url=await services.uploads.address(upload_key, number) or own)


@router.put(
    "/uploads/{upload_key}/parts/{number}",
    tags=["uploads"],
    status_code=204,
    responses=responses(400, 408, 409, 413, 422, 507),
    dependencies=[Depends(authenticated)],
    openapi_extra={"requestBody": {"required": True, **_BINARY}},
)
async def put_part(services: Given, request: Request, upload_key: RunId, number: int) -> None:
    """Store a part through this server, where the store has no public address."""
    with room_demanded(), scratch_folder() as scratch:
        await read_body(request.stream(), scratch / "part", PART_BYTES)
        await services.uploads.put(upload_key, number, scratch / "part")


@router.post(
    "/uploads/{upload_key}/complete",
    tags=["uploads"],
    responses=responses(400, 409, 413, 422),
    dependencies=[Depends(authenticated)],
)
async def complete_upload(services: Given, upload_key: RunId, whole: UploadSize) -> UploadState:
    """Join the parts to one video. Refused while some are missing; may be repeated."""
    await services.uploads.complete(upload_key, whole.size)
    return resources.upload_state(upload_key, await services.uploads.arrived(upload_key))


@router.get("/runs", tags=["runs"], responses=responses(422))
async def list_runs(
    services: Given,
    key: Key,
    base: Base,
    wanted: Annotated[RunFilter, Depends()],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> RunList:
    """Your runs that fit all filters given, newest first."""
    page = await services.run_service.page(key, wanted, limit, cursor)
    return RunList(runs=[resources.listed(base, run.summary) for run in page.runs], next_cursor=page.next_cursor)


def _run_key(run_key: str) -> str:
    try:
        return _run_ids.validate_python(run_key)
    except ValidationError:
        raise RunNotFound("There is no such run.") from None


RunKey = Annotated[str, Depends(_run_key)]


async def _run(services: Given, key: Key, run_key: RunKey) -> RunState:
    return await services.run_service.get(key, run_key)


Found = Annotated[RunState, Depends(_run)]


@router.get("/runs/{run_key}", tags=["runs"], responses=responses(404, 422))
async def show_run(services: Given, state: Found, base: Base) -> Run:
    """State, options and files of a run."""
    return resources.run(base, state, shareable=services.shares.enabled)


@router.get("/runs/{run_key}/progress", tags=["runs"], responses=responses(404, 422))
async def show_progress(services: Given, state: Found, base: Base) -> Progress:
    """Progress of a run, and why it failed if it did."""
    return resources.progress(base, state, await services.run_service.position(state))


@router.get(
    "/runs/{run_key}/events",
    tags=["runs"],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **responses(404, 422)},
    response_class=StreamingResponse,
)
async def follow_run(
    services: Given, state: Found, last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0
) -> StreamingResponse:
    """The run's changes as server-sent events; `Last-Event-ID` resumes where a connection broke."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return downloads.Streamed(event_stream(services.bus, state, last_event_id), 200, headers, "text/event-stream")


@router.get(
    "/runs/{run_key}/files/{path:path}",
    tags=["results"],
    responses=FILE,
    response_class=StreamingResponse,
)
async def download_file(services: Given, state: Found, path: str, request: Request) -> Response:
    """One file of the results, or a range of it (`Range`), or only if it has changed (`If-None-Match`)."""
    return await downloads.file_response(services.store, state, path, request.headers)


@router.get(
    "/runs/{run_key}/video",
    tags=["results"],
    responses=FILE,
    response_class=StreamingResponse,
)
async def download_video(services: Given, state: Found, request: Request) -> Response:
    """The uploaded video, or a range of it; with `blur_faces` the preview instead, once it exists."""
    return await downloads.video_response(services.store, state, request.headers)


@router.get(
    "/runs/{run_key}/archive.zip",
    tags=["results"],
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 409, 422),
    },
    response_class=StreamingResponse,
)
async def download_archive(services: Given, state: Found) -> Response:
    """All files of the results as one zip."""
    _demand_results(state)
    name = state.request.name
    return downloads.archive_response(name, downloads.run_members(services.store, name, state))


@router.get(
    "/runs/{run_key}/motion",
    tags=["results"],
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "what the client has is current"},
        **responses(404, 409, 412, 422),
    },
    response_class=StreamingResponse,
)
async def download_motion(services: Given, state: Found, request: Request) -> Response:
    """Markers, landmarks and joint angles over time as 32-bit floats after a JSON header, in one response."""
    _demand_results(state)
    return await services.motion_files.response(state, request.headers)


@router.get("/runs/{run_key}/statistics", tags=["results"], responses=responses(404, 409, 422))
async def show_statistics(services: Given, state: Found) -> Statistics:
    """Range of motion, extremes, mean, asymmetry and stated uncertainty of every joint angle."""
    _demand_results(state)
    made = state.made
    with scratch_folder() as scratch:
        path, sd = scratch / "angles.npz", scratch / "sd.npz"
        await services.store.get_file(made.get("refined_angles") or made["angles"], path)
        if "angle_sd" in made:
            await services.store.get_file(made["angle_sd"], sd)
        return resources.statistics(
            state.run_id,
            load_npz(path, JointAngles),
            load_npz(sd, AngleSd) if "angle_sd" in made else None,
        )


@router.get("/runs/{run_key}/parameters", tags=["results"], responses=responses(404, 409, 422))
async def show_parameters(services: Given, state: Found) -> RunParameters:
    """Task, key figures, events and all parameters, and what could not be measured and why."""
    _demand_results(state)
    made = state.made
    if "analysis" not in made:
        raise NotFinished("This run was not analysed for events and key figures.")
    with scratch_folder() as scratch:
        path = scratch / "analysis.json"
        await services.store.get_file(made["analysis"], path)
        return RunParameters.of(state.run_id, Analysis.read(path.read_bytes()))


@router.patch("/runs/{run_key}", tags=["runs"], responses=responses(400, 404, 422))
async def change_run(services: Given, key: Key, base: Base, run_key: RunKey, change: RunChange) -> Run:
    """Change a run's name, subject, session, labels, side or note, whatever of these is given.

    Its files keep the video's name, so that they match earlier downloads; `run.json` keeps the notes that the run ended
    with.
    """
    state = await services.run_service.change(key, run_key, change.name, change.notes)
    return resources.run(base, state, shareable=services.shares.enabled)


@router.post("/runs/{run_key}/cancel", tags=["runs"], responses=responses(404, 409, 422))
async def cancel_run(services: Given, key: Key, base: Base, run_key: RunKey) -> Progress:
    """Stop a run that has not ended."""
    return resources.progress(base, await services.run_service.cancel(key, run_key), None)


@router.delete("/runs/{run_key}", tags=["runs"], status_code=204, responses=responses(404, 422))
async def erase_run(services: Given, key: Key, run_key: RunKey) -> None:
    """Stop the run and erase its video, its results and all other data."""
    await services.run_service.erase(key, run_key)


@router.get("/skeleton", tags=["results"])
async def show_skeleton() -> Skeleton:
    """Names of landmarks, markers and joints, and which markers are connected by a line."""
    return Skeleton()


def _demand_results(state: RunState) -> None:
    if state.status != "completed":
        raise NotFinished(f"The run is {state.status}; it has no results (yet).")
