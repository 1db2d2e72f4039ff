"""The process of a service: the worker loops of its stages, with a few HTTP routes for monitoring."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from humanpose3d.errors import HumanPose3DError, StageCrashed, Unavailable
from humanpose3d.options import StageName
from shared.runtime import telemetry
from shared.runtime.bus import Bus
from shared.runtime.bus.nats import NatsBus
from shared.runtime.settings import Settings
from shared.runtime.store import Store, open_store
from shared.runtime.worker.loop import Worker, must_work
from shared.runtime.worker.stage_runner import StageProcess
from shared.scratch import clear_leftovers


def serve(service: str, stages: Mapping[StageName, str]) -> None:
    """Run a service until SIGTERM.

    `stages` maps each name to its `Stage`, or a function that returns it: `package.module:NAME`.
    """
    try:
        settings = Settings.from_environment()
        telemetry.start(settings, service)
        app = create_app(settings, stages)
    except HumanPose3DError as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(error.exit_code)
    uvicorn.run(app, host=settings.host, port=settings.port, log_config=None, access_log=False)


def create_app(settings: Settings, stages: Mapping[StageName, str]) -> FastAPI:
    """The application; its lifespan is that of the worker loops. Raises StoreUnavailable."""
    bus, store = NatsBus(settings), open_store(settings)
    loops: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        clear_leftovers()
        async with _working(settings, stages, bus, store) as started:
            loops.extend(started)
            yield

    app = FastAPI(title="HumanPose3D worker", lifespan=lifespan, openapi_url=None)
    _add_routes(app, bus, store, list(stages), loops)
    return app


def _add_routes(app: FastAPI, bus: Bus, store: Store, stages: list[StageName], loops: list[asyncio.Task[None]]) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        """Whether every loop runs; if not, the process should be restarted."""
        alive = not any(loop.done() for loop in loops)
        return Response("ok" if alive else "a loop has ended", status_code=200 if alive else 503)

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether bus, store and the disk for work in progress can be used."""
        try:
            await must_work(bus, store)
        except Unavailable as error:
            return Response(str(error), status_code=503)
        return Response("ready")

    @app.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        with contextlib.suppress(Unavailable):  # the other figures are worth having without the queue's
            for stage in stages:
                await telemetry.measure_queue(bus, stage)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def _working(
    settings: Settings, stages: Mapping[StageName, str], bus: Bus, store: Store
) -> AsyncIterator[list[asyncio.Task[None]]]:
    runners = [StageProcess(reference, settings.stage_silence_s) for reference in stages.values()]
    workers = [Worker(stage, runner, bus, store, settings) for stage, runner in zip(stages, runners, strict=True)]
    loops = [asyncio.create_task(_work(worker, runner)) for worker, runner in zip(workers, runners, strict=True)]
    try:
        yield loops
    finally:
        await asyncio.gather(*(worker.stop() for worker in workers))
        await asyncio.gather(*loops, return_exceptions=True)
        for runner in runners:
            await runner.close()
        await bus.close()


async def _work(worker: Worker, runner: StageProcess) -> None:
    with contextlib.suppress(StageCrashed):  # the first task starts it again, and reports the error
        await runner.inputs()  # started now, so that the first task does not wait for its imports
    await worker.run()
