"""Mirroring, and the refiner that averages its answers to the input and to its mirror image."""

from typing import Final

import torch
from torch import Tensor, nn

from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, LANDMARKS, MARKERS, RESPONSE_MARKERS, mirrored
from training.joints.model import Estimate, JointRefiner, Seen

_GROUPS: Final = [JOINT_GROUP_INDEX[mirrored(group.name)] for group in JOINT_GROUPS]
_LANDMARKS: Final = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]
_MARKERS: Final = [MARKERS.index(mirrored(name)) for name in MARKERS]
_RESPONSES: Final = [RESPONSE_MARKERS.index(mirrored(name)) for name in RESPONSE_MARKERS]

_SIGNS: Final = [[1.0, -1.0, -1.0] if group.name in ("pelvis", "trunk") else [1.0, 1.0, 1.0] for group in JOINT_GROUPS]
"""The joints' angles mean the same on both sides; pelvis and trunk lean and turn the other way in a mirror."""

_FACING: Final = [[0.0, 0.0, 180.0 if group.name == "pelvis" else 0.0] for group in JOINT_GROUPS]
"""Pelvis rotation is measured from the world's x axis, which mirroring reverses."""


def mirrored_changes(degrees: Tensor) -> Tensor:
    """Differences of angles (..., 12, 3) in the mirror, each under the name of its other side."""
    return degrees[..., _GROUPS, :] * torch.tensor(_SIGNS, dtype=degrees.dtype, device=degrees.device)


def mirrored_angles(degrees: Tensor) -> Tensor:
    """Angles (..., 12, 3) in the mirror, each under the name of its other side."""
    return mirrored_changes(degrees) + torch.tensor(_FACING, dtype=degrees.dtype, device=degrees.device)


def mirrored_seen(seen: Seen) -> Seen:
    """The mirrored input."""
    return Seen(
        angles=mirrored_angles(seen.angles),
        visibility=seen.visibility[..., _LANDMARKS],
        depth_spread=seen.depth_spread[..., _MARKERS],
        marker_spread=seen.marker_spread[..., _RESPONSES],
        times=seen.times,
    )


class MirroredRefiner(nn.Module):
    """The network that is evaluated and shipped: the mean of both answers, with calibrated standard deviations.

    scale  (12, 3): what the network's spread is multiplied by, fitted on validation clips.
    """

    def __init__(self, model: JointRefiner) -> None:
        super().__init__()
        self.model = model
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(len(JOINT_GROUPS), 3))

    def forward(self, seen: Seen) -> Estimate:
        """As `JointRefiner.forward`."""
        plain, other = self.model(seen), self.model(mirrored_seen(seen))
        spread = (plain.spread + other.spread[..., _GROUPS, :]) / 2 * self.scale
        return Estimate((plain.correction + mirrored_changes(other.correction)) / 2, spread)
