"""The depth stage's facts, as plain values for quality.json, and its warnings."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.motion import FloatArray
from humanpose3d.options import QualityWarning, warning
from humanpose3d.skeleton import MARKER_INDEX, MARKERS
from services.refiner.depth.gaps import Gaps
from services.refiner.depth.smoothing import stretches
from shared.body_parts import body_parts

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
"""Segments between two markers whose length no movement changes."""

_TURNED_TOLD: Final = 0.02
"""Share of the frames with a reversed heading from which a warning is issued."""


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


def swap_facts(times: FloatArray, swapped: NDArray[np.bool_], doubtful: NDArray[np.bool_]) -> dict[str, JsonValue]:
    """Shares of the frames, and intervals by the times of their first and last frame.

    swapped (T,): where left and right differ from the detector's labels; doubtful (T,): where they may be wrong.
    """
    facts: dict[str, JsonValue] = {}
    for name, frames in (("swaps", swapped), ("swaps_doubtful", doubtful)):
        facts[f"{name}_share"] = number(frames.mean())
        facts[f"{name}_intervals_s"] = [
            [number(times[run.start]), number(times[run.stop - 1])] for run in stretches(frames)
        ]
    return facts


def marker_warnings(facts: dict[str, JsonValue], share: float = 0.1) -> Iterator[QualityWarning]:
    """Warnings about markers that were missing, or estimated, in more than this share of the frames."""
    lost = _above(facts["still_missing_share"], share)
    if lost:
        yield warning(
            "markers-missing",
            "Positions are missing in up to {share:.0%} of the frames ({parts}): record the whole "
            "body, hands and feet included, unoccluded, or let occluded limbs be estimated "
            "(estimate_missing). Each marker's share is in quality.json (still_missing_share).",
            share=max(lost.values()),
            parts=body_parts(lost),
        )
    guessed = _above(facts["estimated_share"], share)
    if guessed:
        yield warning(
            "markers-estimated",
            "Occluded limbs were estimated in up to {share:.0%} of the frames ({parts}): do not use "
            "them to compare right with left, nor for walking. They follow the other side of the body "
            "or the trunk, which holds where both sides move alike. Each marker's share is in "
            "quality.json (estimated_share).",
            share=max(guessed.values()),
            parts=body_parts(guessed),
        )


def swap_warnings(facts: dict[str, JsonValue]) -> Iterator[QualityWarning]:
    """Warnings where left and right were corrected, and where they may be wrong."""
    share, doubtful = facts["swaps_share"], facts["swaps_doubtful_share"]
    if isinstance(share, float) and share > 0:
        yield warning(
            "left-right-swapped",
            "Left and right were relabelled in {share:.0%} of the frames: check them in the preview at "
            "the times in quality.json (swaps_intervals_s). The detector had swapped them there, by "
            "the evidence of limb lengths, facing and continuity.",
            share=share,
        )
    if isinstance(doubtful, float) and doubtful > 0:
        yield warning(
            "left-right-doubtful",
            "Left and right may be swapped in {share:.0%} of the frames: check them in the preview at "
            "the times in quality.json (swaps_doubtful_intervals_s). The evidence is too thin to "
            "correct them, so they were left as detected. Record from the front or obliquely, in good "
            "light, with sides that differ in colour.",
            share=doubtful,
        )


def network_side_warnings(facts: dict[str, JsonValue]) -> Iterator[QualityWarning]:
    """Warnings where a network's markers have other sides, or another heading, than the detector's landmarks."""
    share, turned = facts["swaps_share"], facts["facing_contradicted_share"]
    if isinstance(share, float) and share > 0:
        yield warning(
            "left-right-swapped",
            "Left and right of the final markers differ from the detector's in {share:.0%} of the "
            "frames: check them in the preview at the times in quality.json (swaps_intervals_s). The "
            "depth refiner relabelled them; the preview and the initial files show the detector's "
            "labels.",
            share=share,
        )
    if isinstance(turned, float) and turned > _TURNED_TOLD:
        yield warning(
            "facing-contradicted",
            "In {share:.0%} of the frames the depth refiner turned the person round against what the "
            "detector saw: check in the video which way the person faces. If the refiner is wrong, run "
            "without it.",
            share=turned,
        )


def refiner_rejected(share: float) -> QualityWarning:
    """Warning that the network's markers were not used."""
    return warning(
        "depth-refiner-rejected",
        "The depth refiner was not used: it turned the person round in {share:.0%} of the frames, "
        "while trunk and feet in the image agree on where the person faces. The markers are those of "
        "the geometric reconstruction; check left and right in the preview.",
        share=share,
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


def _above(shares: JsonValue, limit: float) -> dict[str, float]:
    assert isinstance(shares, dict)
    return {name: share for name, share in shares.items() if isinstance(share, float) and share > limit}
