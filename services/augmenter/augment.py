"""43 anatomical markers from 22, with their spread over perturbed copies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.augmenter.body import BodyFrame, fill, interpolate, training_times, turn
from services.augmenter.lstm import predict
from shared.contracts import Subject
from shared.motion import FloatArray, Markers
from shared.skeleton import MARKER_INDEX, MARKERS, RESPONSE_MARKERS, mirrored
from shared.stage import Progress

PRE_ROLL: Final = 40
"""Frames before the first, cut off again: the networks start from zeros and forget that within so many."""

PERTURBATION: Final = 0.001
"""Metres: standard deviation of the Gaussian noise on each coordinate of each copy."""

SEED: Final = 20250115
"""Copy k of the window from frame f draws from `default_rng((SEED, f, k))`: the same whatever else is computed."""

_FADE: Final = 6.0
"""Frames in which the pre-roll's movement dies away, going back from the first frame."""

_OTHER_SIDE: Final = [MARKER_INDEX[mirrored(name)] for name in MARKERS]
_OTHER_SIDE_RESPONSES: Final = [RESPONSE_MARKERS.index(mirrored(name)) for name in RESPONSE_MARKERS]
_FLIP: Final = np.array((1.0, 1.0, -1.0))

_WINDOW: Final = 3000
"""Frames (50 s) that are worked on at once, so that memory does not grow with the length of the video."""

_HISTORY: Final = 600
"""Frames (10 s) in front of a later window: its markers then lie within 0.05 mm of those of an unbroken clip."""

_FRAMES_PER_CALL: Final = 20 * (_WINDOW + _HISTORY)
"""Copies go into one call of the networks up to so many frames in all (some 700 MB)."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The 43 anatomical markers, in the world and at the input's times.

    positions  (T, 43, 3) metres.
    spread     (T, 43) metres: root mean square distance of the copies from their mean; 0 for a single copy.
    """

    positions: FloatArray
    spread: FloatArray


def augment(markers: Markers, frame: BodyFrame, subject: Subject, cycles: int, progress: Progress) -> Augmentation:
    """Mean and spread of `cycles` copies of `MARKERS`, every gap bridged.

    Each copy carries its own noise of 1 mm and is shown to the networks from its own side: two and two are turned
    their share of a full circle, and of each two the second is mirrored. The networks favour no heading and no side,
    but their answers lie some 6 mm apart; the mean of all is nearer to laboratory markers, moves more like rigid
    segments and treats left and right alike (`models/augmenter.md`). A single copy is left as it is.
    """
    even = training_times(markers.times)
    body = fill(even, markers.times, frame.enter(markers.positions), subject.height)
    lead = pre_rolled(body)
    total = len(markers.times)
    windows = [
        _mean_and_spread(_copies(lead, start, subject, cycles, lambda done: progress(total * done // len(even), total)))
        for start in range(0, len(even), _WINDOW)
    ]
    mean, spread = (np.concatenate(parts) for parts in zip(*windows, strict=True))
    return Augmentation(
        positions=frame.leave(interpolate(markers.times, even, mean)),
        spread=interpolate(markers.times, even, spread),
    )


def pre_rolled(body: FloatArray) -> FloatArray:
    """(PRE_ROLL + T, M, 3): the clip with its beginning reflected in front of it.

    Reflected in time and through the first position, so that the velocity carries over the join, and fading, so that
    the body stays near its first pose. A reflection in time alone would turn the velocity round at the first frame.
    """
    back = np.arange(PRE_ROLL, 0, -1)
    period = max(1, 2 * (len(body) - 1))
    reflected = body[np.minimum(back % period, -back % period)]
    first = _start(body)
    return np.concatenate((first - (reflected - first) * np.exp(-back / _FADE)[:, None, None], body))


def _start(body: FloatArray) -> FloatArray:
    """(M, 3): the first position, off the line through the first 6 frames, as one frame's noise would be doubled."""
    few = body[:6]
    weights = np.linalg.pinv(np.vander(np.arange(len(few)), 2))[1]
    return np.asarray(np.tensordot(weights, few, axes=1), dtype=np.float64)


def _copies(
    lead: FloatArray, start: int, subject: Subject, cycles: int, progress: Callable[[int], None]
) -> Iterator[FloatArray]:
    """The window from frame `start`, in parts of (B, n, 43, 3): as many copies as go into one call of the networks."""
    window = lead[max(0, PRE_ROLL + start - _HISTORY) : PRE_ROLL + start + _WINDOW]
    new = min(_WINDOW, len(lead) - PRE_ROLL - start)
    at_once = max(1, _FRAMES_PER_CALL // len(window))
    for first in range(0, cycles, at_once):
        copies = range(first, min(first + at_once, cycles))
        if cycles == 1:
            yield predict(window[None], subject)[:, -new:]
        else:
            noise = [np.random.default_rng((SEED, start, k)).normal(0, PERTURBATION, window.shape) for k in copies]
            yield _from_all_sides(window + np.stack(noise), np.array(copies), cycles, subject)[:, -new:]
        progress(start + new * copies.stop // cycles)


def _from_all_sides(perturbed: FloatArray, copies: NDArray[np.int_], cycles: int, subject: Subject) -> FloatArray:
    """(B, T, 43, 3): the networks' answers to copies (B, T, 22, 3) that are turned, the odd ones mirrored."""
    angles = 2 * np.pi * (copies // 2)[:, None, None] / ((cycles + 1) // 2)
    odd = copies % 2 == 1
    shown = perturbed.copy()
    shown[odd] = perturbed[odd][:, :, _OTHER_SIDE] * _FLIP
    answers = turn(predict(turn(shown, angles), subject), -angles)
    answers[odd] = answers[odd][:, :, _OTHER_SIDE_RESPONSES] * _FLIP
    return answers


def _mean_and_spread(parts: Iterator[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """(n, 43, 3) and (n, 43) over all copies, which come in parts."""
    earliest = next(parts)
    first, count = earliest[0], 0  # the sums are relative to one copy, so that no digits are lost
    total, squares = np.zeros_like(first), np.zeros_like(first)
    for part in chain((earliest,), parts):
        count += len(part)
        total += (part - first).sum(axis=0)
        squares += np.square(part - first).sum(axis=0)
    mean = total / count
    variance = (squares / count - np.square(mean)).sum(axis=-1)
    return first + mean, np.sqrt(np.maximum(variance, 0))
