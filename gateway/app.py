"""The HTTP server of the system: `python -m gateway.app`."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import batch_routes, health, openapi, problems, routes, share_routes, static_files, subject_routes
from gateway.api_keys import KeyRing, demand_keys
from gateway.browser_guard import BrowserGuard
from gateway.dependencies import UNVERSIONED, VERSIONED, Services
from gateway.request_limits import BodyLimits, EarlyAnswers, Heads, TimelyProtocol
from gateway.run_index import RunIndex
from gateway.uploads import Uploads
from gateway.webhooks import Webhooks
from humanpose3d.errors import HumanPose3DError, Unavailable
from shared.runtime import runs, telemetry
from shared.runtime.bus import Bus
from shared.runtime.bus.nats import NatsBus
from shared.runtime.settings import Settings
from shared.runtime.store import Store, open_store
from shared.runtime.tasks import cancel
from shared.scratch import clear_leftovers

_INDEX_TIMEOUT_S = 10.0
_SWEEP_S = 600.0
_SAVE_S = 60.0
_ABANDONED = timedelta(days=1)

_log = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM."""
    try:
        settings = Settings.from_environment()
        telemetry.start(settings, "gateway")
        clear_leftovers()
        app = create_app(settings, NatsBus(settings), open_store(settings))
    except HumanPose3DError as error:
        sys.exit(f"gateway: {error}")
    uvicorn.Server(server_configuration(app, settings)).run()


def server_configuration(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """The server's configuration."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=TimelyProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def create_app(settings: Settings, bus: Bus, store: Store) -> FastAPI:
    """The application for a store and a bus, which it closes at its end.

    Raises InvalidSetting where it would be reachable from other machines without API keys.
    """
    keys = KeyRing(settings.api_keys_file)
    demand_keys(settings, keys)
    index = RunIndex(bus, store, settings.index_directory)
    uploads = Uploads(bus, store, settings.max_upload_bytes)
    services = Services(settings, bus, store, index, uploads, keys)

    app = FastAPI(
        title="HumanPose3D",
        version=version("humanpose3d"),
        lifespan=_running(services, index),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=openapi.SERVERS,
        openapi_tags=openapi.TAGS,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.services = services
    problems.install(app)
    openapi.install(app, keys_demanded=keys.demanded)
    for router in (routes.router, batch_routes.router, subject_routes.router, share_routes.router):
        app.include_router(router, prefix=VERSIONED)
        app.include_router(router, prefix=UNVERSIONED, include_in_schema=False)
    app.include_router(health.router)
    static_files.install(app, settings)
    _add_middleware(app, settings, keys_demanded=keys.demanded)
    return app


def _running(services: Services, index: RunIndex) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What the gateway does beside answering, from its start to its end."""
    bus, settings = services.bus, services.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await index.start(_INDEX_TIMEOUT_S)
        work = (
            _regularly(_SWEEP_S, "retention", lambda: _sweep(services, settings.retention_days)),
            _regularly(runs.LOST_AFTER.total_seconds(), "queueing lost tasks", services.run_service.requeue_lost),
            _regularly(_SAVE_S, "saving the list of runs", index.save),
            Webhooks(bus, index, private=settings.private_webhooks).send_forever(),
        )
        tasks = [asyncio.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                await cancel(task)
            await index.stop()
            await bus.close()

    return lifespan


def _add_middleware(app: FastAPI, settings: Settings, *, keys_demanded: bool) -> None:
    """The last one added is the first that sees a request."""
    app.add_middleware(_WholePages)
    app.add_middleware(_OptionalSlash)
    app.add_middleware(BodyLimits)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(BrowserGuard, settings=settings, with_keys=keys_demanded)
    app.add_middleware(Heads)
    app.add_middleware(EarlyAnswers)


class _WholePages:
    """Ignores Range headers, as a server may: the page and its files are small and sent whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/api/"):
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}
        await self._app(scope, receive, send)


class _OptionalSlash:
    """`/api/runs/` is `/api/runs`: answered, not redirected, since clients do not follow a redirected upload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


async def _regularly(pause_s: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do it now and after every pause, for as long as the gateway runs."""
    while True:
        try:
            await work()
        except Unavailable:
            _log.warning("%s waits for bus and store", name)
        except Exception:  # noqa: BLE001 -- an error in one run must not keep the others for ever
            _log.exception("%s failed", name)
        await asyncio.sleep(pause_s)


async def _sweep(services: Services, retention_days: float | None) -> None:
    """Erase abandoned uploads and what is older than the retention."""
    await services.run_service.sweep(_ABANDONED)
    if retention_days is not None:
        age = timedelta(days=retention_days)
        if erased := await services.run_service.erase_older_than(age):
            _log.info("retention erased %d runs", erased)
        await services.batches.erase_unused(age)


if __name__ == "__main__":
    main()
