"""What a stage is: a name, the types it takes and gives, and a pure function between them.

The command line and the worker loop call the same `Stage.run`; what runs on a laptop is what runs on the cluster.
The fields of the input and output dataclasses name the artefacts of a run: a field of one stage's input is filled
from the field of the same name in an earlier stage's output (or `video` and `subject`, which the run starts with).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.contracts import RunOptions, StageName

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")

Progress = Callable[[int, int | None], None]
"""Called with the units (frames) done so far and the total, None where it is not known.

It may raise Cancelled: a stage lets that pass, and leaves nothing behind.
"""


def silent(done: int, total: int | None) -> None:
    """Progress that tells nobody."""


@dataclass(frozen=True)
class Stage(Generic[Inputs, Outputs]):
    """A stage of the pipeline."""

    name: StageName
    inputs: type[Inputs]
    outputs: type[Outputs]
    run: Callable[[Inputs, RunOptions, Progress], Outputs]
