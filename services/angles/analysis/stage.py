"""The stage that turns markers and joint angles into events and key figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from humanpose3d.analysis import Analysis, Event, MeanCurve, NotMeasurable, Parameter, Task, unmeasurable
from humanpose3d.formats.norms import Norms, read_norms
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers
from humanpose3d.options import RunOptions, StageReport
from services.angles.analysis.deviation import deviations, with_norms
from services.angles.analysis.gait import find_steps
from services.angles.analysis.gait_parameters import gait_events, gait_parameters, mean_curves, strides
from services.angles.analysis.jump import find_jumps, jump_events, jump_parameters
from services.angles.analysis.limits import Limits, forbidden, limits
from services.angles.analysis.range_of_motion import find_movements, movement_events, movement_parameters
from services.angles.analysis.recognise import recognise
from services.angles.analysis.repetitions import (
    find_repetitions,
    find_rises,
    missing_scores,
    repetition_events,
    repetition_parameters,
)
from services.angles.analysis.signals import Signals
from shared.stage import Progress, Stage


@dataclass(frozen=True, eq=False)
class AnalysisInputs:
    """The 65 markers (world frame, metres) and the joint angles of a run, refined if requested.

    angle_sd: standard deviations of these angles.
    """

    augmented_markers: Markers
    angles: JointAngles
    landmarks: Landmarks | None = None
    refined_angles: JointAngles | None = None
    angle_sd: AngleSd | None = None


@dataclass(frozen=True)
class AnalysisOutputs:
    """Events, figures and mean cycles, and the report."""

    analysis: Analysis
    report: StageReport


@dataclass(frozen=True)
class Found:
    """The results of a task's own method."""

    events: list[Event]
    parameters: list[Parameter]
    missing: list[NotMeasurable]
    curves: list[MeanCurve]


def run(inputs: AnalysisInputs, options: RunOptions, progress: Progress) -> AnalysisOutputs:
    """Recognise the task, or use the one that the options name, and measure it."""
    frames = inputs.augmented_markers.times.size
    progress(0, frames)
    norms = None if options.norms_path is None else read_norms(options.norms_path)
    analysis = analyse(inputs, None if options.task == "auto" else options.task, norms)
    progress(frames, frames)
    facts: dict[str, JsonValue] = {"task": analysis.task, "task_recognised": analysis.recognised, "view": analysis.view}
    return AnalysisOutputs(analysis, StageReport(facts=facts))


def check(options: RunOptions) -> None:
    """Raises InvalidOption where the norms cannot be used."""
    if options.norms_path is not None:
        read_norms(options.norms_path)


def analyse(inputs: AnalysisInputs, task: Task | None = None, norms: Norms | None = None) -> Analysis:
    """Events and figures of a recording; `task` None: recognised."""
    signals = Signals.of(inputs.augmented_markers, inputs.refined_angles or inputs.angles, inputs.angle_sd)
    found, chosen = limits(signals, inputs.landmarks), task or recognise(signals)
    told = list(forbidden(signals, found, chosen))
    result = Found([], [], told, []) if told else METHODS[chosen](signals, found)
    curves = result.curves if norms is None else with_norms(result.curves, norms)
    return Analysis(
        task=chosen,
        recognised=task is None,
        view=found.view,
        timing_s=round(0.5 / signals.rate, 4),
        events=tuple(result.events),
        norms=None if norms is None or not curves else norms.source,
        parameters=(*result.parameters, *deviations(curves)),
        not_measurable=tuple(result.missing),
        curves=tuple(curves),
    )


def _gait(signals: Signals, _limits: Limits) -> Found:
    steps = find_steps(signals)
    cycles = strides(steps, signals.rate)
    missing = []
    if not cycles:
        missing.append(
            unmeasurable(
                "stride length, stance, swing, double support, mean cycles",
                "the recording has no complete stride of one leg, from heel strike to heel strike",
            )
        )
    return Found(
        gait_events(steps, signals), gait_parameters(signals, steps, cycles), missing, mean_curves(signals, cycles)
    )


def _repetitions(task: Task) -> Callable[[Signals, Limits], Found]:
    def method(signals: Signals, found: Limits) -> Found:
        each = find_rises(signals) if task == "sit_to_stand" else find_repetitions(signals)
        frontal = found.view == "frontal"
        missing = []
        if not frontal and task != "sit_to_stand":
            missing.append(unmeasurable("knee valgus", "the person is not seen from the front"))
        if task == "sit_to_stand":
            missing += missing_scores(signals, each)
        events = repetition_events(signals, task, each)
        return Found(events, repetition_parameters(signals, task, each, frontal), missing, [])

    return method


def _jumps(signals: Signals, _limits: Limits) -> Found:
    jumps = find_jumps(signals)
    missing = []
    if jumps and all(jump.touchdown is None for jump in jumps):
        missing.append(
            unmeasurable(
                "contact time, reactive strength index",
                "no landing comes directly before a take-off: this is not a drop jump",
            )
        )
    return Found(jump_events(signals, jumps), jump_parameters(signals, jumps), missing, [])


def _movements(signals: Signals, _limits: Limits) -> Found:
    found = find_movements(signals)
    return Found(movement_events(signals, found), movement_parameters(signals, found), [], [])


def _nothing(_signals: Signals, _limits: Limits) -> Found:
    return Found([], [], [], [])


METHODS: Final[dict[Task, Callable[[Signals, Limits], Found]]] = {
    "gait": _gait,
    "squat": _repetitions("squat"),
    "lunge": _repetitions("lunge"),
    "sit_to_stand": _repetitions("sit_to_stand"),
    "jump": _jumps,
    "range_of_motion": _movements,
    "none": _nothing,
}

ANALYSIS: Final = Stage("analysis", AnalysisInputs, AnalysisOutputs, run, check)
