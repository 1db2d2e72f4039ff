"""Finds periods in which the detector swapped left and right, and corrects them where the evidence is clear.

To a pose network, front and back views look similar, and so do the two legs of a walker seen from the side. When its
labelling changes, left and right landmarks swap from one frame to the next, which is physically impossible. The
labelling of minimum cost over the whole clip is found by dynamic programming (Viterbi) over six hypotheses per frame:
the cost is movement between frames, plus the evidence of limb lengths and facing (`side_evidence`).

A period is corrected only where limb lengths and facing agree, or where it is short and jumps at both ends.
Continuity alone does not determine which side of a jump is labelled correctly: such periods are left as detected and
reported as doubtful, and so is every period whose correction would leave more frames with overlong limbs. Swaps that
begin and end while the limbs cross in the image, or last for the whole clip, are not detected.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from services.refiner.depth.side_evidence import excess_lengths, facing_agreement, overlong_share
from services.refiner.depth.smoothing import stretches
from services.refiner.vectors import length, pieces

_LEGS: Final = ("knee", "ankle", "heel", "foot_index")
_ARMS: Final = ("elbow", "wrist", "pinky", "index", "thumb")
_TRUNK: Final = ("shoulder", "hip")
_HYPOTHESES: Final = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=bool)
"""Rows: as detected, legs swapped, arms swapped, everything swapped, all but the legs, all but the arms. Columns: legs,
arms, trunk (with the face). Every hypothesis has its opposite: otherwise a period in which only the legs are right
within a swapped body would be explained by swapping all the rest of the clip."""

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
"""Cost of a change of hypothesis (rows and columns as in `_HYPOTHESES`): the movement, summed over the means of legs,
arms and trunk, that the change must save. Swapping limbs that cross between two frames saves a few centimetres.
With these values, no clip of 25 measured motions at 8–60 frames per second was changed under 3 and 5 cm of correlated
noise."""

_TOLL_SPEED: Final = 1.0
"""Increase of that cost with the time between frames, metres per second."""

_WHOLE_CLIP_M: Final = np.array([0.0, 0.25, 0.5, 1.0, 0.75, 0.5])
"""Cost of each hypothesis for the whole clip; a part of the clip costs its share. Of two equally continuous labellings,
the one that changes fewer frames is chosen."""

_EXCESS_PER_S: Final = 2.0
_FACING_M_PER_S: Final = 0.3
"""Weights relative to metres of movement: one second of a limb one metre too long, and of a trunk facing away from its
toes."""

_SHORT_S: Final = 0.5
_SHORT_ALONE_S: Final = 0.2
_SHORT_SHARE: Final = 0.2
"""A period that jumps at both ends, and is shorter than the first two in seconds (the second: only legs or arms) and
the third as a share of the clip, needs no other evidence, unless that share of the clip is doubtful. With these, no
clip of 152 rendered ones (train and validation) had more wrong labels after the correction than before."""

_ROOM: Final = 2
_SPARED_M: Final = 0.3
"""For only legs or arms: minimum distance to other such periods, in lengths of the period (among many, none shows which
labelling is right), and minimum jump at both ends together."""

_CLEAR_M: Final = 0.05
_CLEAR_M_PER_S: Final = 0.1
_OPPOSED_M_PER_S: Final = 0.2
"""Evidence from lengths and facing, in total and per second, from which a longer period is corrected; and per second
from which it prevents the correction of a short one."""


@dataclass(frozen=True)
class Swaps:
    """Landmarks whose sides are considered swapped.

    swapped   (T, 33) True where a landmark clearly has the opposite side's label.
    doubtful  (T,) True where labels may be swapped, but the evidence is not sufficient.
    """

    swapped: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]

    @property
    def frames(self) -> NDArray[np.bool_]:
        """(T,) whether anything is swapped in the frame."""
        return np.asarray(self.swapped.any(axis=1))


def find_swaps(landmarks: Landmarks) -> Swaps:
    """The labelling of least movement and best fit to the body, where the evidence is sufficient."""
    seen = np.flatnonzero(landmarks.detected)
    swapped = np.zeros(landmarks.visibility.shape, dtype=bool)
    doubtful = np.zeros(len(landmarks.times), dtype=bool)
    if len(seen) > 1:
        costs = _costs(landmarks, seen)
        path = _cheapest_path(landmarks.times, landmarks.world, seen, costs)
        sure = _supported(landmarks.times[seen], lambda frame: landmarks.world[seen[frame]], path, costs)
        swapped[seen] = _HYPOTHESES[np.where(sure, path, 0)][:, _part_of_landmark()]
        if _harms(landmarks.world, swapped):
            sure[:], swapped[:] = False, False
        doubtful[seen] = (path > 0) & ~sure
    return Swaps(swapped, doubtful)


def swap_sides(landmarks: Landmarks, swapped: NDArray[np.bool_]) -> Landmarks:
    """The landmarks, with left and right swapped where `swapped` (T, 33)."""
    if not swapped.any():
        return landmarks
    where = swapped[..., None]
    return replace(
        landmarks,
        pixels=np.where(where, landmarks.pixels[:, _MIRROR], landmarks.pixels),
        world=np.where(where, landmarks.world[:, _MIRROR], landmarks.world),
        visibility=np.where(swapped, landmarks.visibility[:, _MIRROR], landmarks.visibility),
    )


def _costs(landmarks: Landmarks, seen: NDArray[np.intp]) -> FloatArray:
    """(S, 6) metres: evidence of lengths and facing against each hypothesis in each frame with a person."""

    def world(frames: slice) -> FloatArray:
        release(landmarks.world)
        return np.asarray(landmarks.world[seen[frames]])

    shares = _shares(landmarks.times[seen])
    excess = excess_lengths(len(seen), world)
    agreement = np.concatenate([facing_agreement(world(piece)) for piece in pieces(len(seen))])
    costs = np.empty((len(seen), len(_HYPOTHESES)))
    for column, (legs, arms, trunk) in enumerate(_HYPOTHESES):
        apart = excess[:, 0, int(legs != trunk)] + excess[:, 1, int(arms != trunk)]
        away = np.maximum(agreement if trunk else -agreement, 0)
        costs[:, column] = shares * (_EXCESS_PER_S * apart + _FACING_M_PER_S * away)
    return costs


def _shares(times: FloatArray) -> FloatArray:
    """(S,) seconds that each frame represents."""
    return np.minimum(np.gradient(times), _LONGEST_FRAME_S)


def _supported(
    times: FloatArray, world: Callable[[int], FloatArray], path: NDArray[np.intp], costs: FloatArray
) -> NDArray[np.bool_]:
    """(S,) True in the periods of the path whose relabelling has enough evidence.

    times (S,) and the landmarks (33, 3) of a frame, world; costs (S, 6), all of the frames with a person.
    """
    supported, brief, shares = np.zeros(len(path), dtype=bool), np.zeros(len(path), dtype=bool), _shares(times)
    against = costs[:, 0] - costs[np.arange(len(path)), path]
    for run in stretches(path > 0):
        evidence, duration = against[run].sum(), times[run.stop - 1] - times[run.start]
        clear = run.stop - run.start < len(path) and evidence >= max(_CLEAR_M, _CLEAR_M_PER_S * duration)
        clear &= all(half.sum() >= 0 for half in np.array_split(against[run], 2))
        opposed = evidence < -min(_CLEAR_M, _OPPOSED_M_PER_S * shares[run].sum())
        supported[run] = clear
        brief[run] = not clear and not opposed and _is_brief(world, path, run, duration)
    left = (path > 0) & ~supported & ~brief
    return supported if left.mean() > _SHORT_SHARE else supported | brief


def _is_brief(world: Callable[[int], FloatArray], path: NDArray[np.intp], run: slice, duration: float) -> bool:
    """Whether a period is inside the clip, jumps at both ends and is short enough to be the wrong labelling."""
    if run.start == 0 or run.stop == len(path) or run.stop - run.start > _SHORT_SHARE * len(path):
        return False
    if _HYPOTHESES[path[run], 2].any():
        return duration <= _SHORT_S
    room = _ROOM * (run.stop - run.start)
    around = np.concatenate([path[max(run.start - room, 0) : run.start], path[run.stop : run.stop + room]])
    alone = duration <= _SHORT_ALONE_S and len(around) == 2 * room and not around.any()
    return alone and _spared(world, path, run.start) + _spared(world, path, run.stop) >= _SPARED_M


def _spared(world: Callable[[int], FloatArray], path: NDArray[np.intp], frame: int) -> float:
    """Metres of movement saved by the change of labels before a frame, summed over the limb means."""
    before, after = world(frame - 1), world(frame)
    changed = (_HYPOTHESES[path[frame - 1]] ^ _HYPOTHESES[path[frame]])[_part_of_landmark(), None]
    steps = length(after - before), length(np.where(changed, after[_MIRROR], after) - before)
    return float(((steps[0] - steps[1]) @ _PART_MEAN).sum())


def _harms(world: FloatArray, swapped: NDArray[np.bool_]) -> bool:
    """Whether more frames would have an overlong limb with these landmarks (T, 33) swapped than without."""
    if not swapped.any():
        return False

    def labelled(frames: slice) -> FloatArray:
        release(world)
        return world[frames]

    def relabelled(frames: slice) -> FloatArray:
        points = labelled(frames)
        return np.where(swapped[frames, :, None], points[:, _MIRROR], points)

    frames = len(world)
    return overlong_share(frames, relabelled) > overlong_share(frames, labelled)


def _cheapest_path(times: FloatArray, world: FloatArray, seen: NDArray[np.intp], costs: FloatArray) -> NDArray[np.intp]:
    """(S,) the hypothesis of every frame with a person on the path of least cost.

    Viterbi, where every survivor keeps a short-term mean of its landmarks (see `_MEMORY_S`), so that a frame or two of
    confusion between two labellings do not mask the change.
    """
    swapped = _HYPOTHESES[:, _part_of_landmark(), None]
    intervals = np.diff(times[seen])
    doubt = _WHOLE_CLIP_M / len(seen)
    origins = np.empty((len(intervals), len(_HYPOTHESES)), dtype=np.int8)
    total, memory = doubt + costs[0], np.where(swapped, world[seen[0], _MIRROR], world[seen[0]])
    for steps in pieces(len(intervals)):
        release(world)
        frames = world[seen[steps.start + 1 : steps.stop + 1]]
        labelled = np.where(swapped, frames[:, None, _MIRROR], frames[:, None])
        toll = np.where(_TOLL_M > 0, _TOLL_M + _TOLL_SPEED * intervals[steps, None, None], 0.0)
        fresh = 1 - np.exp(-intervals[steps, None] / _MEMORY_S)[..., None]
        for step in range(len(labelled)):
            away = labelled[step] - memory[:, None]
            movement = np.sqrt(np.add.reduce(away * away, axis=-1)) @ _PART_MEAN
            arrival = total[:, None] + movement.sum(axis=-1) + toll[step] + doubt + costs[steps.start + step + 1]
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
_LONGEST_FRAME_S: Final = 0.1
"""Maximum time that a frame represents, whatever the gap after it."""

_MIRROR: Final = [LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]
_MEMORY_S: Final = np.where(_part_of_landmark() == 2, 0.1, 0.02)
"""(33,) seconds: time constants of the short-term mean. A trunk turns slowly, an ankle swings at 4 m/s."""
