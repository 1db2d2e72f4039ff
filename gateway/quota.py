"""Number of runs that an owner has started in a day, counted across all gateways.

The count is kept in the bus and changed by compare-and-set only, so that concurrent requests cannot exceed it. It
contains the time of each start and a digest of the run's key, for a day: an erased run still counts, but cannot be
identified.
"""

import asyncio
import hashlib
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.api_keys import ApiKey
from gateway.errors import QuotaExceeded
from humanpose3d.errors import BusUnavailable, RunChanged
from shared.runtime.bus import Bus

_DAY: Final = timedelta(days=1)
_TRIES: Final = 50


class Quota:
    """Counts the starts of runs against an API key's limit."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def take(self, key: ApiKey, run_id: str) -> None:
        """Count the start of this run, once, however often it is called. Raises QuotaExceeded."""
        if key.runs_per_day is None:
            return
        this = _digest(run_id)
        for _ in range(_TRIES):
            stored = await self._bus.read_starts(key.owner)
            started = _of_the_day(stored.starts)
            if this in stored.starts:
                return
            if len(started.keys() - {this}) >= key.runs_per_day:
                raise QuotaExceeded(f"This API key may start {key.runs_per_day} runs in 24 hours. Try again later.")
            try:
                await self._bus.update_starts(key.owner, {**started, this: datetime.now(UTC)}, stored.revision)
            except RunChanged:
                await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 -- separates concurrent requests, not security-relevant
                continue
            return
        raise BusUnavailable("Too many runs are being started at once. Try again.")


def _of_the_day(starts: Mapping[str, datetime]) -> dict[str, datetime]:
    since = datetime.now(UTC) - _DAY
    return {run: at for run, at in starts.items() if at > since}


def _digest(run_id: str) -> str:
    return hashlib.sha256(run_id.encode()).hexdigest()[:16]
