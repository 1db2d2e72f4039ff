"""Webhooks: the end of a run, sent to an address that came with the run.

Deliveries follow Standard Webhooks (https://www.standardwebhooks.com, v1): JSON, signed by HMAC-SHA256 with the secret
that came with the run. What is still to be sent is part of the run's state on the bus, so that nothing is lost when a
gateway stops; of several gateways, the one that moves `due` forward sends. A crash between sending and noting it leads
to a second delivery with the same id.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import socket
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gateway.resources import run_url
from gateway.run_index import RunIndex
from humanpose3d.errors import InvalidOption, RunChanged, RunNotFound, RunUnreadable, Unavailable
from shared.runtime.bus import Bus
from shared.runtime.run_state import Delivery, RunState, Webhook

URL: Final = "webhook_url"
SECRET: Final = "webhook_secret"  # noqa: S105 -- a field's name
FIELDS: Final = (URL, SECRET)

PAUSES: Final = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21600, 43200))
"""After the first, second … failed try; then it is given up, almost a day after the run's end."""

_LOOK_S: Final = 1.0
_TIMEOUT_S: Final = 10.0
_WHOLE_S: Final = 30.0
_AT_ONCE: Final = 8
_LEASE: Final = timedelta(minutes=1)
"""Longer than a try takes: another gateway tries again after this, should the one that began have died."""
_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = (24, 64)

_log = logging.getLogger(__name__)


class Refused(Exception):
    """The address may not be called, or did not answer with a 2xx."""


def read_webhook(fields: Mapping[str, str], *, private: bool) -> Webhook | None:
    """The webhook of a form, if it names one. Raises InvalidOption with every fault."""
    if not fields.keys() & set(FIELDS):
        return None
    url, secret = fields.get(URL, ""), fields.get(SECRET, "")
    faults = {}
    if fault := _url_fault(url, private=private):
        faults[URL] = fault
    if not _SECRET_BYTES[0] <= len(_key(secret)) <= _SECRET_BYTES[1]:
        faults[SECRET] = f"is {_PREFIX} and then {_SECRET_BYTES[0]} to {_SECRET_BYTES[1]} random bytes in base64"
    if faults:
        raise InvalidOption(faults)
    return Webhook(url=url, secret=secret)


def signature(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


class Webhooks:
    """Sends what is due, for as long as the gateway runs."""

    def __init__(self, bus: Bus, index: RunIndex, *, private: bool) -> None:
        self._bus, self._index, self._private = bus, index, private
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "webhook")  # its own: receivers may be slow

    async def send_forever(self) -> None:
        """Look every second for ended runs whose webhook is due."""
        sending: set[asyncio.Task[None]] = set()
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                with contextlib.suppress(Unavailable):
                    due = await self._index.webhooks_due(datetime.now(UTC))
                    for run_id in set(due) - {task.get_name() for task in sending}:
                        task = asyncio.create_task(self._send(run_id), name=run_id)
                        sending.add(task)
                        task.add_done_callback(sending.discard)
        finally:
            for task in sending:
                task.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _send(self, run_id: str) -> None:
        try:
            async with self._at_once:
                state = await self._claim(run_id)
                if state is None or state.request.webhook is None:
                    return
                delivered = await self._try(state, state.request.webhook)
                await self._note(run_id, delivered)
        except (RunNotFound, RunUnreadable):  # erased meanwhile
            return
        except Unavailable:
            _log.warning("webhooks wait for the bus")
        except Exception:  # noqa: BLE001 -- an error in one run must not end the others' webhooks
            _log.exception("webhook of run %s failed", run_id)

    async def _claim(self, run_id: str) -> RunState | None:
        """The state, with this try noted and `due` moved on; None where another gateway was faster."""
        stored = await self._bus.read(run_id)
        now = datetime.now(UTC)
        if not is_due(stored.state, now):
            await self._index.put(stored.state)
            return None
        claimed = stored.state.with_delivery(Delivery(tries=stored.state.delivery.tries + 1, due=now + _LEASE))
        return await self._store(claimed, stored.revision)

    async def _note(self, run_id: str, delivered: bool) -> None:
        stored = await self._bus.read(run_id)
        tries = stored.state.delivery.tries
        over = delivered or tries > len(PAUSES)
        due = None if over else datetime.now(UTC) + PAUSES[tries - 1]
        await self._store(stored.state.with_delivery(Delivery(tries=tries, due=due, over=over)), stored.revision)
        if over and not delivered:
            _log.warning("webhook of run %s given up after %d tries", run_id, tries)

    async def _store(self, state: RunState, revision: int) -> RunState | None:
        try:
            await self._bus.update(state, revision)
        except RunChanged:
            return None
        await self._index.put(state)
        return state

    async def _try(self, state: RunState, webhook: Webhook) -> bool:
        body = json.dumps(payload(state)).encode()
        identity, timestamp = f"{state.run_id}.{state.status}", int(datetime.now(UTC).timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "HumanPose3D",
            "webhook-id": identity,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(webhook.secret, identity, timestamp, body),
        }
        try:
            calling = partial(_post, urlsplit(webhook.url), headers, body, private=self._private)
            await asyncio.get_running_loop().run_in_executor(self._threads, calling)
        except (Refused, OSError, http.client.HTTPException) as error:
            _log.info("webhook of run %s not delivered: %s", state.run_id, error)
            return False
        return True


def is_due(state: RunState, now: datetime) -> bool:
    """Whether a run has ended and its webhook is to be tried."""
    return state.webhook_due is not None and state.webhook_due <= now


def payload(state: RunState) -> dict[str, object]:
    """The content of a delivery."""
    return {
        "type": f"run.{state.status}",
        "timestamp": state.updated_at.isoformat(),
        "data": {
            "run_key": state.run_id,
            "name": state.name,
            "status": state.status,
            "results_url": run_url("/api/v1", state.run_id),
            "problem": state.problem.model_dump() if state.problem else None,
        },
    }


def _url_fault(url: str, *, private: bool) -> str | None:
    schemes = ("https", "http") if private else ("https",)
    try:
        parts = urlsplit(url)
        plain = parts.username is None and parts.port != 0 and not parts.fragment
    except ValueError:
        return f"is not an address: {url[:100]!r}"
    if parts.scheme not in schemes or not parts.hostname or not plain or not url.isascii() or not url.isprintable():
        return f"begins with {' or '.join(f'{scheme}://' for scheme in schemes)} and a host, without user and fragment"
    try:
        ipaddress.ip_address(parts.hostname)
    except ValueError:
        return None
    return None if private or _is_public(parts.hostname) else "is an address of a private network"


def _key(secret: str) -> bytes:
    """The key's bytes; empty for a malformed secret."""
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
    except ValueError:
        return b""


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def _post(url: SplitResult, headers: dict[str, str], body: bytes, *, private: bool) -> None:
    """POST to the address that the name has now; what was checked is what is called. Redirects are not followed."""
    assert url.hostname is not None
    port = url.port or (443 if url.scheme == "https" else 80)
    found = socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not private and not all(map(_is_public, addresses)):
        raise Refused("the name has an address in a private network")
    connection = http.client.HTTPConnection(url.hostname, port, timeout=_TIMEOUT_S)
    connection.sock = _connected(addresses[0], port, url)
    end = threading.Timer(_WHOLE_S, connection.sock.shutdown, (socket.SHUT_RDWR,))
    end.start()
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    finally:
        end.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise Refused(f"HTTP status {status}")


def _connected(address: str, port: int, url: SplitResult) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=_TIMEOUT_S)
    if url.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname)
    except BaseException:
        plain.close()
        raise
