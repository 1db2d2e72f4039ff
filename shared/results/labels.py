"""Presentation of joint angles: order, labels, and right and left together."""

from typing import Final

from humanpose3d.language import text
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUP_INDEX

_TURN: Final = text("Rotation: internal + / external −")

ROWS: Final = {
    "pelvis": (
        text("Tilt: anterior + / posterior −"),
        text("Obliquity: right side up +"),
        text("Rotation: right side forward +"),
    ),
    "trunk": (
        text("Flexion + / extension −"),
        text("Bending: to the right + / left −"),
        text("Rotation: to the left + / right −"),
    ),
    "hip": (text("Flexion + / extension −"), text("Adduction + / abduction −"), _TURN),
    "knee": (text("Flexion + / hyperextension −"), text("Adduction (varus) + / abduction −"), _TURN),
    "ankle": (text("Dorsiflexion + / plantarflexion −"), text("Inversion + / eversion −"), _TURN),
    "shoulder": (text("Plane of elevation: 0 side, 90 front"), text("Elevation +"), _TURN),
    "elbow": (text("Flexion + / hyperextension −"), text("Carrying angle: varus + / valgus −"), text("Pronation +")),
}
"""Rows of a page of angles, and what each joint's three angles and their signs mean (`services.angles.joints`)."""

JOINTS: Final = {
    "pelvis": text("Pelvis"),
    "trunk": text("Trunk"),
    "hip": text("Hip"),
    "knee": text("Knee"),
    "ankle": text("Ankle"),
    "shoulder": text("Shoulder"),
    "elbow": text("Elbow"),
}

SMALLEST_SPAN: Final = 20.0
"""Minimum range of a panel in degrees, so that noise does not look like movement."""


def by_side(values: FloatArray, row: str, angle: int) -> list[tuple[str, FloatArray]]:
    """(side, (T,)) of the one or two joint groups in a row, from the values (T, 12, 3) of all angles.

    The side is "r", "l", or empty for the midline.
    """
    groups = [("", row)] if row in JOINT_GROUP_INDEX else [("r", f"{row}_r"), ("l", f"{row}_l")]
    return [(side, values[:, JOINT_GROUP_INDEX[group], angle]) for side, group in groups]
