"""The key figures of a task as text."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from humanpose3d.analysis import Analysis, Parameter, Task

TASK_NAMES: Final[dict[Task, str]] = {
    "gait": "Gait",
    "squat": "Squats",
    "lunge": "Lunges",
    "sit_to_stand": "Sit-to-stand",
    "jump": "Jump",
    "range_of_motion": "Range of motion",
    "none": "No task recognised",
}
_DECIMALS: Final = {"m": 2, "m/s": 2, "s": 2, "°": 0, "1": 0, "steps/min": 0, "% of the cycle": 0, "% of the mean": 0}


class KeyFigure(NamedTuple):
    """One line: a name, and its value with uncertainty for both sides together, or right and left apart."""

    label: str
    right: str | None
    left: str | None
    both: str | None


def key_figures(analysis: Analysis) -> list[KeyFigure]:
    """The lines of the task's key figures, in order."""
    named: dict[str, dict[str | None, str]] = {}
    for figure in analysis.key_figures:
        named.setdefault(figure.name, {})[figure.side] = value_text(figure)
    return [
        KeyFigure(label(name), values.get("right"), values.get("left"), values.get(None))
        for name, values in named.items()
    ]


def label(name: str) -> str:
    """A figure's name in words: `stride_length` → `Stride length`."""
    return name.replace("_", " ").capitalize()


def value_text(figure: Parameter) -> str:
    """Value ± standard deviation and unit, with decimals by unit."""
    decimals = _DECIMALS.get(figure.unit, 2)
    unit = "" if figure.unit == "1" else "°" if figure.unit == "°" else f" {figure.unit}"
    sd = "" if figure.sd is None else f" ± {figure.sd:.{max(decimals, 0)}f}"
    return f"{figure.value:.{decimals}f}{sd}{unit}".replace("-", "−")


def text_lines(analysis: Analysis) -> Iterator[str]:
    """The key figures as lines of plain text, then what could not be measured."""
    how = "recognised" if analysis.recognised else "as given"
    yield f"{TASK_NAMES[analysis.task]} ({how}, {analysis.view} view; events ± {analysis.timing_s * 1000:.0f} ms)"
    for figure in key_figures(analysis):
        sides = [f"right {figure.right}" if figure.right else "", f"left {figure.left}" if figure.left else ""]
        yield f"  {figure.label}: {figure.both or ', '.join(side for side in sides if side)}"
    for missing in analysis.not_measurable:
        yield f"  not measurable: {missing.what} ({missing.reason})"
