"""The depth refiner: maps some seconds of landmarks to the positions of the 22 markers.

A transformer over time, two frames a token, on the frames' own timestamps. All preprocessing of
the landmarks (rays rotated to the hips, apparent size) is part of the network, so that its input is unmodified
`Landmarks` and inference code duplicates nothing. Without an image (`size` 0) it uses the 3D landmarks alone.
"""

import math
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from humanpose3d.errors import InvalidOption
from humanpose3d.options import FOCAL_LENGTH
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, MARKERS
from services.refiner.depth.markers import MARKER_LANDMARKS

HIPS: Final = (LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"])

_NEAREST: Final = {"Hip": ("left_hip", "right_hip"), "Neck": ("left_shoulder", "right_shoulder"), "Head": ("nose",)} | {
    "LSmallToe": ("left_foot_index",),
    "RSmallToe": ("right_foot_index",),
    **{marker: (landmark,) for marker, landmark in MARKER_LANDMARKS.items()},
}
_START: Final = [[LANDMARK_INDEX[_NEAREST[marker][end]] for marker in MARKERS] for end in (0, -1)]
"""For each marker, the two landmarks (or one twice) whose midpoint the network corrects."""


PATCH: Final = 2
"""Frames per token: halves the cost of attention, and neighbouring frames are nearly redundant."""


@dataclass(frozen=True)
class DepthConfig:
    """Size of the network."""

    width: int = 192
    layers: int = 4
    heads: int = 6
    dropout: float = 0.05

    def as_dict(self) -> dict[str, int | float]:
        """Plain values, kept in every checkpoint."""
        return asdict(self)


class Seen(NamedTuple):
    """The detector's output, a batch of windows. Frames without a person hold zeros and `detected` 0.

    image (B, T, 33, 2) pixels; world (B, T, 33, 3) metres; visibility (B, T, 33); detected (B, T);
    times (B, T) seconds; size (B, 2) width and height of the image in pixels; height (B,) metres of the person;
    verticals (B, 3) `lateral_slope`, `forward_slope` of the image's upright lines at a focal length of FOCAL_LENGTH
    and 1, or 0, 0, 0 where there are none; focal (B,) focal length in units of the longer side, 0 where it is not
    known. T is even. Where there is no image, `image` and `size` are 0, `world` has upright axes (x right, y down, z
    away), and landmarks that are not known hold 0 in `world` and `visibility`.
    """

    image: Tensor
    world: Tensor
    visibility: Tensor
    detected: Tensor
    times: Tensor
    size: Tensor
    height: Tensor
    verticals: Tensor
    focal: Tensor


class Estimate(NamedTuple):
    """markers (B, T, 22, 3) metres from the mid hip: x to the right, y up (gravity), z toward the camera, in the
    vertical plane through camera and hips; spread (B, T, 22) metres, standard deviation per axis; tilt (B, T, 2) pitch
    and roll of the camera in radians, tilt_spread (B, T, 2) their standard deviations; bearing (B, T) radians: how far
    the hips lie to the right of where it looks.
    Without an image: axes as those of the given landmarks, rotated upright; tilt that of these axes; bearing 0."""

    markers: Tensor
    spread: Tensor
    tilt: Tensor
    tilt_spread: Tensor
    bearing: Tensor


class DepthRefiner(nn.Module):
    """Per-frame embedding, transformer layers over pairs of frames, per-frame answer."""

    def __init__(self, config: DepthConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise InvalidOption({"width": f"{config.width} must be a multiple of the {config.heads} heads"})
        self.config = config
        width = config.width
        features = len(LANDMARKS) * (2 + 3 + 1) + 13
        self.embed = nn.Sequential(nn.Linear(features, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.missing = nn.Parameter(torch.zeros(width))
        self.gather = nn.Linear(PATCH * width, width)
        self.blocks = nn.ModuleList([_Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(width)
        self.spread_out = nn.Linear(width, PATCH * width)
        self.answer = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, len(MARKERS) * 4 + 5))

    def forward(self, seen: Seen) -> Estimate:
        """Estimate every frame of the windows."""
        features, turned, middle = _features(seen)
        frames = self.embed(features)
        frames = torch.where(seen.detected[..., None] > 0.5, frames, self.missing)
        frames = frames + _time_code(seen.times, self.config.width)
        batch, count, width = frames.shape
        x = self.gather(frames.reshape(batch, count // PATCH, PATCH * width))
        for block in self.blocks:
            x = block(x)
        x = self.spread_out(self.norm(x)).reshape(batch, count, width)
        return _estimate(self.answer(x + frames), turned, middle, seen)


def _estimate(answer: Tensor, turned: Tensor, middle: Tensor, seen: Seen) -> Estimate:
    """The answer (B, T, 22 · 4 + 5) in metres and radians: corrections of the detector's output, rotated upright."""
    batch, frames, count = answer.shape[0], answer.shape[1], len(MARKERS)
    height = seen.height[:, None, None]
    tilt = answer[..., 4 * count : -3] + _tilt_of_lines(_lines(seen))[:, None]
    tilt_spread = torch.exp(answer[..., -3:-1].clamp(-4, 3)) * 0.05
    change = answer[..., : 3 * count].reshape(batch, frames, count, 3) * height[..., None]
    places = _placed(turned, seen, change, answer[..., -1])
    markers = _upright(places, middle, tilt.detach())
    spread = torch.exp(answer[..., 3 * count : 4 * count].clamp(-4, 3)) * 0.03 * height
    bearing = _bearing(middle, tilt.detach()) * _has_image(seen)[:, None]
    return Estimate(markers, spread, tilt, tilt_spread, bearing)


def _placed(turned: Tensor, seen: Seen, change: Tensor, farther: Tensor) -> Tensor:
    """(B, T, 22, 3) metres: the detector's landmarks as markers, in the axes of a camera that looks at the hips.

    Their depth is that of its 3D; x and y are where the ray (B, T, 33, 2) of the image, far more exact than the 3D,
    comes to at this depth, or those of the 3D where there is no image. Positions are corrected by (B, T, 22, 3) metres,
    and the distance of the hips by a factor whose logarithm is `farther` (B, T).
    """
    world, rays = _as_markers(seen.world), _as_markers(turned)
    depth = world[..., 2] + change[..., 2]
    distance = _distance(rays, world, seen) * torch.exp(farther.clamp(-1, 1))
    on_ray = rays * (distance[..., None] + depth)[..., None]
    across = torch.where(_has_image(seen)[:, None, None, None] > 0, on_ray, world[..., :2]) + change[..., :2]
    kept = seen.detected[..., None, None]
    return torch.cat([across, depth[..., None]], dim=-1) * kept + change * (1 - kept)


def _distance(rays: Tensor, world: Tensor, seen: Seen) -> Tensor:
    """(B, T) metres to the hips at which the 3D (B, T, 22, 3) fits the rays (B, T, 22, 2) best, with a linear
    trend over the window."""
    weight = _as_markers(seen.visibility[..., None])
    fit = (weight * rays * (world[..., :2] - rays * world[..., 2:])).sum((-1, -2))
    log = (fit / (weight * rays.square()).sum((-1, -2)).clamp(min=1e-6)).clamp(0.5, 30.0).log()
    count = seen.detected.sum(1, keepdim=True).clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        return (values * seen.detected).sum(1, keepdim=True) / count

    times = seen.times - mean(seen.times)
    slope = mean(times * log) / mean(times.square()).clamp(min=1e-3)
    return (mean(log) + slope.clamp(-2, 2) * times).exp()


def _focal(seen: Seen) -> Tensor:
    """(B,) focal length in units of the longer side, assumed where it is not known."""
    return torch.where(seen.focal > 0, seen.focal, FOCAL_LENGTH)


def _lines(seen: Seen) -> Tensor:
    """(B, 3) `verticals` at the focal length that is known or assumed."""
    aside, ahead, known = seen.verticals.unbind(-1)
    return torch.stack([aside, ahead * _focal(seen) / FOCAL_LENGTH, known], dim=-1)


def _tilt_of_lines(verticals: Tensor) -> Tensor:
    """(B, 2) pitch and roll of a camera with these upright lines (B, 3); else 0."""
    aside, ahead, known = verticals.unbind(-1)
    return torch.stack([torch.atan(ahead / (1 + aside.square()).sqrt()), -torch.atan(aside)], dim=-1) * known[:, None]


def _as_markers(landmarks: Tensor) -> Tensor:
    """(B, T, 22, N) start of each marker (position or other values), from those of the landmarks (B, T, 33, N)."""
    return (landmarks[:, :, _START[0]] + landmarks[:, :, _START[1]]) / 2


def _upright(places: Tensor, middle: Tensor, tilt: Tensor) -> Tensor:
    """(B, T, 22, 3) from the axes of a camera that looks at the hips, which are at slopes (B, T, 2) in a camera of this
    tilt (B, T, 2), to x right, y up, z toward the camera."""
    x, y, z = places.unbind(-1)
    pitch, roll = (tilt[..., 0] - torch.atan(middle[..., 1]))[..., None], tilt[..., 1][..., None]
    right, down = x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos()
    return torch.stack([right, z * pitch.sin() - down * pitch.cos(), -down * pitch.sin() - z * pitch.cos()], dim=-1)


class _Block(nn.Module):
    """Attention over frames, then a feed-forward layer, each before a residual."""

    def __init__(self, config: DepthConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.before, self.after = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.mix = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, 4 * config.width), nn.GELU(), nn.Linear(4 * config.width, config.width)
        )
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        parts = self.mix(self.before(x)).reshape(batch, frames, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, T, width / heads)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        x = x + self.drop(self.out(mixed.transpose(1, 2).reshape(batch, frames, width)))
        return x + self.drop(self.feed(self.after(x)))


def _has_image(seen: Seen) -> Tensor:
    """(B,) 1 where there is an image, 0 where only 3D landmarks are known."""
    return (seen.size[:, 0] > 0).float()


def _features(seen: Seen) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, F) the network's features; the rotated rays (B, T, 33, 2); and the slopes (B, T, 2) of the ray through
    the middle of the hips.

    Landmarks become rays of a camera of known or assumed focal length, turned so that the middle of the hips lies
    straight ahead, and divided by the apparent size of the person over the window.
    """
    has_image = _has_image(seen)[:, None, None]
    size = torch.where(has_image > 0, seen.size[:, None], 1.0)[:, :, None]
    focal = _focal(seen)[:, None, None, None]
    rays = (seen.image - size / 2) / (focal * size.amax(dim=-1, keepdim=True)) * has_image[..., None]
    middle = (rays[..., HIPS[0], :] + rays[..., HIPS[1], :]) / 2 * seen.detected[..., None]
    turned = _turned_to(rays, middle)
    spread = turned.square().sum(-1).mean(-1)  # (B, T)
    found = seen.detected.sum(1, keepdim=True).clamp(min=1)
    window = ((spread * seen.detected).sum(1, keepdim=True) / found).clamp(min=1e-6).sqrt()
    relative = (spread.clamp(min=1e-9).sqrt() / window).clamp(0, 4)
    height = seen.height[:, None].expand_as(relative)
    shape = (size[..., 0, 0] / size[..., 0, 1]).log().expand_as(relative)
    step = torch.diff(seen.times, dim=1, prepend=2 * seen.times[:, :1] - seen.times[:, 1:2])
    extra = [middle[..., 0], middle[..., 1], relative, window.log().expand_as(relative), height, shape, step * 10]
    extra.append(has_image[..., 0].expand_as(relative))
    told = [*_lines(seen).unbind(-1), (_focal(seen) / FOCAL_LENGTH).log(), (seen.focal > 0).float()]
    extra += [value[:, None].expand_as(relative) for value in told]
    flat = [
        (turned / window[..., None, None]).clamp(-5, 5).flatten(2),
        (seen.world / height[..., None, None] * 2).flatten(2),
        seen.visibility,
        torch.stack(extra, dim=-1),
    ]
    return torch.cat(flat, dim=-1), turned, middle


def _bearing(middle: Tensor, tilt: Tensor) -> Tensor:
    """(B, T) radians that a ray with slopes (B, T, 2) lies to the right, about the vertical of a tilted camera."""
    pitch, roll = tilt.unbind(-1)
    x, down = middle.unbind(-1)
    right = x * roll.cos() - down * roll.sin()
    up = -x * roll.sin() - down * roll.cos()
    return torch.atan2(right, pitch.cos() - up * pitch.sin())


def _turned_to(rays: Tensor, middle: Tensor) -> Tensor:
    """(B, T, 33, 2) rays seen by a camera turned (yaw, then pitch) to look at the middle (B, T, 2)."""
    x, y = rays[..., 0], rays[..., 1]
    yaw = torch.atan(middle[..., 0])[..., None]
    ahead, aside = x * yaw.sin() + yaw.cos(), x * yaw.cos() - yaw.sin()
    pitch = torch.atan(middle[..., 1] / (1 + middle[..., 0].square()).sqrt())[..., None]
    depth = (ahead * pitch.cos() + y * pitch.sin()).clamp(min=0.1)
    return torch.stack([aside / depth, (y * pitch.cos() - ahead * pitch.sin()) / depth], dim=-1)


def _time_code(times: Tensor, width: int) -> Tensor:
    """(B, T, width) sines and cosines of the time within the window, periods from 1/15 s to 8 s."""
    rates = 2 * math.pi * torch.logspace(math.log10(1 / 8), math.log10(15), width // 2, device=times.device)
    phase = (times - times.mean(dim=1, keepdim=True))[..., None] * rates
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
