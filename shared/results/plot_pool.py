"""The figures of a run, drawn in parallel: matplotlib takes half a second or more for each."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from humanpose3d.errors import StageCrashed
from shared.machine import usable_cpus
from shared.processes import pool


class PlotPool:
    """Processes for this number of figures, at most one per core, as a context manager; they preload matplotlib.

    A single figure is drawn in this process, as are all on a single core.
    """

    def __init__(self, images: int) -> None:
        count = min(images, usable_cpus())
        self._pool = pool(count, _load) if count > 1 else None
        self._drawings: list[Callable[[], None]] = []
        self._futures: list[Future[None]] = []
        if self._pool is not None:
            self._futures = [self._pool.submit(_load) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, drawings: Sequence[Callable[[], None]]) -> None:
        """Start drawing. The callables and their data are sent to other processes.

        Raises StageCrashed where one of them died.
        """
        if self._pool is None:
            self._drawings.extend(drawings)
            return
        try:
            self._futures.extend(self._pool.submit(drawing) for drawing in drawings)
        except BrokenProcessPool:
            raise _died() from None

    def finish(self) -> None:
        """Wait until all are drawn. Raises what a drawing raises, StageCrashed where a process died."""
        for drawing in self._drawings:
            drawing()
        try:
            for future in self._futures:
                future.result()
        except BrokenProcessPool:
            raise _died() from None


def _died() -> StageCrashed:
    return StageCrashed("A process that draws figures ended without an answer.")


def _load() -> None:
    import shared.results.plots  # noqa: F401 -- the import of matplotlib takes most of the time
