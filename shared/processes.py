"""Child processes that share work: they end with their parent, however it ends, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.context import SpawnContext
from typing import Final

CONTEXT: Final[SpawnContext] = multiprocessing.get_context("spawn")
"""Not fork, which would copy held locks of native threads."""


def pool(count: int, prepare: Callable[..., None], *arguments: object) -> ProcessPoolExecutor:
    """A pool of `count` processes, each initialised by `prepare(*arguments)`; they start with the first task."""
    return ProcessPoolExecutor(count, CONTEXT, partial(_begin, prepare, *arguments))


def _begin(prepare: Callable[..., None], *arguments: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)  # nothing waits for the result
