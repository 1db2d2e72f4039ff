"""The HTTP face of the system: `python -m gateway.app`."""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from fastapi import FastAPI
from shared.bus import Bus
from shared.settings import Settings
from shared.store import Store
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import page, problems
from gateway.desk import Desk
from gateway.index import RunIndex
from gateway.keys import KeyRing
from gateway.routes import Services, router
from shared.errors import InvalidSetting, Unavailable

_INDEX_TIMEOUT_S = 10.0
_SWEEP_S = 600.0

_log = logging.getLogger(__name__)


def create_app(settings: Settings, bus: Bus, store: Store) -> FastAPI:
    """The application over a bus and a store, which stay the caller's to close.

    Raises InvalidSetting where it would be reachable from other machines without API keys.
    """
    keys = KeyRing(settings.api_keys_file)
    _demand_keys(settings, keys)
    index = RunIndex(bus)
    desk = Desk(bus, store, index)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await index.start(_INDEX_TIMEOUT_S)
        sweeper = asyncio.create_task(_sweep(desk, settings.retention_days))
        yield
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        await index.stop()

    app = FastAPI(title="HumanPose3D", version=version("humanpose3d"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = Services(settings, bus, store, desk, keys)
    problems.install(app)
    app.include_router(router)
    app.add_api_route("/healthz", _alive, tags=["operation"])
    app.add_api_route("/readyz", _ready(bus, store), tags=["operation"], responses=problems.responses(503))
    page.install(app, settings)
    app.add_middleware(_OptionalSlash)
    return app


class _OptionalSlash:
    """`/api/runs/` is `/api/runs`: answered, not redirected, since clients do not follow a redirected upload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


async def _alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


def _ready(bus: Bus, store: Store) -> Callable[[], Awaitable[Response]]:
    async def ready() -> Response:
        """Bus and store answer."""
        await bus.check()
        await store.check()
        return JSONResponse({"status": "ready"})

    return ready


async def _sweep(desk: Desk, retention_days: float | None) -> None:
    """Erase what is older than the retention, for as long as the gateway runs."""
    while retention_days is not None:
        try:
            erased = await desk.erase_older_than(timedelta(days=retention_days))
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
