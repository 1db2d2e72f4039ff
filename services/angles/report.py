"""Facts about joint angles for quality.json, and warnings to read before trusting them."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.language import Said, text
from humanpose3d.motion import FloatArray, JointAngles, Markers
from humanpose3d.options import QualityWarning, StageReport, warning
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from services.angles.joints import SINGULARITY_MARGIN, near_singularity
from services.angles.segments import USED_MARKERS
from services.angles.skeleton.model import MODEL_FILE
from services.angles.skeleton.recording import Recording
from shared.body_parts import ANGLES, body_parts
from shared.models import sha256, shipped

PLAUSIBLE: Final = {
    ("hip", "flexion"): (-60.0, 160.0),
    ("knee", "flexion"): (-20.0, 170.0),
    ("knee", "adduction"): (-35.0, 35.0),
    ("ankle", "dorsiflexion"): (-80.0, 60.0),
    ("trunk", "flexion"): (-70.0, 130.0),
    ("elbow", "flexion"): (-20.0, 170.0),
}
"""Range of a healthy joint, degrees: the active ranges of the American Academy of Orthopaedic Surgeons (1965,
hip −30 to 120, knee −10 to 135, ankle −50 to 20, elbow −10 to 150), widened by 10° and more for weight-bearing
postures, the tilt of the pelvis frame and marker errors of centimetres. Knee adduction of tens of degrees comes
from a wrong knee axis."""

_MISSING_SHARE: Final = 0.1
_SINGULAR_SHARE: Final = 0.1
_IMPLAUSIBLE_SHARE: Final = 0.02
_PELVIS_STEP_DEG: Final = 90.0


def report(markers: Markers, angles: JointAngles, fit: Recording) -> StageReport:
    """Facts and warnings about the angles of a skeleton that was fitted to these markers."""
    singular = near_singularity(angles.values)
    step = _largest_pelvis_step(angles.values)
    facts: dict[str, JsonValue] = {
        "singularity_margin_deg": SINGULARITY_MARGIN,
        "pelvis_largest_step_deg": step,
        "skeleton": _skeleton_facts(fit),
        "groups": {group.name: _group_facts(angles.values, singular, group.name) for group in JOINT_GROUPS},
    }
    found = (
        _missing(markers, angles.values),
        *_undefined(singular),
        _implausible(angles.values),
        _pelvis_jump(step),
    )
    warnings = tuple(warning for warning in found if warning)
    return StageReport(facts=facts, warnings=warnings, models={MODEL_FILE: sha256(shipped(MODEL_FILE))})


def _skeleton_facts(fit: Recording) -> JsonValue:
    """The segments' scale factors relative to the included model, and the distances of its markers from the measured
    ones."""
    own = fit.personal
    scales: dict[str, JsonValue] = {
        name: [round(factor, 3) for factor in factors]
        for name, factors in zip(own.model.bodies, own.factors.tolist(), strict=True)
        if not name.endswith("_l")
    }
    return {"segment_scales": scales, "marker_distance_mm": fit.marker_distance_mm}


def _group_facts(values: FloatArray, singular: NDArray[np.bool_], name: str) -> JsonValue:
    index = JOINT_GROUP_INDEX[name]
    return {
        "missing_share": _share(_is_missing(values)[:, index]),
        "near_singularity_share": _share(singular[:, index]),
        "angles": {angle: _extent(values[:, index, column]) for column, angle in enumerate(JOINT_GROUPS[index].angles)},
    }


def _extent(angle: FloatArray) -> JsonValue:
    known = angle[np.isfinite(angle)]
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    return {
        "minimum_deg": round(low, 2),
        "maximum_deg": round(high, 2),
        "range_of_motion_deg": round(high - low, 2),
    }


def _largest_pelvis_step(values: FloatArray) -> float | None:
    steps = np.abs(np.diff(values[:, JOINT_GROUP_INDEX["pelvis"]], axis=0))
    known = steps[np.isfinite(steps)]
    return round(float(known.max()), 2) if known.size else None


def _missing(markers: Markers, values: FloatArray) -> QualityWarning | None:
    share = _is_missing(values).mean(axis=0)
    groups = {group.name: float(s) for group, s in zip(JOINT_GROUPS, share, strict=True) if s > _MISSING_SHARE}
    if not groups:
        return None
    gaps = {name: np.isnan(markers.position(name)).any(axis=1).mean() for name in USED_MARKERS}
    names = ", ".join(name for name, s in gaps.items() if s > _MISSING_SHARE)
    return warning(
        "joint-angles-missing",
        "Angles are missing in part of the frames: {joints}.{because} Keep the whole body in the image, or turn "
        "estimate_missing on to mirror an occluded limb from the visible side.",
        joints=_shares(groups),
        because=(Said(text(" Markers missing there: {names}."), {"names": names}),) if names else (),
    )


def _undefined(singular: NDArray[np.bool_]) -> Iterator[QualityWarning]:
    share = singular.mean(axis=0)
    named = {group.name: float(s) for group, s in zip(JOINT_GROUPS, share, strict=True) if s > _SINGULAR_SHARE}
    shoulders = {name: share for name, share in named.items() if name.startswith("shoulder")}
    others = {name: share for name, share in named.items() if name not in shoulders}
    if shoulders:
        yield warning(
            "joint-angles-undefined",
            "The upper arm is within {margin:.0f}° of the trunk's axis in part of the frames: {joints}. The plane of "
            "elevation is magnified noise there, and overhead the internal rotation too: use the elevation instead.",
            margin=SINGULARITY_MARGIN,
            joints=_shares(shoulders),
        )
    if others:
        yield warning(
            "joint-angles-undefined",
            "Within {margin:.0f}° of gimbal lock in part of the frames: {joints}. Tilt, flexion and rotation are "
            "magnified noise there: use the second angle of the group only.",
            margin=SINGULARITY_MARGIN,
            joints=_shares(others),
        )


def _shares(groups: Mapping[str, float]) -> tuple[Said, ...]:
    return tuple(
        Said(text("{joint} ({share:.0%})"), {"joint": body_parts([name]), "share": share})
        for name, share in groups.items()
    )


def _implausible(values: FloatArray) -> QualityWarning | None:
    found = []
    for group_index, group in enumerate(JOINT_GROUPS):
        for column, angle in enumerate(group.angles):
            low, high = PLAUSIBLE.get((group.name.split("_")[0], angle), (-np.inf, np.inf))
            series = values[:, group_index, column]
            share = float(((series < low) | (series > high)).mean())
            if share > _IMPLAUSIBLE_SHARE:
                found.append(_outside(group.name, angle, (low, high), share))
    if not found:
        return None
    return warning(
        "joint-angles-implausible",
        "No joint moves like this: {angles}. The markers are wrong there: look in the preview "
        "(export_preview) for legs or arms that are swapped or occluded, and leave those frames out.",
        angles=tuple(found),
    )


def _outside(group: str, angle: str, limits: tuple[float, float], share: float) -> Said:
    return Said(
        text("{joint}, {angle}: outside {low:.0f}° to {high:.0f}° in {share:.0%} of the frames"),
        {
            "joint": body_parts([group]),
            "angle": (ANGLES[angle],),
            "low": limits[0],
            "high": limits[1],
            "share": share,
        },
    )


def _pelvis_jump(step: float | None) -> QualityWarning | None:
    if step is None or step <= _PELVIS_STEP_DEG:
        return None
    return warning(
        "pelvis-jump",
        "The pelvis turns by {degrees:.0f}° from one frame to the next. Left and right were probably "
        "confused there; from there on its rotation may be off by whole turns. Look at that moment in "
        "the preview (export_preview).",
        degrees=step,
    )


def _is_missing(values: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(np.isnan(values).any(axis=2))


def _share(flags: NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 4)
