"""The tables of `benchmarks/results/accuracy.json` in Markdown."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from benchmarks.agreement_tables import real_people, rendered

METRICS: Final = {
    "mpjpe_cm": "MPJPE, cm",
    "x_cm": "across the image (x), cm",
    "y_cm": "up (y), cm",
    "depth_cm": "depth (z), cm",
    "pa_mpjpe_cm": "PA-MPJPE, cm",
    "acceleration_m_s2": "acceleration, m/s²",
    "bone_cv_percent": "bone length variation, %",
    "gravity_deg": "gravity, °",
    "angles_deg": "joint angles, mean of the 12 groups, °",
    "angles_regular_deg": "the same away from singularities, °",
    "angles_settled_deg": "joint angles in the augmenter's own convention, °",
    "hip_flexion_deg": "hip flexion, °",
    "knee_flexion_deg": "knee flexion, °",
    "ankle_dorsiflexion_deg": "ankle dorsiflexion, °",
    "elbow_flexion_deg": "elbow flexion, °",
    "missing_percent": "no answer, % of the markers",
}
_OF_ANGLES: Final = tuple(
    metric for metric in METRICS if metric.startswith(("angles", "hip", "knee", "ankle", "elbow"))
)
_REFERENCES: Final = {
    "triangulated": "this project's detections in all four cameras, triangulated",
    "pose2sim": "Pose2Sim's four-camera markers, and the angles our definitions make of them",
    "opensim": "OpenSim's inverse kinematics of Pose2Sim's markers",
}
_NOTHING: Final = "–"

Figures = Mapping[str, list[float | None]]
ByCondition = Mapping[str, Figures]


def markdown(result: Mapping[str, Any]) -> str:
    """All tables, from the parsed JSON."""
    lines = ["# Accuracy", ""]
    if result["test_renders"]:
        lines += ["## Joint angles of rendered people, by view", "", *rendered(result["test_renders"]), ""]
    people = result["real_people"]
    lines += ["## Real people", "", *(real_people(people) if people else ["Not measured: real_people."])]
    return "\n".join(lines) + "\n\n## All conditions\n\n" + conditions(result)


def conditions(result: Mapping[str, Any]) -> str:
    """The tables of all conditions."""
    lines = [
        "Made by `make bench-accuracy`; `benchmarks/README.md` defines each figure. Mean absolute errors; in "
        "brackets, 95 % bootstrap intervals over clips. The columns *raw, true tilt given* and *true markers* know the "
        "truth: they show what the camera's tilt costs, and what no refinement of markers can correct.",
        "",
    ]
    titles = {key: condition["title"] for key, condition in result["conditions"].items()}
    for key, condition in result["conditions"].items():
        if condition["not_available"]:
            lines.append(f"- {titles[key]}: not available ({condition['not_available']})")
        if condition["failed_clips"]:
            lines.append(f"- {titles[key]}: no answer for {', '.join(condition['failed_clips'])}, counted as missing")
    for part, section in (("test_renders", _renders), ("real_clip", _real_clip)):
        lines += ["", *(section(result[part], titles) if result[part] else [f"Not measured: {part}."])]
    return "\n".join(lines) + "\n"


def _renders(measured: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[str]:
    yield f"## Test renders ({measured['clips']} clips, {measured['frames']} frames)"
    yield from _overall(measured["overall"], titles)
    for part, title in (("by_motion", "motion"), ("by_view", "view of the pelvis"), ("by_tilt", "tilt of the camera")):
        yield from ("", f"### By {title}: MPJPE / depth (cm) / gravity (°) / angles (°)")
        yield from _parts(measured[part], titles, ("mpjpe_cm", "depth_cm", "gravity_deg", "angles_deg"))
    yield from ("", "### Angles: mean absolute error (°) / r / bias (°)")
    yield from _angles(measured["angles"], titles)
    yield from _stated(measured["stated_sd"], titles)


def _real_clip(measured: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[str]:
    cameras = measured["cameras"]
    yield "## Balancing clip (4 cameras, each by itself, 100 frames)"
    yield ""
    yield (
        f"The four cameras agree to {cameras['reprojection_px']} pixels after correcting and leaving out, "
        f"{cameras['reprojection_plain_px']} before. Left and right swapped by the detector in: "
        f"{_listed(cameras['left_right_swapped_share'], lambda share: f'{share:.0%}')} of the frames. Cameras "
        f"pitched down by {_listed(cameras['camera_pitch_down_deg'], lambda angle: f'{angle:.0f}°')}, rolled by "
        f"{_listed(cameras['camera_roll_deg'], lambda angle: f'{angle:.0f}°')}."
    )
    for reference, title in _REFERENCES.items():
        if reference not in measured:
            yield from ("", f"Not measured: {title}.")
            continue
        own = measured[reference]
        yield from ("", f"### Against {title}")
        yield from _overall(own["overall"], titles, _OF_ANGLES if reference == "opensim" else tuple(METRICS))
        if reference != "opensim":
            yield from ("", "By camera: MPJPE / depth (cm) / gravity (°)")
            yield from _parts(own["by_camera"], titles, ("mpjpe_cm", "depth_cm", "gravity_deg"))
        if reference != "triangulated":
            yield from ("", "Angles: mean absolute error (°) / r / bias (°)")
            yield from _angles(own["angles"], titles)
        yield from _stated(own["stated_sd"], titles)


def _overall(
    measured: ByCondition, titles: Mapping[str, str], metrics: tuple[str, ...] = tuple(METRICS)
) -> Iterator[str]:
    rows = (
        (METRICS[metric], *(_with_interval(measured.get(key, {}).get(metric)) for key in titles)) for metric in metrics
    )
    yield from _table(("", *titles.values()), (row for row in rows if set(row[1:]) != {_NOTHING}))


def _parts(measured: Mapping[str, ByCondition], titles: Mapping[str, str], metrics: Iterable[str]) -> Iterator[str]:
    names = tuple(metrics)
    rows = ((part, *(_cell(own.get(key), names) for key in titles)) for part, own in measured.items())
    yield from _table(("", *titles.values()), rows)


def _angles(measured: Mapping[str, Mapping[str, ByCondition]], titles: Mapping[str, str]) -> Iterator[str]:
    groups = next(iter(measured.values()), {})
    rows = (
        (
            f"{group} {angle.replace('_', ' ')}",
            *(_cell(measured.get(key, {}).get(group, {}).get(angle), ("mae", "r", "bias")) for key in titles),
        )
        for group, angles in groups.items()
        for angle in angles
    )
    yield from _table(("", *titles.values()), (row for row in rows if set(row[1:]) != {_NOTHING}))


def _stated(measured: Mapping[str, Mapping[str, Figures]], titles: Mapping[str, str]) -> Iterator[str]:
    if not measured:
        return
    yield from ("", "Stated standard deviations")
    rows = (
        (
            f"{titles[key]}, {what}",
            *(_with_interval(found[name]) for name in ("coverage_percent", "pearson", "spearman")),
        )
        for key, own in measured.items()
        for what, found in own.items()
    )
    yield from _table(("", "errors within ±1 sd, %", "Pearson with the error", "Spearman"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _cell(own: Figures | None, metrics: tuple[str, ...]) -> str:
    values = [_number((own or {}).get(metric, [None])[0]) for metric in metrics]
    return _NOTHING if set(values) == {_NOTHING} else " / ".join(values)


def _with_interval(figure: list[float | None] | None) -> str:
    value, low, high = figure or [None, None, None]
    return _number(value) if low is None else f"{_number(value)} ({_number(low)}–{_number(high)})"


def _number(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _listed(values: Mapping[str, float], shown: Callable[[float], str]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in values.items())
