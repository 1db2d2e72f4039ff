"""Accuracy of events and key figures on rendered movements: `make bench-analysis`.

`python -m benchmarks.analysis --movements DIR` runs the stages after the detector on the clips of
`benchmarks.movements`, compares their analysis with that of the true markers, prints the tables and writes them to
`benchmarks/results/analysis.md`. With `--mocap`, the clips that do not exist yet are rendered first.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy.signal import butter, sosfiltfilt

from cli.pipeline import STAGES
from humanpose3d.analysis import Analysis, EventKind, Parameter, Side, Task
from humanpose3d.errors import InvalidMotion, NoPersonDetected
from humanpose3d.motion import FloatArray, JointAngles, Markers
from humanpose3d.options import RunOptions, Subject, route
from services.angles.analysis.stage import AnalysisInputs, analyse
from services.angles.joints import joint_angles
from shared.stage import silent
from training.data.pairs import Pair, pair_files, read_pair

FRAME_S: Final = 1 / 60
"""Largest error of an event that the goal allows."""

RESULT: Final = Path(__file__).with_name("results") / "analysis.md"

_NEAR_S: Final = 0.25
_AROUND_S: Final = 4 / 60 + 1e-6
_TASKS: Final[dict[str, Task]] = {
    "walk": "gait",
    "squat": "squat",
    "sit to stand": "sit_to_stand",
    "jump": "jump",
}
_CONDITIONS: Final = {
    "no main refiner": RunOptions(main_refiner=False),
    "default": RunOptions(),
}
_TRUE, _ALL, _SIDE = "true markers", "All views", "From the side"
_EVENTS: Final[tuple[EventKind, ...]] = ("heel_strike", "toe_off", "lowest", "standing", "take_off", "landing")
_SIDES: Final[tuple[Side, Side]] = ("right", "left")


@dataclass(frozen=True)
class Row:
    """One line of the table: the figure, its goal, and the largest error that meets it."""

    title: str
    goal: str
    limit: float
    unit: str


ROWS: Final = {
    "task": Row("task recognised", "", 0.5, ""),
    "heel_strike": Row("heel strikes", "95 % within 1/60 s", FRAME_S, "s"),
    "toe_off": Row("toe offs", "95 % within 1/60 s", FRAME_S, "s"),
    "heel_strike contact": Row(
        "heel strikes, against accelerations of the true foot", "95 % within 1/60 s", FRAME_S, "s"
    ),
    "toe_off contact": Row("toe offs, against accelerations of the true foot", "95 % within 1/60 s", FRAME_S, "s"),
    "stride_length": Row("stride length", "≤ 5 %", 5.0, "%"),
    "speed": Row("walking speed", "≤ 5 %", 5.0, "%"),
    "cadence": Row("cadence", "≤ 1 %", 1.0, "%"),
    "stance": Row("stance", "", 3.0, "% of the cycle"),
    "squat repetitions": Row("squats counted", "100 % right", 0.5, ""),
    "sit_to_stand repetitions": Row("sit-to-stands counted", "100 % right", 0.5, ""),
    "jump repetitions": Row("jumps counted", "100 % right", 0.5, ""),
    "lowest": Row("lowest points of squats", "95 % within 1/60 s", FRAME_S, "s"),
    "standing": Row("standing after sit-to-stand", "95 % within 1/60 s", FRAME_S, "s"),
    "depth": Row("depth of squats", "≤ 2 cm", 0.02, "m"),
    "rise_height": Row("rise of sit-to-stands", "≤ 2 cm", 0.02, "m"),
    "take_off": Row("take-offs", "95 % within 1/60 s", FRAME_S, "s"),
    "landing": Row("landings", "95 % within 1/60 s", FRAME_S, "s"),
    "take_off contact": Row("take-offs, against the true soles", "95 % within 1/60 s", FRAME_S, "s"),
    "landing contact": Row("landings, against the true soles", "95 % within 1/60 s", FRAME_S, "s"),
    "jump_height_flight": Row("jump height by flight time", "≤ 3 cm", 0.03, "m"),
    "jump_height_pelvis": Row("jump height by the pelvis", "≤ 3 cm", 0.03, "m"),
}


@dataclass
class Scores:
    """Errors by row; NaN: not found, or not measurable."""

    errors: dict[str, list[float]] = field(default_factory=dict)

    def add(self, row: str, *errors: float) -> None:
        """Add errors of a row."""
        self.errors.setdefault(row, []).extend(errors)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--movements", type=Path, required=True, help="folder of the clips")
    parser.add_argument("--mocap", type=Path, nargs="+", default=(), help="folders of motions, to render clips from")
    chosen = parser.parse_args(arguments)
    if chosen.mocap:
        # Deferred: needs the packages of training.
        from benchmarks.movements import make_movements

        make_movements(chosen.movements, chosen.mocap)
    measured = measure(chosen.movements)
    text = "# Events and key figures\n\n" + "\n\n".join(f"{title}:\n\n{table(own)}" for title, own in measured.items())
    RESULT.write_text(f"{text}\n", encoding="utf-8")
    print(text)


def measure(folder: Path) -> dict[str, dict[str, Scores]]:
    """Views → condition → scores. Raises InvalidMotion where there is no clip."""
    files = pair_files(folder)
    if not files:
        raise InvalidMotion(f"{folder} holds no clip.")
    found = {view: {name: Scores() for name in (_TRUE, *_CONDITIONS)} for view in (_ALL, _SIDE)}
    for file in files:
        print(file.stem, file=sys.stderr)
        pair = read_pair(file)
        truth = analysed_truth(pair, _TASKS[str(pair.facts["family"])])
        contact = contacts(pair.markers, truth)
        analyses = {name: analysed(pair, options) for name, options in _CONDITIONS.items()}
        analyses[_TRUE] = analysed_truth(pair, None)
        views = (_ALL, _SIDE) if abs(pair.facts["azimuth_deg"]) == 90 else (_ALL,)  # type: ignore[arg-type]  # a number
        for view in views:
            for name, analysis in analyses.items():
                score(found[view][name], analysis, truth, contact)
    return found


def analysed_truth(pair: Pair, task: Task | None) -> Analysis:
    """The analysis of the true markers."""
    angles = JointAngles(pair.markers.times, joint_angles(pair.markers))
    return analyse(AnalysisInputs(pair.markers, angles), task)


def analysed(pair: Pair, options: RunOptions) -> Analysis | None:
    """The analysis by the stages after the detector; None where they cannot run."""
    made: dict[str, object] = {
        "landmarks": pair.landmarks,
        "subject": Subject(height=pair.height, weight=pair.mass),
        "verticals": pair.verticals,
    }
    try:
        for name in route(options)[1:]:
            made |= STAGES[name].run_on(made, options, silent)
    except (NoPersonDetected, InvalidMotion):
        return None
    analysis = made["analysis"]
    assert isinstance(analysis, Analysis)
    return analysis


def contacts(markers: Markers, truth: Analysis) -> dict[tuple[Side | None, EventKind], FloatArray]:
    """Seconds at which feet make and end contact, by other methods than those that are tested.

    Heel contact: peak of the heel's upward acceleration; toe off: peak of the toes' horizontal acceleration (Hreljac &
    Marshall 2000, J Biomech 33:783: 5 and 6 ms from a force plate's), the highest one within 67 ms of the true event.
    Jumps: the soles 2 cm above their lowest level around the flight.
    """
    rate = 1 / float(np.median(np.diff(markers.times)))
    if truth.task == "jump":
        return _flights(markers, truth, rate)
    found: dict[tuple[Side | None, EventKind], FloatArray] = {}
    for side in _SIDES if truth.task == "gait" else ():
        heel, toe = (_filtered(markers, f"{side[0].upper()}{point}", rate) for point in ("Heel", "BigToe"))
        upward = np.gradient(np.gradient(heel[:, 1]))
        forward = np.gradient(np.linalg.norm(np.gradient(toe[:, [0, 2]], axis=0), axis=1))
        accelerations: dict[EventKind, FloatArray] = {"heel_strike": upward, "toe_off": forward}
        for kind, acceleration in accelerations.items():
            moments = _moments(truth, kind, side)
            found[side, kind] = np.array([_highest(markers.times, acceleration, moment) for moment in moments])
    return found


def _flights(markers: Markers, truth: Analysis, rate: float) -> dict[tuple[Side | None, EventKind], FloatArray]:
    points = [f"{side}{point}" for side in "RL" for point in ("Heel", "BigToe", "SmallToe")]
    sole = np.min([_filtered(markers, point, rate)[:, 1] for point in points], axis=0)
    found: dict[tuple[Side | None, EventKind], list[float]] = {(None, "take_off"): [], (None, "landing"): []}
    for begin, end in zip(_moments(truth, "take_off", None), _moments(truth, "landing", None), strict=True):
        near = sole[(markers.times > begin - 0.15) & (markers.times < end + 0.15)]
        middle = int(np.searchsorted(markers.times, (begin + end) / 2))
        low = np.flatnonzero(sole < near.min() + 0.02)
        found[None, "take_off"].append(float(markers.times[low[low < middle][-1] + 1]))
        found[None, "landing"].append(float(markers.times[low[low > middle][0]]))
    return {key: np.array(moments) for key, moments in found.items()}


def _filtered(markers: Markers, name: str, rate: float) -> FloatArray:
    sections = butter(2, min(12.0, 0.4 * rate), fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, markers.position(name), axis=0))


def _highest(times: FloatArray, values: FloatArray, moment: float) -> float:
    near = np.flatnonzero(np.abs(times - moment) <= _AROUND_S)
    return float(times[near[np.argmax(values[near])]])


def score(
    scores: Scores,
    found: Analysis | None,
    truth: Analysis,
    contact: dict[tuple[Side | None, EventKind], FloatArray],
) -> None:
    """Add the errors of one clip."""
    right_task = found is not None and found.task == truth.task
    scores.add("task", float(not right_task))
    for kind in _EVENTS:
        scores.add(kind, *_event_errors(found, truth, kind))
        for side in (*_SIDES, None):
            if (side, kind) in contact:
                scores.add(f"{kind} contact", *_from_contact(found, side, kind, contact[side, kind]))
    for name in ("stride_length", "speed", "cadence"):
        scores.add(name, *(100 * error / abs(true) for error, true in _figure_errors(found, truth, name)))
    for name in ("stance", "depth", "rise_height", "jump_height_flight", "jump_height_pelvis"):
        scores.add(name, *(error for error, _ in _figure_errors(found, truth, name)))
    if truth.task != "gait":
        counts = _figure_errors(found if right_task else None, truth, "repetitions")
        scores.add(f"{truth.task} repetitions", *(error for error, _ in counts))


def _figure_errors(found: Analysis | None, truth: Analysis, name: str) -> Iterator[tuple[float, float]]:
    """(error, true value) of the figures over all repetitions; NaN where it was not found."""
    made = {figure.side: figure.value for figure in _over_all(found, name)}
    for figure in _over_all(truth, name):
        yield made.get(figure.side, np.nan) - figure.value, figure.value


def _over_all(analysis: Analysis | None, name: str) -> list[Parameter]:
    figures = () if analysis is None else analysis.parameters
    return [figure for figure in figures if figure.name == name and figure.repetition is None]


def _event_errors(found: Analysis | None, truth: Analysis, kind: EventKind) -> Iterator[float]:
    """Seconds from each true event to the nearest one found; NaN where there is none within a quarter of a second."""
    for event in truth.events:
        if event.kind == kind:
            yield _nearest(_moments(found, kind, event.side), event.time_s)


def _from_contact(found: Analysis | None, side: Side | None, kind: EventKind, contact: FloatArray) -> Iterator[float]:
    """Seconds from each event found to the nearest contact."""
    for moment in _moments(found, kind, side):
        yield -_nearest(contact, moment)


def _moments(analysis: Analysis | None, kind: EventKind, side: Side | None) -> FloatArray:
    events = () if analysis is None else analysis.events
    return np.array([event.time_s for event in events if (event.kind, event.side) == (kind, side)])


def _nearest(moments: FloatArray, moment: float) -> float:
    if not moments.size:
        return float("nan")
    error = float(moments[np.argmin(np.abs(moments - moment))] - moment)
    return error if abs(error) <= _NEAR_S else float("nan")


def table(measured: dict[str, Scores]) -> str:
    """All rows in Markdown: mean absolute error, bias, and share within the goal."""
    lines = ["| | goal | n |" + "".join(f" {name} |" for name in measured), "|---" * (3 + len(measured)) + "|"]
    for key, row in ROWS.items():
        cells = [
            _cell(scores.errors.get(key, []), row) if name != _TRUE or "contact" in key or key == "task" else ""
            for name, scores in measured.items()
        ]
        if count := len(measured[_TRUE].errors.get(key, [])):
            lines.append("| " + " | ".join([row.title, row.goal, str(count), *cells]) + " |")
    return "\n".join(lines)


def _cell(errors: list[float], row: Row) -> str:
    """`8 ms (bias +2), 96 % within`; a figure that was not found is not within."""
    if not errors:
        return "–"
    values = np.array(errors)
    within = f"{100 * np.mean(np.abs(values) <= row.limit + 1e-6):.0f} %"
    known = values[np.isfinite(values)]
    if not row.unit or not known.size:
        return within
    factor, unit = {"s": (1000.0, "ms"), "m": (100.0, "cm")}.get(row.unit, (1.0, row.unit))
    mean, bias = factor * np.abs(known).mean(), factor * known.mean()
    return f"{mean:.1f} {unit} ({bias:+.1f}), {within}"


if __name__ == "__main__":
    main()
