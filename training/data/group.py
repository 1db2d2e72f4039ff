"""Scenes of two or three people who cross and occlude one another, from a seed, with everyone's true markers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from training.data.clip import roomy
from training.data.people import BACKDROPS, PEOPLE, person
from training.data.shot import random_light
from training.human.appearance import EYES, HAIR, SKIN, Outfit, dress, random_outfit
from training.human.body import PosedBody
from training.human.markers import true_markers
from training.human.retarget import pose_body
from training.mocap.library import MotionFile
from training.mocap.motion import BoneMotion
from training.scene.backdrop import Backdrop, make_backdrop
from training.scene.camera import Camera, look
from training.scene.render import Actor, Frame, Renderer

SIZE: Final = (960, 540)
FRAME_RATE: Final = Fraction(30)
DURATION_S: Final = 8.0

_FAMILIES: Final = ("walk", "exercise", "squat", "sit to stand", "household")
_WALKERS: Final = 0.5
"""Share of the people, beside the first, who walk; the others do anything."""

_AREA_M: Final = np.array([1.8, 0.0, 1.3])
"""Within which the middle of each person's path is placed: across and along the line of sight, from the centre."""

_APART_M: Final = 0.55
"""Nearest that two pelvises come to each other: people brush past, but do not walk through one another."""

_NEAREST_M: Final = 2.2
"""From the camera, for the whole body to be in view."""

_CROSSING: Final = 0.12
"""Distance of two pelvises across the image, in heights of the person, at which one occludes the other."""

_IN_VIEW: Final = 0.75
"""Share of the frames in which each person's pelvis is inside the image, at least."""

_SMALLEST: Final = 0.35
"""Share of the image's height that everyone takes, median over time, at least."""

_SAME_CLOTHES: Final = 0.25
"""Share of the scenes in which two people wear the same clothes."""

_ATTEMPTS: Final = 300


@dataclass(frozen=True, eq=False)
class Group:
    """A scene of several people.

    times    (T,) seconds.
    markers  (P, T, 65, 3) metres, true, in the world of `camera`.
    alike    whether two of them wear the same clothes.
    """

    seed: int
    times: FloatArray
    actors: tuple[Actor, ...]
    markers: FloatArray
    camera: Camera
    backdrop: Backdrop
    alike: bool

    def heights(self) -> list[float]:
        """Standing height of each person, metres."""
        return [actor.posed.body.height for actor in self.actors]

    def frames(self, renderer: Renderer) -> Iterator[Frame]:
        """The images."""
        light = random_light(np.random.default_rng([self.seed, 3]), self.backdrop.indoors)
        return renderer.frames(self.actors, self.backdrop, self.camera, light)


def make_group(seed: int, count: int, motions: Sequence[MotionFile]) -> Group:
    """The scene with that seed: `count` people, at least one of whom walks about, and two of whom cross in the image.

    Raises InvalidMotion where no motion is long enough, or no arrangement was found.
    """
    rng = np.random.default_rng([seed, 1])
    times = np.arange(round(DURATION_S * FRAME_RATE)) / float(FRAME_RATE)
    camera = _camera(rng, len(times))
    for _ in range(_ATTEMPTS):
        bodies = [_moving(rng, times, motions, walks=index == 0) for index in range(count)]
        markers = np.stack([true_markers(body) for body in bodies])
        if _suitable(camera, markers):
            return _dressed(seed, times, camera, bodies, markers)
    raise InvalidMotion(f"Seed {seed} has no arrangement in which people cross without touching.")


def image_sizes(camera: Camera, markers: FloatArray) -> FloatArray:
    """(P, T) pixels: how tall each person is in the image."""
    return np.stack([np.ptp(camera.project(each)[..., 1], axis=1) for each in markers])


def _moving(rng: np.random.Generator, times: FloatArray, motions: Sequence[MotionFile], *, walks: bool) -> PosedBody:
    """A person who does a part of a random motion at a random place, facing anywhere."""
    families = ("walk",) if walks or rng.random() < _WALKERS else _FAMILIES
    family = families[rng.integers(len(families))]
    fitting = [motion for motion in motions if motion.family == family and motion.duration > times[-1]]
    if not fitting:
        raise InvalidMotion(f"The motion capture folders hold no {family} of {DURATION_S:g} s (training/README.md).")
    motion = fitting[rng.integers(len(fitting))].read()
    start = motion.times[0] + rng.uniform(0, motion.duration - times[-1])
    part = replace(motion.at(start + times), times=times)
    numbers = PEOPLE["train"]
    posed = pose_body(person(int(rng.choice(numbers))), _turned(part, rng.uniform(0, 2 * np.pi)))
    pelvis = true_markers(posed)[:, 0]
    middle = (pelvis.max(axis=0) + pelvis.min(axis=0)) / 2 * [1, 0, 1]
    return posed.shifted(rng.uniform(-1, 1, 3) * _AREA_M - middle)


def _turned(motion: BoneMotion, heading: float) -> BoneMotion:
    """The motion, turned about the vertical."""
    turn = Rotation.from_euler("Y", heading).as_matrix()
    return replace(motion, rotations=turn @ motion.rotations, origins=motion.origins @ turn.T)


def _camera(rng: np.random.Generator, frames: int) -> Camera:
    """On a tripod, from waist to head height, aimed at people's middle."""
    distance, height = rng.uniform(4.0, 5.5), rng.uniform(0.9, 1.8)
    pitch = np.arctan2(0.95 - height, distance)
    centres = np.tile([0.0, height, distance], (frames, 1))
    rotations = np.tile(look(0.0, pitch, np.radians(rng.normal(0, 1))), (frames, 1, 1))
    return Camera(SIZE, rng.uniform(0.7, 0.9) * max(SIZE), rotations, centres)


def _suitable(camera: Camera, markers: FloatArray) -> bool:
    """Whether everyone is in view for long, no one walks through another, and two people cross in the image."""
    pelvis = markers[:, :, 0]
    pixels = np.stack([camera.project(each[:, None])[:, 0] for each in pelvis])
    inside = ((pixels >= 0) & (pixels <= camera.size)).all(axis=2)
    near = camera.centres[0, 2] - pelvis[..., 2] < _NEAREST_M
    if inside.mean(axis=1).min() < _IN_VIEW or near.any():
        return False
    sizes = image_sizes(camera, markers)
    if np.median(sizes, axis=1).min() < _SMALLEST * camera.size[1]:
        return False
    pairs = list(combinations(range(len(markers)), 2))
    apart = min(np.linalg.norm((pelvis[a] - pelvis[b])[:, [0, 2]], axis=1).min() for a, b in pairs)
    crossing = any((np.abs(pixels[a, :, 0] - pixels[b, :, 0]) < _CROSSING * sizes[a]).any() for a, b in pairs)
    return bool(apart > _APART_M and crossing)


def _dressed(seed: int, times: FloatArray, camera: Camera, bodies: Sequence[PosedBody], markers: FloatArray) -> Group:
    rng = np.random.default_rng([seed, 2])
    outfits = [random_outfit(rng, posed.body) for posed in bodies]
    alike = bool(rng.random() < _SAME_CLOTHES)
    if alike:
        outfits[1] = _same_clothes(outfits[0], outfits[1])
    backdrop = roomy(make_backdrop(int(rng.choice(BACKDROPS["train"]))), markers.reshape(-1, 65, 3))
    actors = tuple(
        Actor(posed, dress(posed.body, outfit), outfit) for posed, outfit in zip(bodies, outfits, strict=True)
    )
    return Group(seed, times, actors, markers, camera, backdrop, alike)


def _same_clothes(model: Outfit, own: Outfit) -> Outfit:
    """The model's clothes with one's own skin, hair and eyes."""
    colours = model.colours.copy()
    colours[[SKIN, HAIR, EYES]] = own.colours[[SKIN, HAIR, EYES]]
    return replace(model, colours=colours, hair=own.hair)
