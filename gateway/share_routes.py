"""The API's calls about links: for the owner of a run, and for everyone who has a link."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from gateway import resources, routes
from gateway.dependencies import Base, Given, Key, SharedResult
from gateway.motion import MEDIA_TYPE
from gateway.problems import responses
from gateway.routes import FILE, RunKey
from humanpose3d.api_models import RunParameters, SharedRun, ShareLink, ShareList, ShareRequest, Statistics
from humanpose3d.errors import ObjectNotFound
from shared.runtime.run_state import RunState

router = APIRouter(responses=responses(401, 403, 503), tags=["shares"])

_OF_A_LINK: Final = responses(404, 410, 422)


@router.post("/runs/{run_key}/shares", status_code=201, responses=responses(400, 404, 409, 422))
async def share_run(services: Given, key: Key, run_key: RunKey, wanted: ShareRequest) -> ShareLink:
    """A link that shows a completed run, and nothing else, to everyone who has it, without an API key.

    The video, and the preview, are shown only with `with_video`, and never of a run with `blur_faces`.
    """
    share = await services.shares.add(key, run_key, wanted)
    return resources.share_link(services.shares.token(run_key, share), share)


@router.get("/runs/{run_key}/shares", responses=responses(404, 422))
async def list_shares(services: Given, key: Key, run_key: RunKey) -> ShareList:
    """The links of a run that are valid."""
    shares = await services.shares.all(key, run_key)
    return ShareList(shares=[resources.share_link(services.shares.token(run_key, share), share) for share in shares])


@router.delete("/runs/{run_key}/shares/{share_key}", status_code=204, responses=responses(404, 422))
async def revoke_share(services: Given, key: Key, run_key: RunKey, share_key: str) -> None:
    """Revoke a link: from now on it shows nothing."""
    await services.shares.revoke(key, run_key, share_key)


def _state(shared: SharedResult) -> RunState:
    return shared.state


def _with_video(shared: SharedResult) -> RunState:
    if not shared.share.with_video:
        raise ObjectNotFound("This link does not show the video.")
    return shared.state


Shown = Annotated[RunState, Depends(_state)]
WithVideo = Annotated[RunState, Depends(_with_video)]


@router.get("/shared", responses=_OF_A_LINK)
async def show_shared(shared: SharedResult, base: Base) -> SharedRun:
    """The result that a link shows. The token is what follows `/#/shared/` in the link."""
    return resources.shared_run(base, shared.state, shared.share)


@router.get("/shared/statistics", responses=_OF_A_LINK)
async def show_shared_statistics(services: Given, state: Shown) -> Statistics:
    """As for a run."""
    return await routes.show_statistics(services, state)


@router.get("/shared/parameters", responses={**_OF_A_LINK, **responses(409)})
async def show_shared_parameters(services: Given, state: Shown) -> RunParameters:
    """As for a run."""
    return await routes.show_parameters(services, state)


@router.get(
    "/shared/motion",
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "what the client has is current"},
        **_OF_A_LINK,
        **responses(412),
    },
    response_class=StreamingResponse,
)
async def download_shared_motion(services: Given, state: Shown, request: Request) -> Response:
    """As for a run."""
    return await routes.download_motion(services, state, request)


@router.get("/shared/files/{path:path}", responses={**FILE, **_OF_A_LINK}, response_class=StreamingResponse)
async def download_shared_file(services: Given, state: Shown, path: str, request: Request) -> Response:
    """As for a run, of the files that are shown."""
    return await routes.download_file(services, state, path, request)


@router.get("/shared/video", responses={**FILE, **_OF_A_LINK}, response_class=StreamingResponse)
async def download_shared_video(services: Given, state: WithVideo, request: Request) -> Response:
    """The uploaded video, where the link shows it."""
    return await routes.download_video(services, state, request)


@router.get(
    "/shared/archive.zip",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **_OF_A_LINK,
    },
    response_class=StreamingResponse,
)
async def download_shared_archive(services: Given, state: Shown) -> Response:
    """All files that are shown as one zip."""
    return await routes.download_archive(services, state)
