"""What a stage is: a name, the types it takes and gives, and a pure function between them.

The command line and the worker loop call the same `Stage.run`; what runs on a laptop is what runs on the cluster.
The fields of the input and output dataclasses name the artefacts of a run: a field of one stage's input is filled
from the field of the same name in an earlier stage's output (or `video` and `subject`, which the run starts with).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from shared.contracts import RunOptions, StageName

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")

Progress = Callable[[int, int | None], None]
"""Called with the units (frames) done so far and the total, None where it is not known.

It may raise Cancelled: a stage lets that pass, and leaves nothing behind.
"""


def silent(done: int, total: int | None) -> None:
    """Progress that tells nobody."""


def needs_nothing(_options: RunOptions) -> None:
    """The check of a stage that needs no model."""


@dataclass(frozen=True)
class Stage(Generic[Inputs, Outputs]):
    """A stage of the pipeline.

    `check` raises ModelError where a model is missing or damaged that these options need, so that a run can be refused
    before an earlier stage has worked for minutes.
    """

    name: StageName
    inputs: type[Inputs]
    outputs: type[Outputs]
    run: Callable[[Inputs, RunOptions, Progress], Outputs]
    check: Callable[[RunOptions], None] = needs_nothing

    def run_on(self, artefacts: Mapping[str, object], options: RunOptions, progress: Progress) -> dict[str, object]:
        """Run on artefacts by name; returns the new ones by name. One that is not there was not made: None."""
        names = [field.name for field in fields(self.inputs)]  # type: ignore[arg-type]  # stages' types are dataclasses
        outputs: Any = self.run(self.inputs(**{name: artefacts.get(name) for name in names}), options, progress)
        return {field.name: getattr(outputs, field.name) for field in fields(outputs)}
