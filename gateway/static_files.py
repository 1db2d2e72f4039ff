"""The web page: static files under `/`, with headers that restrict it to this server."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from humanpose3d.language import LOCALES
from shared.runtime.settings import Settings

STATIC: Final = Path(__file__).parent / "static"

_INLINE_SCRIPT: Final = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the page at `/`, the API's description at `/docs`, and their parts under `/static/`."""
    uploads = [address.rstrip("/") for address in (settings.s3_public_endpoint or settings.s3_endpoint,) if address]
    app.add_api_route("/", _page("index.html", *uploads), include_in_schema=False)
    app.add_api_route("/docs", _page("docs.html"), include_in_schema=False)
    app.mount("/static/locales", _Revalidated(GZipMiddleware(StaticFiles(directory=LOCALES))))
    app.mount("/static", _Revalidated(GZipMiddleware(StaticFiles(directory=STATIC))))


def _page(name: str, *uploads: str) -> Callable[[], Awaitable[FileResponse]]:
    """The route of one page."""
    path = STATIC / name
    headers = {**page_headers(path.read_text(encoding="utf-8"), *uploads), "Cache-Control": "no-cache"}

    async def page() -> FileResponse:
        return FileResponse(path, headers=headers)

    return page


def page_headers(html: str, *uploads: str) -> dict[str, str]:
    """Headers of the page: allow its own inline scripts, this server, and the store for uploads."""
    inline = " ".join(f"'sha256-{_digest(script)}'" for script in _INLINE_SCRIPT.findall(html))
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' {inline}".strip(),
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "connect-src": " ".join(("'self'", *uploads)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _Revalidated:
    """Lets browsers cache files but revalidate them each time, so that a page never mixes two versions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff")]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, send_with_headers)
