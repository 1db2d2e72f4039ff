"""The two marker augmentation networks of OpenCap, called as Pose2Sim 0.10.49 calls them.

Falisse, Uhlrich, Chaudhari, Hicks & Delp 2025, "Marker Data Enhancement for Markerless Motion Capture", IEEE Trans
Biomed Eng 72(6), doi:10.1109/TBME.2025.3530848. `models/augmenter.md` states the files' origin and the networks'
assumptions.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from humanpose3d.options import Subject
from humanpose3d.skeleton import LOWER_FEATURES, LOWER_RESPONSES, MARKER_INDEX, MARKERS, UPPER_FEATURES, UPPER_RESPONSES
from shared.inference import Network, session
from shared.models import shipped


class Half(NamedTuple):
    """One of the two networks: stem of its file names, inputs and outputs, in order."""

    stem: str
    features: tuple[str, ...]
    responses: tuple[str, ...]


HALVES: Final = (
    Half("augmenter_lower", LOWER_FEATURES, LOWER_RESPONSES),
    Half("augmenter_upper", UPPER_FEATURES, UPPER_RESPONSES),
)

MODEL_FILES: Final = tuple(f"{half.stem}{ending}" for half in HALVES for ending in (".onnx", "_mean.npy", "_std.npy"))


class Augmenters:
    """Both networks on B sequences, block by block: each call continues where the previous one ended.

    The output is bit-identical however the sequence is divided into blocks.
    """

    def __init__(self, subject: Subject) -> None:
        self._halves = [_HalfAtWork(half, subject) for half in HALVES]

    def __call__(self, positions: FloatArray) -> FloatArray:
        """(B, T, 43, 3) metres: the anatomical markers of a block of `MARKERS`, (B, T, 22, 3) metres, Y up.

        There is no pre-roll, rotation or filling here. Each sequence starts from a state of zeros and each frame
        depends on the frames before it, so a NaN would invalidate the rest of its sequence.

        Raises InvalidMotion where the shape is wrong or an input of the networks is not finite.
        """
        if positions.ndim != 4 or positions.shape[2:] != (len(MARKERS), 3):
            raise InvalidMotion(f"The augmenter takes shape (B, T, {len(MARKERS)}, 3), not {positions.shape}.")
        # ONNX Runtime releases the GIL while it runs
        return np.concatenate(list(_threads().map(lambda half: half(positions), self._halves)), axis=2)


def predict(positions: FloatArray, subject: Subject) -> FloatArray:
    """The same for whole sequences."""
    return Augmenters(subject)(positions)


class _HalfAtWork:
    def __init__(self, half: Half, subject: Subject) -> None:
        self._network, self._mean, self._deviation = _load(half.stem)
        self._columns = [MARKER_INDEX[name] for name in half.features]
        self._subject = subject
        self._state: NDArray[np.float32] | None = None

    def __call__(self, positions: FloatArray) -> FloatArray:
        hip = positions[:, :, [MARKER_INDEX["Hip"]]]
        feed = {"inputs": self._features(positions, hip), "state": self._state}
        if self._state is None:
            _, shape = self._network.get_inputs()
            feed["state"] = np.zeros((shape.shape[0], len(positions), shape.shape[2]), dtype=np.float32)  # type: ignore[arg-type]  # these sizes are fixed
        outputs, self._state = self._network.run(["output_0", "next_state"], feed)  # type: ignore[arg-type]  # no None is left
        return outputs.reshape(*hip.shape[:2], -1, 3).astype(np.float64) * self._subject.height + hip

    def _features(self, positions: FloatArray, hip: FloatArray) -> NDArray[np.float32]:
        sequences, frames = positions.shape[:2]
        inputs = np.empty((sequences, frames, 3 * len(self._columns) + 2))
        inputs[..., :-2] = ((positions[:, :, self._columns] - hip) / self._subject.height).reshape(
            sequences, frames, -1
        )
        inputs[..., -2:] = self._subject.height, self._subject.weight
        if not np.isfinite(inputs).all():
            raise InvalidMotion("The augmenter takes no missing values; fill them first.")
        return ((inputs - self._mean) / self._deviation).astype(np.float32)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(HALVES), "augmenter")


@cache
def _load(stem: str) -> tuple[Network, FloatArray, FloatArray]:
    """One network, and the mean and standard deviation of its features in training, each (F,)."""
    mean, deviation = (np.load(shipped(f"{stem}_{what}.npy"), allow_pickle=False) for what in ("mean", "std"))
    return session(shipped(f"{stem}.onnx"), threads=1), mean, deviation
