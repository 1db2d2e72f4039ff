"""Procedural textures of walls, floors, furniture, ground and sky."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray

Image = NDArray[np.uint8]
SIZE: Final = 256
"""Pixels of a texture's edge."""


def noise(rng: np.random.Generator, octaves: int = 6, persistence: float = 0.55) -> FloatArray:
    """(SIZE, SIZE) in [0, 1]: fractal value noise that tiles."""
    total = np.zeros((SIZE, SIZE))
    for octave in range(1, octaves + 1):
        cells = min(2 ** (octave + 1), SIZE)
        grid = np.pad(rng.random((cells, cells)), 2, mode="wrap").astype(np.float32)
        step = SIZE // cells
        wide = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += persistence**octave * wide[2 * step : 2 * step + SIZE, 2 * step : 2 * step + SIZE]
    return np.asarray((total - total.min()) / (np.ptp(total) + 1e-9))


def plaster(rng: np.random.Generator, colour: FloatArray) -> Image:
    """A painted wall, a plain floor, concrete: one colour with a little noise."""
    return _image(colour * (1 + rng.uniform(0.03, 0.35) * (noise(rng)[..., None] - 0.5)))


def planks(rng: np.random.Generator, colour: FloatArray) -> Image:
    """Boards, side by side."""
    count = int(rng.choice([4, 8, 16]))
    board = np.arange(SIZE) * count // SIZE
    tone = rng.uniform(0.75, 1.15, count)[board]
    grain = cv2.resize(noise(rng)[:, ::16], (SIZE, SIZE))
    shade = tone[:, None] * (0.85 + 0.3 * grain.T)
    shade[np.diff(board, append=board[-1]) != 0] *= 0.5
    return _image(colour * shade[..., None])


def tiles(rng: np.random.Generator, colour: FloatArray) -> Image:
    """Tiles or bricks with joints, every second row shifted or not."""
    rows = int(rng.choice([2, 4, 8]))
    columns = rows // int(rng.choice([1, 2]))
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    shift = rng.choice([0.0, 0.5]) * (np.floor(y * rows) % 2)
    u, v = (x * columns + shift) % columns, y * rows
    tone = rng.uniform(0.8, 1.15, (rows, columns))[v.astype(int), u.astype(int)]
    joint = (u % 1 < 0.05 * columns / rows) | (v % 1 < 0.05)
    return _image(colour * (np.where(joint, rng.uniform(0.4, 1.3), tone) * (0.9 + 0.2 * noise(rng)))[..., None])


def checks(rng: np.random.Generator, colour: FloatArray) -> Image:
    """Two colours in stripes or squares: carpets, wallpaper, cloth."""
    y, x = np.mgrid[:SIZE, :SIZE] * int(rng.choice([4, 8, 16])) // SIZE
    which = (x + y) % 2 if rng.random() < 0.4 else x % 2
    other = np.clip(colour + rng.uniform(-0.3, 0.3, 3), 0.03, 0.97)
    return _image(np.where(which[..., None] == 1, colour, other) * (0.9 + 0.2 * noise(rng)[..., None]))


def patches(rng: np.random.Generator, colour: FloatArray) -> Image:
    """Images on walls, shelves of things, signs: rectangles and discs in many colours."""
    canvas = np.ascontiguousarray(np.broadcast_to(colour, (SIZE, SIZE, 3)).astype(np.float32))
    for _ in range(int(rng.integers(6, 40))):
        x, y, w, h = (int(value) for value in rng.integers(0, SIZE, 4))
        shade = tuple(float(value) for value in rng.random(3))
        if rng.random() < 0.7:
            cv2.rectangle(canvas, (x, y), (x + w // 3, y + h // 3), shade, -1)
        else:
            cv2.circle(canvas, (x, y), w // 6, shade, -1)
    return _image(canvas * (0.9 + 0.2 * noise(rng)[..., None]))


def grass(rng: np.random.Generator, colour: FloatArray) -> Image:
    """Grass, gravel, asphalt, sand: strong fine noise."""
    fine = 0.5 * noise(rng, 8, 0.85) + 0.5 * rng.random((SIZE, SIZE))
    return _image(colour * (1 + rng.uniform(0.3, 0.9) * (fine - 0.5))[..., None])


def sky(rng: np.random.Generator, colour: FloatArray) -> Image:
    """A gradient from the zenith (top row) to the horizon, with clouds."""
    fade = np.linspace(0, 1, SIZE)[:, None, None]
    clouds = np.clip(noise(rng, 5) * rng.uniform(0.5, 2.5) - rng.uniform(0.4, 1.2), 0, 1)[..., None]
    base = colour * (1 - fade) + np.array([0.85, 0.88, 0.92]) * fade
    return _image(base * (1 - clouds) + 0.93 * clouds)


def any_colour(rng: np.random.Generator, vivid: float = 0.5) -> FloatArray:
    """(3,) in [0, 1]: a grey of any brightness, up to `vivid` away from grey in each channel."""
    spread = rng.uniform(0, vivid)
    return np.clip(rng.uniform(0.08, 0.92) + rng.uniform(-spread, spread, 3), 0.03, 0.97)


def _image(values: FloatArray) -> Image:
    return np.clip(values * 255, 0, 255).astype(np.uint8)
