"""Rendered clips of whole movements: captured and built motions from beginning to end, before a standing camera.

The clips of `humanpose3d train data` are short stretches, often recorded by a moving camera; events and repetitions
need whole movements. Only motions, people and scenes that no network was trained on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import JsonValue
from tqdm import tqdm

from humanpose3d.motion import FloatArray
from training.data.clip import Clip, ClipPlan, perform, roomy
from training.data.make import recorded
from training.data.pairs import write_pair
from training.data.people import BACKDROPS, PEOPLE, person
from training.data.shot import Shot
from training.human.markers import true_markers
from training.mocap.library import MotionFile, Split, find_motions
from training.scene.backdrop import make_backdrop
from training.scene.camera import Camera, look
from training.scene.render import Renderer

BUILT: Final = 4
"""Built exercises of each kind; the tenth, twentieth … are those of the validation split."""

LONGEST_S: Final = 18.0
VIEWS_DEG: Final = (0.0, 45.0, 90.0, -60.0, -90.0, 150.0)
"""Sides from which the camera looks at the person, 0 in front; each motion is seen from the next ones in turn."""

_FILL: Final = 0.85
_FAMILIES: Final[dict[str, tuple[int, Fraction]]] = {
    "walk": (2, Fraction(60)),
    "jump": (4, Fraction(60)),
    "squat": (1, Fraction(30)),
    "sit to stand": (1, Fraction(30)),
}
"""Family → views of each motion, and frames per second."""


@dataclass(frozen=True)
class Take:
    """One clip: which motion, from which side (degrees), by whom."""

    motion: MotionFile
    azimuth_deg: float
    rate: Fraction
    person: int

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.motion.name.replace(' ', '_')}_{self.azimuth_deg:+.0f}"


def takes(motions: Sequence[MotionFile]) -> Iterator[Take]:
    """All clips of the test and validation motions of the families, the same for the same motions."""
    for family, (views, rate) in _FAMILIES.items():
        sides = cycle(VIEWS_DEG)
        people: dict[Split, Iterator[int]] = {split: cycle(PEOPLE[split]) for split in ("test", "validation")}
        own = [motion for motion in motions if motion.family == family and motion.split in people]
        built = [motion for motion in own if motion.built][:BUILT]
        for motion in [motion for motion in own if not motion.built] + built:
            for _ in range(views):
                yield Take(motion, next(sides), rate, next(people[motion.split]))


def make_movements(folder: Path, mocap: Sequence[Path]) -> None:
    """Render and detect the clips that do not exist yet into `folder/clips`, as pairs of detection and truth."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    missing = [take for take in takes(find_motions(mocap)) if not _file(folder, take).exists()]
    with Renderer() as renderer:
        for take in tqdm(missing, unit="clip"):
            write_pair(_file(folder, take), recorded(clip(take), renderer, "full"))


def _file(folder: Path, take: Take) -> Path:
    return folder / "clips" / f"{take.name}.npz"


def clip(take: Take) -> Clip:
    """The whole motion as captured, by the person of the take."""
    split: Split = "test" if take.motion.split == "test" else "validation"
    scene = BACKDROPS[split][take.person % len(BACKDROPS[split])]
    # A plan of the test split performs motions as captured, at their own speed.
    plan = ClipPlan(take.person, round(take.azimuth_deg) % 360, "test", take.motion.name, take.person, scene)
    frames = int(min(LONGEST_S, take.motion.duration) * take.rate) + 1
    times = np.arange(frames) / float(take.rate)
    done = perform(plan, times, {take.motion.name: take.motion}, person(take.person), plan.rng(2))
    markers = true_markers(done.posed)
    middle = (markers[:, 0].max(axis=0) + markers[:, 0].min(axis=0)) / 2 * [1, 0, 1]
    posed, markers = done.posed.shifted(-middle), markers - middle
    shot = replace(_SHOT, frame_rate=take.rate, azimuth=float(np.radians(take.azimuth_deg)))
    camera = standing_camera(shot, markers, done.heading, len(done.times))
    backdrop = roomy(make_backdrop(plan.backdrop), markers)
    facts: dict[str, JsonValue] = {
        "split": split,
        "motion": take.motion.name,
        "family": take.motion.family,
        "person": take.person,
        "azimuth_deg": take.azimuth_deg,
    }
    return Clip(plan, shot, done.times, posed, markers, camera, camera, backdrop, facts)


_SHOT: Final = Shot(
    size=(1280, 720),
    frame_rate=Fraction(60),
    focal=0.85,
    azimuth=0.0,
    pitch=0.0,
    roll=0.0,
    height=1.2,
    hung=False,
    fill=_FILL,
    shift=(0.0, 0.0),
    shake=0.0,
    follows=False,
    occluders=0,
    shutter=0.0,
    quality=23,
    softness=0.5,
    grain=2.0,
    exposure=110.0,
)
"""A phone on a tripod at 1.2 m, 720p."""


def standing_camera(shot: Shot, markers: FloatArray, heading: float, frames: int) -> Camera:
    """A camera that stands where the whole movement (T, N, 3) fills the image to `shot.fill`."""
    direction, middle = heading + shot.azimuth, (markers.min(axis=(0, 1)) + markers.max(axis=(0, 1))) / 2
    away = np.array([np.sin(direction), 0.0, np.cos(direction)])
    nearest = float(((markers - middle) @ away).max()) + 1.0
    distance = max(4.0, nearest)
    for _ in range(8):
        centre = middle * [1, 0, 1] + away * distance + [0.0, shot.height, 0.0]
        rotation = look(direction, float(np.arctan2(middle[1] - shot.height, distance)), shot.roll)
        camera = Camera(shot.size, shot.focal * max(shot.size), rotation[None], centre[None])
        seen = camera.project(markers.reshape(1, -1, 3))[0]
        extent = float(np.nanmax(np.abs(seen / np.array(shot.size) * 2 - 1)))
        distance = max(distance * float(np.clip(extent / shot.fill, 0.5, 2.0)), nearest)
    return Camera(shot.size, camera.focal, np.tile(rotation, (frames, 1, 1)), np.tile(centre, (frames, 1)))
