"""The two marker augmentation networks of OpenCap, called as Pose2Sim 0.10.49 calls them.

Falisse, Uhlrich, Chaudhari, Hicks & Delp 2025, "Marker Data Enhancement for Markerless Motion Capture", IEEE Trans
Biomed Eng 72(6), doi:10.1109/TBME.2025.3530848. `models/augmenter.md` says where the files come from and what the
networks assume.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from shared.contracts import Subject
from shared.errors import InvalidMotion
from shared.inference import Network, session
from shared.models import shipped
from shared.motion import FloatArray
from shared.skeleton import LOWER_FEATURES, LOWER_RESPONSES, MARKER_INDEX, MARKERS, UPPER_FEATURES, UPPER_RESPONSES


class Half(NamedTuple):
    """One of the two networks: the stem of its files, its inputs and its outputs, in order."""

    stem: str
    features: tuple[str, ...]
    responses: tuple[str, ...]


HALVES: Final = (
    Half("augmenter_lower", LOWER_FEATURES, LOWER_RESPONSES),
    Half("augmenter_upper", UPPER_FEATURES, UPPER_RESPONSES),
)

MODEL_FILES: Final = tuple(f"{half.stem}{ending}" for half in HALVES for ending in (".onnx", "_mean.npy", "_std.npy"))


def predict(positions: FloatArray, subject: Subject) -> FloatArray:
    """(B, T, 43, 3) metres: the anatomical markers of each of B sequences of `MARKERS`, (B, T, 22, 3) metres, Y up.

    Nothing else is done here: no pre-roll, no turning, no filling. Each sequence starts from a state of zeros and each
    frame depends on the frames before it, so a NaN would spoil the rest of its sequence.

    Raises InvalidMotion where the shape is wrong or an input of the networks is not finite.
    """
    if positions.ndim != 4 or positions.shape[2:] != (len(MARKERS), 3):
        raise InvalidMotion(f"The augmenter takes shape (B, T, {len(MARKERS)}, 3), not {positions.shape}.")
    with ThreadPoolExecutor(len(HALVES)) as pool:  # ONNX Runtime lets go of the interpreter while it works
        answers = pool.map(lambda half: _predict_half(half, positions, subject), HALVES)
        return np.concatenate(list(answers), axis=2)


def _predict_half(half: Half, positions: FloatArray, subject: Subject) -> FloatArray:
    sequences, frames = positions.shape[:2]
    hip = positions[:, :, [MARKER_INDEX["Hip"]]]
    columns = [MARKER_INDEX[name] for name in half.features]
    inputs = np.empty((sequences, frames, 3 * len(columns) + 2))
    inputs[..., :-2] = ((positions[:, :, columns] - hip) / subject.height).reshape(sequences, frames, -1)
    inputs[..., -2:] = subject.height, subject.weight
    if not np.isfinite(inputs).all():
        raise InvalidMotion("The augmenter takes no missing values; fill them first.")
    network, mean, deviation = _load(half.stem)
    outputs = network.run(["output_0"], {"inputs": ((inputs - mean) / deviation).astype(np.float32)})[0]
    return outputs.reshape(sequences, frames, -1, 3).astype(np.float64) * subject.height + hip


@cache
def _load(stem: str) -> tuple[Network, FloatArray, FloatArray]:
    """One network, and the mean and standard deviation of its features in training, each (F,)."""
    mean, deviation = (np.load(shipped(f"{stem}_{what}.npy"), allow_pickle=False) for what in ("mean", "std"))
    return session(shipped(f"{stem}.onnx"), threads=1), mean, deviation
