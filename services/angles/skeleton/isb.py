"""The bony landmarks of a fitted skeleton, for `services.angles.joints` to make the ISB's angles of."""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import mirrored
from services.angles.segments import USED_MARKERS
from services.angles.skeleton.kinematics import Pose

_RIGHT: Final = {
    "r.ASIS_study": ("pelvis", (0.028, 0.010, 0.128)),
    "r.PSIS_study": ("pelvis", (-0.154, 0.025, 0.050)),
    "RHJC_study": ("femur_r", (0.0, 0.0, 0.0)),
    "r_knee_study": ("femur_r", (0.0, -0.3985, 0.048)),
    "r_mknee_study": ("femur_r", (0.0, -0.4055, -0.052)),
    "r_ankle_study": ("tibia_r", (-0.013, -0.43, 0.045)),
    "r_mankle_study": ("tibia_r", (0.013, -0.43, -0.045)),
    "r_toe_study": ("calcn_r", (0.1868, 0.0084, 0.0025)),
    "r_calc_study": ("calcn_r", (-0.0322, 0.0326, -0.0140)),
    "r_shoulder_study": ("torso", (0.0, 0.418, 0.142)),
    "C7_study": ("torso", (-0.080, 0.420, 0.0)),
    "RShoulder": ("humerus_r", (0.0, 0.0, 0.0)),
    "r_lelbow_study": ("humerus_r", (0.0233, -0.2853, 0.0342)),
    "r_melbow_study": ("humerus_r", (0.0030, -0.2873, -0.0534)),
    "r_lwrist_study": ("radius_r", (-0.0088, -0.2358, 0.0486)),
    "r_mwrist_study": ("radius_r", (-0.0088, -0.2358, -0.0214)),
}
"""Landmark → body and place in metres on the model as it ships: iliac spines, acromia, C7, heel and toe after Pose2Sim
0.10.49 (`Markers_LSTM.xml`), heel and toe moved sideways so that a foot at rest is neither inverted nor everted;
epicondyles, malleoli and styloids evenly about the centre of their joint, those of knee and elbow along its hinge."""


def landmarks(current: Pose, factors: FloatArray, times: FloatArray) -> Markers:
    """The landmarks of both sides in every frame; factors (B, 3) are those by which the model is scaled."""
    model = current.model
    names, bodies, places = [], [], []
    for name in USED_MARKERS:
        own = name if name in _RIGHT else mirrored(name)
        body, place = _RIGHT[own]
        names.append(name)
        bodies.append(model.body(body if own == name else body.replace("_r", "_l")))
        places.append(np.array(place) * (1, 1, 1 if own == name else -1))
    index = np.array(bodies)
    return Markers(times, tuple(names), current.points(index, np.array(places) * factors[index]))
