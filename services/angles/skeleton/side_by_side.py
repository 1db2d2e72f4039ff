"""Stretches of a recording on several cores.

Processes, not threads: much of the time passes in Python code between short operations, which only one thread at a time
can run.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar

from humanpose3d.errors import StageCrashed
from shared.machine import usable_cpus
from shared.processes import pool

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_STRETCHES_EACH: Final = 5
"""Fewer for each process do not make up for its start."""

_MOST: Final = 8
"""Processes, each of about 120 MB."""


class Each(Protocol):
    """`map`, here or in other processes; the results are in order."""

    def __call__(self, work: Callable[[_In], _Out], given: Iterable[_In], /) -> Iterator[_Out]:
        """Results of `work`, which may be evaluated ahead."""
        ...


@contextmanager
def side_by_side(stretches: int) -> Iterator[Each]:
    """For this number of stretches: `map` in this process or, where there are enough of them, in one per core.

    Raises StageCrashed where a process died.
    """
    count = min(stretches // _STRETCHES_EACH, usable_cpus(), _MOST)
    if count < 2:
        yield map
        return
    processes = pool(count, _load)
    try:
        for _ in range(count):
            processes.submit(_load)  # they start now, beside what comes first
        yield processes.map
    except BrokenProcessPool:
        raise StageCrashed("A process that fits the skeleton ended without an answer.") from None
    finally:
        processes.shutdown(cancel_futures=True)


def _load() -> None:
    import services.angles.skeleton.recording  # noqa: F401 -- the imports take most of a process's start
