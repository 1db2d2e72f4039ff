"""The progress of a batch: a line for each running video, and one for all."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from tqdm import tqdm

Show = Callable[[Mapping[str, Any]], None]

_RUNNING: Final = "{desc}  {percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt} frames"
_ALL: Final = "{desc}  {percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt}  {elapsed}"
_LONGEST: Final = 40


class Display:
    """Bars on stderr where that is a terminal; what is said appears above them, on stdout.

    at_once  videos that run at the same time; total: all of them; done: those that are not run again.
    """

    def __init__(self, at_once: int, total: int, done: int) -> None:
        self._lines: SimpleQueue[int] = SimpleQueue()
        for line in range(1, at_once + 1):
            self._lines.put(line)
        self._all = tqdm(
            desc="videos", total=total, initial=done, position=0, bar_format=_ALL, file=sys.stderr, disable=None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._all.close()

    def ended(self, text: str) -> None:
        """Say how one more video ended."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
        self._all.update()

    @contextmanager
    def line(self, label: str) -> Iterator[Show]:
        """A line for a running video, which shows its progress messages; from any thread."""
        line = self._lines.get()
        name = label if len(label) <= _LONGEST else f"…{label[1 - _LONGEST :]}"
        bar = tqdm(desc=name, position=line, bar_format=_RUNNING, file=sys.stderr, leave=False, disable=None)

        def show(message: Mapping[str, Any]) -> None:
            bar.total, bar.n = message["total"], message["done"]
            bar.set_description_str(f"{name}: {message['stage']}")

        try:
            yield show
        finally:
            bar.close()
            self._lines.put(line)
