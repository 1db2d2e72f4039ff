"""Which anatomical markers are kept in a frame in which inputs are missing.

The networks' inputs have no gaps (`body.fill`), but a marker that depends on a missing input has no basis in those
frames and is returned as missing. The dependencies were measured: each input (a hip together with `Hip`, the midpoint
of both) was shifted by 50 mm along each axis for whole clips of laboratory motion (walking1, squats1, STS1, DJ1); a
marker depends on it if it moved by over a quarter of that, over both sides. Knee markers, for example, moved by 0.8 of
the knee's shift, and by at most 0.13 of any other's. After a gap the networks recover at once: in the first frame after
half a second without an input, the error of the markers that depend on it was on average at most 2 mm larger than
without the gap.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import missing
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import MARKER_INDEX, RESPONSE_MARKERS, mirrored

_FOLLOWS_RIGHT: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("r.ASIS_study", "RHJC_study"): ("RHip",),
    ("r.PSIS_study",): ("RHip", "LHip"),
    ("r_thigh1_study", "r_thigh2_study", "r_thigh3_study"): ("RHip", "RKnee"),
    ("r_knee_study", "r_mknee_study"): ("RKnee",),
    ("r_sh1_study", "r_sh2_study"): ("RKnee", "RAnkle"),
    ("r_sh3_study",): ("RKnee", "RAnkle", "RHeel"),
    ("r_ankle_study", "r_mankle_study", "r_calc_study"): ("RAnkle", "RHeel"),
    ("r_toe_study",): ("RBigToe", "RSmallToe"),
    ("r_5meta_study",): ("RSmallToe",),
    ("r_shoulder_study",): ("Neck", "RShoulder"),
    ("C7_study",): ("Neck", "RShoulder", "LShoulder"),
    ("r_lelbow_study", "r_melbow_study"): ("RElbow",),
    ("r_lwrist_study", "r_mwrist_study"): ("RWrist",),
}

FOLLOWS: Final[dict[str, tuple[str, ...]]] = {
    side(marker): tuple(side(name) for name in inputs)
    for markers, inputs in _FOLLOWS_RIGHT.items()
    for marker in markers
    for side in (str, mirrored)
}
"""Anatomical marker → the inputs that it depends on."""


def unsupported(positions: FloatArray) -> NDArray[np.bool_]:
    """(T, 43) where an anatomical marker depends on a missing input of `MARKERS`, (T, 22, 3)."""
    gone = missing(positions)
    followed = [[MARKER_INDEX[name] for name in FOLLOWS[marker]] for marker in RESPONSE_MARKERS]
    return np.stack([gone[:, columns].any(axis=1) for columns in followed], axis=1)
