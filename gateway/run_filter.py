"""Which runs a list shows: the filters of `GET /runs`, all of which have to fit."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query

from humanpose3d.api_models import RunStatus
from humanpose3d.options import TaskOption


@dataclass(frozen=True)
class RunFilter:
    """Filters of runs; None: any."""

    subject: Annotated[str | None, Query(max_length=64, description="code of the subject")] = None
    session: Annotated[date | None, Query(description="day of the session")] = None
    label: Annotated[str | None, Query(max_length=50, description="one of the run's labels")] = None
    task: Annotated[TaskOption | None, Query(description="the option `task` of the run")] = None
    batch: Annotated[str | None, Query(max_length=64, description="key of the batch")] = None
    status: Annotated[RunStatus | None, Query()] = None
    text: Annotated[
        str | None,
        Query(
            max_length=200,
            description="words, or parts of them, each in the name, the subject, a label, the side or the note",
        ),
    ] = None
