"""Procedural scenes: rooms with furniture and open ground with buildings, generated from a number."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from training.scene import textures
from training.scene.textures import Image, any_colour

VERTEX_FLOATS: Final = 12
"""A vertex: position 3, normal 3, texture coordinates 2, layer 1, tint 3."""

_FLOOR, _WALL, _CEILING, _THINGS = 0, 1, 3, 4
SKY_LAYER: Final = 9
"""The emissive texture."""
_LAYERS: Final = 10
_Kind = Callable[[np.random.Generator, FloatArray], Image]


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A place around the origin, ground at y = 0. Faces are seen from their front only.

    vertices  (N, VERTEX_FLOATS) triangles, three rows each.
    clutter   more triangles, one array per object that can be removed.
    layers    (10, S, S, 3) textures.
    indoors   whether it has walls and a ceiling.
    extent    metres from the origin to the walls (or as far as a camera may go outdoors).
    """

    vertices: FloatArray
    clutter: tuple[FloatArray, ...]
    layers: Image
    indoors: bool
    extent: float


def make_backdrop(seed: int) -> Backdrop:
    """The scene with that number; the same number gives the same scene."""
    rng = np.random.default_rng([seed, 0xBACD])
    return _room(rng) if rng.random() < 0.65 else _open_ground(rng)


def box(centre: FloatArray, size: FloatArray, heading: float, layer: int, tint: FloatArray) -> FloatArray:
    """(36, VERTEX_FLOATS): a box standing on centre (x, y, z), size (width, height, depth), turned about y."""
    turn = np.array([[np.cos(heading), 0, np.sin(heading)], [0, 1, 0], [-np.sin(heading), 0, np.cos(heading)]])
    half = np.array([size[0] / 2, size[1], size[2] / 2])
    sides = []
    for axis, sign in ((0, 1), (0, -1), (1, 1), (2, 1), (2, -1)):
        normal = np.eye(3)[axis] * sign
        across = np.eye(3)[(axis + 1) % 3] if axis != 1 else np.eye(3)[2]
        other = np.cross(normal, across)
        middle = np.array([0, half[1] / 2, 0]) + normal * half * (0.5 if axis == 1 else 1.0)
        spans = half * np.array([1, 0.5, 1])
        sides.append(
            _quad(
                middle @ turn.T + centre,
                (across * spans) @ turn.T,
                (other * spans) @ turn.T,
                normal @ turn.T,
                layer,
                tint,
            )
        )
    return np.concatenate(sides)


def _quad(
    middle: FloatArray,
    across: FloatArray,
    up: FloatArray,
    normal: FloatArray,
    layer: int,
    tint: FloatArray,
    repeat: float = 0.0,
) -> FloatArray:
    """(6, VERTEX_FLOATS): middle ± across ± up, counter-clockwise from its front. repeat: metres a texture covers."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)], dtype=np.float64)
    if np.cross(across, up) @ normal < 0:
        corners = corners[::-1]
    place = middle + corners[:, :1] * across + corners[:, 1:] * up
    size = np.array([np.linalg.norm(across), np.linalg.norm(up)]) * 2
    uv = (corners * [1, -1] + 1) / 2 * (size / repeat if repeat else 1.0)
    fixed = np.broadcast_to(np.concatenate([normal, [0.0, 0.0], [layer], tint]), (6, 9))
    return np.concatenate([place, fixed[:, :3], uv, fixed[:, 5:]], axis=1)


def _room(rng: np.random.Generator) -> Backdrop:
    half = np.array([rng.uniform(2.2, 7.0), rng.uniform(2.2, 7.0)])
    height = float(rng.uniform(2.4, 4.5))
    parts = [_floor(rng, half), _ceiling(half, height), *_walls(rng, half, height)]
    clutter = tuple(_furniture(rng, half) for _ in range(rng.integers(0, 12)))
    return Backdrop(np.concatenate(parts), clutter, _layers(rng), True, float(half.min()))


def _floor(rng: np.random.Generator, half: FloatArray) -> FloatArray:
    up = np.array([0.0, 1.0, 0.0])
    spans = np.array([half[0], 0, 0]), np.array([0, 0, half[1]])
    return _quad(np.zeros(3), *spans, up, _FLOOR, np.ones(3), repeat=rng.uniform(0.8, 2.5))


def _ceiling(half: FloatArray, height: float) -> FloatArray:
    down = np.array([0.0, -1.0, 0.0])
    spans = np.array([half[0], 0, 0]), np.array([0, 0, half[1]])
    return _quad(np.array([0, height, 0]), *spans, down, _CEILING, np.ones(3), repeat=2.0)


def _walls(rng: np.random.Generator, half: FloatArray, height: float) -> list[FloatArray]:
    parts = []
    for turn in range(4):
        angle = turn * np.pi / 2
        inward = np.array([np.cos(angle), 0.0, np.sin(angle)])
        along = np.array([-inward[2], 0.0, inward[0]])
        far, wide = (half[0], half[1]) if turn % 2 == 0 else (half[1], half[0])
        middle = -inward * far + np.array([0, height / 2, 0])
        layer = _WALL + int(turn % 2 and rng.random() < 0.5)
        tint = np.full(3, rng.uniform(0.8, 1.0))
        spans = along * wide, np.array([0, height / 2, 0])
        parts.append(_quad(middle, *spans, inward, layer, tint, repeat=rng.uniform(1.0, 3.0)))
        parts += [_hanging(rng, inward, along, far, wide, height) for _ in range(rng.integers(0, 4))]
    return parts


def _hanging(
    rng: np.random.Generator, inward: FloatArray, along: FloatArray, far: float, wide: float, height: float
) -> FloatArray:
    """A flat object on a wall: a poster, a window, a door."""
    spans = rng.uniform(0.2, 1.0), rng.uniform(0.2, min(1.1, height / 2 - 0.1))
    middle = -inward * (far - 0.02) + along * rng.uniform(-0.8, 0.8) * wide
    middle[1] = rng.uniform(spans[1], height - spans[1])
    tint = np.full(3, rng.choice([0.6, 0.9, 1.6]))
    return _quad(middle, along * spans[0], np.array([0, spans[1], 0]), inward, thing(rng), tint)


def _furniture(rng: np.random.Generator, half: FloatArray) -> FloatArray:
    """A box near a wall: tables, cupboards, sofas."""
    near_wall = rng.uniform(0.62, 0.95, 2) * rng.choice([-1, 1], 2)
    if rng.random() < 0.6:
        near_wall[rng.integers(0, 2)] *= rng.random()
    centre = np.array([near_wall[0] * half[0], 0.0, near_wall[1] * half[1]])
    size = rng.uniform([0.3, 0.3, 0.3], [1.6, 2.0, 0.9])
    return box(centre, size, rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.1), thing(rng), rng.uniform(0.6, 1.1, 3))


def _open_ground(rng: np.random.Generator) -> Backdrop:
    up, far = np.array([0.0, 1.0, 0.0]), 60.0
    parts = [
        _quad(np.zeros(3), np.array([far, 0, 0]), np.array([0, 0, far]), up, _FLOOR, np.ones(3), repeat=2.0),
        *_horizon(far),
    ]
    clutter = []
    for _ in range(rng.integers(3, 30)):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(9, 45)
        centre = np.array([np.cos(angle) * distance, 0.0, np.sin(angle) * distance])
        size = rng.uniform([0.4, 1.0, 0.4], [9.0, 9.0, 6.0]) * (0.3 + distance / 45)
        clutter.append(box(centre, size, rng.uniform(0, np.pi), thing(rng), rng.uniform(0.5, 1.1, 3)))
    return Backdrop(np.concatenate(parts), tuple(clutter), _layers(rng), False, 12.0)


def _horizon(far: float) -> list[FloatArray]:
    """Four high walls with a sky texture, down to the ground."""
    parts = []
    for turn in range(4):
        angle = turn * np.pi / 2
        inward = np.array([np.cos(angle), 0.0, np.sin(angle)])
        along = np.array([-inward[2], 0.0, inward[0]])
        middle = -inward * far + np.array([0, far / 2, 0])
        parts.append(_quad(middle, along * far, np.array([0, far / 2, 0]), inward, SKY_LAYER, np.ones(3)))
    return parts


def thing(rng: np.random.Generator) -> int:
    """A texture for objects."""
    return int(rng.integers(_THINGS, SKY_LAYER))


def _layers(rng: np.random.Generator) -> Image:
    # mostly plain and dull, as in real scenes
    surfaces = (textures.plaster, textures.planks, textures.tiles, textures.checks, textures.grass)
    walls = (textures.plaster, textures.plaster, textures.plaster, textures.tiles, textures.checks, textures.planks)
    things = (textures.plaster, textures.planks, textures.plaster, textures.tiles, textures.patches)

    def one_of(kinds: tuple[_Kind, ...], vivid: float) -> Image:
        return kinds[int(rng.integers(len(kinds)))](rng, any_colour(rng, vivid))

    blue = np.array([rng.uniform(0.25, 0.6), rng.uniform(0.45, 0.7), rng.uniform(0.7, 0.95)])
    layers = [one_of(surfaces, 0.15), one_of(walls, 0.12), one_of(walls, 0.12)]
    layers += [textures.plaster(rng, np.full(3, rng.uniform(0.6, 0.95)))]
    layers += [one_of(things, 0.3) for _ in range(SKY_LAYER - _THINGS)]
    layers += [textures.sky(rng, blue)]
    assert len(layers) == _LAYERS
    return np.stack(layers)
