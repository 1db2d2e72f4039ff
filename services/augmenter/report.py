"""The augmenter's section of quality.json and its warnings."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.mapped import missing
from humanpose3d.motion import FloatArray, Markers, MarkerSpread
from humanpose3d.options import QualityWarning, StageReport, warning
from services.augmenter.augment import PERTURBATION, PRE_ROLL, SEED
from services.augmenter.body import TRAINING_RATE, BodyFrame
from services.augmenter.gaps import FOLLOWS
from services.augmenter.lstm import MODEL_FILES
from shared.body_parts import body_parts
from shared.models import sha256, shipped

_WIDE_MM: Final = 20.0
"""Spread from which a marker counts as uncertain; in laboratory data the 95th percentile is 9 to 10 mm."""


def report(
    augmented: Markers, spread: MarkerSpread, estimated: NDArray[np.bool_], frame: BodyFrame, cycles: int
) -> StageReport:
    """Facts, warnings and models; `estimated` (T, 43): where `force_complete` made an estimate."""
    absent = _shares(augmented.names, missing(augmented.positions))
    guessed = _shares(spread.names, estimated)
    spreads = {name: _mean_and_p95(path) for name, path in zip(spread.names, spread.values.T, strict=True)}
    mean, p95 = _mean_and_p95(spread.values)
    facts: dict[str, JsonValue] = {
        "copies": cycles,
        "perturbation_mm": PERTURBATION * 1e3 if cycles > 1 else 0.0,
        "seed": SEED,
        "pre_roll_frames": PRE_ROLL,
        "network_rate_hz": TRAINING_RATE,
        "heading_range_deg": round(float(np.degrees(np.ptp(frame.heading))), 1),
        "spread_mean_mm": mean,
        "spread_p95_mm": p95,
        "spread_by_marker_mm": {name: {"mean": each, "p95": high} for name, (each, high) in spreads.items()},
        "missing_share": {**absent},
        "estimated_share": {**guessed},
    }
    uncertain = [name for name, (_, p95) in spreads.items() if p95 is not None and p95 > _WIDE_MM]
    return StageReport(
        facts=facts,
        warnings=(*_missing(absent), *_estimated(guessed), *_uncertain(uncertain)),
        models={name: sha256(shipped(name)) for name in MODEL_FILES},
    )


def _shares(names: tuple[str, ...], where: NDArray[np.bool_]) -> dict[str, float]:
    """Name → share of the frames, where above zero."""
    return {name: round(float(share), 4) for name, share in zip(names, where.mean(axis=0), strict=True) if share}


def _mean_and_p95(spread: FloatArray) -> tuple[float | None, float | None]:
    """Mean and 95th percentile in mm; None where all are missing."""
    there = spread[np.isfinite(spread)]
    if not there.size:
        return None, None
    there *= 1e3
    mean = float(there.mean())
    return round(mean, 2), round(float(np.percentile(there, 95, overwrite_input=True)), 2)


def _missing(shares: dict[str, float]) -> list[QualityWarning]:
    followed = {name for names in FOLLOWS.values() for name in names}
    unseen = {name: share for name, share in shares.items() if name in followed}
    lost = [name for name in shares if name in FOLLOWS]
    if not unseen:
        return []
    return [
        warning(
            "augmenter-inputs-missing",
            "Input markers are missing in up to {share:.0%} of the frames ({parts}): record the whole "
            "body, or use estimate_missing. {count} anatomical markers that follow them are missing "
            "there; each marker's share is in quality.json (missing_share).",
            share=max(unseen.values()),
            parts=body_parts(unseen),
            count=len(lost),
        )
    ]


def _estimated(guessed: dict[str, float]) -> list[QualityWarning]:
    if not guessed:
        return []
    return [
        warning(
            "augmenter-estimated",
            "Anatomical markers were estimated in up to {share:.0%} of the frames ({parts}), as "
            "force_complete requests: do not build a finding on these frames. Each marker's share is in "
            "quality.json (estimated_share).",
            share=max(guessed.values()),
            parts=body_parts(guessed),
        )
    ]


def _uncertain(names: list[str]) -> list[QualityWarning]:
    if not names:
        return []
    return [
        warning(
            "augmenter-spread",
            "Anatomical markers are uncertain ({parts}): compare with the video before using angles of "
            "these segments. The networks' answers to copies of this motion differ by more than "
            "{wide:.0f} mm in over 5 % of the frames; each marker's figure is in quality.json "
            "(spread_by_marker_mm).",
            parts=body_parts(names),
            wide=_WIDE_MM,
        )
    ]
