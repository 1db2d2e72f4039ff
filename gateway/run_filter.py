"""Which runs a list shows: the filters of `GET /runs`, all of which have to fit."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query

from humanpose3d.api_models import RunStatus
from humanpose3d.options import TaskOption
from shared.runtime.run_state import RunState


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
        str | None, Query(max_length=200, description="part of the name, the subject, a label, the side or the note")
    ] = None

    def fits(self, state: RunState) -> bool:
        """Whether a run is one of those requested."""
        notes, batch = state.notes, state.request.batch
        return (
            self.subject in (None, notes.subject)
            and self.session in (None, state.session)
            and (self.label is None or self.label in notes.labels)
            and self.task in (None, state.request.options.task)
            and self.batch in (None, batch.key if batch else "")
            and self.status in (None, state.status)
            and (self.text is None or self.text.casefold() in _text(state))
        )


def _text(state: RunState) -> str:
    """All that a run can be found by, in lower case, line by line."""
    notes = state.notes
    lines = (state.name, state.request.name, notes.subject, *notes.labels, notes.side, notes.note)
    return "\n".join(lines).casefold()
