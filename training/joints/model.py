"""The joint refiner: maps some seconds of the pipeline's angles to corrections and their standard deviations.

A token for every joint group in every frame. Attention goes in turn along the kinematic chain (all groups of a frame,
biased by how many joints lie between them) and along time (one group over all frames, biased by the seconds between
them). What is done to the inputs before is part of the network, so that serving feeds it arrays as they are.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from humanpose3d.errors import InvalidOption
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, LANDMARKS, MARKERS, RESPONSE_MARKERS

CHAIN: Final = (
    *((parent, f"{child}_{side}") for side in "rl" for parent, child in (("pelvis", "hip"), ("trunk", "shoulder"))),
    *((f"{a}_{side}", f"{b}_{side}") for side in "rl" for a, b in (("hip", "knee"), ("knee", "ankle"))),
    *((f"shoulder_{side}", f"elbow_{side}") for side in "rl"),
    ("pelvis", "trunk"),
)
"""Neighbours along the kinematic chain."""

_DEGREES: Final = 10.0
"""Unit of the network's output."""


@dataclass(frozen=True)
class JointConfig:
    """Size of the network."""

    width: int = 48
    layers: int = 3
    heads: int = 3
    dropout: float = 0.1

    def as_dict(self) -> dict[str, int | float]:
        """Plain values, kept in every checkpoint."""
        return asdict(self)


class Seen(NamedTuple):
    """A batch of windows; NaN where something is missing.

    angles (B, T, 12, 3) degrees; visibility (B, T, 33); depth_spread (B, T, 22) and marker_spread (B, T, 43) metres;
    times (B, T) seconds.
    """

    angles: Tensor
    visibility: Tensor
    depth_spread: Tensor
    marker_spread: Tensor
    times: Tensor


class Estimate(NamedTuple):
    """correction (B, T, 12, 3) degrees, to be added to the angles; spread (B, T, 12, 3) degrees, standard deviation."""

    correction: Tensor
    spread: Tensor


class JointRefiner(nn.Module):
    """Embedding by group, attention along chain and time in turn, answer by group."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise InvalidOption({"width": f"{config.width} must be a multiple of the {config.heads} heads"})
        self.config = config
        groups, width = len(JOINT_GROUPS), config.width
        self.own = nn.Parameter(torch.randn(groups, 9, width) / 3)
        self.surroundings = nn.Linear(len(LANDMARKS) + len(MARKERS) + len(RESPONSE_MARKERS), groups * width)
        self.blocks = nn.ModuleList([_Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(width)
        self.answer = nn.Parameter(torch.zeros(groups, width, 6))

    def forward(self, seen: Seen) -> Estimate:
        """Estimate every frame of the windows."""
        batch, frames = seen.times.shape
        tokens = torch.einsum("btgf,gfw->btgw", _turns(seen.angles), self.own)
        x = tokens + self.surroundings(_surroundings(seen)).reshape(batch, frames, len(JOINT_GROUPS), -1)
        apart = seen.times[:, :, None] - seen.times[:, None, :]
        for block in self.blocks:
            x = block(x, apart)
        answer = torch.einsum("btgw,gwo->btgo", self.norm(x), self.answer)
        return Estimate(answer[..., :3] * _DEGREES, torch.exp(answer[..., 3:].clamp(-4, 3)) * _DEGREES)


class _Block(nn.Module):
    """Attention along the chain, attention along time, a feed-forward layer, each before a residual."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        width = config.width
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.chain, self.time = _Attention(config), _Attention(config)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(config.dropout)
        self.register_buffer("joints_between", torch.tensor(joints_between()), persistent=False)
        self.by_joints = nn.Parameter(torch.zeros(config.heads, int(max(map(max, joints_between()))) + 1))
        # Per second, after softplus: some heads look at neighbours, some at the whole window, before and after alike.
        self.by_seconds = nn.Parameter(torch.linspace(0, 30, config.heads)[None].repeat(2, 1))

    def forward(self, x: Tensor, apart: Tensor) -> Tensor:
        """x (B, T, 12, W); apart (B, T, T) seconds between frames."""
        nearness = self.by_joints[:, self.joints_between]
        x = x + self.chain(self.norms[0](x), nearness)
        before, after = nn.functional.softplus(self.by_seconds)[:, None, None, :, None, None]
        away = apart[:, None, None]
        recency = -(before * away.clamp(min=0) + after * (-away).clamp(min=0))  # (B, 1, heads, T, T)
        x = x + self.time(self.norms[1](x).transpose(1, 2), recency).transpose(1, 2)
        return x + self.drop(self.feed(self.norms[2](x)))


class _Attention(nn.Module):
    """Attention over the last axis but one of (..., N, W), with a bias that is added to the scores."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.mix = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        one, other, count, width = x.shape
        parts = self.mix(x).reshape(one, other, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5).unbind(0)  # each (…, heads, N, W / heads)
        scores = (query * (width // self.heads) ** -0.5) @ key.transpose(-1, -2) + bias
        return self.out((scores.softmax(-1) @ value).transpose(2, 3).reshape(one, other, count, width))


def joints_between() -> Sequence[Sequence[int]]:
    """(12, 12) steps from group to group along the chain."""
    count = len(JOINT_GROUPS)
    steps = [[0 if a == b else count for b in range(count)] for a in range(count)]
    for one, other in CHAIN:
        a, b = JOINT_GROUP_INDEX[one], JOINT_GROUP_INDEX[other]
        steps[a][b] = steps[b][a] = 1
    for via in range(count):
        steps = [[min(steps[a][b], steps[a][via] + steps[via][b]) for b in range(count)] for a in range(count)]
    return steps


def _turns(angles: Tensor) -> Tensor:
    """(B, T, 12, 9) sine, cosine and whether the angle is known: 359° and −1° look the same."""
    known = ~angles.isnan()
    radians = torch.deg2rad(torch.where(known, angles, 0.0))
    there = known.to(radians.dtype)
    return torch.cat([radians.sin() * there, radians.cos() * there, there], dim=-1)


def _surroundings(seen: Seen) -> Tensor:
    """(B, T, 98) visibility, and the logarithm of the standard deviations; unknown ones count as 20 cm."""
    spreads = torch.cat([seen.depth_spread, seen.marker_spread], dim=-1)
    centimetres = torch.where(spreads.isnan(), 20.0, spreads * 100)
    return torch.cat([seen.visibility, (centimetres.clamp(min=0) + 0.1).log()], dim=-1)
