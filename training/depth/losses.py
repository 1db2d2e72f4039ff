"""Loss of the depth refiner: positions, bones, motion, angles, gravity and uncertainty."""

from typing import Final

import torch
from torch import Tensor

from humanpose3d.skeleton import MARKER_INDEX, SEGMENTS, mirrored
from training.depth.model import Estimate
from training.depth.windows import Truth

WEIGHTS: Final = {
    "place": 1.0,
    "depth": 0.5,
    "bone": 1.0,
    "symmetry": 0.1,
    "motion": 0.3,
    "angle": 2.0,
    "direction": 3.0,
    "gravity": 3.0,
    "spread": 0.02,
}
"""Weight of each term; lengths in units of 10 cm, angles in radians."""

_BONES: Final = torch.tensor([[MARKER_INDEX[a], MARKER_INDEX[b]] for a, b in SEGMENTS])
_RIGHT: Final = [index for index, (_, end) in enumerate(SEGMENTS) if end.startswith("R")]
_LEFT: Final = [SEGMENTS.index((mirrored(SEGMENTS[i][0]), mirrored(SEGMENTS[i][1]))) for i in _RIGHT]
_HINGES: Final = torch.tensor(
    [
        [MARKER_INDEX[f"{side}{name}"] for name in chain]
        for side in "RL"
        for chain in (("Hip", "Knee", "Ankle"), ("Shoulder", "Elbow", "Wrist"), ("Knee", "Ankle", "BigToe"))
    ]
    + [[MARKER_INDEX[name] for name in chain] for chain in (("Neck", "RHip", "RKnee"), ("Neck", "LHip", "LKnee"))]
)
"""Triples whose angle at the middle one is compared: knees, elbows, ankles, hips."""

_DIRECTIONS: Final = torch.tensor(
    [
        [MARKER_INDEX[f"{side}{name}"] for name in ends]
        for side in "RL"
        for ends in (("Hip", "Knee"), ("Knee", "Ankle"), ("Heel", "BigToe"), ("Shoulder", "Elbow"), ("Elbow", "Wrist"))
    ]
    + [
        [MARKER_INDEX[name] for name in ends]
        for ends in (("RHip", "LHip"), ("RShoulder", "LShoulder"), ("Hip", "Neck"))
    ]
)
"""Thighs, shanks, feet, upper arms, forearms, and the axes of pelvis, shoulders and trunk: where each points."""


def losses(estimate: Estimate, truth: Truth) -> dict[str, Tensor]:
    """Every term of the loss by name; `total` is their weighted sum."""
    off = (estimate.markers - truth.markers) * 10
    distance = (off.square().sum(-1) + 1e-4).sqrt()
    got, wanted = _bones(estimate.markers), _bones(truth.markers)
    terms = {
        "place": distance.mean(),
        "depth": off[..., 2].abs().mean(),
        "bone": (got - wanted).abs().mean() * 10,
        "symmetry": (got[..., _RIGHT] - got[..., _LEFT]).abs().mean() * 10,
        "motion": torch.diff(off, dim=1).abs().mean() * 3,
        "direction": (_directions(estimate.markers) - _directions(truth.markers))
        .square()
        .sum(-1)
        .add(1e-4)
        .sqrt()
        .mean(),
        "angle": (flexions(estimate.markers) - flexions(truth.markers)).abs().mean(),
        "gravity": (estimate.tilt - truth.tilt).abs().mean(),
        "spread": _likelihood(estimate, truth),
    }
    terms["total"] = torch.stack([weight * terms[name] for name, weight in WEIGHTS.items()]).sum()
    return terms


def flexions(markers: Tensor) -> Tensor:
    """(..., 8) radians between the two bones that meet at each hinge, 0 where they are in line."""
    first, middle, last = (markers[..., _HINGES[:, i], :] for i in range(3))
    one, other = middle - first, last - middle
    sine = torch.linalg.cross(one, other).square().sum(-1).clamp(min=1e-8).sqrt()
    return torch.atan2(sine, (one * other).sum(-1))


def _directions(markers: Tensor) -> Tensor:
    """(..., 13, 3) unit vectors along the segments."""
    span = markers[..., _DIRECTIONS[:, 1], :] - markers[..., _DIRECTIONS[:, 0], :]
    return span / (span.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def _bones(markers: Tensor) -> Tensor:
    """(..., bones) metres."""
    span = markers[..., _BONES[:, 1], :] - markers[..., _BONES[:, 0], :]
    return (span.square().sum(-1) + 1e-8).sqrt()


def _likelihood(estimate: Estimate, truth: Truth) -> Tensor:
    """Negative log-likelihood of the true positions and tilt; trains only the standard deviations."""
    off = (estimate.markers.detach() - truth.markers) / estimate.spread[..., None]
    places = (0.5 * off.square().sum(-1) + 3 * estimate.spread.log()).mean()
    turn = (estimate.tilt.detach() - truth.tilt) / estimate.tilt_spread
    return places + (0.5 * turn.square() + estimate.tilt_spread.log()).mean()
