"""Which anatomical markers are believed in a frame in which inputs are missing.

The networks get no gaps (`body.fill`), but a marker that follows an input which was not seen there is an invention, and
comes out missing in exactly those frames. What a marker follows was measured: each input (a hip together with `Hip`,
the middle of both) was moved by 50 mm along each axis for whole clips of laboratory motion (walking1, squats1, STS1,
DJ1), and it counts where the marker moved by over a quarter of that, taken over both sides. Knee markers moved by 0.8
of the knee's way, for example, and by at most 0.13 of any other's. After a gap the networks recover at once: in the
first frame after half a second without an input, the markers that follow it were on average at most 2 mm further from
the laboratory's than without the gap.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

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
"""Anatomical marker → the inputs without which it is not believed."""


def unsupported(positions: FloatArray) -> NDArray[np.bool_]:
    """(T, 43) where an anatomical marker follows an input of `MARKERS`, (T, 22, 3), that is missing."""
    missing = np.any(np.isnan(positions), axis=2)
    followed = [[MARKER_INDEX[name] for name in FOLLOWS[marker]] for marker in RESPONSE_MARKERS]
    return np.stack([missing[:, columns].any(axis=1) for columns in followed], axis=1)
