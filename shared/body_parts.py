"""Lists of markers, landmarks and joint groups in plain language: "both feet, right wrist"."""

import re
from collections.abc import Iterable
from typing import Final

from humanpose3d.language import text

_PARTS: Final = {
    "head": ("Head", "Nose", "nose", "ear", "eye", "mouth"),
    "neck": ("Neck", "C7"),
    "trunk": ("trunk",),
    "shoulder": ("Shoulder", "shoulder"),
    "elbow": ("Elbow", "elbow"),
    "wrist": ("Wrist", "wrist"),
    "hand": ("pinky", "index", "thumb"),
    "pelvis": ("Hip", "ASIS", "PSIS", "pelvis"),
    "hip": ("RHip", "LHip", "HJC", "hip"),
    "thigh": ("thigh",),
    "knee": ("Knee", "knee"),
    "shank": ("sh1", "sh2", "sh3"),
    "ankle": ("Ankle", "ankle"),
    "foot": ("Toe", "Heel", "toe", "5meta", "calc", "heel", "foot"),
}
"""Body part → substrings of its names, in the order in which parts are listed; the last match counts."""

_LIMBS: Final = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle", "foot")}
_WITHIN: Final = {"arm": ("elbow", "wrist", "hand"), "leg": ("thigh", "knee", "shank", "ankle", "foot")}
"""A limb is named where all parts of the first list are present; it then replaces all parts of the second."""

_WITHOUT_SIDE: Final = {
    "head": text("head"),
    "neck": text("neck"),
    "trunk": text("trunk"),
    "pelvis": text("pelvis"),
}
_SIDED: Final = {
    "shoulder": (text("right shoulder"), text("left shoulder"), text("both shoulders")),
    "arm": (text("right arm"), text("left arm"), text("both arms")),
    "elbow": (text("right elbow"), text("left elbow"), text("both elbows")),
    "wrist": (text("right wrist"), text("left wrist"), text("both wrists")),
    "hand": (text("right hand"), text("left hand"), text("both hands")),
    "hip": (text("right hip"), text("left hip"), text("both hips")),
    "leg": (text("right leg"), text("left leg"), text("both legs")),
    "thigh": (text("right thigh"), text("left thigh"), text("both thighs")),
    "knee": (text("right knee"), text("left knee"), text("both knees")),
    "shank": (text("right shank"), text("left shank"), text("both shanks")),
    "ankle": (text("right ankle"), text("left ankle"), text("both ankles")),
    "foot": (text("right foot"), text("left foot"), text("both feet")),
}
"""Body part → right, left, both."""

ANGLES: Final = {
    "tilt": text("tilt"),
    "obliquity": text("obliquity"),
    "rotation": text("rotation"),
    "flexion": text("flexion"),
    "lateral_bending": text("lateral bending"),
    "adduction": text("adduction"),
    "internal_rotation": text("internal rotation"),
    "dorsiflexion": text("dorsiflexion"),
    "inversion": text("inversion"),
    "plane_of_elevation": text("plane of elevation"),
    "elevation": text("elevation"),
    "carrying_angle": text("carrying angle"),
    "pronation": text("pronation"),
}
"""Name of a joint angle → in words."""

_ORDER: Final = (*list(_PARTS)[:4], "arm", *list(_PARTS)[4:9], "leg", *list(_PARTS)[9:])


def body_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The body parts that these markers, landmarks or joint groups belong to, both sides as one; to be translated.

    >>> body_parts(["RBigToe", "LHeel", "RWrist", "Head"])
    ('head', 'right wrist', 'both feet')
    >>> body_parts(["RKnee", "RAnkle", "RHeel", "r_thigh1_study", "hip_l"])
    ('left hip', 'right leg')
    """
    sides: dict[str, set[str]] = {}
    for side, parts in _by_side(names).items():
        for part in _folded(parts):
            sides.setdefault(part, set()).add(side)
    if all(len(sides.get(part, ())) == 2 for part in ("shoulder", "arm", "hip", "leg")):
        return (text("whole body"),)
    return tuple(_worded(part, sides[part]) for part in _ORDER if part in sides)


def _by_side(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        part = [part for part, words in _PARTS.items() if any(word in name for word in words)][-1]
        found.setdefault(_side(name) if part in _SIDED else "", set()).add(part)
    return found


def _side(name: str) -> str:
    if "left" in name or name.endswith("_l") or re.match(r"L[A-Z._]", name):
        return "left"
    return "right"


def _folded(parts: set[str]) -> set[str]:
    for limb, needed in _LIMBS.items():
        if parts.issuperset(needed):
            parts = parts.difference(_WITHIN[limb]) | {limb}
    return parts


def _worded(part: str, sides: set[str]) -> str:
    if part not in _SIDED:
        return _WITHOUT_SIDE[part]
    right, left, both = _SIDED[part]
    return both if len(sides) == 2 else right if "right" in sides else left
