"""Segment frames and rotation sequences, from the docstrings of the code that computes them."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from docs.generate.markdown import code, paragraphs, table
from services.angles import joints, rotations, segments
from services.angles.report import PLAUSIBLE

_SEGMENTS: Final = ("pelvis", "trunk", "thigh", "shank", "foot", "humerus", "forearm")
_JOINTS: Final = ("pelvis", "hip", "knee", "ankle", "trunk", "shoulder", "elbow")


def frames() -> str:
    """Every segment's frame."""
    return "\n\n".join(_described(segments, _SEGMENTS))


def about_frames() -> str:
    """What all frames have in common, and the sources."""
    return paragraphs(_body(segments.__doc__))


def angles() -> str:
    """Every joint's sequence, signs, range and singularity."""
    return "\n\n".join(_described(joints, _JOINTS))


def about_angles() -> str:
    """What all joints have in common."""
    return paragraphs(_body(joints.__doc__))


def about_rotations() -> str:
    """How a matrix becomes three angles."""
    return paragraphs(_body(rotations.__doc__))


def plausible() -> str:
    """The ranges outside of which an angle is reported as implausible."""
    return table(
        ("Joint", "Angle", "From, °", "To, °"),
        ((joint, code(angle), f"{low:.0f}", f"{high:.0f}") for (joint, angle), (low, high) in PLAUSIBLE.items()),
    )


def _described(module: Any, names: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 -- a module
    for name in names:
        function: Callable[..., object] = getattr(module, name)
        text = inspect.getdoc(function) or ""
        yield f"### {name.capitalize()}\n\n{paragraphs(text)}"


def _body(docstring: str | None) -> str:
    """A module's docstring without its first line."""
    return inspect.cleandoc(docstring or "").partition("\n\n")[2]
