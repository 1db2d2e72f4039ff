"""How far each marker of a run is to be trusted, and how far it may be from its usual place on a person.

The 22 are the measurement. Of the 43, which a network derives from them, those are used that say how a segment is
turned about its long axis, or how the pelvis is tilted: as differences from a marker of the 22 on the same segment,
since they follow that marker wherever it errs. The others repeat what the 22 say (clusters, feet, shoulders) or are
known to be elsewhere (hip joint centres).
"""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, MARKER_INDEX, MARKERS, mirrored
from services.angles.skeleton.problem import Measured

UNREFINED_SD: Final = 0.05
"""Metres: of a marker whose standard deviation nothing states."""

LEAST_SD: Final = 0.008

_ACROSS, _ALONG = 0.75, 1.55
"""Errors along the image's axes and along the line of sight (the world's z) over the stated standard deviation:
medians on rendered clips."""

_DERIVED: Final = {
    "r.ASIS_study": ("Hip", 0.025, 0.020),
    "r.PSIS_study": ("Hip", 0.025, 0.020),
    "r_knee_study": ("RKnee", 0.014, 0.010),
    "r_mknee_study": ("RKnee", 0.014, 0.010),
    "r_ankle_study": ("RAnkle", 0.012, 0.008),
    "r_mankle_study": ("RAnkle", 0.012, 0.008),
    "r_lelbow_study": ("RElbow", 0.018, 0.015),
    "r_melbow_study": ("RElbow", 0.018, 0.015),
    "r_lwrist_study": ("RWrist", 0.020, 0.012),
    "r_mwrist_study": ("RWrist", 0.020, 0.012),
}
"""Marker → what it is measured from, the standard deviation of that difference within a clip, and that of its mean over
a clip between clips, metres along an axis: measured on rendered clips (`models/skeleton.md`)."""

UNUSED: Final = ("Hip", "Neck", "Head", "Nose")
"""The middles of others, and the head, which is not followed."""

_PLACE_SD: Final = 0.008
"""Metres along an axis: how far a person's joint centres are from the model's markers."""


_CALIBRATION: Final = {
    "pelvis": ((1.1, 0), (1.5, 0), (2.2, 0)),
    "hip": ((1.4, 0), (1.5, 0), (1.1, 0)),
    "knee": ((1.5, 0), (1.0, 3.5), (1.0, 4.0)),
    "ankle": ((1.0, 0), (1.3, 8.0), (1.3, 10.0)),
    "trunk": ((1.1, 0), (0.9, 0), (0.9, 0)),
    "shoulder": ((1.7, 0), (1.5, 0), (1.7, 0)),
    "elbow": ((1.6, 0), (1.3, 3.0), (1.1, 0)),
}
"""Joint → for each angle the factor on the posterior's standard deviation, and degrees added to it in quadrature, with
which it covers the errors on rendered clips. Errors of neighbouring markers go together, which the posterior does not
know; and some angles (of the knee all but flexion) follow from the model's joint rather than from any marker."""


def calibration() -> FloatArray:
    """(12, 3, 2): factor and degrees of each angle."""
    return np.array([_CALIBRATION[group.name.split("_")[0]] for group in JOINT_GROUPS])


def measured(positions: FloatArray, stated: FloatArray | None) -> Measured:
    """`USED` of the 65 markers (T, 65, 3) metres, with what the depth refiner states of the 22, (T, 22), where it
    does."""
    sd = np.full(positions.shape, np.inf)
    anchors = np.full(len(ALL_MARKERS), -1)
    sd[:, : len(MARKERS)] = _stated(len(positions), stated)[..., None] * (_ACROSS, _ACROSS, _ALONG)
    sd[:, [MARKER_INDEX[name] for name in UNUSED]] = np.inf
    for name, (anchor, own, _) in _both_sides().items():
        column = ALL_MARKERS.index(name)
        sd[:, column], anchors[column] = own, ALL_MARKERS.index(anchor)
    return Measured(positions, sd, anchors).markers(COLUMNS)


def place_sd() -> FloatArray:
    """Of `USED`, metres along an axis: how far each marker may be from its usual place on a person."""
    derived = _both_sides()
    return np.array([derived[name][2] if name in derived else _PLACE_SD for name in USED])


def _stated(frames: int, stated: FloatArray | None) -> FloatArray:
    if stated is None:
        return np.full((frames, len(MARKERS)), UNREFINED_SD)
    return np.where(np.isfinite(stated), np.maximum(stated, LEAST_SD), UNREFINED_SD)


def _both_sides() -> dict[str, tuple[str, float, float]]:
    left = {mirrored(name): (mirrored(anchor), own, place) for name, (anchor, own, place) in _DERIVED.items()}
    return {**_DERIVED, **left}


USED: Final = tuple(
    name
    for name in ALL_MARKERS
    if (name in MARKERS and name not in UNUSED)
    or name in _both_sides()
    or name in {anchor for anchor, _, _ in _both_sides().values()}
)
"""The markers that take part, and those from which they are measured."""

COLUMNS: Final = np.array([ALL_MARKERS.index(name) for name in USED])
"""Their indices among the 65."""
