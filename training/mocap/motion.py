"""The type that every motion capture reader returns."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray

_SIDED: Final = ("clavicle", "humerus", "forearm", "hand", "femur", "tibia", "foot", "toes")
BONES: Final = (
    *("pelvis", "lumbar", "spine", "thorax", "neck", "head"),
    *(f"{bone}_l" for bone in _SIDED),
    *(f"{bone}_r" for bone in _SIDED),
)
"""The bones a motion reports, from the pelvis outward."""

BONE_INDEX: Final = {name: index for index, name in enumerate(BONES)}

LEAD_OF_SIDE: Final = {"l": 1.0, "r": -1.0}
"""Sign of x on each side: x points to the left of the body."""


@dataclass(frozen=True, eq=False)
class RestPose:
    """How the bones of a skeleton lie when all its rotations are the identity: standing upright, facing +z.

    directions  bone -> (3,) unit vector along it, from its proximal end.
    seconds     bone -> (3,) unit vector that fixes its roll: for humerus and forearm the axis of elbow flexion
                (a positive turn flexes), for the hand the side of the thumb.
    """

    directions: dict[str, FloatArray]
    seconds: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class BoneMotion:
    """A moving skeleton. Metres, x to the body's left at rest, y up, z forward; right-handed.

    name       its name in manifests: subject and trial.
    times      (T,) seconds, strictly increasing.
    rotations  (T, B, 3, 3) global rotation of each of BONES, relative to the rest pose.
    origins    (T, B, 3) metres: the proximal end of each bone (of the pelvis: midway between the hip joints).
    rest       the skeleton's rest pose.
    """

    name: str
    times: FloatArray
    rotations: FloatArray
    origins: FloatArray
    rest: RestPose

    def __post_init__(self) -> None:
        shape = (len(self.times), len(BONES), 3)
        if self.rotations.shape != (*shape, 3) or self.origins.shape != shape:
            raise InvalidMotion(
                f"Bones of {self.name} must have rotations {(*shape, 3)} and origins {shape}, "
                f"not {self.rotations.shape} and {self.origins.shape}."
            )

    @property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        return float(self.times[-1] - self.times[0])

    def at(self, times: FloatArray) -> Self:
        """The motion at other times within its own, rotations by spherical interpolation."""
        inside = np.clip(times, self.times[0], self.times[-1])
        keep = slice(*_window(self.times, inside))
        own = self.times[keep]
        columns = [
            Slerp(own, Rotation.from_matrix(self.rotations[keep, bone]))(inside).as_matrix()
            for bone in range(len(BONES))
        ]
        flat = self.origins[keep].reshape(len(own), -1)
        origins = np.stack([np.interp(inside, own, column) for column in flat.T], axis=1)
        return replace(
            self, times=times, rotations=np.stack(columns, axis=1), origins=origins.reshape(-1, len(BONES), 3)
        )

    def flexion(self, upper: str, lower: str) -> FloatArray:
        """(T,) degrees between two neighbouring bones, 0 where they are in line."""
        one, other = (self.rotations[:, BONE_INDEX[bone]] @ self.rest.directions[bone] for bone in (upper, lower))
        return np.asarray(np.degrees(np.arccos(np.clip((one * other).sum(axis=1), -1, 1))))

    def leg_length(self) -> float:
        """Metres from hip to knee to ankle, mean of both sides."""
        lengths = [
            np.linalg.norm(self._origin(low) - self._origin(high), axis=1).mean()
            for side in "lr"
            for high, low in ((f"femur_{side}", f"tibia_{side}"), (f"tibia_{side}", f"foot_{side}"))
        ]
        return float(np.sum(lengths) / 2)

    def _origin(self, bone: str) -> FloatArray:
        return self.origins[:, BONE_INDEX[bone]]


def mirrored(motion: BoneMotion) -> BoneMotion:
    """The same motion seen in a mirror: left and right swapped."""
    swap = [BONE_INDEX[_other_side(bone)] for bone in BONES]
    flip = np.array([-1.0, 1.0, 1.0])
    rest = RestPose(
        {bone: motion.rest.directions[_other_side(bone)] * flip for bone in motion.rest.directions},
        {bone: _mirrored_second(motion.rest, bone) for bone in motion.rest.seconds},
    )
    return replace(
        motion,
        rotations=motion.rotations[:, swap] * flip[:, None] * flip,
        origins=motion.origins[:, swap] * flip,
        rest=rest,
    )


def _mirrored_second(rest: RestPose, bone: str) -> FloatArray:
    """An axis of rotation is a pseudovector: mirrored, it keeps its x and turns its y and z."""
    flip = np.array([-1.0, 1.0, 1.0])
    return np.asarray(rest.seconds[_other_side(bone)] * (flip if bone.startswith("hand") else -flip))


def _other_side(bone: str) -> str:
    return bone[:-1] + {"l": "r", "r": "l"}[bone[-1]] if bone.endswith(("_l", "_r")) else bone


def _window(times: FloatArray, wanted: FloatArray) -> tuple[int, int]:
    """First and one past the last own frame needed to interpolate at the wanted times; at least two frames."""
    first = int(np.searchsorted(times, wanted.min(), side="right")) - 1
    last = int(np.searchsorted(times, wanted.max(), side="left")) + 1
    first = min(max(first, 0), len(times) - 2)
    return first, min(max(last, first + 2), len(times))
