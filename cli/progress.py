"""Progress on the terminal: one bar a stage, with frames per second and the time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from humanpose3d.options import StageName
from shared.stage import Progress

_FORMAT = "{desc:<15}{percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt}  {rate_noinv_fmt}  {remaining} left"


@contextmanager
def bar(stage: StageName) -> Iterator[Progress]:
    """A progress bar on stderr for the time of one stage; none where it fails before its first frame."""
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
