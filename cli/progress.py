"""Progress of a run: one bar per stage on a terminal; one JSON object per line for programs."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from tqdm import tqdm

from humanpose3d.options import StageName
from shared.stage import Progress

_INTERVAL_S: Final = 0.1
_FORMAT = "{desc:<15}{percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt}  {rate_noinv_fmt}  {remaining} left"


@contextmanager
def bar(stage: StageName) -> Iterator[Progress]:
    """A progress bar on stderr for one stage; none if the stage fails before its first frame."""
    shown: tqdm[None] | None = None

    def advance(done: int, total: int | None) -> None:
        nonlocal shown
        if shown is None:
            shown = tqdm(desc=stage, unit=" frames", bar_format=_FORMAT, file=sys.stderr, dynamic_ncols=True)
        shown.total = total
        shown.update(done - shown.n)

    try:
        yield advance
    finally:
        if shown is not None:
            shown.close()


class JsonLines:
    """Messages to the program that started this one.

    {"stage": "detector", "done": 120, "total": 600}    frames; total null where the video does not state it
    {"results": "/data/out/walk"}                       the folder, complete
    {"problem": {"code": …, "detail": …, …}}            `humanpose3d.api_models.ProblemDetails`
    """

    def __init__(self, outgoing: TextIO) -> None:
        self._outgoing = outgoing

    def say(self, **message: object) -> None:
        """Write one message as a line."""
        self._outgoing.write(json.dumps(message) + "\n")
        self._outgoing.flush()

    @contextmanager
    def bar(self, stage: StageName) -> Iterator[Progress]:
        """Like `bar`, as messages: at most ten per second, and always the last frame's."""
        said = 0.0

        def advance(done: int, total: int | None) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= _INTERVAL_S or done == total:
                said = now
                self.say(stage=stage, done=done, total=total)

        yield advance
