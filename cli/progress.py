"""Progress on the terminal: one bar a stage, with frames per second and the time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from shared.contracts import StageName
from shared.stage import Progress

_FORMAT = "{desc:<15}{percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt} frames  {rate_noinv_fmt}  {remaining} left"


@contextmanager
def bar(stage: StageName) -> Iterator[Progress]:
    """A progress bar on stderr for the time of one stage."""
    with tqdm(desc=stage, unit=" fps", bar_format=_FORMAT, file=sys.stderr, dynamic_ncols=True) as shown:

        def advance(done: int, total: int | None) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield advance
