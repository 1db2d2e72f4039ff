"""Monitoring of the gateway: liveness, readiness, metrics."""

import asyncio
import contextlib
from typing import Any, Final, get_args

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse, Response

from gateway.problems import responses
from humanpose3d.errors import Unavailable
from humanpose3d.options import StageName
from shared.runtime import telemetry

router = APIRouter(tags=["operation"])

_TEXT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses=responses(503))
async def readyz(request: Request) -> dict[str, str]:
    """Bus and store answer, and the list of runs is current."""
    services = request.app.state.services
    await services.bus.check()
    await services.store.check()
    services.run_service.check()
    return {"status": "ready"}


@router.get("/metrics", responses=_TEXT, response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Depth of every stage's queue, in Prometheus' text format."""
    bus = request.app.state.services.bus
    with contextlib.suppress(Unavailable):  # the other metrics do not need the bus
        await asyncio.gather(*(telemetry.measure_queue(bus, stage) for stage in get_args(StageName)))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
