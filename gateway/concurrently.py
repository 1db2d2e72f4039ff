"""Many calls of bus or store at once, but not too many."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 16


async def each(call: Callable[[T], Awaitable[R]], values: Iterable[T]) -> list[R]:
    """The call's results for all values, in their order. Raises the first error, when no call runs any more."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(value: T) -> R:
        async with free:
            return await call(value)

    tasks = [asyncio.ensure_future(one(value)) for value in values]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def found(call: Callable[[T], Awaitable[R]], values: Iterable[T], *absent: type[Exception]) -> list[R]:
    """As `each`, without the values for which the call raises one of these errors."""

    async def one(value: T) -> list[R]:
        with contextlib.suppress(*absent):
            return [await call(value)]
        return []

    return [result for results in await each(one, values) for result in results]
