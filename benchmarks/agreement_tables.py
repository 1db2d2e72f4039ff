"""The tables of agreement by angle and view, from the parsed `benchmarks/results/accuracy.json`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from benchmarks.agreement import VIEWS
from benchmarks.real_people import SYSTEMS

SHOWN: Final = (
    ("pelvis", "tilt"),
    ("hip", "flexion"),
    ("hip", "adduction"),
    ("knee", "flexion"),
    ("ankle", "dorsiflexion"),
    ("trunk", "flexion"),
    ("shoulder", "elevation"),
    ("elbow", "flexion"),
)
"""Angles of the tables by view; results hold all."""

METHODS: Final = {"geometric": "geometric", "depth": "depth refiner (default)", "both": "both refiners"}

_HEAD: Final = (
    "clips",
    "mean absolute error (95 % interval)",
    "median",
    "bias [95 % limits of agreement]",
    "RMSE",
    "RMSE, offset removed",
    "r",
    "range of motion, error",
    "within 5°",
    "±1 sd covers",
)

Figures = Mapping[str, list[float | None]]


def rendered(measured: Mapping[str, Any]) -> Iterator[str]:
    """Of rendered people: the default method by view, and what each method is worth."""
    agreement = measured["agreement"]
    yield (
        f"{measured['clips']} clips of {measured['frames']} frames of rendered people, scenes and movements that no "
        "network was trained on; the truth is exact. Degrees; both sides together; the 95 % interval is over clips "
        "(bootstrap; none under 5 clips)."
    )
    yield from _table(("view", "angle", *_HEAD), _rows(agreement.get("depth", {})))
    yield ""
    yield "Mean absolute error in degrees by method, with and without the refiners:"
    columns = [(view, key) for view in VIEWS for key in METHODS]
    rows = (
        (name(joint, angle), *(_mae(agreement.get(key, {}).get(view, {}), joint, angle) for view, key in columns))
        for joint, angles in agreement.get("depth", {}).get("all", {}).items()
        for angle in angles
    )
    yield from _table(("angle", *(f"{view}, {METHODS[key]}" for view, key in columns)), rows)


def real_people(measured: Mapping[str, Any]) -> Iterator[str]:
    """Of real people: video by video beside other systems, and the agreement of each."""
    yield (
        f"Options: the defaults, and `visibility_min` {measured['visibility_min']:g}. mm: mean distance of 12 joints "
        "(hips, knees, ankles, shoulders, elbows, wrists), centred on the hips; in brackets with each joint's mean "
        "error removed. Angles: mean absolute error (bias) [root mean square error, offset removed], degrees, of "
        "OpenSim's coordinates, both sides together."
    )
    videos = measured["videos"]
    angles = list(_angles(next(iter(videos.values()))["systems"]["depth"]["angles"]))
    rows = (
        (
            f"{name} ({video['view']})",
            SYSTEMS[key],
            f"{own['mm']:.0f} [{own['mm_centred']:.0f}]",
            *_of_video(own, angles),
        )
        for name, video in videos.items()
        for key, own in video["systems"].items()
    )
    yield from _table(("video (view)", "system", "mm", *(name(*angle) for angle in angles)), rows)
    for reference, systems in measured["agreement"].items():
        yield ""
        yield f"### Against {short(reference)}"
        rows = (
            (SYSTEMS[key], *row)
            for joint, angle in angles
            for key, views in systems.items()
            for row in _rows(views, ((joint, angle),))
        )
        yield from _table(("system", "view", "angle", *_HEAD), rows)


def _of_video(own: Mapping[str, Any], angles: Iterable[tuple[str, str]]) -> Iterator[str]:
    for joint, angle in angles:
        found = own["angles"].get(joint, {}).get(angle)
        if found is None:
            yield "–"
        else:
            mae, bias, rmse = (_number(found[name][0]) for name in ("mae", "bias", "rmse_centred"))
            yield f"{mae} ({bias}) [{rmse}]"


def _rows(views: Mapping[str, Any], shown: Iterable[tuple[str, str]] = SHOWN) -> Iterator[tuple[str, ...]]:
    wanted = list(shown)
    for view in VIEWS:
        for joint, angle in wanted:
            found = views.get(view, {}).get(joint, {}).get(angle)
            if found:
                yield (view, name(joint, angle), *_figures(found))


def _figures(own: Figures) -> Iterator[str]:
    mae, low, high = own["mae"]
    yield f"{own['clips'][0]:.0f}"
    yield _number(mae) if low is None else f"{_number(mae)} ({_number(low)}–{_number(high)})"
    yield _number(own["median_error"][0])
    yield f"{_number(own['bias'][0])} [{_number(own['limit_low'][0])}, {_number(own['limit_high'][0])}]"
    yield from (_number(own[name][0]) for name in ("rmse", "rmse_centred"))
    yield "–" if own["r"][0] is None else f"{own['r'][0]:.2f}".replace("-", "−")
    yield _number(own["rom_error"][0])
    yield from (_percent(own[name][0]) for name in ("within_5_percent", "coverage_percent"))


def _mae(view: Mapping[str, Any], joint: str, angle: str) -> str:
    return _number(view.get(joint, {}).get(angle, {}).get("mae", [None])[0])


def _angles(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    return ((joint, angle) for joint, angles in found.items() for angle in angles)


def short(reference: str) -> str:
    """A reference without remarks."""
    return reference.partition(";")[0]


def name(joint: str, angle: str) -> str:
    """In words."""
    return f"{joint} {angle.replace('_', ' ')}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"
