"""Joint angles: definitions of the three angles of each of the 12 groups, in degrees.

Every function takes segment frames (..., 3, 3) of `services.angles.segments` and returns (..., 3) degrees in the order
of `humanpose3d.skeleton.JOINT_GROUPS`. Signs are given for the right; on the left, flexion, adduction, internal
rotation and the rest have the same meaning, because the left is computed as the right of the mirrored body.

The frames are those of landmarks on the skeleton that was fitted to a run's markers (`services.angles.skeleton`), whose
joints have limits. No neutral posture is subtracted: angles are those between the frames as defined. Where the
frames are not parallel in upright standing (pelvis, foot, tibial torsion), the angles are not zero there.

Common to hip, knee, ankle, trunk and elbow: the sequence is Z–X–Y, flexion about the proximal segment's z, then the
floating axis, then axial rotation about the distal segment's y (Grood & Suntay 1983; Wu 2002, 2005). It is singular
where the second angle is ±90°: there only the sum or the difference of the first and third is defined, and within 10°
of it both are magnified noise. Of the angles that describe the same rotation, those nearest to the middle of the
joint's range are returned, frame by frame (`rotations.nearest_to`); an abduction beyond 90° is thus returned as such.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import JOINT_GROUP_INDEX
from services.angles import segments
from services.angles.rotations import continuous, nearest_to, relative, tilt_and_torsion, yxz, zxy

SINGULARITY_MARGIN: Final = 10.0
"""Degrees from a singular posture within which noise in the first and third angle grows more than 5.7-fold."""

_FRAMES_AT_ONCE: Final = 4096
"""Frames per block, which keeps intermediate results small."""


def joint_angles(markers: Markers) -> FloatArray:
    """(T, 12, 3) degrees: all groups of `JOINT_GROUPS` from the markers in `segments.USED_MARKERS`.

    NaN where a marker of the group's segments is missing. Raises InvalidMotion where a marker's name is missing.
    """
    frames = markers.times.size
    angles, root = np.empty((frames, len(JOINT_GROUP_INDEX), 3)), np.empty((frames, 3, 3))
    for first in range(0, frames, _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        points = segments.both_sides(Markers(markers.times[part], markers.names, markers.positions[part]))
        root[part] = _put_joints(points, angles[part])
    angles[:, JOINT_GROUP_INDEX["pelvis"]] = pelvis(root)  # which is continuous from frame to frame
    return angles


def _put_joints(points: segments.Points, angles: FloatArray) -> FloatArray:
    """Write all groups but the pelvis into (n, 12, 3); returns the pelvis' frames (n, 3, 3)."""
    root, back, upper_arm = segments.pelvis(points), segments.trunk(points), segments.humerus(points)
    upper_leg, lower_leg = segments.thigh(points), segments.shank(points)
    sides = {
        "hip": hip(root, upper_leg),
        "knee": knee(upper_leg, lower_leg),
        "ankle": ankle(lower_leg, segments.foot(points)),
        "shoulder": shoulder(back, upper_arm),
        "elbow": elbow(upper_arm, segments.forearm(points)),
    }
    for joint, both in sides.items():
        for side, values in zip("rl", both, strict=True):
            angles[:, JOINT_GROUP_INDEX[f"{joint}_{side}"]] = values
    angles[:, JOINT_GROUP_INDEX["trunk"]] = trunk(root[0], back[0])
    right: FloatArray = root[0]  # also the left one's, mirrored
    return right


def near_singularity(angles: FloatArray) -> NDArray[np.bool_]:
    """(T, 12) whether a group is within `SINGULARITY_MARGIN` of a posture that leaves some of its angles undefined.

    That is a second angle near ±90°, for the shoulder one near 0° or 180°. False where the angle is missing.
    """
    middle = np.radians(angles[..., 1])
    shoulders = [JOINT_GROUP_INDEX["shoulder_r"], JOINT_GROUP_INDEX["shoulder_l"]]
    distance = np.abs(np.cos(middle))
    distance[:, shoulders] = np.abs(np.sin(middle[:, shoulders]))
    return np.asarray(distance < np.sin(np.radians(SINGULARITY_MARGIN)))


def pelvis(frame: FloatArray) -> FloatArray:
    """Pelvis (T, 3, 3) in the world: tilt, obliquity, rotation.

    Sequence: rotation about the vertical (Y), obliquity (X), tilt (Z), after Baker 2001 (Gait & Posture 13:1–6): tilt
    and obliquity then keep their clinical meaning whichever way the person faces. The result is listed in the order
    sagittal, frontal, transverse plane, as for the joints.
    Signs: tilt + anterior (ASIS down), obliquity + right side up, rotation + right side forward (a turn to the left
    seen from above). Rotation is 0 where the person faces the world's +X, 90 where −Z.
    Range: tilt and rotation within ±180, obliquity within ±90 in the first frame; from there continuous, so that a full
    turn continues to 360 and beyond (`rotations.continuous`), across gaps as well.
    Singular at an obliquity of ±90, lying on the side. Standing tilt is not 0: see `segments.pelvis`.
    """
    turn, roll, pitch = np.moveaxis(continuous(yxz(frame)), -1, 0)
    return np.stack([-pitch, -roll, turn], axis=-1)


def continued(before: FloatArray, angles: FloatArray) -> FloatArray:
    """The pelvis' angles (T, 3) of a later stretch, without a jump after those (3,) of the frame before it; NaN where
    there is none."""
    as_turned = np.array([-1.0, -1.0, 1.0])  # tilt, obliquity, rotation are the last, the second, the first with a sign
    euler = (np.vstack([before, angles]) * as_turned)[:, ::-1]
    return np.asarray(continuous(euler)[1:, ::-1] * as_turned)


def hip(pelvis_frame: FloatArray, thigh_frame: FloatArray) -> FloatArray:
    """Hip: flexion, adduction, internal rotation; thigh in pelvis (Wu 2002).

    Sequence Z–X–Y: flexion about the pelvis' z, adduction about the floating axis, internal rotation about the thigh's
    y.
    Signs: flexion +, extension −; adduction +, abduction −; internal rotation +, external −.
    Range: within 180 of (50, 0, 0), the middle of the joint's range. Singular at 90 abduction.
    """
    return _jcs(pelvis_frame, thigh_frame, centre=(50.0, 0.0, 0.0))


def knee(thigh_frame: FloatArray, shank_frame: FloatArray) -> FloatArray:
    """Knee: flexion, adduction, internal rotation; shank in thigh (Grood & Suntay 1983).

    Sequence Z–X–Y: flexion about the thigh's z, adduction (varus) about the floating axis, internal rotation of the
    tibia about the shank's y.
    Signs: flexion +, hyperextension −; adduction (varus) +, abduction (valgus) −; internal rotation +, external −.
    Range: within 180 of (70, 0, 0). Singular at ±90 adduction, out of a knee's reach.
    Standing rotation is not 0: external tibial torsion makes it negative.
    """
    angles = zxy(relative(thigh_frame, shank_frame))
    angles[..., 0] *= -1  # a knee flexes in the opposite direction: the shank moves backwards, −z
    return nearest_to(np.array([70.0, 0.0, 0.0]), angles)


def ankle(shank_frame: FloatArray, foot_frame: FloatArray) -> FloatArray:
    """Ankle complex: dorsiflexion, inversion, internal rotation; foot in shank (Wu 2002).

    Sequence Z–X–Y: dorsiflexion about the shank's z, inversion about the floating axis, internal rotation about the
    foot's y.
    Signs: dorsiflexion +, plantarflexion −; inversion +, eversion −; internal rotation (toe in) +, external −.
    Range: within 180 of (0, 0, 0). Singular at ±90 inversion, out of an ankle's reach.
    Dorsiflexion is 0 where the line from heel to toe is at right angles to the shank, seen from the side. The markers'
    own heights are not removed: see `segments.foot`.
    """
    return _jcs(shank_frame, foot_frame, centre=(0.0, 0.0, 0.0))


def trunk(pelvis_frame: FloatArray, trunk_frame: FloatArray) -> FloatArray:
    """Trunk in the pelvis (not in the world): flexion, lateral bending, rotation (Wu 2002 for the spine).

    Sequence Z–X–Y: flexion about the pelvis' z, lateral bending about the floating axis, rotation about the trunk's y.
    Signs: flexion (forward) +, extension −, which is opposite to a right-handed rotation about z; bending to the right
    +; rotation to the left +.
    Range: within 180 of (30, 0, 0). Singular at ±90 lateral bending, out of a trunk's reach.
    Standing flexion is not 0: the anatomical tilt of the pelvis frame is in it.
    """
    angles = zxy(relative(pelvis_frame, trunk_frame))
    angles[..., 0] *= -1
    return nearest_to(np.array([30.0, 0.0, 0.0]), angles)


def shoulder(trunk_frame: FloatArray, humerus_frame: FloatArray) -> FloatArray:
    """Shoulder, humerus in trunk: plane of elevation, elevation, internal rotation.

    Plane of elevation and elevation are those of Wu 2005 (thoracohumeral, Y–X–Y), with elevation counted positive. The
    internal rotation is not the third angle of Y–X–Y, but the torsion of the tilt-and-torsion method (Chénier et al.
    2022): the sum of that sequence's first and third angle. Reason: Y–X–Y is singular with the arm hanging, the most
    common posture in videos; there its first and third angle are noise that cancels in their sum, and the torsion is
    what remains well defined. Subtract the plane of elevation from it to obtain Wu's third angle.
    Signs: plane 0 abduction (in the frontal plane), 90 forward flexion, −90 extension; elevation 0 arm along the trunk,
    180 overhead; internal rotation +, external −.
    Range: plane (−180, 180], elevation [0, 180], internal rotation (−180, 180]. Each frame is independent. The plane
    jumps only where the arm points to the far side of the body (±180), which it can do only when nearly hanging.
    Singular: the plane of elevation is undefined at elevations of 0 and 180. Within 10° of them it is magnified noise
    and changes by up to 180° as a swinging arm passes the trunk. The internal rotation is
    singular only near 180. For an arm swinging past the trunk, atan2(sin e · sin p, cos e) of elevation e and plane p
    is the angle in the sagittal plane, without a singularity.
    """
    return tilt_and_torsion(relative(trunk_frame, humerus_frame))


def elbow(humerus_frame: FloatArray, forearm_frame: FloatArray) -> FloatArray:
    """Elbow and forearm: flexion, carrying angle, pronation; forearm in humerus (Wu 2005).

    Sequence Z–X–Y: flexion about the humerus' z, carrying angle about the floating axis, pronation about the forearm's
    y.
    Signs: flexion +, hyperextension −; carrying angle + varus (forearm towards the body), − valgus; pronation +, 0 in
    full supination (palm forward with the arm hanging), about 90 with the thumb up and about 180 in full pronation.
    Range: within 180 of (70, 0, 80). Singular at ±90 of carrying angle, out of an elbow's reach.
    """
    return _jcs(humerus_frame, forearm_frame, centre=(70.0, 0.0, 80.0))


def _jcs(proximal: FloatArray, distal: FloatArray, centre: tuple[float, float, float]) -> FloatArray:
    return nearest_to(np.array(centre), zxy(relative(proximal, distal)))
