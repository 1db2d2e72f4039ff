"""Left and right confused by the detector for a while: found by continuity in time, and mended.

A pose network sees a person from behind and from the front much alike, and the two legs of a walker seen from the side
too. When it changes its mind, the left and the right landmarks trade places from one frame to the next, which no body
can do. The cheapest labelling of the whole clip is found by dynamic programming (Viterbi) over six hypotheses a frame.

What continuity cannot see stays unseen: a confusion that begins and ends while the limbs cross in the picture, and
one that lasts for the whole clip. Of two labellings that are equally continuous, the one that leaves more frames as
they were is taken.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from services.refiner.vectors import pieces

_LEGS: Final = ("knee", "ankle", "heel", "foot_index")
_ARMS: Final = ("elbow", "wrist", "pinky", "index", "thumb")
_TRUNK: Final = ("shoulder", "hip")
_HYPOTHESES: Final = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=bool)
"""Rows: as detected, legs swapped, arms swapped, everything swapped, all but the legs, all but the arms. Columns: legs,
arms, trunk (with the face). With every hypothesis its opposite is there: else a stretch in which the legs alone are
right within a swapped body would be explained by swapping all the rest of the clip."""

_TOLL_M: Final = np.array(
    [
        [0.0, 0.08, 0.25, 0.25, 0.25, 0.25],
        [0.08, 0.0, 0.33, 0.25, 0.25, 0.25],
        [0.25, 0.33, 0.0, 0.25, 0.25, 0.25],
        [0.25, 0.25, 0.25, 0.0, 0.08, 0.25],
        [0.25, 0.25, 0.25, 0.08, 0.0, 0.33],
        [0.25, 0.25, 0.25, 0.25, 0.33, 0.0],
    ]
)
"""From one hypothesis to another (rows and columns as in `_HYPOTHESES`): the movement, summed over the means of legs,
arms and trunk, that the change must spare. Limbs that cross between two frames spare a few centimetres by trading
names. With these, no clip of 25 measured motions at 8–60 frames a second was changed under 3 and 5 cm of correlated
noise."""

_TOLL_SPEED: Final = 1.0
"""Metres a second by which the toll grows when frames lie further apart."""

_WHOLE_CLIP_M: Final = np.array([0.0, 0.25, 0.5, 1.0, 0.75, 0.5])
"""What each hypothesis would cost if it held for the whole clip; a part of the clip costs its share. Of two labellings
that are equally continuous, the one that leaves more frames as they were is taken."""


@dataclass(frozen=True)
class Swaps:
    """Which landmarks are taken to have traded sides.

    swapped  (T, 33) True where a landmark carries its mirror's name.
    """

    swapped: NDArray[np.bool_]

    @property
    def frames(self) -> NDArray[np.bool_]:
        """(T,) whether anything is swapped in the frame."""
        return np.asarray(self.swapped.any(axis=1))


def find_swaps(landmarks: Landmarks) -> Swaps:
    """The labelling of the clip that moves least between frames."""
    seen = np.flatnonzero(landmarks.detected)
    hypothesis = np.zeros(len(landmarks.times), dtype=int)
    if len(seen) > 1:
        hypothesis[seen] = _cheapest_path(landmarks.times, landmarks.world, seen)
    return Swaps(_HYPOTHESES[hypothesis][:, _part_of_landmark()])


def mend(landmarks: Landmarks, swaps: Swaps) -> Landmarks:
    """The same landmarks with the swapped ones back under their own names."""
    if not swaps.swapped.any():
        return landmarks
    where = swaps.swapped[..., None]
    return replace(
        landmarks,
        image=np.where(where, landmarks.image[:, _MIRROR], landmarks.image),
        world=np.where(where, landmarks.world[:, _MIRROR], landmarks.world),
        visibility=np.where(swaps.swapped, landmarks.visibility[:, _MIRROR], landmarks.visibility),
    )


def _cheapest_path(times: FloatArray, world: FloatArray, seen: NDArray[np.intp]) -> NDArray[np.intp]:
    """(S,) the hypothesis of every seen frame on the path of least cost.

    Viterbi, where every survivor remembers where it last had the landmarks (a short-term mean, see `_MEMORY_S`), so
    that a frame or two of confusion on the way from one labelling to the other do not hide which one was left.
    """
    swapped = _HYPOTHESES[:, _part_of_landmark(), None]
    intervals = np.diff(times[seen])
    doubt = _WHOLE_CLIP_M / len(seen)
    origins = np.empty((len(intervals), len(_HYPOTHESES)), dtype=np.int8)
    total, memory = doubt, np.where(swapped, world[seen[0], _MIRROR], world[seen[0]])
    for steps in pieces(len(intervals)):
        frames = world[seen[steps.start + 1 : steps.stop + 1]]
        labelled = np.where(swapped, frames[:, None, _MIRROR], frames[:, None])
        toll = np.where(_TOLL_M > 0, _TOLL_M + _TOLL_SPEED * intervals[steps, None, None], 0.0)
        fresh = 1 - np.exp(-intervals[steps, None] / _MEMORY_S)[..., None]
        for step in range(len(labelled)):
            away = labelled[step] - memory[:, None]
            movement = np.sqrt(np.add.reduce(away * away, axis=-1)) @ _PART_MEAN
            arrival = total[:, None] + movement.sum(axis=-1) + toll[step] + doubt
            origin = origins[steps.start + step] = arrival.argmin(axis=0)
            memory = memory[origin] + fresh[step] * (labelled[step] - memory[origin])
            total = arrival.min(axis=0)
    return _traced(int(total.argmin()), origins)


def _traced(last: int, origins: NDArray[np.int8]) -> NDArray[np.intp]:
    path = np.full(len(origins) + 1, last, dtype=np.intp)
    for step in range(len(origins) - 1, -1, -1):
        path[step] = origins[step, path[step + 1]]
    return path


def _part_of_landmark() -> NDArray[np.intp]:
    """(33,) column of `_HYPOTHESES` for every landmark."""
    return np.array([0 if name.endswith(_LEGS) else 1 if name.endswith(_ARMS) else 2 for name in LANDMARKS])


def _part_mean() -> FloatArray:
    """(33, 3) weights that average over the landmarks of legs, arms and trunk."""
    weights = np.zeros((len(LANDMARKS), 3))
    for part, joints in enumerate((_LEGS, _ARMS, _TRUNK)):
        weights[[name.endswith(joints) for name in LANDMARKS], part] = 0.5 / len(joints)
    return weights


_PART_MEAN: Final = _part_mean()
_MIRROR: Final = [LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]
_MEMORY_S: Final = np.where(_part_of_landmark() == 2, 0.1, 0.02)
"""(33,) seconds: time constants of the short-term mean. A trunk turns slowly, an ankle swings at 4 m/s."""
