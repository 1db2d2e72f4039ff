"""What a movement was and what was measured of it: events, key figures and mean cycles, as validated models."""

from typing import Annotated, Final, Literal

from pydantic import Field

from humanpose3d.options import Contract

Task = Literal["gait", "squat", "lunge", "sit_to_stand", "jump", "range_of_motion", "none"]
"""What a recording shows; `none`: nothing that is analysed any further."""

Side = Literal["right", "left"]

EventKind = Literal[
    "heel_strike", "toe_off", "start", "peak", "end", "lowest", "seated", "standing", "take_off", "landing"
]

View = Literal["frontal", "oblique", "lateral", "unknown"]
"""From where the person is seen, by where the pelvis faces: within 30° of the front or back, of a side, or between."""

CYCLE_POINTS: Final = 101
"""Points of a cycle, 0 to 100 %."""


class Event(Contract):
    """A moment that the figures rest on. repetition: number of the repetition or cycle that it belongs to, from 1."""

    time_s: float
    kind: EventKind
    side: Side | None = None
    repetition: int | None = None


class Parameter(Contract):
    """One figure.

    repetition  number of the repetition or cycle, from 1; None: over all of them, `value` their mean.
    sd          of a single repetition: standard deviation of the measurement, where it is known; over all: standard
                deviation between repetitions.
    n           over all: how many repetitions or cycles.
    method      how it was found, with its source.
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
    """What is not stated, and why."""

    what: str
    reason: str


class MeanCurve(Contract):
    """One joint angle over the mean cycle of one side, degrees at 0, 1 … 100 %.

    sd: between the cycles, None of a single one; n: cycles.
    """

    joint: str
    angle: str
    side: Side
    mean: tuple[float, ...]
    sd: tuple[float, ...] | None
    n: int


class Analysis(Contract):
    """What a recording shows.

    recognised     whether the task was recognised (True) or given by the user.
    view           from where the person is seen.
    timing_s       an event's time is known to ± this, half the time between two frames.
    """

    task: Task
    recognised: bool
    view: View
    timing_s: float
    events: tuple[Event, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    not_measurable: tuple[NotMeasurable, ...] = ()
    curves: tuple[MeanCurve, ...] = ()

    @property
    def key_figures(self) -> tuple[Parameter, ...]:
        """The five to eight figures that answer for the task, over all repetitions, right before left."""
        whole = [figure for figure in self.parameters if figure.repetition is None]
        if self.task == "range_of_motion":
            return tuple(figure for figure in whole if figure.name.endswith("_peak"))[:8]
        order = {name: rank for rank, name in enumerate(KEY_FIGURES[self.task])}
        chosen = [figure for figure in whole if figure.name in order]
        return tuple(sorted(chosen, key=lambda figure: (order[figure.name], figure.side != "right")))


KEY_FIGURES: Final[dict[Task, tuple[str, ...]]] = {
    "gait": ("speed", "cadence", "stride_length", "stance", "double_support", "flight_time"),
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
"""By task, the names of the figures that are shown first; of a range of motion, the peaks that were found."""
