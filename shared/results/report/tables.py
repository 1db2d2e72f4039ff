"""Statistics of the joint angles as tables: by joint and side, right beside left."""

from collections.abc import Mapping
from typing import Any, Final

from humanpose3d.language import Translator, text
from humanpose3d.motion import JointAngles
from humanpose3d.neutral import NeutralStance
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from humanpose3d.statistics import AngleStatistics, Asymmetry, angle_statistics, asymmetries
from shared.body_parts import ANGLES
from shared.results.key_figures import VIEW_NAMES
from shared.results.labels import JOINTS, ROWS
from shared.results.report.markup import Html, element, joined

_PEOPLE: Final = {
    "rendered": text("Rendered people ({clips} clips, against {reference})"),
    "real": text("Real people ({clips} videos; OpenSim's coordinates, against {reference})"),
}
_REFERENCES: Final = {
    "true markers of rendered people": text("the true markers"),
    "marker-based motion capture, OpenSim inverse kinematics, 100 Hz": text("marker-based motion capture"),
    "OpenCap's two-camera markers and inverse kinematics (not marker-based), 60 Hz": text("OpenCap with two cameras"),
}
"""Reference in `measured_errors.json` → in a few words."""

_FIGURES: Final = {
    "range_of_motion": text("Range"),
    "minimum": text("Min"),
    "maximum": text("Max"),
    "mean": text("Mean"),
}


def statistics_tables(angles: JointAngles, t: Translator) -> Html:
    """Tables of the limbs, with right minus left, and of pelvis and trunk; whole degrees, since errors are larger."""
    rows = {(row.joint, row.angle): row for row in angle_statistics(angles)}
    differences = {(row.joint, row.angle): row for row in asymmetries(list(rows.values()))}
    limbs = [row for row in ROWS if row not in JOINT_GROUP_INDEX]
    middle = [row for row in ROWS if row in JOINT_GROUP_INDEX]
    return joined(
        element(
            "table",
            element("caption", t("Limbs, degrees")),
            _limbs_head(t),
            *(_limb(joint, rows, differences, t) for joint in limbs),
            class_="statistics",
        ),
        element(
            "table",
            element("caption", t("Pelvis and trunk, degrees")),
            element("thead", element("tr", element("th", t("Joint")), element("th", t("Angle")), *_headings(t))),
            *(_body(joint, [_cells(rows[joint, angle]) for angle in _angles(joint)], t) for joint in middle),
            class_="statistics",
        ),
    )


def neutral_stance(stance: NeutralStance, t: Translator) -> tuple[Html, Html]:
    """Where the stance is, and the angles in it, which the columns `…_from_neutral_deg` are counted from."""
    times = {"start": stance.start_s, "end": stance.end_s}
    sentences = [
        t("The person stands still from {start:g} to {end:g} s of this video.", **times)
        if stance.run is None
        else t("The person stands still from {start:g} to {end:g} s of the run {run}.", **times, run=stance.run),
        t(
            "In the files of joint angles, the columns “…_from_neutral_deg” hold each angle less its mean there; all "
            "other numbers, also in this report, are without this subtraction. An angle that was missing or not at "
            "rest there has no such mean (–)."
        ),
        *([] if stance.run is None else [t("Segment lengths are those found there.")]),
    ]
    rows = [
        element("tbody", element("tr", element("th", group), *(_named_cell(*angle, t) for angle in angles.items())))
        for group, angles in stance.offsets_deg.items()
    ]
    table = element("table", element("caption", t("Means, degrees")), *rows, class_="statistics")
    return element("p", " ".join(sentences)), table


def _named_cell(angle: str, value: float | None, t: Translator) -> Html:
    return element("td", f"{t(ANGLES[angle])} {_whole(value)}")


def errors_table(found: Mapping[str, Any] | None, t: Translator) -> Html | None:
    """The measured error of each angle in the run's view, from `measured_error`; None where it is not known."""
    if found is None:
        return None
    people = {name: found[name] for name in ("rendered", "real") if name in found}
    heads = [
        t(_PEOPLE[name], clips=own["clips"], reference=t(_REFERENCES.get(own["reference"], own["reference"])))
        for name, own in people.items()
    ]
    view = t(VIEW_NAMES[found["view"]])
    caption = t("Measured error of the angles in {view} views: mean absolute error, degrees", view=view)
    rows = [
        element(
            "tr", element("th", t(JOINTS[joint]), scope="row"), *(_errors(own, joint, t) for own in people.values())
        )
        for joint in ROWS
    ]
    head = element("thead", element("tr", *(element("th", words) for words in (t("Joint"), *heads))))
    return element("table", element("caption", caption), head, element("tbody", *rows), class_="errors")


def _errors(people: Mapping[str, Any], joint: str, t: Translator) -> Html:
    errors = people["mae_deg"].get(joint, {})
    words = ", ".join(f"{t(ANGLES[angle])} {t.number(error, '.1f')}" for angle, error in errors.items())
    return element("td", words or "–")


def _limbs_head(t: Translator) -> Html:
    sides = [
        element("th", t("Right"), colspan="4", class_="right"),
        element("th", t("Left"), colspan="4", class_="left"),
    ]
    asymmetry = element("th", t("Right − left"), colspan="2")
    first = [element("th", name, rowspan="2") for name in (t("Joint"), t("Angle"))]
    below = element("tr", *_headings(t), *_headings(t), _heading(t("Range")), _heading(t("Mean")))
    return element("thead", element("tr", *first, *sides, asymmetry), below)


def _headings(t: Translator) -> list[Html]:
    return [_heading(t(name)) for name in _FIGURES.values()]


def _heading(name: str) -> Html:
    return element("th", name, class_="figure")


def _limb(
    joint: str,
    rows: dict[tuple[str, str], AngleStatistics],
    differences: dict[tuple[str, str], Asymmetry],
    t: Translator,
) -> Html:
    cells = []
    for angle in _angles(f"{joint}_r"):
        difference = differences[joint, angle]
        sides = [cell for side in ("r", "l") for cell in _cells(rows[f"{joint}_{side}", angle])]
        cells.append([*sides, _cell(difference.range_of_motion, "strong"), _cell(difference.mean)])
    return _body(joint, cells, t)


def _body(joint: str, cells: list[list[Html]], t: Translator) -> Html:
    """One joint's rows, kept together at page breaks."""
    name = element("th", t(JOINTS[joint]), rowspan=str(len(cells)), class_="joint")
    lines = [
        element("tr", name if index == 0 else None, element("th", t(words), class_="angle"), *row)
        for index, (words, row) in enumerate(zip(ROWS[joint], cells, strict=True))
    ]
    return element("tbody", *lines)


def _cells(row: AngleStatistics) -> list[Html]:
    return [_cell(getattr(row, name), "strong" if name == "range_of_motion" else None) for name in _FIGURES]


def _cell(value: float | None, style: str | None = None) -> Html:
    return element("td", _whole(value), class_=style)


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{round(value)}".replace("-", "−")


def _angles(group: str) -> tuple[str, str, str]:
    return JOINT_GROUPS[JOINT_GROUP_INDEX[group]].angles
