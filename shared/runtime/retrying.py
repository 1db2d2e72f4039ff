"""Retrying during short outages, where giving up would waste minutes of work."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from humanpose3d.errors import Unavailable

T = TypeVar("T")


def backoff(failures: int) -> float:
    """Seconds to wait after this many consecutive failures: doubling from 0.2 up to 15, with random jitter."""
    return min(15.0, 0.2 * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 -- keeps no secret


async def retry_while_unavailable(action: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Repeat `action` while it raises Unavailable, for `patience_s`; then the error is raised."""
    deadline = time.monotonic() + patience_s
    failures = 0
    while True:
        try:
            return await action()
        except Unavailable:
            failures += 1
            pause = backoff(failures)
            if time.monotonic() + pause > deadline:
                raise
            await asyncio.sleep(pause)
