"""The frozen array types passed between stages.

Arrays are copied, made read-only and checked, so that a value can safely be shared between stages and threads; an array
whose memory is already read-only is used without a copy (`read_only`). A missing value is always NaN.
"""

import mmap
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.mapped import blocks
from humanpose3d.skeleton import JOINT_GROUPS, LANDMARKS

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Output of the detector: 33 body landmarks in every frame, in the camera frame.

    times       (T,) seconds, the frames' own container timestamps, strictly increasing.
    pixels      (T, 33, 2) pixels of the upright image, x right, y down.
    world       (T, 33, 3) metres, origin between the hips, axes of the camera: x right, y down, z away from it.
    visibility  (T, 33) in [0, 1]; 0 where no person was detected.
    image_size  (width, height) of the upright image, pixels.

    Frames in which no person was detected hold NaN in `pixels` and `world`.

    Raises InvalidMotion where a shape, the order of the times or the range of the visibility is wrong.
    """

    times: FloatArray
    pixels: FloatArray
    world: FloatArray
    visibility: FloatArray
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        _freeze(self, "pixels", self.pixels, (count, len(LANDMARKS), 2))
        _freeze(self, "world", self.world, (count, len(LANDMARKS), 3))
        _freeze(self, "visibility", self.visibility, (count, len(LANDMARKS)))
        if not np.all((self.visibility >= 0) & (self.visibility <= 1)):
            raise InvalidMotion("Visibility must be between 0 and 1 everywhere.")

    @property
    def detected(self) -> NDArray[np.bool_]:
        """(T,) whether a person was found in the frame."""
        found = [np.isfinite(block).all(axis=(1, 2)) for block in blocks(self.world)]
        return np.concatenate([np.zeros(0, dtype=bool), *found])


@dataclass(frozen=True, eq=False)
class Markers:
    """Named points of the body over time, in the world frame: right-handed, Y up, metres.

    times      (T,) seconds, strictly increasing.
    names      M marker names, each once.
    positions  (T, M, 3) metres; NaN where a marker is missing.

    Raises InvalidMotion where a shape, the order of the times or the names are wrong.
    """

    times: FloatArray
    names: tuple[str, ...]
    positions: FloatArray

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise InvalidMotion(f"Marker names must be unique; these appear twice: {', '.join(twice)}.")
        _freeze(self, "positions", self.positions, (count, len(self.names), 3))

    def position(self, name: str) -> FloatArray:
        """(T, 3) metres: one marker's trajectory. Raises InvalidMotion where there is no such marker."""
        return self.positions[:, self._column(name)]

    def select(self, names: tuple[str, ...]) -> Self:
        """The same motion with only these markers, in this order. Raises InvalidMotion where one is missing."""
        columns = [self._column(name) for name in names]
        if tuple(names) == self.names:
            return self
        return type(self)(self.times, names, read_only(self.positions[:, columns]))

    def _column(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise InvalidMotion(f"There is no marker {name!r} among: {', '.join(self.names)}.") from None


@dataclass(frozen=True, eq=False)
class _OfMarkers:
    """One value for each marker and time.

    times   (T,) seconds, strictly increasing.
    names   M marker names.
    values  (T, M) metres; NaN where unknown.

    Raises InvalidMotion where a shape or the order of the times is wrong.
    """

    times: FloatArray
    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        object.__setattr__(self, "names", tuple(self.names))
        _freeze(self, "values", self.values, (count, len(self.names)))


@dataclass(frozen=True, eq=False)
class MarkerSd(_OfMarkers):
    """Standard deviation of each marker along each axis, as stated by the depth refiner: `times`, `names`, `values`."""


@dataclass(frozen=True, eq=False)
class MarkerSpread(_OfMarkers):
    """Root mean square distance of the augmenter's perturbed copies from their mean: `times`, `names`, `values`."""


@dataclass(frozen=True, eq=False)
class JointAngles:
    """The 12 joint groups × 3 angles of `humanpose3d.skeleton.JOINT_GROUPS` over time.

    times   (T,) seconds, strictly increasing.
    values  (T, 12, 3) degrees; NaN where an angle could not be computed.

    Raises InvalidMotion where a shape or the order of the times is wrong.
    """

    times: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        _freeze(self, "values", self.values, (count, len(JOINT_GROUPS), 3))


@dataclass(frozen=True, eq=False)
class AngleSd:
    """Uncertainty of the joint angles: the standard deviation stated by the joint refiner.

    times   (T,) seconds, strictly increasing.
    values  (T, 12, 3) degrees, in the order of `JointAngles`; NaN where the angle is NaN.

    Raises InvalidMotion where a shape or the order of the times is wrong.
    """

    times: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        _freeze(self, "values", self.values, (count, len(JOINT_GROUPS), 3))


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """Rotation and zoom of a stationary camera relative to the first frame.

    times          (T,) seconds, strictly increasing.
    rotations      (T, 3, 3) transform directions from the camera's axes in that frame (x right, y down, z away from it)
                   to those of the first frame; the first is the identity.
    focal_lengths  (T,) as shares of the image's longer side: the first frame's, multiplied by the zoom.

    Raises InvalidMotion where a shape or the order of the times is wrong, or a focal length is not above zero.
    """

    times: FloatArray
    rotations: FloatArray
    focal_lengths: FloatArray

    def __post_init__(self) -> None:
        count = _freeze_times(self, self.times)
        _freeze(self, "rotations", self.rotations, (count, 3, 3))
        _freeze(self, "focal_lengths", self.focal_lengths, (count,))
        if not np.all(self.focal_lengths > 0):
            raise InvalidMotion("Focal lengths must be above zero.")


Motion = Landmarks | Markers | MarkerSd | MarkerSpread | JointAngles | AngleSd | CameraMotion


def read_only(array: FloatArray) -> FloatArray:
    """Make an array read-only, to be used without a copy; the caller must keep no writable view of it."""
    array.flags.writeable = False
    return array


def _frozen(values: ArrayLike) -> FloatArray:
    """As C-ordered float64, read-only; a copy unless the memory, or the view of a mapped file, is already read-only."""
    base: object = values
    while isinstance(base, np.ndarray) and not base.flags.writeable and base.base is not None:
        base = base.base
    immutable = isinstance(base, bytes | mmap.mmap) or (isinstance(base, np.ndarray) and not base.flags.writeable)
    ready = isinstance(values, np.ndarray) and values.dtype == np.float64 and values.flags.c_contiguous
    if immutable and isinstance(values, np.ndarray) and ready and values.flags.aligned:
        return values
    return read_only(np.array(values, dtype=np.float64, order="C"))


def _freeze_times(owner: object, times: ArrayLike) -> int:
    array = _frozen(times)
    if array.ndim != 1:
        raise InvalidMotion(f"Times must have shape (T,), not {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise InvalidMotion("Times must be finite numbers of seconds.")
    backwards = np.flatnonzero(np.diff(array) <= 0)
    if backwards.size:
        frame = int(backwards[0])
        raise InvalidMotion(
            f"Times must increase from frame to frame, but frame {frame + 1} is at {array[frame + 1]:.6f} s "
            f"after {array[frame]:.6f} s."
        )
    object.__setattr__(owner, "times", array)
    return int(array.size)


def _freeze(owner: object, field: str, values: ArrayLike, shape: tuple[int, ...]) -> None:
    array = _frozen(values)
    if array.shape != shape:
        kind = type(owner).__name__
        raise InvalidMotion(f"{kind}.{field} must have shape {shape}, not {array.shape}.")
    object.__setattr__(owner, field, array)
