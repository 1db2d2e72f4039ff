"""Processes of our own that share work: they end with this one, whatever ends it, and leave Ctrl-C to it."""

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
"""A fork would copy the locks of native threads, held or not."""


def pool(count: int, prepare: Callable[..., None], *arguments: object) -> ProcessPoolExecutor:
    """That many processes, each of which begins with `prepare(*arguments)`. They start with the first work."""
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
    os._exit(1)  # no person waits for what is being computed
