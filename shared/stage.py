"""The definition of a stage: a name, the types of its inputs and outputs, and a pure function between them.

The command line and the worker loop call the same `Stage.run`, so that a laptop runs the same code as a cluster. The
fields of the input and output dataclasses name the artefacts of a run: an input field is filled from the field of the
same name in an earlier stage's output (or `video` and `subject`, which the run starts with).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from humanpose3d.options import RunOptions, StageName

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")

Progress = Callable[[int, int | None], None]
"""Called with the units (frames) done so far and the total, None where it is unknown.

It may raise Cancelled, which a stage lets pass after cleaning up.
"""


def silent(done: int, total: int | None) -> None:
    """Progress that is not reported."""


def needs_nothing(_options: RunOptions) -> None:
    """The check of a stage that needs no model."""


@dataclass(frozen=True)
class Division:
    """Division of a stage's work into parts, so that several workers can share a run.

    `gather` of all parts returns the same as the stage's `run`. Every process has the stage's inputs, and a part's
    result does not depend on the process.

    plan    (inputs, options) → plan, a `plan_type`; each of its `parts`, a `part_type`, is self-contained, and
            `frames` states its size.
    part    (inputs, options, part of the plan, progress) → the part's result, a `part_outputs`.
    gather  (inputs, options, plan, the results of all parts in order) → the stage's outputs.
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

    `check` raises ModelError where a model that these options need is missing or damaged, so that a run can be refused
    before earlier stages have run.
    """

    name: StageName
    inputs: type[Inputs]
    outputs: type[Outputs]
    run: Callable[[Inputs, RunOptions, Progress], Outputs]
    check: Callable[[RunOptions], None] = needs_nothing
    division: Division | None = None

    def run_on(self, artefacts: Mapping[str, object], options: RunOptions, progress: Progress) -> dict[str, object]:
        """Run on artefacts by name; returns the new ones by name. A missing one is None."""
        names = [field.name for field in fields(self.inputs)]  # type: ignore[arg-type]  # stages' types are dataclasses
        outputs: Any = self.run(self.inputs(**{name: artefacts.get(name) for name in names}), options, progress)
        return {field.name: getattr(outputs, field.name) for field in fields(outputs)}
