"""The key figures of a task as text."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from humanpose3d.analysis import Analysis, Parameter, Task, View
from humanpose3d.language import Translator, text

TASK_NAMES: Final[dict[Task, str]] = {
    "gait": text("Gait"),
    "squat": text("Squats"),
    "lunge": text("Lunges"),
    "sit_to_stand": text("Sit-to-stand"),
    "jump": text("Jump"),
    "range_of_motion": text("Range of motion"),
    "none": text("No task recognised"),
}
VIEW_NAMES: Final[dict[View, str]] = {
    "frontal": text("frontal"),
    "oblique": text("oblique"),
    "lateral": text("lateral"),
    "unknown": text("unknown"),
}
LABELS: Final = {
    "speed": text("Speed"),
    "cadence": text("Cadence"),
    "stride_length": text("Stride length"),
    "stance": text("Stance"),
    "double_support": text("Double support"),
    "contact_time": text("Contact time"),
    "flight_time": text("Flight time"),
    "gait_profile_score": text("Gait profile score"),
    "repetitions": text("Repetitions"),
    "depth": text("Depth"),
    "knee_flexion_peak": text("Knee flexion, peak"),
    "hip_flexion_peak": text("Hip flexion, peak"),
    "hip_adduction_peak": text("Hip adduction, peak"),
    "ankle_dorsiflexion_peak": text("Ankle dorsiflexion, peak"),
    "trunk_lean_peak": text("Trunk lean, peak"),
    "trunk_flexion_peak": text("Trunk flexion, peak"),
    "trunk_lateral_bending_peak": text("Trunk lateral bending, peak"),
    "trunk_rotation_peak": text("Trunk rotation, peak"),
    "shoulder_flexion_peak": text("Shoulder flexion, peak"),
    "shoulder_abduction_peak": text("Shoulder abduction, peak"),
    "elbow_flexion_peak": text("Elbow flexion, peak"),
    "five_times_sit_to_stand": text("Five times sit to stand"),
    "thirty_second_sit_to_stand": text("Thirty second sit to stand"),
    "rise_time": text("Rise time"),
    "jump_height_flight": text("Jump height (flight time)"),
    "jump_height_pelvis": text("Jump height (pelvis)"),
    "reactive_strength_index": text("Reactive strength index"),
    "landing_knee_flexion": text("Knee flexion at landing"),
}
"""Names of the figures that are a task's key figures."""

UNITS: Final = {
    "1": "",
    "°": "°",
    "steps/min": text("steps/min"),
    "% of the cycle": text("% of the cycle"),
    "% of the mean": text("% of the mean"),
}
"""Units that are written in another way than by their own symbol."""

_DECIMALS: Final = {"m": 2, "m/s": 2, "s": 2, "°": 0, "1": 0, "steps/min": 0, "% of the cycle": 0, "% of the mean": 0}


class KeyFigure(NamedTuple):
    """One line: a name, and its value with uncertainty for both sides together, or right and left apart."""

    label: str
    right: str | None
    left: str | None
    both: str | None


def key_figures(analysis: Analysis, t: Translator) -> list[KeyFigure]:
    """The lines of the task's key figures, in order."""
    named: dict[str, dict[str | None, str]] = {}
    for figure in analysis.key_figures:
        named.setdefault(figure.name, {})[figure.side] = value_text(figure, t)
    return [
        KeyFigure(label(name, t), values.get("right"), values.get("left"), values.get(None))
        for name, values in named.items()
    ]


def label(name: str, t: Translator) -> str:
    """A figure's name in words: `stride_length` → `Stride length`."""
    return t(LABELS.get(name, name.replace("_", " ").capitalize()))


def value_text(figure: Parameter, t: Translator) -> str:
    """Value ± standard deviation and unit, with decimals by unit."""
    form = f".{_DECIMALS.get(figure.unit, 2)}f"
    sd = "" if figure.sd is None else f" ± {t.number(figure.sd, form)}"
    return f"{t.number(figure.value, form)}{sd}{_unit(figure.unit, t)}".replace("-", "−")


def _unit(unit: str, t: Translator) -> str:
    shown = t(UNITS.get(unit, unit))
    return shown if shown in ("", "°") else f" {shown}"


def headline(analysis: Analysis, t: Translator) -> str:
    """Task, view, and the uncertainty of events."""
    how = t("recognised") if analysis.recognised else t("as given")
    task, view, timing = t(TASK_NAMES[analysis.task]), t(VIEW_NAMES[analysis.view]), analysis.timing_s * 1000
    return t("{task} ({how}, {view} view; events ± {timing:.0f} ms)", task=task, how=how, view=view, timing=timing)


def not_measurable(analysis: Analysis, t: Translator) -> Iterator[str]:
    """What could not be measured, and why."""
    for missing in analysis.not_measurable:
        yield t(
            "not measurable: {what} ({reason})",
            what=t(missing.what),
            reason=t(missing.template or missing.reason, **missing.values),
        )


def measured_error_of(figure: Parameter, quality: Mapping[str, Any]) -> float | None:
    """Mean absolute error in degrees of the joint angle that a figure is the peak of.

    As measured on rendered people in a view like the run's (`measured_error` in its `quality.json`); None for other
    figures, and where it was not measured.
    """
    angles = ((quality.get("measured_error") or {}).get("rendered") or {}).get("mae_deg", {})
    named = {f"{joint}_{angle}_peak": error for joint, of in angles.items() for angle, error in of.items()}
    return named.get(figure.name)


def text_lines(analysis: Analysis, t: Translator) -> Iterator[str]:
    """The key figures as lines of plain text, then what could not be measured."""
    yield headline(analysis, t)
    for figure in key_figures(analysis, t):
        sides = [t("right {value}", value=figure.right)] if figure.right else []
        sides += [t("left {value}", value=figure.left)] if figure.left else []
        yield f"  {figure.label}: {figure.both or ', '.join(sides)}"
    yield from (f"  {line}" for line in not_measurable(analysis, t))
