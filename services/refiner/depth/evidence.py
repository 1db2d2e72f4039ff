"""Evidence of the direction of gravity, and its combination where the focal length is known or is not.

A slope is (x, z) of the direction of up (x, -1, z) in the camera's axes (x right, y down, z away), so that small angles
add up: x is the camera's roll, z its pitch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.options import FOCAL_LENGTH

UNKNOWN_FOCAL: Final = np.linspace(0.6, 0.95, 8)
"""Focal lengths over the image's longer side, equally likely a priori where unknown: phones' main cameras, whose video
is cropped by stabilisation, and wide ones."""

_LEVEL_DEG: Final = 20.0
"""Prior standard deviation of a camera's tilt; the estimate is shrunk towards level with it."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A slope (2,) and its covariance (2, 2) in degrees², at the assumed focal length.

    At `ratio` times that focal length, the forward slope is multiplied by `ratio` to the power of `scaling` (1 for the
    vanishing point of upright lines, -1 for the floor, whose horizon is the same while distances grow), and the ray to
    the hips, whose slope is `rise`, rotates the body with it.
    """

    slope: FloatArray
    covariance: FloatArray
    rise: float = 0.0
    scaling: int = 0

    def at(self, ratio: float) -> Self:
        """The same evidence at another focal length."""
        ahead = self.slope[1] * ratio**self.scaling + np.arctan(self.rise / ratio) - np.arctan(self.rise)
        return replace(self, slope=np.array([self.slope[0], ahead]))

    @property
    def sd_deg(self) -> FloatArray:
        """(2,) standard deviations."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


LEVEL: Final = Evidence(np.zeros(2), np.eye(2) * _LEVEL_DEG**2)


def ratios(*, focal_known: bool) -> FloatArray:
    """(K,) focal lengths to try, over the assumed one."""
    return np.ones(1) if focal_known else UNKNOWN_FOCAL / FOCAL_LENGTH


def estimate(evidence: Sequence[Evidence], *, focal_known: bool) -> tuple[FloatArray, FloatArray]:
    """Slope (2,) and standard deviations (2,) in degrees from all evidence, shrunk towards a level camera.

    Where the focal length is unknown: the mean over all usual ones, each weighted by how well the evidence agrees.
    """
    tried = [_combined([each.at(ratio) for each in (*evidence, LEVEL)]) for ratio in ratios(focal_known=focal_known)]
    means, variances, likelihoods = (np.array(values) for values in zip(*tried, strict=True))
    shares = (likelihoods + 1e-12)[:, None] / (likelihoods + 1e-12).sum()
    mean = (shares * means).sum(axis=0)
    variance = (shares * (variances + np.square(np.degrees(means - mean)))).sum(axis=0)
    return mean, np.sqrt(variance)


def _combined(evidence: Sequence[Evidence]) -> tuple[FloatArray, FloatArray, float]:
    """The mean slope (2,), weighted by certainty, its variance (2,) in degrees², and the likelihood."""
    weights = np.linalg.inv([each.covariance for each in evidence])
    slopes = np.array([each.slope for each in evidence])
    covariance = np.linalg.inv(weights.sum(axis=0))
    mean = covariance @ np.einsum("kij,kj->i", weights, slopes)
    off = np.degrees(slopes - mean)
    misfit = np.einsum("ki,kij,kj->", off, weights, off)
    return mean, np.diag(covariance), float(np.exp(-misfit / 2))
