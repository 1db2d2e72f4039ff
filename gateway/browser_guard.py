"""Prevents pages of other sites from using a visitor's browser against this server.

Two attacks are blocked. A page may make its own name point here (DNS rebinding): the name is then in Host. Or it may
send a form or a request here with the visitor's browser (CSRF): browsers state this in Origin and Sec-Fetch-Site.
Programs other than browsers send neither header and cannot be misused by a page.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api_keys import is_loopback
from gateway.errors import ForeignOrigin, UnknownHost
from gateway.problems import of_error
from shared.runtime.settings import Settings

_HARMLESS: Final = ("GET", "HEAD", "OPTIONS")
_OWN_SITE: Final = ("same-origin", "none")
_AUTHORITY: Final = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?P<port>:[0-9]{1,5})?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/]+)")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class BrowserGuard:
    """ASGI middleware that refuses with 403 requests that a page of another site may have sent.

    Without API keys every request must name this server in Host. With keys only requests from browsers must: any name
    in the settings, or any address, since no page can make an address point elsewhere.
    """

    def __init__(self, app: ASGIApp, settings: Settings, with_keys: bool) -> None:
        self._app = app
        self._with_keys = with_keys
        self._names = {name.lower() for name in (settings.host, *settings.public_names)}
        self._friends = {origin.rstrip("/").lower() for origin in settings.allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "http":
            try:
                self._check(scope["method"], Headers(scope=scope))
            except (UnknownHost, ForeignOrigin) as error:
                await of_error(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, method: str, headers: Headers) -> None:
        origins, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
        host = headers.get("host", "")
        if not self._with_keys or origins or sites:
            self._check_host(host)
        if method not in _HARMLESS:
            self._check_origin(origins, sites, host)

    def _check_host(self, host: str) -> None:
        name = _name(host)
        if name in self._names or is_loopback(name) or (self._with_keys and _is_address(name)):
            return
        raise UnknownHost(
            f"This server is not known as {host[:100]!r}. If it should be, set HUMANPOSE3D_PUBLISHED_ON to that name, "
            "which needs API keys ('humanpose3d keys add'). A proxy in front of it has to pass Host on unchanged."
        )

    def _check_origin(self, origins: Collection[str], sites: Collection[str], host: str) -> None:
        if origins and all(origin.lower() in self._friends for origin in origins):
            return
        foreign = [origin for origin in origins if not self._is_own(origin, host)]
        if foreign or any(site not in _OWN_SITE for site in sites):
            raise ForeignOrigin(
                f"The request comes from a page of {foreign[0][:100] if foreign else 'another site'}, not of this "
                "server. To let that page use it, set HUMANPOSE3D_CORS_ORIGINS to the page's origin. If it is this "
                "server's own page behind a proxy, have the proxy pass Host on unchanged."
            )

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page belongs to this server: to the requested address, or a public name behind a proxy."""
        match = _ORIGIN.fullmatch(origin.lower())
        if match is None:
            return False
        port = _DEFAULT_PORTS[match["scheme"]]
        name = _name(match["authority"])
        public = name in self._names and not is_loopback(name)
        return public or match["authority"].removesuffix(port) == host.lower().removesuffix(port)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(authority: str) -> str:
    """Name or address of a Host header, without the port; empty where it is none."""
    match = _AUTHORITY.fullmatch(authority.lower())
    return "" if match is None else (match["address"] or match["name"].rstrip("."))
