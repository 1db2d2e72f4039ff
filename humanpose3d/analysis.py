"""The analysis of a movement as validated models: task, events, key figures and mean cycles."""

from typing import Annotated, Final, Literal

from pydantic import Field

from humanpose3d.language import ENGLISH
from humanpose3d.options import Contract

Task = Literal["gait", "squat", "lunge", "sit_to_stand", "jump", "range_of_motion", "none"]
"""The task that a recording shows; `none`: no task that is analysed."""

Side = Literal["right", "left"]

EventKind = Literal[
    "heel_strike", "toe_off", "start", "peak", "end", "lowest", "seated", "standing", "take_off", "landing"
]

View = Literal["frontal", "oblique", "lateral", "unknown"]
"""Camera view by the pelvis' heading: within 30° of frontal (front or back), within 30° of sagittal, or between."""

CYCLE_POINTS: Final = 101
"""Points of a normalised cycle, 0 to 100 %."""


class Event(Contract):
    """A moment from which figures are computed. repetition: number of its repetition or cycle, from 1."""

    time_s: float
    kind: EventKind
    side: Side | None = None
    repetition: int | None = None


class Parameter(Contract):
    """One figure.

    repetition  number of the repetition or cycle, from 1; None: all of them, with their mean as `value`.
    sd          for a single repetition: standard deviation of the measurement, where known; for all: standard
                deviation between repetitions, or of a single one that of its measurement.
    n           for all: number of repetitions or cycles.
    method      how it was computed, with its source.
    """

    name: str
    side: Side | None = None
    repetition: int | None = None
    value: float
    sd: Annotated[float, Field(ge=0)] | None = None
    n: int | None = None
    unit: str
    method: str


class NotMeasurable(Contract):
    """A figure that is not reported, and why.

    what, reason      in English.
    template, values  the reason for translation (`humanpose3d.language`); empty where an earlier version stored it.
    """

    what: str
    reason: str
    template: str = ""
    values: dict[str, int | float] = Field(default_factory=dict)


def unmeasurable(what: str, template: str, /, **values: float) -> NotMeasurable:
    """A figure that is not reported for this reason: a template, filled with these values."""
    return NotMeasurable(what=what, reason=ENGLISH(template, **values), template=template, values=values)


class MeanCurve(Contract):
    """One joint angle over the mean cycle of one side, degrees at 0, 1 … 100 %.

    sd: between cycles, None for a single one; n: number of cycles; norm_mean, norm_sd: the norm's band, if given.
    """

    joint: str
    angle: str
    side: Side
    mean: tuple[float, ...]
    sd: tuple[float, ...] | None
    n: int
    norm_mean: tuple[float, ...] | None = None
    norm_sd: tuple[float, ...] | None = None

    @property
    def sideless(self) -> tuple[str, str]:
        """Joint, without its side, and angle: `knee`, `flexion`."""
        return self.joint.removesuffix("_r").removesuffix("_l"), self.angle


class Analysis(Contract):
    """The analysis of one recording.

    recognised     whether the task was recognised (True) or given by the user.
    view           camera view of the person.
    timing_s       timing uncertainty of an event: ± half the time between two frames.
    norms          population and method of the norms, if given.
    """

    task: Task
    recognised: bool
    view: View
    timing_s: float
    norms: str | None = None
    events: tuple[Event, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    not_measurable: tuple[NotMeasurable, ...] = ()
    curves: tuple[MeanCurve, ...] = ()

    @property
    def key_figures(self) -> tuple[Parameter, ...]:
        """The five to eight figures that summarise the task, over all repetitions, right before left."""
        whole = [figure for figure in self.parameters if figure.repetition is None]
        if self.task == "range_of_motion":
            return tuple(figure for figure in whole if figure.name.endswith("_peak"))[:8]
        order = {name: rank for rank, name in enumerate(KEY_FIGURES[self.task])}
        chosen = [figure for figure in whole if figure.name in order]
        return tuple(sorted(chosen, key=lambda figure: (order[figure.name], figure.side != "right")))


KEY_FIGURES: Final[dict[Task, tuple[str, ...]]] = {
    "gait": (
        "speed",
        "cadence",
        "stride_length",
        "stance",
        "double_support",
        "contact_time",
        "flight_time",
        "gait_profile_score",
    ),
    "squat": ("repetitions", "depth", "knee_flexion_peak", "hip_flexion_peak", "trunk_lean_peak"),
    "lunge": ("repetitions", "depth", "knee_flexion_peak", "trunk_lean_peak"),
    "sit_to_stand": (
        "repetitions",
        "five_times_sit_to_stand",
        "thirty_second_sit_to_stand",
        "rise_time",
        "trunk_lean_peak",
    ),
    "jump": (
        "jump_height_flight",
        "jump_height_pelvis",
        "flight_time",
        "contact_time",
        "reactive_strength_index",
        "landing_knee_flexion",
    ),
    "range_of_motion": (),
    "none": (),
}
"""By task, the names of the figures shown first; for a range of motion, the peaks that were found."""
