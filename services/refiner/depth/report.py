"""What this stage measured about itself, as plain values for quality.json, and the warnings that follow."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.motion import FloatArray
from humanpose3d.options import QualityWarning
from humanpose3d.skeleton import MARKER_INDEX, MARKERS
from services.refiner.depth.gaps import Gaps
from services.refiner.depth.smoothing import stretches

BONES: Final = {
    "thigh_r": ("RHip", "RKnee"),
    "thigh_l": ("LHip", "LKnee"),
    "shank_r": ("RKnee", "RAnkle"),
    "shank_l": ("LKnee", "LAnkle"),
    "foot_r": ("RHeel", "RBigToe"),
    "foot_l": ("LHeel", "LBigToe"),
    "upper_arm_r": ("RShoulder", "RElbow"),
    "upper_arm_l": ("LShoulder", "LElbow"),
    "forearm_r": ("RElbow", "RWrist"),
    "forearm_l": ("LElbow", "LWrist"),
    "pelvis": ("RHip", "LHip"),
    "shoulders": ("RShoulder", "LShoulder"),
}
"""Segments between two markers that no movement can stretch."""


def marker_facts(gaps: Gaps, estimated: NDArray[np.bool_], positions: FloatArray) -> dict[str, JsonValue]:
    """Shares are of the clip's frames; `bone_length_cv` is standard deviation over mean of each bone's length."""
    return {
        "gaps_count": int(gaps.count.sum()),
        "gap_longest_s": number(gaps.longest_s.max()),
        "missing_share": _per_marker(gaps.missing),
        "filled_share": _per_marker(gaps.filled),
        "estimated_share": _per_marker(estimated),
        "still_missing_share": _per_marker(np.asarray(np.isnan(positions).any(axis=2))),
        "bone_length_cv": {name: _variation(positions, *ends) for name, ends in BONES.items()},
    }


def swap_facts(times: FloatArray, swapped: NDArray[np.bool_]) -> dict[str, JsonValue]:
    """`swapped` (T,): where left and right were exchanged; the intervals hold the first and the last frame's time."""
    intervals: list[JsonValue] = [[number(times[run.start]), number(times[run.stop - 1])] for run in stretches(swapped)]
    return {"swaps_share": number(swapped.mean()), "swaps_intervals_s": intervals}


def marker_warnings(facts: dict[str, JsonValue], share: float = 0.1) -> Iterator[QualityWarning]:
    """What to do about markers that stayed missing, or were estimated, in more than this share of the frames."""
    lost = _above(facts["still_missing_share"], share)
    if lost:
        yield QualityWarning(
            code="markers-missing",
            message=f"{_listed(lost)} had no position for longer than can be bridged. Film so that the whole body, "
            "hands and feet included, stays in the picture and unhidden; or let hidden limbs be estimated "
            "(estimate_missing).",
        )
    guessed = _above(facts["estimated_share"], share)
    if guessed:
        yield QualityWarning(
            code="markers-estimated",
            message=f"{_listed(guessed)} were hidden and were estimated from the other side of the body or from the "
            "trunk. That holds where both sides move alike; do not use them to compare right with left, nor for "
            "walking.",
        )


def swap_warnings(facts: dict[str, JsonValue]) -> Iterator[QualityWarning]:
    """Say where left and right were put back."""
    share = facts["swaps_share"]
    if isinstance(share, float) and share > 0:
        yield QualityWarning(
            code="left-right-swapped",
            message=f"The detector exchanged left and right in {share:.0%} of the frames; they were put back. Look at "
            "the preview there (swaps_intervals_s). Film from the front or obliquely, in good light, with sides that "
            "differ in colour.",
        )


def number(value: float) -> float | None:
    """A plain JSON number: rounded to a millionth, None for NaN."""
    return round(float(value), 6) if np.isfinite(value) else None


def _per_marker(mask: NDArray[np.bool_]) -> JsonValue:
    return {name: number(share) for name, share in zip(MARKERS, mask.mean(axis=0), strict=True) if share > 0}


def _variation(positions: FloatArray, start: str, end: str) -> float | None:
    lengths = np.linalg.norm(positions[:, MARKER_INDEX[end]] - positions[:, MARKER_INDEX[start]], axis=1)
    lengths = lengths[np.isfinite(lengths)]
    return number(lengths.std() / lengths.mean()) if lengths.size else None


def _above(shares: JsonValue, limit: float) -> list[str]:
    assert isinstance(shares, dict)
    return [f"{name} ({share:.0%})" for name, share in shares.items() if isinstance(share, float) and share > limit]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) < len(MARKERS) else "All markers"
