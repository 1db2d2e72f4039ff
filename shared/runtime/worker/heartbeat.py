"""Keeps a delivery assigned to this worker while it is in progress."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from humanpose3d.errors import Unavailable
from shared.runtime.bus import Delivery, PartDelivery
from shared.runtime.tasks import cancel

log = logging.getLogger(__name__)


@asynccontextmanager
async def heartbeat(delivery: Delivery | PartDelivery, interval: float) -> AsyncIterator[None]:
    """Keep the delivery assigned to this worker until the block ends."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(interval)
            await ignore_unavailable(delivery.in_progress())

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        await cancel(beating)


async def ignore_unavailable(action: Awaitable[None]) -> None:
    """Perform an optional action: if it fails, the bus or a later clean-up has the same effect."""
    try:
        await action
    except Unavailable as error:
        log.debug("not done: %s", error)
