"""Names, order and units of everything that is measured: landmarks, markers, segments, joint groups."""

from typing import Final, NamedTuple

LANDMARKS: Final = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
"""The 33 BlazePose landmarks in MediaPipe's order (Bazarevsky et al. 2020, arXiv:2006.10204)."""

LANDMARK_INDEX: Final = {name: index for index, name in enumerate(LANDMARKS)}

_ONE_SIDE: Final = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("wrist", "pinky"),
    ("wrist", "index"),
    ("wrist", "thumb"),
    ("pinky", "index"),
    ("shoulder", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("ankle", "foot_index"),
    ("heel", "foot_index"),
    ("eye_inner", "eye"),
    ("eye", "eye_outer"),
    ("eye_outer", "ear"),
)
LANDMARK_SEGMENTS: Final = (
    *((f"{side}_{start}", f"{side}_{end}") for side in ("left", "right") for start, end in _ONE_SIDE),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("nose", "left_eye_inner"),
    ("nose", "right_eye_inner"),
    ("mouth_left", "mouth_right"),
)
"""The 35 lines of the BlazePose topology: pairs of landmarks that are joined when they are drawn over the image."""

MARKERS: Final = (
    "Hip",
    "RHip",
    "RKnee",
    "RAnkle",
    "RBigToe",
    "RSmallToe",
    "RHeel",
    "LHip",
    "LKnee",
    "LAnkle",
    "LBigToe",
    "LSmallToe",
    "LHeel",
    "Neck",
    "Head",
    "Nose",
    "RShoulder",
    "RElbow",
    "RWrist",
    "LShoulder",
    "LElbow",
    "LWrist",
)
"""The 22 input markers, named and ordered as Pose2Sim does (HALPE_26 without eyes and ears)."""

MARKER_INDEX: Final = {name: index for index, name in enumerate(MARKERS)}

LOWER_FEATURES: Final = (
    "Neck",
    "RShoulder",
    "LShoulder",
    "RHip",
    "LHip",
    "RKnee",
    "LKnee",
    "RAnkle",
    "LAnkle",
    "RHeel",
    "LHeel",
    "RSmallToe",
    "LSmallToe",
    "RBigToe",
    "LBigToe",
)
"""Input order of the lower-body augmentation LSTM (Pose2Sim 0.10.49, `MarkerAugmenter/LSTM/v0.3_lower`)."""

LOWER_RESPONSES: Final = (
    "r.ASIS_study",
    "L.ASIS_study",
    "r.PSIS_study",
    "L.PSIS_study",
    "r_knee_study",
    "r_mknee_study",
    "r_ankle_study",
    "r_mankle_study",
    "r_toe_study",
    "r_5meta_study",
    "r_calc_study",
    "L_knee_study",
    "L_mknee_study",
    "L_ankle_study",
    "L_mankle_study",
    "L_toe_study",
    "L_calc_study",
    "L_5meta_study",
    "r_shoulder_study",
    "L_shoulder_study",
    "C7_study",
    "r_thigh1_study",
    "r_thigh2_study",
    "r_thigh3_study",
    "L_thigh1_study",
    "L_thigh2_study",
    "L_thigh3_study",
    "r_sh1_study",
    "r_sh2_study",
    "r_sh3_study",
    "L_sh1_study",
    "L_sh2_study",
    "L_sh3_study",
    "RHJC_study",
    "LHJC_study",
)
"""Output order of the lower-body LSTM. Toe, 5meta and calc are ordered differently right and left."""

UPPER_FEATURES: Final = ("Neck", "RShoulder", "LShoulder", "RElbow", "LElbow", "RWrist", "LWrist")
"""Input order of the upper-body augmentation LSTM (`MarkerAugmenter/LSTM/v0.3_upper`)."""

UPPER_RESPONSES: Final = (
    "r_lelbow_study",
    "r_melbow_study",
    "r_lwrist_study",
    "r_mwrist_study",
    "L_lelbow_study",
    "L_melbow_study",
    "L_lwrist_study",
    "L_mwrist_study",
)
"""Output order of the upper-body LSTM: lateral and medial elbow and wrist."""

RESPONSE_MARKERS: Final = LOWER_RESPONSES + UPPER_RESPONSES
"""The 43 anatomical markers that the augmenter adds."""

ALL_MARKERS: Final = MARKERS + RESPONSE_MARKERS
"""The 65 markers of a finished run, in file order."""

SEGMENTS: Final = (
    ("Hip", "RHip"),
    ("RHip", "RKnee"),
    ("RKnee", "RAnkle"),
    ("RAnkle", "RHeel"),
    ("RHeel", "RBigToe"),
    ("RHeel", "RSmallToe"),
    ("RAnkle", "RBigToe"),
    ("Hip", "LHip"),
    ("LHip", "LKnee"),
    ("LKnee", "LAnkle"),
    ("LAnkle", "LHeel"),
    ("LHeel", "LBigToe"),
    ("LHeel", "LSmallToe"),
    ("LAnkle", "LBigToe"),
    ("Hip", "Neck"),
    ("Neck", "Nose"),
    ("Neck", "Head"),
    ("Neck", "RShoulder"),
    ("RShoulder", "RElbow"),
    ("RElbow", "RWrist"),
    ("Neck", "LShoulder"),
    ("LShoulder", "LElbow"),
    ("LElbow", "LWrist"),
)
"""Pairs of markers connected by a line when the body is drawn."""


class JointGroup(NamedTuple):
    """A joint (or segment) and the names of its three angles: sagittal, frontal, transverse plane.

    This is the order of the rotation sequence for the joints; the pelvis uses the reverse order, and the shoulder plane
    of elevation, elevation and rotation (`services.angles.joints`).
    """

    name: str
    angles: tuple[str, str, str]


def _sides(joint: str, angles: tuple[str, str, str]) -> tuple[JointGroup, JointGroup]:
    return JointGroup(f"{joint}_r", angles), JointGroup(f"{joint}_l", angles)


JOINT_GROUPS: Final = (
    JointGroup("pelvis", ("tilt", "obliquity", "rotation")),
    *_sides("hip", ("flexion", "adduction", "internal_rotation")),
    *_sides("knee", ("flexion", "adduction", "internal_rotation")),
    *_sides("ankle", ("dorsiflexion", "inversion", "internal_rotation")),
    JointGroup("trunk", ("flexion", "lateral_bending", "rotation")),
    *_sides("shoulder", ("plane_of_elevation", "elevation", "internal_rotation")),
    *_sides("elbow", ("flexion", "carrying_angle", "pronation")),
)
"""The 12 joint groups × 3 angles, in degrees. `services.angles.joints` documents sequence, sign and range of each."""

JOINT_GROUP_INDEX: Final = {group.name: index for index, group in enumerate(JOINT_GROUPS)}


def mirrored(name: str) -> str:
    """The corresponding name on the other side of the body; names on the midline are returned unchanged.

    >>> mirrored("RKnee"), mirrored("left_wrist"), mirrored("r_toe_study"), mirrored("hip_l"), mirrored("Neck")
    ('LKnee', 'right_wrist', 'L_toe_study', 'hip_r', 'Neck')
    """
    return _MIRROR.get(name, name)


def _mirror_table() -> dict[str, str]:
    pairs = [(name, name.replace("left", "right")) for name in LANDMARKS if "left" in name]
    pairs += [(name, "R" + name[1:]) for name in MARKERS if name.startswith("L")]
    pairs += [("LHJC_study", "RHJC_study")]
    pairs += [(name, "r" + name[1:]) for name in RESPONSE_MARKERS if name.startswith(("L.", "L_"))]
    pairs += [(group.name, group.name[:-1] + "r") for group in JOINT_GROUPS if group.name.endswith("_l")]
    return {**dict(pairs), **{right: left for left, right in pairs}}


_MIRROR: Final = _mirror_table()
