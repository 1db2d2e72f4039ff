"""Statistics of the joint angles as tables: by joint and side, right beside left."""

from collections.abc import Mapping
from typing import Any, Final

from humanpose3d.motion import JointAngles
from humanpose3d.neutral import NeutralStance
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from humanpose3d.statistics import AngleStatistics, Asymmetry, angle_statistics, asymmetries
from shared.results.labels import ROWS
from shared.results.report.markup import Html, element, joined

_PEOPLE: Final = {
    "rendered": "Rendered people ({clips} clips, against the {reference})",
    "real": "Real people ({clips} videos; OpenSim's coordinates, against {reference})",
}
_FIGURES: Final = {"range_of_motion": "Range", "minimum": "Min", "maximum": "Max", "mean": "Mean"}


def statistics_tables(angles: JointAngles) -> Html:
    """Tables of the limbs, with right minus left, and of pelvis and trunk; degrees."""
    rows = {(row.joint, row.angle): row for row in angle_statistics(angles)}
    differences = {(row.joint, row.angle): row for row in asymmetries(list(rows.values()))}
    limbs = [row for row in ROWS if row not in JOINT_GROUP_INDEX]
    middle = [row for row in ROWS if row in JOINT_GROUP_INDEX]
    return joined(
        element(
            "table",
            element("caption", "Limbs, degrees"),
            _limbs_head(),
            *(_limb(joint, rows, differences) for joint in limbs),
            class_="statistics",
        ),
        element(
            "table",
            element("caption", "Pelvis and trunk, degrees"),
            element("thead", element("tr", element("th", "Joint"), element("th", "Angle"), *_headings())),
            *(_body(joint, [_cells(rows[joint, angle]) for angle in _angles(joint)]) for joint in middle),
            class_="statistics",
        ),
    )


def neutral_stance(stance: NeutralStance) -> tuple[Html, Html]:
    """Where the stance is, and the angles in it, which the columns `…_from_neutral_deg` are counted from."""
    place = "of this video" if stance.run is None else f"of the run {stance.run}"
    lengths = "" if stance.run is None else " Segment lengths are those found there."
    text = (
        f"The person stands still from {stance.start_s:g} to {stance.end_s:g} s {place}. In the files of joint angles, "
        "the columns “…_from_neutral_deg” hold each angle less its mean there; all other numbers, also in this report, "
        f"are without this subtraction. An angle that was missing or not at rest there has no such mean (–).{lengths}"
    )
    rows = [
        element("tbody", element("tr", element("th", group), *(_named_cell(*angle) for angle in angles.items())))
        for group, angles in stance.offsets_deg.items()
    ]
    return element("p", text), element("table", element("caption", "Means, degrees"), *rows, class_="statistics")


def _named_cell(angle: str, value: float | None) -> Html:
    figure = "–" if value is None else f"{value:.1f}".replace("-", "−")
    return element("td", f"{angle.replace('_', ' ')} {figure}")


def errors_table(found: Mapping[str, Any] | None) -> Html | None:
    """The measured error of each angle in the run's view, from `measured_error`; None where it is not known."""
    if found is None:
        return None
    people = {name: found[name] for name in ("rendered", "real") if name in found}
    heads = [_PEOPLE[name].format(clips=own["clips"], reference=own["reference"]) for name, own in people.items()]
    caption = f"Measured error of the angles in {found['view']} views: mean absolute error, degrees"
    rows = [
        element("tr", element("th", joint.capitalize(), scope="row"), *(_errors(own, joint) for own in people.values()))
        for joint in ROWS
    ]
    head = element("thead", element("tr", *(element("th", words) for words in ("Joint", *heads))))
    return element("table", element("caption", caption), head, element("tbody", *rows), class_="errors")


def _errors(people: Mapping[str, Any], joint: str) -> Html:
    errors = people["mae_deg"].get(joint, {})
    words = ", ".join(f"{angle.replace('_', ' ')} {error:.1f}" for angle, error in errors.items())
    return element("td", words or "–")


def _limbs_head() -> Html:
    sides = [element("th", side, colspan="4", class_=side.lower()) for side in ("Right", "Left")]
    asymmetry = element("th", "Right − left", colspan="2")
    first = [element("th", name, rowspan="2") for name in ("Joint", "Angle")]
    below = element("tr", *_headings(), *_headings(), _heading("Range"), _heading("Mean"))
    return element("thead", element("tr", *first, *sides, asymmetry), below)


def _headings() -> list[Html]:
    return [_heading(name) for name in _FIGURES.values()]


def _heading(name: str) -> Html:
    return element("th", name, class_="figure")


def _limb(
    joint: str,
    rows: dict[tuple[str, str], AngleStatistics],
    differences: dict[tuple[str, str], Asymmetry],
) -> Html:
    cells = []
    for angle in _angles(f"{joint}_r"):
        difference = differences[joint, angle]
        sides = [cell for side in ("r", "l") for cell in _cells(rows[f"{joint}_{side}", angle])]
        cells.append([*sides, _cell(difference.range_of_motion, "strong"), _cell(difference.mean)])
    return _body(joint, cells)


def _body(joint: str, cells: list[list[Html]]) -> Html:
    """One joint's rows, kept together at page breaks."""
    name = element("th", joint.capitalize(), rowspan=str(len(cells)), class_="joint")
    lines = [
        element("tr", name if index == 0 else None, element("th", words, class_="angle"), *row)
        for index, (words, row) in enumerate(zip(ROWS[joint], cells, strict=True))
    ]
    return element("tbody", *lines)


def _cells(row: AngleStatistics) -> list[Html]:
    return [_cell(getattr(row, name), "strong" if name == "range_of_motion" else None) for name in _FIGURES]


def _cell(value: float | None, style: str | None = None) -> Html:
    return element("td", "–" if value is None else f"{value:.1f}".replace("-", "−"), class_=style)


def _angles(group: str) -> tuple[str, str, str]:
    return JOINT_GROUPS[JOINT_GROUP_INDEX[group]].angles
