"""Segment frames: how each body segment is oriented in the world, from named markers.

Every frame is right-handed with the axes of the ISB (Wu & Cavanagh 1995, J Biomech 28:1257): x anterior, y superior,
z to the right, in the anatomical position. A frame is a rotation matrix (..., T, 3, 3) whose columns are the unit axes
x, y, z in world coordinates; it is NaN in frames where a marker it needs is missing, or where the markers are collinear
and so define no plane.

Both sides use one definition, written for the right. The left side is the right side of the mirrored body,
as Wu 2005 recommends: every position is reflected (z → −z) and every marker takes the name of its opposite. A left
segment is thus oriented in the mirrored world, where flexion, adduction, internal rotation and all other angles
between neighbours have the signs they have on the right.

Sources, by the names used below:
    Wu 2002      Wu et al., J Biomech 35:543–548 (ankle, hip, spine)
    Wu 2005      Wu et al., J Biomech 38:981–992 (shoulder, elbow, wrist and hand)
    Cappozzo     Cappozzo et al. 1995, Clin Biomech 10:171–178 (anatomical frames of pelvis and lower limb)
"""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import mirrored

Points = dict[str, FloatArray]
"""Marker name of the right-hand definition → (2, T, 3) metres: [0] of the right side, [1] of the left, mirrored."""

RIGHT_MARKERS: Final = (
    "r.ASIS_study",
    "L.ASIS_study",
    "r.PSIS_study",
    "L.PSIS_study",
    "RHJC_study",
    "r_knee_study",
    "r_mknee_study",
    "r_ankle_study",
    "r_mankle_study",
    "r_calc_study",
    "r_toe_study",
    "C7_study",
    "r_shoulder_study",
    "L_shoulder_study",
    "RShoulder",
    "r_lelbow_study",
    "r_melbow_study",
    "r_lwrist_study",
    "r_mwrist_study",
)
"""The markers used in the right-hand definitions."""

USED_MARKERS: Final = tuple(dict.fromkeys(RIGHT_MARKERS + tuple(mirrored(name) for name in RIGHT_MARKERS)))
"""The 31 of the 65 markers from which the joint angles of both sides are computed."""

_COLLINEAR: Final = 1e-3
"""Sine of the angle (0.06°) between two directions below which they span no plane."""


def both_sides(markers: Markers) -> Points:
    """The right side and the mirrored left side as points of one right-hand definition.

    Raises InvalidMotion where a marker of `USED_MARKERS` is not among the names.
    """
    mirror = np.array([1.0, 1.0, -1.0])
    return {
        name: np.stack([markers.position(name), markers.position(mirrored(name)) * mirror]) for name in RIGHT_MARKERS
    }


def pelvis(points: Points) -> FloatArray:
    """Pelvis frame, as in Wu 2002 (and Cappozzo).

    Markers: both anterior (ASIS) and both posterior (PSIS) superior iliac spines.
    z: parallel to the line from the left to the right ASIS. x: in the plane of both ASIS and the midpoint of the PSIS,
    at right angles to z, anterior. y: at right angles to both, superior.
    The anatomical tilt of that plane (ASIS lower than PSIS in most people) is part of every angle of pelvis, hip and
    trunk; it is not removed.
    """
    front = _middle(points["r.ASIS_study"], points["L.ASIS_study"])
    back = _middle(points["r.PSIS_study"], points["L.PSIS_study"])
    z = _unit(points["r.ASIS_study"] - points["L.ASIS_study"])
    y = _perpendicular(z, front - back)
    return _axes(_cross(y, z), y, z)


def trunk(points: Points) -> FloatArray:
    """Trunk frame: the thorax of Wu 2005 as far as these markers allow.

    Markers: C7, both acromia (`*_shoulder_study`), both PSIS.
    y: from the midpoint of the PSIS to C7, superior. z: in the plane of y and the line from the left to the right
    acromion, at right angles to y, right. x: at right angles to both, anterior.
    Differs from Wu 2005, whose thorax is defined by sternum (IJ, PX) and spine (C7, T8): only C7 is among the 65
    markers. Our y spans the lumbar spine as well, so that the trunk is the whole back as one rigid segment, and
    the shoulder girdle's own motion (one shoulder pulled forward) rotates it slightly.
    """
    y = _unit(points["C7_study"] - _middle(points["r.PSIS_study"], points["L.PSIS_study"]))
    return _upright(y, points["r_shoulder_study"] - points["L_shoulder_study"])


def thigh(points: Points) -> FloatArray:
    """Thigh frame, as in Wu 2002.

    Markers: hip joint centre, lateral and medial femoral epicondyle (`*_knee_study`, `*_mknee_study`).
    y: from the midpoint of the epicondyles to the hip joint centre, superior. z: in the plane of y and the epicondyles,
    at right angles to y, right. x: at right angles to both, anterior.
    """
    y = _unit(points["RHJC_study"] - _knee_centre(points))
    return _upright(y, points["r_knee_study"] - points["r_mknee_study"])


def shank(points: Points) -> FloatArray:
    """Shank (tibia and fibula) frame, after Cappozzo.

    Markers: lateral and medial femoral epicondyle, lateral and medial malleolus (`*_ankle_study`, `*_mankle_study`).
    y: from the midpoint of the malleoli to the midpoint of the epicondyles, superior. z: in the plane of y and the
    malleoli, at right angles to y, right. x: at right angles to both, anterior.
    Differs from Wu 2002, where z is the line through the malleoli and y is perpendicular to it: the lateral malleolus
    is lower, which would tilt the whole shank in the frontal plane. Here the long axis has priority, and the knee's
    centre replaces the tibial condyles. Tibial torsion is part of knee and ankle rotation, as it is in Wu 2002.
    """
    y = _unit(_knee_centre(points) - _ankle_centre(points))
    return _upright(y, points["r_ankle_study"] - points["r_mankle_study"])


def foot(points: Points) -> FloatArray:
    """Foot frame: the long axis from heel to toe, in the plane that contains the ankle's centre.

    Markers: heel (`*_calc_study`), toe (`*_toe_study`), lateral and medial malleolus for the ankle's centre, their
    midpoint.
    x: from heel to toe, anterior. y: in the plane of x and the ankle's centre, at right angles to x, superior. z: at
    right angles to both, right.
    Differs from Wu 2002, whose calcaneus takes its y from the shank in a neutral posture, which a video does not have.
    The plane of heel, toe and fifth metatarsal head is not used: its two front markers are at different heights on the
    foot, which tilts it by 25° to 30° sideways in a foot flat on the floor, and such a tilt leaks into dorsiflexion
    whenever the shank rotates about its long axis. No neutral posture is subtracted: heel and toe markers of different
    height above the sole are part of dorsiflexion.
    """
    x = _unit(points["r_toe_study"] - points["r_calc_study"])
    z = _perpendicular(x, _ankle_centre(points) - points["r_calc_study"])
    return _axes(x, _cross(z, x), z)


def humerus(points: Points) -> FloatArray:
    """Humerus frame, as in Wu 2005 (first option).

    Markers: shoulder (`RShoulder`, `LShoulder`), lateral and medial humeral epicondyle (`*_lelbow_study`,
    `*_melbow_study`).
    y: from the midpoint of the epicondyles to the shoulder joint centre, superior. z: in the plane of y and the
    epicondyles, at right angles to y, right. x: at right angles to both, anterior.
    The joint centre is not palpable, and Wu 2005 leaves the estimate open. Here the detector's shoulder is used:
    the augmentation places its acromion about 5 cm above that marker along the trunk at any elevation of the arm, so
    an estimate from the acromion would be equivalent.
    """
    y = _unit(points["RShoulder"] - _elbow_centre(points))
    return _upright(y, points["r_lelbow_study"] - points["r_melbow_study"])


def forearm(points: Points) -> FloatArray:
    """Forearm frame, as in Wu 2005.

    Markers: lateral and medial humeral epicondyle, radial (`*_lwrist_study`) and ulnar styloid (`*_mwrist_study`).
    y: from the ulnar styloid to the midpoint of the epicondyles, superior. x: at right angles to the plane of both
    styloids and that midpoint, anterior. z: at right angles to both, right (radial, with the palm facing forward).
    """
    y = _unit(_elbow_centre(points) - points["r_mwrist_study"])
    return _upright(y, points["r_lwrist_study"] - points["r_mwrist_study"])


def _knee_centre(points: Points) -> FloatArray:
    return _middle(points["r_knee_study"], points["r_mknee_study"])


def _ankle_centre(points: Points) -> FloatArray:
    return _middle(points["r_ankle_study"], points["r_mankle_study"])


def _elbow_centre(points: Points) -> FloatArray:
    return _middle(points["r_lelbow_study"], points["r_melbow_study"])


def _middle(one: FloatArray, other: FloatArray) -> FloatArray:
    return (one + other) / 2


def _upright(y: FloatArray, rightwards: FloatArray) -> FloatArray:
    """Axes with y given and z the component of `rightwards` perpendicular to y, normalised."""
    x = _perpendicular(y, rightwards)
    return _axes(x, y, _cross(x, y))


def _perpendicular(one: FloatArray, other: FloatArray) -> FloatArray:
    """Unit vector along one × other; NaN where the two span no plane."""
    normal = _cross(_unit(one), _unit(other))
    sine = _length(normal)
    return normal / np.where(sine > _COLLINEAR, sine, np.nan)


def _unit(vectors: FloatArray) -> FloatArray:
    length = _length(vectors)
    return vectors / np.where(length > 0, length, np.nan)


def _length(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None])


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    # numpy.cross copies and moves axes for generality; this is the same product in a quarter of the time.
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    product = np.empty_like(a)
    product[..., 0] = ay * bz - az * by
    product[..., 1] = az * bx - ax * bz
    product[..., 2] = ax * by - ay * bx
    return product


def _axes(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    return np.stack([x, y, z], axis=-1)
