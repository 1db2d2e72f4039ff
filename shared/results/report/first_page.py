"""The first page: what the person who ordered the analysis reads. Verdict, figure, key figures, curves, their error."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from humanpose3d.analysis import Analysis, MeanCurve, Task
from humanpose3d.language import Said, Translator, text
from humanpose3d.motion import JointAngles
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from shared.results.key_figures import VIEW_NAMES, KeyFigure, headline, key_figures, not_measurable
from shared.results.labels import JOINTS, ROWS, by_side
from shared.results.measured_errors import measured_error
from shared.results.model import RunResults
from shared.results.report.charts import Curve, chart, chart_over_time, legend
from shared.results.report.figure import person
from shared.results.report.markup import Html, element
from shared.results.trust import ANGLE_NAMES, trust

_SHOWN: Final = 3
_OF_TASK: Final[dict[Task, tuple[str, ...]]] = {
    "gait": ("hip", "knee", "ankle"),
    "squat": ("hip", "knee", "trunk"),
    "lunge": ("hip", "knee", "trunk"),
    "sit_to_stand": ("hip", "knee", "trunk"),
    "jump": ("hip", "knee", "ankle"),
}
"""Joints whose flexion a task is about; without a task, those that move most."""


def first_page(results: RunResults, t: Translator) -> Html:
    """Everything up to the page break."""
    analysis = results.analysis
    shown = _shown(results)
    figures = [] if analysis is None else [element("h2", t("Key figures")), *_key_figures(analysis, t)]
    return element(
        "section",
        element("p", t(trust(results)), class_="verdict"),
        element(
            "div",
            person(results.augmented_markers, analysis, t),
            element("div", *figures) if figures else None,
            class_="beside",
        ),
        element("h2", t("Main joint angles")),
        legend(results.angle_sd is not None, t),
        element("div", *_charts(results, shown, t), class_="charts"),
        *(element("p", words) for words in _errors(results, shown, t)),
        _notices(results, t),
        class_="first-page",
    )


def _shown(results: RunResults) -> list[tuple[str, str]]:
    """(joint, angle) of the charts."""
    angles = dict(ANGLE_NAMES)
    task = "none" if results.analysis is None else results.analysis.task
    if task in _OF_TASK:
        return [next(angle for angle in angles if angle[0] == joint) for joint in _OF_TASK[task]]
    return sorted(angles, key=lambda angle: -_range(results.final_angles, *angle))[:_SHOWN]


def _range(angles: JointAngles, joint: str, angle: str) -> float:
    """Largest range of one side, degrees."""
    ranges = [
        np.ptp(known)
        for _, values in by_side(angles.values, joint, _index(joint, angle))
        if (known := values[np.isfinite(values)]).size
    ]
    return float(max(ranges, default=0.0))


def _index(joint: str, angle: str) -> int:
    group = joint if joint in JOINT_GROUP_INDEX else f"{joint}_r"
    return JOINT_GROUPS[JOINT_GROUP_INDEX[group]].angles.index(angle)


def _charts(results: RunResults, shown: list[tuple[str, str]], t: Translator) -> Iterator[Html]:
    for joint, angle in shown:
        cycles = (
            []
            if results.analysis is None
            else [each for each in results.analysis.curves if each.sideless == (joint, angle)]
        )
        if cycles:
            yield _mean_cycles(joint, angle, cycles, t)
        else:
            figure = chart_over_time(results.final_angles, results.angle_sd, joint, _index(joint, angle), t)
            yield element("div", element("h3", t(JOINTS[joint])), figure)


def _mean_cycles(joint: str, angle: str, cycles: list[MeanCurve], t: Translator) -> Html:
    """The mean gait cycle of each side with its spread between cycles, over the norms where there are any."""
    percent = np.linspace(0, 100, len(cycles[0].mean))
    curves = [
        Curve(each.side[0], percent, np.array(each.mean), None if each.sd is None else np.array(each.sd))
        for each in cycles
    ]
    norm = cycles[0]
    if norm.norm_mean is not None and norm.norm_sd is not None:
        curves.insert(0, Curve("norm", percent, np.array(norm.norm_mean), np.array(norm.norm_sd)))
    words = t(ROWS[joint][_index(joint, angle)])
    caption = t("{angle}; % of the gait cycle", angle=words)
    figure = element("figure", element("figcaption", caption), chart(f"{t(JOINTS[joint])}, {caption}", curves, t))
    return element("div", element("h3", t(JOINTS[joint])), figure)


def _errors(results: RunResults, shown: list[tuple[str, str]], t: Translator) -> Iterator[str]:
    """What is known of the error of these angles from this view, in a sentence for each kind of people."""
    found: Any = measured_error(results)
    if found is None:
        yield t("How large the error of these angles is in a view like this was not measured.")
        return
    sentences = {
        "real": text("Measured on {clips} videos of real people in {view} views, mean absolute error: {angles}."),
        "rendered": text(
            "Measured on {clips} clips of rendered people in {view} views, mean absolute error: {angles}."
        ),
    }
    for people, sentence in sentences.items():
        own = found.get(people, {"mae_deg": {}})
        angles = tuple(
            Said(text("{angle} {error:.0f}°"), {"angle": (ANGLE_NAMES[joint, angle],), "error": error})
            for joint, angle in shown
            if (error := own["mae_deg"].get(joint, {}).get(angle)) is not None
        )
        if angles:
            yield t(sentence, clips=own["clips"], view=t(VIEW_NAMES[found["view"]]), angles=angles)


def _notices(results: RunResults, t: Translator) -> Html:
    count = sum(len(report.warnings) for report in results.reports.values())
    if count == 0:
        return element("p", t("Nothing stood out while this video was analysed."))
    if count == 1:
        return element("p", t("One warning to read before these numbers are used: see the next page."), class_="notice")
    return element(
        "p",
        t("{count} warnings to read before these numbers are used: see the next page.", count=count),
        class_="notice",
    )


def _key_figures(analysis: Analysis, t: Translator) -> Iterator[Html]:
    yield element("p", headline(analysis, t))
    figures = key_figures(analysis, t)
    if figures:
        head = element("tr", *(element("th", name) for name in ("", t("Right"), t("Left"))))
        rows = [_key_row(figure) for figure in figures]
        yield element("table", element("thead", head), element("tbody", *rows), class_="figures")
        yield element("p", t("Mean ± standard deviation"), class_="note")
    yield from (element("p", line[:1].upper() + line[1:]) for line in not_measurable(analysis, t))


def _key_row(figure: KeyFigure) -> Html:
    name = element("th", figure.label, scope="row")
    if figure.both is not None:
        return element("tr", name, element("td", figure.both, colspan="2"))
    return element("tr", name, element("td", figure.right or "–"), element("td", figure.left or "–"))
