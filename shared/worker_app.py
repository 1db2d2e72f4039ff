"""A stage's service: the worker loops of its stages, and beside them a small HTTP server for whoever watches it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, get_args

import uvicorn
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from shared import runs, telemetry
from shared.bus import Bus
from shared.bus.nats import NatsBus
from shared.contracts import Problem, StageName
from shared.errors import StageCrashed, Unavailable
from shared.scratch import clear_leftovers
from shared.settings import Settings
from shared.stage_process import StageProcess
from shared.store import Store, open_store
from shared.worker import Worker

_SILENCE_S: Final = 600.0
"""A stage that says nothing for this long is hung. The slowest step that reports no progress is loading a model."""

_JANITOR_S: Final = 30.0

log = logging.getLogger(__name__)


def main(service: str, stages: Mapping[StageName, str]) -> None:
    """Work on these stages (name → `package.module:NAME`) until SIGTERM. Raises InvalidSetting."""
    settings = Settings.from_environment()
    telemetry.start(settings, service)
    clear_leftovers()
    bus, store = NatsBus(settings), open_store(settings)
    config = uvicorn.Config(
        create_app(settings, bus, store, stages), log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    listener = socket.create_server((settings.host, settings.port))
    uvicorn.Server(config).run([listener])


def create_app(settings: Settings, bus: Bus, store: Store, stages: Mapping[StageName, str]) -> FastAPI:
    """The service over a bus, which it closes at its end, and a store."""
    runners = [StageProcess(reference, _SILENCE_S) for reference in stages.values()]
    workers = [Worker(stage, runner, bus, store, settings) for stage, runner in zip(stages, runners, strict=True)]

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loops = [asyncio.create_task(_work(worker, runner)) for worker, runner in zip(workers, runners, strict=True)]
        janitor = asyncio.create_task(_clean_up(bus))
        yield
        await asyncio.gather(*(worker.stop() for worker in workers))
        janitor.cancel()
        await asyncio.wait([*loops, janitor])
        await asyncio.gather(*(runner.close() for runner in runners))
        await bus.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_api_route("/healthz", alive)
    app.add_api_route("/readyz", ready(bus, store))
    app.add_api_route("/metrics", metrics(bus))
    return app


async def _work(worker: Worker, runner: StageProcess) -> None:
    with contextlib.suppress(StageCrashed):  # tried again with the first task, which then says what is wrong
        await runner.inputs()  # started now, so that the first task does not wait for its imports
    await worker.run()


async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


def ready(bus: Bus, store: Store) -> Callable[[], Awaitable[Response]]:
    """Whether bus and store answer, as a route."""

    async def answer() -> Response:
        """Bus and store answer."""
        try:
            await bus.check()
            await store.check()
        except Unavailable as error:
            return JSONResponse(Problem.of(error).model_dump(), 503, media_type="application/problem+json")
        return JSONResponse({"status": "ready"})

    return answer


def metrics(bus: Bus) -> Callable[[], Awaitable[Response]]:
    """What Prometheus asks for, as a route."""

    async def answer() -> Response:
        """Queue depth, stage seconds and failures by stage, in Prometheus' text format."""
        with contextlib.suppress(Unavailable):  # the other figures are good without the bus
            await asyncio.gather(*(telemetry.measure_queue(bus, stage) for stage in get_args(StageName)))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return answer


async def _clean_up(bus: Bus) -> None:
    """What no task asks for: end runs whose worker dies every time, and queue again what was lost."""
    while True:
        try:
            while await runs.end_exhausted(bus, timeout=1):
                pass
            for run_id in await runs.requeue_lost(bus):
                log.warning("a lost task was queued again", extra={"run_id": run_id})
        except Unavailable:
            log.warning("cleaning up waits for the bus")
        await asyncio.sleep(_JANITOR_S)
