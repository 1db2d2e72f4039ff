"""The neutral stance of a run: measured where the user states one, taken from an earlier run, or none."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidOption
from humanpose3d.motion import JointAngles
from humanpose3d.neutral import LEAST_SEEN, STILL_DEG, NeutralStance, Rest, by_name, demand_height, rest
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import JOINT_GROUPS

_LEAST_S: Final = 0.5

_BODY: Final = {
    "pelvis": ("tilt", "obliquity", "rotation"),
    "hip": ("flexion",),
    "knee": ("flexion",),
    "trunk": ("flexion",),
}
"""Joint → the angles that must be known and at rest. Of the others, those that are not have no offset."""

_STANDING: Final = {"hip": 60.0, "knee": 45.0}
"""Degrees of flexion beyond which a person does not stand: wide, for errors of a single camera and contractures."""


def stance_of(
    angles: JointAngles,
    options: RunOptions,
    subject: Subject,
    scales: Mapping[str, float],
    given: NeutralStance | None,
) -> NeutralStance | None:
    """The stance that `options` request; `given` is that of another run. `scales` are those of this run's skeleton.

    Raises InvalidOption where the person does not stand still, where too little is seen, or for another's run.
    """
    if given is not None:
        demand_height(given.height, subject.height)
        assert options.neutral_run is not None
        return from_run(given, PurePath(options.neutral_run).name)
    if options.neutral is None:
        return None
    start, end = options.neutral
    found = rest(angles, start, end)
    _demand_quiet_stance(found, end - start)
    return NeutralStance(
        start_s=start,
        end_s=end,
        height=subject.height,
        offsets_deg=by_name(found.means),
        segment_scales={name: round(scale, 5) for name, scale in scales.items()},
    )


def from_run(given: NeutralStance, run: str) -> NeutralStance:
    """For another recording than its own, in which the heading relative to the camera means nothing."""
    offsets = {group: dict(angles) for group, angles in given.offsets_deg.items()}
    offsets["pelvis"]["rotation"] = None
    return given.model_copy(update={"run": given.run or run, "offsets_deg": offsets})


def _demand_quiet_stance(found: Rest, seconds: float) -> None:
    if seconds < _LEAST_S:
        raise _refused(f"{seconds:g} s are too short: state at least {_LEAST_S:g} s in which the person stands still")
    names, seen, moved, means = _body(found)
    hidden = [f"{name} ({share:.0%})" for name, share in zip(names, seen, strict=True) if share < LEAST_SEEN]
    if hidden:
        raise _refused(
            f"too little of the person was seen there: {', '.join(hidden)} of the frames. State a time in which the "
            "whole body is in view"
        )
    moving = [f"{name} ({degrees:.0f}°)" for name, degrees in zip(names, moved, strict=True) if degrees > STILL_DEG]
    if moving:
        raise _refused(
            f"the person does not stand still there: {', '.join(moving)} vary by more than {STILL_DEG:g}°. State a "
            "time of quiet standing"
        )
    bent = [
        f"{name} ({mean:.0f}°)"
        for name, mean in zip(names, means, strict=True)
        if mean > _STANDING.get(name.split("_")[0], np.inf)
    ]
    if bent:
        raise _refused(f"the person does not stand upright there: {', '.join(bent)}. State a time of quiet standing")


def _body(found: Rest) -> tuple[list[str], list[float], list[float], list[float]]:
    """Of the angles that must be at rest: their names, the share seen, the range and the mean, degrees."""
    places = [
        (row, column)
        for row, group in enumerate(JOINT_GROUPS)
        for column, angle in enumerate(group.angles)
        if angle in _BODY.get(group.name.split("_")[0], ())
    ]
    names = [f"{JOINT_GROUPS[row].name} {JOINT_GROUPS[row].angles[column]}" for row, column in places]
    rows, columns = np.array(places).T
    seen, moved, means = (values[rows, columns].tolist() for values in (found.seen, found.range, found.means))
    return names, seen, moved, means


def _refused(why: str) -> InvalidOption:
    return InvalidOption({"neutral": why})
