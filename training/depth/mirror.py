"""Mirroring, and the refiner that averages its answers to the input and to its mirror image."""

from typing import Final

import torch
from torch import Tensor, nn

from humanpose3d.skeleton import LANDMARKS, MARKERS, mirrored
from training.depth.model import DepthRefiner, Estimate, Seen

MIRROR_LANDMARKS: Final = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]
MIRROR_MARKERS: Final = [MARKERS.index(mirrored(name)) for name in MARKERS]


def mirrored_seen(seen: Seen) -> Seen:
    """The mirrored input."""
    image = seen.image[:, :, MIRROR_LANDMARKS]
    flipped = torch.stack([seen.size[:, None, None, 0] - image[..., 0], image[..., 1]], dim=-1)
    return seen._replace(
        image=flipped * (seen.detected[..., None, None] > 0.5),
        world=seen.world[:, :, MIRROR_LANDMARKS] * torch.tensor([-1.0, 1.0, 1.0], device=seen.world.device),
        visibility=seen.visibility[:, :, MIRROR_LANDMARKS],
        verticals=seen.verticals * torch.tensor([-1.0, 1.0, 1.0], device=seen.verticals.device),
    )


def mirrored_markers(markers: Tensor) -> Tensor:
    """Markers (..., 22, 3) in the mirror, each under the name of its other side."""
    return markers[..., MIRROR_MARKERS, :] * torch.tensor([-1.0, 1.0, 1.0], device=markers.device)


class MirroredRefiner(nn.Module):
    """The network that is evaluated and shipped: the mean of both answers, with calibrated standard deviations.

    spread_scale  (22,) and tilt_scale (2,): factors of the network's standard deviations, fitted on validation clips.
    """

    def __init__(self, model: DepthRefiner) -> None:
        super().__init__()
        self.model = model
        self.spread_scale: Tensor
        self.tilt_scale: Tensor
        self.register_buffer("spread_scale", torch.ones(len(MARKERS)))
        self.register_buffer("tilt_scale", torch.ones(2))

    def forward(self, seen: Seen) -> Estimate:
        """As `DepthRefiner.forward`."""
        plain, other = self.model(seen), self.model(mirrored_seen(seen))
        spread = (plain.spread + other.spread[..., MIRROR_MARKERS]) / 2 * self.spread_scale
        tilt = (plain.tilt + torch.stack([other.tilt[..., 0], -other.tilt[..., 1]], dim=-1)) / 2
        tilt_spread = (plain.tilt_spread + other.tilt_spread) / 2 * self.tilt_scale
        bearing = (plain.bearing - other.bearing) / 2
        return Estimate((plain.markers + mirrored_markers(other.markers)) / 2, spread, tilt, tilt_spread, bearing)
