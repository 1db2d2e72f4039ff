"""A plain verdict on trust, in one line: what a run's angles are good for."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import numpy as np

from humanpose3d.analysis import Task, View
from humanpose3d.language import Said, Value, text
from humanpose3d.motion import AngleSd
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from shared.results.model import RunResults

GOOD_DEG: Final = 5.0
USABLE_DEG: Final = 10.0
"""Largest expected errors of an angle that is called good and usable. Up to 5° are regarded as acceptable in most
clinical situations (McGinley et al. 2009, Gait Posture 29:360)."""

ERROR_OF_SD: Final = {"hip": 0.9, "knee": 0.7, "ankle": 1.3, "trunk": 0.7, "shoulder": 0.7, "elbow": 0.5}
"""Mean absolute error over the stated standard deviation, of 31 clips of `benchmarks.movements` with and without the
depth refiner: what is stated is too little for ankles and too much for the others."""

_LEGS: Final = (("hip", "flexion"), ("knee", "flexion"), ("ankle", "dorsiflexion"), ("trunk", "flexion"))
_ARMS: Final = (("shoulder", "elevation"), ("elbow", "flexion"))
_WITH_ARMS: Final[frozenset[Task]] = frozenset({"range_of_motion", "none"})
ANGLE_NAMES: Final = {
    ("hip", "flexion"): text("hip flexion"),
    ("knee", "flexion"): text("knee flexion"),
    ("ankle", "dorsiflexion"): text("ankle dorsiflexion"),
    ("trunk", "flexion"): text("trunk flexion"),
    ("shoulder", "elevation"): text("shoulder elevation"),
    ("elbow", "flexion"): text("elbow flexion"),
}
"""The angles that a verdict speaks of, in words."""

_SEEN: Final[dict[View, str]] = {
    "frontal": text("Seen from the front or back"),
    "lateral": text("Seen from the side"),
    "oblique": text("Seen obliquely"),
    "unknown": text("From this view"),
}
_NOTHING: Final = {
    "perhaps-no-person": text("what was followed may be no person"),
    "facing-contradicted": text("it is unclear which way the person faces"),
    "scale-implausible": text("the height given does not match the image"),
    "low-detection": text("the person was often not found"),
}
"""Warning → why no number should be used before it is checked."""

_WITHOUT: Final = {
    "feet-implausible": {"ankle"},
    "feet-occluded": {"ankle"},
    "view-frontal": {"hip", "knee", "ankle"},
    "left-right-doubtful": {"hip", "knee", "ankle"},
}
"""Warning → joints whose angles are uncertain, whatever their expected error."""

_LEVELS: Final = {
    "good": text("good for {angles}"),
    "usable": text("usable for {angles}"),
    "uncertain": text("{angles} uncertain"),
}
_SENTENCES: Final = (
    text("{seen}: {first}."),
    text("{seen}: {first}; {second}."),
    text("{seen}: {first}; {second}; {third}."),
)


def trust(results: RunResults) -> Said:
    """The verdict on a run."""
    codes = {warning.code for report in results.reports.values() for warning in report.warnings}
    analysis, sd = results.analysis, results.angle_sd
    angles = (*_LEGS, *_ARMS) if analysis is None or analysis.task in _WITH_ARMS else _LEGS
    return verdict("unknown" if analysis is None else analysis.view, {} if sd is None else _expected(sd, angles), codes)


def _expected(sd: AngleSd, angles: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """(joint, angle) → expected mean absolute error of both sides, degrees."""
    found = {}
    for joint, angle in angles:
        groups = [group for group in JOINT_GROUPS if group.name in (joint, f"{joint}_r", f"{joint}_l")]
        values = [sd.values[:, JOINT_GROUP_INDEX[group.name], group.angles.index(angle)] for group in groups]
        known = np.concatenate(values)
        if np.isfinite(known).any():
            found[joint, angle] = ERROR_OF_SD[joint] * float(np.nanmedian(known))
    return found


def verdict(view: View, errors: Mapping[tuple[str, str], float], codes: Collection[str]) -> Said:
    """One sentence from the view, the expected errors of angles in degrees, and the codes of a run's warnings.

    >>> print(verdict("lateral", {("knee", "flexion"): 4.8, ("ankle", "dorsiflexion"): 13.0}, ()))
    Seen from the side: good for knee flexion (± 5°); ankle dorsiflexion (± 13°) uncertain.
    """
    reasons = tuple(reason for code, reason in _NOTHING.items() if code in codes)
    if reasons:
        return Said(text("Check before using any number: {reasons}."), {"reasons": reasons})
    if not errors:
        return Said(text("{seen}: the uncertainty of the angles is not known."), {"seen": (_SEEN[view],)})
    parts = {name: (part,) for name, part in zip(("first", "second", "third"), _parts(errors, codes), strict=False)}
    return Said(_SENTENCES[len(parts) - 1], {"seen": (_SEEN[view],), **parts})


def _parts(errors: Mapping[tuple[str, str], float], codes: Collection[str]) -> Iterator[Said]:
    without = {joint for code, joints in _WITHOUT.items() if code in codes for joint in joints}
    levels: dict[str, list[Said]] = {level: [] for level in _LEVELS}
    for (joint, angle), degrees in errors.items():
        uncertain = joint in without or degrees > USABLE_DEG
        level = "uncertain" if uncertain else "good" if degrees <= GOOD_DEG else "usable"
        named: dict[str, Value] = {"angle": (ANGLE_NAMES[joint, angle],), "degrees": float(degrees)}
        levels[level].append(Said(text("{angle} (± {degrees:.0f}°)"), named))
    for level, angles in levels.items():
        if angles:
            yield Said(_LEVELS[level], {"angles": tuple(angles)})
