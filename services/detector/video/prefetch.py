"""An iterator that reads a few items ahead."""

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

Item = TypeVar("Item")

NAME: Final = "ahead"
"""Of the threads."""

_TICK_S: Final = 0.1


@contextmanager
def ahead(items: Iterator[Item], count: int) -> Iterator[Iterator[Item]]:
    """The items, up to `count` of them made in advance by a thread that ends with the block.

    Exceptions of the iterator are raised in place of the item.
    """
    made: queue.Queue[Future[Item]] = queue.Queue(count)
    stopped = threading.Event()
    thread = threading.Thread(target=_make, args=(items, made, stopped), name=NAME, daemon=True)
    thread.start()
    try:
        yield _given(made)
    finally:
        stopped.set()
        thread.join()


def _make(items: Iterator[Item], made: "queue.Queue[Future[Item]]", stopped: threading.Event) -> None:
    ended = False
    while not ended and not stopped.is_set():
        future: Future[Item] = Future()
        try:
            future.set_result(next(items))
        except BaseException as error:  # noqa: BLE001 -- the end, or a failure: raised where the item is requested
            future.set_exception(error)
            ended = True
        while not stopped.is_set():
            with suppress(queue.Full):
                made.put(future, timeout=_TICK_S)
                break


def _given(made: "queue.Queue[Future[Item]]") -> Iterator[Item]:
    while True:
        try:
            item = made.get().result()
        except StopIteration:
            return
        yield item
