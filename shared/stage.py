"""What a stage is: a name, the types it takes and gives, and a pure function between them.

The command line and the worker loop call the same `Stage.run`; what runs on a laptop is what runs on the cluster.
The fields of the input and output dataclasses name the artefacts of a run: a field of one stage's input is filled
from the field of the same name in an earlier stage's output (or `video` and `subject`, which the run starts with).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from humanpose3d.options import RunOptions, StageName

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")

Progress = Callable[[int, int | None], None]
"""Called with the units (frames) done so far and the total, None where it is not known.

It may raise Cancelled: a stage lets that pass, and leaves nothing behind.
"""


def silent(done: int, total: int | None) -> None:
    """Progress that tells no person."""


def needs_nothing(_options: RunOptions) -> None:
    """The check of a stage that needs no model."""


@dataclass(frozen=True)
class Division:
    """How a stage's work is cut into parts, so that all who do this stage can share a run.

    `gather` of all parts gives what the stage's `run` gives. Any process that does a part has the stage's inputs, and finds the
    same as anybody else would.

    plan    (inputs, options) → plan, a `plan_type`; each of its `parts`, a `part_type`, says all about itself, and by
            `frames` how much it is.
    part    (inputs, options, part of the plan, progress) → what came of it, a `part_outputs`.
    gather  (inputs, options, plan, what came of every part, one after the other) → the stage's outputs.
    """

    plan_type: type[BaseModel]
    part_type: type[BaseModel]
    part_outputs: type
    plan: Callable[[Any, RunOptions], Any]
    part: Callable[[Any, RunOptions, Any, Progress], Any]
    gather: Callable[[Any, RunOptions, Any, Iterable[Any]], Any]


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
    division: Division | None = None

    def run_on(self, artefacts: Mapping[str, object], options: RunOptions, progress: Progress) -> dict[str, object]:
        """Run on artefacts by name; returns the new ones by name. One that is not there was not made: None."""
        names = [field.name for field in fields(self.inputs)]  # type: ignore[arg-type]  # stages' types are dataclasses
        outputs: Any = self.run(self.inputs(**{name: artefacts.get(name) for name in names}), options, progress)
        return {field.name: getattr(outputs, field.name) for field in fields(outputs)}
