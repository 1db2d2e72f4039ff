"""The HTTP face of the system: `python -m gateway.app`."""

import asyncio
import contextlib
import ipaddress
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import health, problems, static_files
from gateway.api_keys import KeyRing
from gateway.routes import Services, router
from gateway.run_index import RunIndex
from gateway.run_service import RunService
from humanpose3d.errors import HumanPose3DError, InvalidSetting, Unavailable
from shared.runtime import telemetry
from shared.runtime.bus import Bus
from shared.runtime.bus.nats import NatsBus
from shared.runtime.settings import Settings
from shared.runtime.store import Store, open_store
from shared.scratch import clear_leftovers

_INDEX_TIMEOUT_S = 10.0
_SWEEP_S = 600.0
_ABANDONED = timedelta(days=2)

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
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )


def create_app(settings: Settings, bus: Bus, store: Store) -> FastAPI:
    """The application over a bus, which it closes at its end, and a store.

    Raises InvalidSetting where it would be reachable from other machines without API keys.
    """
    keys = KeyRing(settings.api_keys_file)
    _demand_keys(settings, keys)
    index = RunIndex(bus)
    run_service = RunService(bus, store, index)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await index.start(_INDEX_TIMEOUT_S)
        sweeper = asyncio.create_task(_sweep(run_service, store, settings.retention_days))
        yield
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        await index.stop()
        await bus.close()

    app = FastAPI(title="HumanPose3D", version=version("humanpose3d"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = Services(settings, bus, store, run_service, keys)
    problems.install(app)
    app.include_router(router)
    app.include_router(health.router)
    static_files.install(app, settings)
    app.add_middleware(_OptionalSlash)
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    return app


class _OptionalSlash:
    """`/api/runs/` is `/api/runs`: answered, not redirected, since clients do not follow a redirected upload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


async def _sweep(run_service: RunService, store: Store, retention_days: float | None) -> None:
    """Erase abandoned uploads and what is older than the retention, for as long as the gateway runs."""
    while True:
        try:
            await store.sweep(_ABANDONED)
            erased = 0 if retention_days is None else await run_service.erase_older_than(timedelta(days=retention_days))
            if erased:
                _log.info("retention erased %d runs", erased)
        except Unavailable:
            _log.warning("retention waits for bus and store")
        await asyncio.sleep(_SWEEP_S)


def _demand_keys(settings: Settings, keys: KeyRing) -> None:
    address = settings.published_on or settings.host
    if not keys and not _is_loopback(address):
        raise InvalidSetting(
            f"HUMANPOSE3D_API_KEYS_FILE: is needed, since the gateway can be reached on {address}. "
            "Make a key with 'humanpose3d keys add', or listen on 127.0.0.1."
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


if __name__ == "__main__":
    main()
