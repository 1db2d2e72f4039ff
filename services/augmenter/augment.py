"""Computes 43 anatomical markers from 22, with their spread over perturbed copies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.mapped import release
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import Subject
from humanpose3d.skeleton import MARKER_INDEX, MARKERS, RESPONSE_MARKERS, mirrored
from services.augmenter.body import BodyFrame, WholeBody, interpolate, training_times, turn
from services.augmenter.lstm import Augmenters
from shared.stage import Progress

PRE_ROLL: Final = 40
"""Frames prepended and later removed: the networks start from zeros and forget that within this number of frames."""

PERTURBATION: Final = 0.001
"""Metres: standard deviation of the Gaussian noise on each coordinate of each copy."""

SEED: Final = 20250115
"""Copy k of the block from frame f draws from `default_rng((SEED, f, k))`, independent of what else is computed."""

_FADE: Final = 6.0
"""Frames in which the pre-roll's movement decays, backwards from the first frame."""

_OTHER_SIDE: Final = [MARKER_INDEX[mirrored(name)] for name in MARKERS]
_OTHER_SIDE_RESPONSES: Final = [RESPONSE_MARKERS.index(mirrored(name)) for name in RESPONSE_MARKERS]
_FLIP: Final = np.array((1.0, 1.0, -1.0))

_STRETCH: Final = 3000
"""Frames (50 s) per independent noise sequence."""

_FRAMES_PER_CALL: Final = 2000
"""Frames per call, all copies together: enough for full speed, few enough for the processor's cache."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The 43 anatomical markers, in the world frame at the input's times.

    positions  (T, 43, 3) metres.
    spread     (T, 43) metres: root mean square distance of the copies from their mean; 0 for a single copy.
    """

    positions: FloatArray
    spread: FloatArray


def augment(markers: Markers, frame: BodyFrame, subject: Subject, cycles: int, progress: Progress) -> Augmentation:
    """Mean and spread of `cycles` copies of `MARKERS`, with every gap bridged.

    Each copy has its own noise of 1 mm and its own heading: pairs of copies are rotated evenly around the circle, and
    the second of each pair is mirrored. No heading or side is better, but the outputs differ by about 6 mm; their mean
    is nearer to laboratory markers, moves more like rigid segments and treats left and right alike
    (`models/augmenter.md`). A single copy is neither rotated nor perturbed.
    """
    frames = len(markers.times)
    result = Augmentation(np.empty((frames, len(RESPONSE_MARKERS), 3)), np.empty((frames, len(RESPONSE_MARKERS))))
    augment_into(result, markers, frame, subject, cycles, progress)
    return result


def augment_into(
    result: Augmentation, markers: Markers, frame: BodyFrame, subject: Subject, cycles: int, progress: Progress
) -> None:
    """The same, written into the arrays of `result` in blocks, so that no other memory grows with the recording."""
    body = WholeBody.of(markers, frame, subject.height)
    even, times = training_times(markers.times), markers.times
    done, held = 0, np.empty((0, len(RESPONSE_MARKERS), 4))
    for start, answer in _answers(body, even, subject, cycles):
        held = np.concatenate((held[-1:], answer))  # the last frame is interpolated towards the next block
        stop = start + len(answer)
        ready = slice(done, len(times) if stop == len(even) else int(np.searchsorted(times, even[stop - 1])))
        there = interpolate(times[ready], even[stop - len(held) : stop], held)
        result.positions[ready] = frame.part(ready).leave(there[..., :3])
        result.spread[ready] = there[..., 3]
        release(result.positions, markers.positions)
        done = ready.stop
        progress(done, len(times))


def _answers(body: WholeBody, even: FloatArray, subject: Subject, cycles: int) -> Iterator[tuple[int, FloatArray]]:
    """First frame and (n, 43, 4) mean and spread of the copies for each block, in the body frame, at even times."""
    networks = Augmenters(subject)
    at_once = max(1, _FRAMES_PER_CALL // cycles)
    for start in range(0, len(even), _STRETCH):
        stretch = body.at(even[start : start + _STRETCH])
        lead = 0 if start else PRE_ROLL
        if lead:
            stretch = pre_rolled(stretch)
        noise = [np.random.default_rng((SEED, start, copy)) for copy in range(cycles)]
        for first in range(0, len(stretch), at_once):
            answer = _answer(stretch[first : first + at_once], noise, networks)[max(0, lead - first) :]
            if len(answer):
                yield start + max(first - lead, 0), answer


def _answer(piece: FloatArray, noise: Sequence[np.random.Generator], networks: Augmenters) -> FloatArray:
    """(n, 43, 4) mean and spread of all copies of a block (n, 22, 3)."""
    if len(noise) == 1:
        return np.concatenate([networks(piece[None])[0], np.zeros((len(piece), len(RESPONSE_MARKERS), 1))], axis=-1)
    perturbed = np.stack([generator.normal(0, PERTURBATION, piece.shape) for generator in noise])
    perturbed += piece
    return _mean_and_spread(_from_all_sides(perturbed, networks))


def pre_rolled(body: FloatArray) -> FloatArray:
    """(PRE_ROLL + T, M, 3): the clip, preceded by its reflected beginning.

    Reflected in time and through the first position, so that velocity is continuous at the join, and decaying, so that
    the body stays near its first pose. A reflection in time alone would reverse the velocity at the first frame.
    """
    back = np.arange(PRE_ROLL, 0, -1)
    period = max(1, 2 * (len(body) - 1))
    reflected = body[np.minimum(back % period, -back % period)]
    first = _start(body)
    return np.concatenate((first - (reflected - first) * np.exp(-back / _FADE)[:, None, None], body))


def _start(body: FloatArray) -> FloatArray:
    """(M, 3): the first position, from a line fit to the first 6 frames: reflection doubles a single frame's noise."""
    few = body[:6]
    weights = np.linalg.pinv(np.vander(np.arange(len(few)), 2))[1]
    return np.asarray(np.tensordot(weights, few, axes=1), dtype=np.float64)


def _from_all_sides(perturbed: FloatArray, networks: Augmenters) -> FloatArray:
    """(B, T, 43, 3): the networks' outputs for B copies (B, T, 22, 3), which are rotated, the odd ones mirrored."""
    copies = np.arange(len(perturbed))
    angles = 2 * np.pi * (copies // 2)[:, None, None] / ((len(copies) + 1) // 2)
    perturbed[1::2] = perturbed[1::2][:, :, _OTHER_SIDE] * _FLIP
    answers = turn(networks(turn(perturbed, angles)), -angles)
    answers[1::2] = answers[1::2][:, :, _OTHER_SIDE_RESPONSES] * _FLIP
    return answers


def _mean_and_spread(copies: FloatArray) -> FloatArray:
    """(n, 43, 4): mean and spread of the copies (B, n, 43, 3)."""
    first = copies[0].copy()  # sums are relative to one copy to keep precision
    copies -= first
    mean = copies.sum(axis=0) / len(copies)
    np.square(copies, out=copies)
    variance = (copies.sum(axis=0) / len(copies) - np.square(mean)).sum(axis=-1, keepdims=True)
    return np.concatenate((first + mean, np.sqrt(np.maximum(variance, 0))), axis=-1)
