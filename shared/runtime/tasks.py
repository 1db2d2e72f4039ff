"""Ending asyncio tasks."""

import asyncio
from typing import Any


async def cancel(task: asyncio.Future[Any], patience_s: float = 1) -> None:
    """Cancel a task and wait for its end; cancel it again every `patience_s`, which must exceed its clean-up time.

    Once may not suffice: before Python 3.12 `asyncio.wait_for`, which the bus client uses for every request, swallows a
    cancellation that arrives together with the answer.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=patience_s)
