"""Loss of the joint refiner: wrapped angle errors and their uncertainty."""

import math
from typing import Final

import torch
from torch import Tensor

from humanpose3d.skeleton import JOINT_GROUP_INDEX
from training.joints.model import Estimate, Seen

_SOFT: Final = 2.0
"""Degrees below which an error counts quadratically: about the uncertainty of the true angles' definition."""

_SHOULDERS: Final = [JOINT_GROUP_INDEX["shoulder_r"], JOINT_GROUP_INDEX["shoulder_l"]]
_SPREAD_WEIGHT: Final = 0.2


def losses(estimate: Estimate, seen: Seen, truth: Tensor, typical: Tensor) -> dict[str, Tensor]:
    """Every term of the loss by name; `total` is their weighted sum. `typical` (12, 3) degrees: of the raw errors.

    The error itself counts, not its square: where left and right were confused, an angle is off by 100° and nothing
    can be learnt from it. In units of what is typical for its angle, so that a shoulder's turns do not outweigh the
    knees' few degrees.
    """
    known = ~(seen.angles.isnan() | truth.isnan())
    weight = weights(torch.where(known, truth, 0.0)) * known
    off = wrapped(torch.where(known, seen.angles + estimate.correction - truth, 0.0))
    robust = ((off / _SOFT).square() + 1).sqrt() * _SOFT - _SOFT
    terms = {
        "angle": _mean(robust / typical, weight),
        "spread": _mean(_likelihood(estimate.spread, off.detach()), weight),
    }
    terms["total"] = terms["angle"] + _SPREAD_WEIGHT * terms["spread"]
    return terms


def wrapped(degrees: Tensor) -> Tensor:
    """The angle wrapped to ±180°. Its gradient is that of the angle."""
    return degrees - 360 * torch.round(degrees.detach() / 360)


def weights(truth: Tensor) -> Tensor:
    """(..., 12, 3) from 1 to 0: how well an angle is defined where the true posture is near a singular one.

    First and third angle of a Z–X–Y or Y–X–Z sequence are magnified by 1 / cos of the second, the shoulder's plane of
    elevation by 1 / sin of the elevation: times that, their errors are those of the bone's direction again. The
    shoulder's torsion is lost overhead alone.
    """
    middle = torch.deg2rad(truth[..., 1])
    out = torch.ones_like(truth)
    out[..., 0] = out[..., 2] = middle.cos().abs()
    raised = middle[..., _SHOULDERS]
    out[..., _SHOULDERS, 0] = raised.sin().abs()
    out[..., _SHOULDERS, 2] = (1 + raised.cos()) / 2
    return out


def _likelihood(spread: Tensor, off: Tensor) -> Tensor:
    """Negative log-likelihood of the errors; it trains the standard deviations alone, not the angles.

    Of a Laplace distribution with this standard deviation, whose tails are those of a detector that errs by a few
    degrees mostly and by a hundred sometimes.
    """
    return math.sqrt(2) * off.abs() / spread + spread.log()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
