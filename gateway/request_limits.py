"""Time limits for requests, and size limits for those that are not uploads.

Uploads have limits of their own, see `gateway.forms`.
"""

import asyncio
from contextlib import suppress
from typing import Final

import h11
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.runtime.tasks import cancel

HEADERS_S: Final = 10.0
"""From the first moment of a connection, or of the next request on it, to the end of the headers."""

_PAUSE_S: Final = 20.0
_SMALL_BYTES: Final = 65_536
_LINGER_S: Final = 5.0


class TimelyProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose headers do not arrive, since open connections are limited."""

    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Keep the timer running until a whole request has arrived."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._headers_due is None:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._headers_due = self.loop.call_later(HEADERS_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _give_up(self) -> None:
        self._headers_due = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class BodyLimits:
    """ASGI middleware: limits the size and pauses of bodies that are not uploads."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http" and not _is_upload(scope):
            receive = _Limited(receive)
        await self._app(scope, receive, send)


class _Limited:
    """`receive` of a request, with limits until the end of its body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._received = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(_PAUSE_S):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request stopped before its end. Send it again.") from None
        self._received += len(message.get("body", b""))
        if self._received > _SMALL_BYTES:
            raise HTTPException(413, f"A request of this kind has {_SMALL_BYTES} bytes at most.")
        self._whole = not message.get("more_body", False)
        return message


def _is_upload(scope: Scope) -> bool:
    """Whether the route reads the body piece by piece with its own limits."""
    path: str = scope["path"].rstrip("/").replace("/api/v1/", "/api/", 1)
    method = scope["method"]
    return (method == "POST" and path in ("/api/runs", "/api/batches")) or (
        method == "PUT" and path.startswith("/api/uploads/")
    )


class EarlyAnswers:
    """ASGI middleware: an answer that is given before the request has ended reaches its sender.

    A connection that is closed while data still arrives is reset, and an answer that is on its way is lost with it
    (RFC 9112, section 9.6); behind nginx it would become 502. So the answer's end waits until the sender has stopped.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and receive what is left of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        whole = False

        async def receive_on() -> Message:
            nonlocal whole
            message = await receive()
            whole = not message.get("more_body", False)
            return message

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False) and not whole:
                await send({**message, "more_body": True})
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LINGER_S):
                        while not whole:
                            await receive_on()
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, receive_on, send_on)


class Heads:
    """ASGI middleware: answers HEAD like GET, without the content."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._answer({**scope, "method": "GET"}, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application until its headers are known: the rest may be gigabytes, or endless."""
        answered = asyncio.Event()

        async def send_headers(message: Message) -> None:
            if not answered.is_set():
                await send(message)
                await send({"type": "http.response.body"})
                answered.set()

        answering = asyncio.ensure_future(self._app(scope, receive, send_headers))
        headed = asyncio.ensure_future(answered.wait())
        await asyncio.wait({answering, headed}, return_when=asyncio.FIRST_COMPLETED)
        headed.cancel()
        if answering.done():
            answering.result()
        else:
            await _stopped(answering)


async def _stopped(task: "asyncio.Future[None]") -> None:
    await cancel(task)
    if not task.cancelled():
        task.exception()  # the headers have been sent; later errors do not matter
