"""How the markers are reconstructed: the one place where a learned depth refiner takes over from geometry."""

from collections.abc import Callable
from pathlib import Path

from services.refiner.geometric import Reconstruction, geometric
from shared.contracts import QualityWarning, RunOptions, Subject
from shared.errors import ModelError, ModelNotFound
from shared.motion import Landmarks

Reconstruct = Callable[[Landmarks, Subject, float], Reconstruction]
"""From landmarks, subject and least visibility to markers in the world. A neural refiner is another such function."""

_NO_NEURAL_REFINER = QualityWarning(
    code="no-neural-refiner",
    message="No neural refiner ships with this version: main_refiner was asked for, and the geometric refinement ran "
    "instead.",
)


def chosen(options: RunOptions) -> tuple[Reconstruct, tuple[QualityWarning, ...]]:
    """The reconstruction that the options ask for, and what to tell about the choice.

    Raises ModelNotFound where a model was named that is not there, ModelError where it is there but cannot be run.
    """
    for option in ("depth_model_path", "joint_model_path", "main_refiner_path"):
        path = getattr(options, option)
        if path is not None:
            _refuse(option, path)
    return geometric, (_NO_NEURAL_REFINER,) if options.main_refiner else ()


def _refuse(option: str, path: str) -> None:
    if not Path(path).is_file():
        raise ModelNotFound(
            f"{option}: there is no file {path!r}. Give the path of an ONNX model, or leave the option out."
        )
    raise ModelError(
        f"{option}: this version cannot run neural refiners yet, so {path!r} would be ignored. Leave it out."
    )
