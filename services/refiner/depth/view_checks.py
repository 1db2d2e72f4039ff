"""Checks for implausible feet, occluded feet, and views from which flexion is hardly measurable."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.language import Said, text
from humanpose3d.motion import FloatArray
from humanpose3d.options import QualityWarning, warning
from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX
from services.refiner.depth.smoothing import low_pass
from services.refiner.vectors import length, unit

_QUIET_M_S: Final = 0.15
"""A foot is standing if heel and toe move slower than this."""

_LOW_M: Final = 0.12
"""And if its heel is no higher than this above the lowest foot point of the frame."""

_LEAST_FRAMES: Final = 10

_LEVEL_DEG: Final = 5.0
_STEEP_DEG: Final = 10.0
"""Pitch of the line from heel to big toe of a standing foot (median of true markers on rendered clips, toes down), and
the deviation of a clip's median from which a warning is issued: the ankle angle has the same error."""

_SHORT_FOOT: Final = 0.6
_FOOT_OF_STATURE: Final = 0.136
"""Heel to big toe over stature (model of Pose2Sim 0.10.49, see `markers`), and the share of it below which a foot is
reported as too short."""

_UNSEEN: Final = 0.5
_UNSEEN_SHARE: Final = 0.3
"""Visibility below which a landmark counts as estimated, and the share of frames from which a warning is issued."""

_FRONTAL_DEG: Final = 25.0
_FRONTAL_SHARE: Final = 0.6
_TRAVELLED_M: Final = 1.0
"""Walking straight towards or away from the camera: the trunk faces along the line of sight to within the first, in at
least the second share of the frames, on a path along it of at least the third."""

_FEET: Final = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("ankle", "heel", "foot_index"))
_KNEES: Final = ("left_knee", "right_knee")


def view_facts(
    times: FloatArray, positions: FloatArray, visibility: FloatArray, stature: float
) -> dict[str, JsonValue]:
    """Facts about feet and view, None where unknown.

    times (T,) seconds; positions (T, 22, 3) metres in the world frame, NaN where missing; visibility (T, 33).
    """
    pitch = standing_pitch_deg(times, positions)
    foot = np.concatenate([length(_marker(positions, f"{s}BigToe") - _marker(positions, f"{s}Heel")) for s in "LR"])
    foot = foot[np.isfinite(foot)]
    frontal = frontal_frames(positions)
    return {
        "sole_pitch_standing_deg": None if pitch is None else round(pitch, 2),
        "foot_length_of_stature": round(float(np.median(foot)) / stature, 4) if foot.size else None,
        "feet_occluded_share": round(float(occluded_feet(visibility).mean()), 4),
        "frontal_share": round(float(frontal.mean()), 4),
        "travelled_along_view_m": round(_travelled(times, positions), 3),
    }


def standing_pitch_deg(times: FloatArray, positions: FloatArray) -> float | None:
    """Median angle of standing feet, heel to big toe, against the ground, positive with the toes down; None where no
    foot stands."""
    if len(times) < _LEAST_FRAMES:
        return None
    pitches = []
    lowest = np.fmin.reduce(positions[..., 1], axis=1)
    for side in "LR":
        heel, toe = (low_pass(times, _marker(positions, side + name)) for name in ("Heel", "BigToe"))
        still = np.maximum(_speed(times, heel), _speed(times, toe)) < _QUIET_M_S
        stands = still & (np.minimum(heel[:, 1], toe[:, 1]) < lowest + _LOW_M)
        along = unit(toe - heel)[stands]
        pitches.append(np.degrees(np.arcsin(-along[:, 1])))
    known = np.concatenate(pitches)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size >= _LEAST_FRAMES else None


def occluded_feet(visibility: FloatArray) -> NDArray[np.bool_]:
    """(T,) whether a foot is occluded, though its knee is visible."""
    feet = visibility[:, [LANDMARK_INDEX[name] for name in _FEET]].reshape(len(visibility), 2, 3).mean(axis=2)
    knees = visibility[:, [LANDMARK_INDEX[name] for name in _KNEES]]
    return np.asarray(((feet < _UNSEEN) & (knees >= _UNSEEN)).any(axis=1))


def frontal_frames(positions: FloatArray) -> NDArray[np.bool_]:
    """(T,) whether the trunk faces the camera or away from it; the world's Z points horizontally to the camera."""
    leftward = sum(_marker(positions, "L" + name) - _marker(positions, "R" + name) for name in ("Shoulder", "Hip"))
    across = unit(np.asarray(leftward)[:, [0, 2]])
    return np.asarray(np.nan_to_num(np.abs(across[:, 1]), nan=1.0) < np.sin(np.radians(_FRONTAL_DEG)))


def view_warnings(facts: dict[str, JsonValue]) -> Iterator[QualityWarning]:
    """Warnings: which results not to use, and what to do."""
    pitch, foot = facts["sole_pitch_standing_deg"], facts["foot_length_of_stature"]
    steep = isinstance(pitch, float) and abs(pitch - _LEVEL_DEG) > _STEEP_DEG
    short = isinstance(foot, float) and foot < _SHORT_FOOT * _FOOT_OF_STATURE
    if steep or short:
        yield _feet_implausible(pitch if steep else None, foot if short else None)
    if _number(facts["feet_occluded_share"]) > _UNSEEN_SHARE:
        yield warning(
            "feet-occluded",
            "A foot was guessed in {share:.0%} of the frames, though the knee above it was seen: do "
            "not use ankle angles, and knee flexion with care. The foot is behind an edge, too dark or "
            "out of the image: record with both feet in full view.",
            share=_number(facts["feet_occluded_share"]),
        )
    walks = _number(facts["travelled_along_view_m"]) >= _TRAVELLED_M
    if walks and _number(facts["frontal_share"]) >= _FRONTAL_SHARE:
        yield warning(
            "view-frontal",
            "The person walks straight towards the camera or away from it: flexion of hips, knees and "
            "ankles is hardly measurable from there, since it moves the limbs along the line of sight. "
            "Record from the side, or obliquely, for flexion.",
        )


def _feet_implausible(pitch: JsonValue, foot: JsonValue) -> QualityWarning:
    found = []
    if isinstance(pitch, float):
        off = pitch - _LEVEL_DEG
        down, up = (
            text("standing feet point {degrees:.0f}° too far down"),
            text("standing feet point {degrees:.0f}° too far up"),
        )
        found.append(Said(down if off > 0 else up, {"degrees": abs(off)}))
    if isinstance(foot, float):
        usual = text("feet have {share:.0%} of the usual length for this height")
        found.append(Said(usual, {"share": foot / _FOOT_OF_STATURE}))
    return warning(
        "feet-implausible",
        "The feet are implausible ({signs}): do not use ankle angles, which are off by about as much. "
        "Record with the feet large and in full view from the side, and leave the depth refiner on "
        "(main_refiner), which corrects them.",
        signs=tuple(found),
    )


def _number(value: JsonValue) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _travelled(times: FloatArray, positions: FloatArray) -> float:
    """Metres: displacement of the pelvis along the line of sight, from the clip's first fifth to its last."""
    path = _marker(positions, "Hip")[:, 2]
    known = np.isfinite(path)
    since = (times - times[0]) / max(float(np.ptp(times)), 1e-9)
    first, last = path[known & (since <= 0.2)], path[known & (since >= 0.8)]
    return float(abs(np.median(last) - np.median(first))) if first.size and last.size else 0.0


def _speed(times: FloatArray, path: FloatArray) -> FloatArray:
    return length(np.gradient(path, times, axis=0))


def _marker(positions: FloatArray, name: str) -> FloatArray:
    return positions[:, MARKER_INDEX[name]]
