"""43 anatomical markers from 22, with their spread over perturbed copies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.augmenter.body import BodyFrame, fill, interpolate, training_times, turn
from services.augmenter.lstm import predict
from shared.contracts import Subject
from shared.motion import FloatArray, Markers
from shared.skeleton import RESPONSE_MARKERS

PRE_ROLL: Final = 40
"""Frames before the first, cut off again: the networks start from zeros and forget that within so many."""

PERTURBATION: Final = 0.001
"""Metres: standard deviation of the Gaussian noise on each coordinate of each copy."""

SEED: Final = 20250115
"""Copy k draws from `default_rng((SEED, k))`, so that it is the same whatever else is computed."""

_FADE: Final = 6.0
"""Frames in which the pre-roll's movement dies away, going back from the first frame."""

_FRAMES_PER_CALL: Final = 60_000
"""Copies are put into one call of the networks up to so many frames in all (some 600 MB)."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The 43 anatomical markers, in the world and at the input's times.

    positions  (T, 43, 3) metres.
    spread     (T, 43) metres: root mean square distance of the copies from their mean; 0 for a single copy.
    """

    positions: FloatArray
    spread: FloatArray


def augment(
    markers: Markers, frame: BodyFrame, subject: Subject, cycles: int, progress: Callable[[int], None]
) -> Augmentation:
    """Mean and spread of `cycles` copies of `MARKERS`, every gap bridged.

    Each copy carries its own noise of 1 mm and is turned its own share of a full circle before the networks, and back
    after them: the networks have no favoured heading, and what they make of one motion seen from several sides
    differs. A single copy is neither perturbed nor turned. `progress` is called with the copies done.
    """
    even = training_times(markers.times)
    body = fill(even, markers.times, frame.enter(markers.positions), subject.height)
    mean, spread = _mean_and_spread(body, subject, cycles, progress)
    return Augmentation(
        positions=frame.leave(interpolate(markers.times, even, mean)),
        spread=interpolate(markers.times, even, spread),
    )


def pre_rolled(body: FloatArray) -> FloatArray:
    """(PRE_ROLL + T, M, 3): the clip with its beginning reflected in front of it.

    Reflected in time and through the first position, so that the velocity carries over the join, and fading, so that
    the body stays near its first pose. (A reflection in time alone turns the velocity round at the first frame:
    the networks then do worse than with no pre-roll.)
    """
    back = np.arange(PRE_ROLL, 0, -1)
    period = max(1, 2 * (len(body) - 1))
    mirrored = body[np.minimum(back % period, -back % period)]
    first = _start(body)
    return np.concatenate((first - (mirrored - first) * np.exp(-back / _FADE)[:, None, None], body))


def _start(body: FloatArray) -> FloatArray:
    """(M, 3): the first position, off the line through the first 6 frames, as one frame's noise would be doubled."""
    few = body[:6]
    if len(few) < 3:
        return body[0]
    line: FloatArray = np.polynomial.polynomial.polyfit(np.arange(len(few)), few.reshape(len(few), -1), deg=1)
    return line[0].reshape(body.shape[1:])


def _mean_and_spread(
    body: FloatArray, subject: Subject, cycles: int, progress: Callable[[int], None]
) -> tuple[FloatArray, FloatArray]:
    """(N, 43, 3) and (N, 43): sums are kept relative to the first copy, so that no digits are lost."""
    lead = pre_rolled(body)
    at_once = max(1, _FRAMES_PER_CALL // len(lead))
    first = total = squares = np.zeros((len(body), len(RESPONSE_MARKERS), 3))
    for start in range(0, cycles, at_once):
        stop = min(start + at_once, cycles)
        answers = _answers(lead, subject, range(start, stop), cycles)
        first = answers[0] if start == 0 else first
        total = total + (answers - first).sum(axis=0)
        squares = squares + np.square(answers - first).sum(axis=0)
        progress(stop)
    mean = total / cycles
    variance = (squares / cycles - np.square(mean)).sum(axis=-1)
    return first + mean, np.sqrt(np.maximum(variance, 0))


def _answers(lead: FloatArray, subject: Subject, copies: range, cycles: int) -> FloatArray:
    """(B, N, 43, 3): what the networks say to these copies, pre-roll cut, turned back."""
    if cycles == 1:
        return predict(lead[None], subject)[:, PRE_ROLL:]
    angles = 2 * np.pi * np.array(copies)[:, None, None] / cycles
    noise = [np.random.default_rng((SEED, copy)).normal(0, PERTURBATION, lead.shape) for copy in copies]
    return turn(predict(turn(lead + np.stack(noise), angles), subject)[:, PRE_ROLL:], -angles)
