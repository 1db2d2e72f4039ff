"""Presentation of joint angles: order, labels, and right and left together."""

from typing import Final

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUP_INDEX

_TURN: Final = "Rotation: internal + / external −"

ROWS: Final = {
    "pelvis": ("Tilt: anterior + / posterior −", "Obliquity: right side up +", "Rotation: right side forward +"),
    "trunk": ("Flexion + / extension −", "Bending: to the right + / left −", "Rotation: to the left + / right −"),
    "hip": ("Flexion + / extension −", "Adduction + / abduction −", _TURN),
    "knee": ("Flexion + / hyperextension −", "Adduction (varus) + / abduction −", _TURN),
    "ankle": ("Dorsiflexion + / plantarflexion −", "Inversion + / eversion −", _TURN),
    "shoulder": ("Plane of elevation: 0 side, 90 front", "Elevation +", _TURN),
    "elbow": ("Flexion + / hyperextension −", "Carrying angle: varus + / valgus −", "Pronation +"),
}
"""Rows of a page of angles, and what each joint's three angles and their signs mean (`services.angles.joints`)."""

SMALLEST_SPAN: Final = 20.0
"""Minimum range of a panel in degrees, so that noise does not look like movement."""


def by_side(values: FloatArray, row: str, angle: int) -> list[tuple[str, FloatArray]]:
    """(side, (T,)) of the one or two joint groups in a row, from the values (T, 12, 3) of all angles.

    The side is "r", "l", or empty for the midline.
    """
    groups = [("", row)] if row in JOINT_GROUP_INDEX else [("r", f"{row}_r"), ("l", f"{row}_l")]
    return [(side, values[:, JOINT_GROUP_INDEX[group], angle]) for side, group in groups]
