"""Second-order Butterworth low-pass filter, run forward and backward: zero phase, fourth order in total.

Equivalent to `scipy.signal.sosfiltfilt`, whose import takes longer than all other imports of a run together.
"""

from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray

_BLOCK: Final = 64
"""Number of values filtered at once."""


def forth_and_back(values: FloatArray, cutoff: float, padding: int) -> FloatArray:
    """(T,) filtered in both directions; `cutoff` over frame rate is that of a single pass.

    `padding` values at either end, fewer than T, are reflected through the first and the last.
    """
    before = 2 * values[0] - values[padding:0:-1]
    after = 2 * values[-1] - values[-2 : -padding - 2 : -1]
    forth = _low_passed(np.concatenate((before, values, after)), cutoff)
    back = _low_passed(forth[::-1], cutoff)[::-1]
    return back[padding : padding + len(values)]


def _low_passed(values: FloatArray, cutoff: float) -> FloatArray:
    """(T,) through a second-order Butterworth filter in steady state at the first value."""
    warped = np.tan(np.pi * cutoff)  # bilinear transform
    scale = 1 / (1 + np.sqrt(2) * warped + warped**2)
    moved = np.concatenate(([0.0, 0.0], values - values[0]))
    mean = scale * warped**2 * (moved[2:] + 2 * moved[1:-1] + moved[:-2])
    first, second = 2 * (1 - warped**2) * scale, -(1 - np.sqrt(2) * warped + warped**2) * scale
    return np.asarray(values[0] + _recursion(mean, first, second))


def _recursion(given: FloatArray, first: float, second: float) -> FloatArray:
    """(T,) y[n] = given[n] + first · y[n-1] + second · y[n-2], from zeros.

    In blocks: each block's response to its input is one matrix product, and two values carry over to the next block.
    """
    response = np.zeros(_BLOCK + 2)  # impulse response, which scales with y[-1] and y[-2]
    response[2] = 1
    for n in range(3, len(response)):
        response[n] = first * response[n - 1] + second * response[n - 2]
    lag = np.arange(_BLOCK)[:, None] - np.arange(_BLOCK)
    blocks = np.pad(given, (0, -len(given) % _BLOCK)).reshape(-1, _BLOCK)
    own = blocks @ np.where(lag >= 0, response[2:][np.maximum(lag, 0)], 0.0).T
    after_last, after_one_before = first * response[2:] + second * response[1:-1], second * response[2:]
    last = one_before = 0.0
    for index in range(len(own)):
        own[index] += last * after_last + one_before * after_one_before
        one_before, last = own[index, -2:]
    return own.reshape(-1)[: len(given)]
