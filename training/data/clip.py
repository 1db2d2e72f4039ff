"""One clip from its number: person, motion and camera; rendered and compressed, ready for the detector."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from training.data.people import BACKDROPS, PEOPLE, person
from training.data.posture import varied, with_turning_head
from training.data.shot import (
    Shot,
    as_people_record,
    from_above,
    occluders,
    place_camera,
    random_light,
    random_shot,
    without_obstacles,
)
from training.human.appearance import dress, random_outfit
from training.human.body import Body, PosedBody
from training.human.markers import true_markers
from training.human.retarget import pose_body
from training.mocap.library import SHARES, MotionFile, Split
from training.mocap.motion import BONE_INDEX, BoneMotion, mirrored
from training.scene.backdrop import Backdrop, make_backdrop
from training.scene.camera import Camera
from training.scene.render import Actor, Frame, Renderer
from training.scene.video import write_video

FRAMES: Final = (90, 180)
"""Fewest and most frames of a clip."""

BLUR_STEPS: Final = 3
"""Instants within one exposure that are rendered and averaged where a clip has motion blur."""

_SPLIT_TURN: Final[dict[int, Split]] = {4: "validation", 9: "test"}
_OFTEN_RECORDED: Final = frozenset({"walk", "squat", "sit to stand", "lunge", "leg raise", "arm raise", "jump"})
"""Families that are sampled twice as often as any other: those most common in videos for analysis."""


@dataclass(frozen=True)
class ClipPlan:
    """Decisions made before any computation; everything else follows from `seed` and `index`."""

    index: int
    seed: int
    split: Split
    motion: str
    person: int
    backdrop: int

    def rng(self, purpose: int) -> np.random.Generator:
        """Random numbers for one purpose, the same on every machine."""
        return np.random.default_rng([self.seed, self.index, purpose])


@dataclass(frozen=True, eq=False)
class Clip:
    """A planned clip with all data needed to render it, and the ground truth.

    times    (T,) seconds of the frames.
    posed    the body at the instants rendered: T, or T · BLUR_STEPS where there is motion blur.
    markers  (T, 65, 3) metres, true, in the world of `camera`.
    facts    metadata, as plain values.
    """

    plan: ClipPlan
    shot: Shot
    times: FloatArray
    posed: PosedBody
    markers: FloatArray
    camera: Camera
    drawn_camera: Camera
    backdrop: Backdrop
    facts: dict[str, JsonValue]


@dataclass(frozen=True, eq=False)
class Performance:
    """A body in motion, before it is recorded.

    times (T,) seconds; heading: radians about y from +z, where the pelvis faces on average; speed: of the motion, as
    a multiple of what was captured.
    """

    times: FloatArray
    posed: PosedBody
    heading: float
    speed: float


def plan_clip(index: int, seed: int, motions: list[MotionFile], lengths: dict[str, float]) -> ClipPlan:
    """The plan of a clip of a data set. lengths: motion name -> seconds."""
    return plan_of_split(split_of(index), index, seed, motions, lengths)


def split_of(index: int) -> Split:
    """The split of a clip of a data set. Of ten consecutive clips, eight are for training, one for validation, one for
    testing, so any prefix is balanced."""
    return _SPLIT_TURN.get(index % 10, "train")


def plan_of_split(
    split: Split, index: int, seed: int, motions: Sequence[MotionFile], lengths: Mapping[str, float]
) -> ClipPlan:
    """The plan of a clip of one split. In training, sources of motion are sampled by their SHARES; families of motions
    equally often, those of `_OFTEN_RECORDED` twice as often; their motions in proportion to the square root of their
    duration."""
    rng = np.random.default_rng([seed, index, 0])
    own = [motion for motion in motions if motion.split == split]
    if not own:
        raise InvalidMotion(f"The motion capture folders hold nothing for the {split} split (see training/README.md).")
    if split == "train":
        own = _of_one_source(own, rng)
    families = sorted({motion.family for motion in own})
    shares = np.array([2.0 if family in _OFTEN_RECORDED else 1.0 for family in families])
    family = families[rng.choice(len(families), p=shares / shares.sum())]
    members = [motion for motion in own if motion.family == family]
    weights = np.sqrt([lengths[motion.name] for motion in members])
    return ClipPlan(
        index=index,
        seed=seed,
        split=split,
        motion=members[rng.choice(len(members), p=weights / weights.sum())].name,
        person=int(rng.choice(PEOPLE[split])),
        backdrop=int(rng.choice(BACKDROPS[split])),
    )


def _of_one_source(motions: Sequence[MotionFile], rng: np.random.Generator) -> list[MotionFile]:
    there = sorted({motion.source for motion in motions})
    shares = np.array([SHARES[source] for source in there])
    chosen = there[rng.choice(len(there), p=shares / shares.sum())]
    return [motion for motion in motions if motion.source == chosen]


def make_clip(plan: ClipPlan, motions: dict[str, MotionFile]) -> Clip:
    """Compute motion, body and camera of a planned clip. Test motions are used as captured, at their own speed."""
    shot = random_shot(plan.rng(1), _turn(plan))
    if plan.split != "test":
        shot = as_people_record(shot, plan.rng(8))
    if plan.split == "train":
        shot = from_above(shot, plan.rng(7))
    rng = plan.rng(2)
    count = int(rng.integers(FRAMES[0], FRAMES[1] + 1))
    return _recorded(
        plan, shot, perform(plan, np.arange(count) / float(shot.frame_rate), motions, person(plan.person), rng)
    )


def perform(
    plan: ClipPlan,
    times: FloatArray,
    motions: dict[str, MotionFile],
    body: Body,
    rng: np.random.Generator,
) -> Performance:
    """The body doing the planned motion, varied; for less than these times where the motion is shorter."""
    speed = 1.0 if plan.split == "test" else float(np.exp(rng.uniform(np.log(0.75), np.log(1.3))))
    motion, times = _segment(motions[plan.motion].read(), times, speed, rng)
    if rng.random() < 0.5:
        motion = mirrored(motion)
    if plan.split != "test":
        motion = varied(motion, _other(plan, motions, len(motion.times), times, rng), rng)
    if not plan.motion[0].isdigit():
        motion = with_turning_head(motion, rng)
    posed = pose_body(body, motion, float(rng.uniform(0.05, 0.9)))
    return Performance(times, posed, _heading(motion), speed)


def render_clip(clip: Clip, renderer: Renderer, path: Path) -> None:
    """Render the clip and write it as a compressed video."""
    write_video(path, _exposed(clip, renderer), clip.shot.frame_rate, clip.shot.quality)


def _turn(plan: ClipPlan) -> int:
    """Number of earlier clips of the same split: views are distributed evenly within each split."""
    tens, rest = divmod(plan.index, 10)
    return tens if plan.split != "train" else tens * 8 + rest - (rest > 4)


def _segment(
    motion: BoneMotion, times: FloatArray, speed: float, rng: np.random.Generator
) -> tuple[BoneMotion, FloatArray]:
    """A part of the motion at the clip's times; a motion shorter than the clip shortens the clip."""
    times = times[times * speed <= motion.duration]
    spare = motion.duration - times[-1] * speed
    start = motion.times[0] + rng.uniform(0, max(spare, 0))
    return replace(motion.at(start + times * speed), times=times), times


def _other(
    plan: ClipPlan, motions: dict[str, MotionFile], frames: int, times: FloatArray, rng: np.random.Generator
) -> BoneMotion:
    """A part of another motion of the same split, with the same number of frames."""
    names = sorted(name for name, motion in motions.items() if motion.split == plan.split)
    other = motions[names[rng.integers(len(names))]].read()
    start = rng.uniform(0, max(other.duration - times[-1], 0))
    # a motion that ends early swings back
    phase = (start + times) % (2 * other.duration)
    return replace(other.at(other.times[0] + np.minimum(phase, 2 * other.duration - phase)[:frames]), times=times)


def _heading(motion: BoneMotion) -> float:
    """Radians about y from +z: where the pelvis faces on average."""
    forward = motion.rotations[:, BONE_INDEX["pelvis"], :, 2].mean(axis=0)
    return float(np.arctan2(forward[0], forward[2]))


def _recorded(plan: ClipPlan, shot: Shot, done: Performance) -> Clip:
    rng, posed, times = plan.rng(3), done.posed, done.times
    markers = true_markers(posed)
    middle = (markers[:, 0].max(axis=0) + markers[:, 0].min(axis=0)) / 2 * [1, 0, 1]
    posed, markers = posed.shifted(-middle), markers - middle
    backdrop = roomy(make_backdrop(plan.backdrop), markers)
    ceiling = backdrop.vertices[:, 1].max() - 0.2 if backdrop.indoors else 3.5
    camera = place_camera(shot, rng, times, markers, done.heading, float(ceiling))
    facts: dict[str, JsonValue] = {
        **asdict(plan),
        **{key: value if isinstance(value, (int, float, bool)) else str(value) for key, value in asdict(shot).items()},
        "speed": done.speed,
        "heading": done.heading,
    }
    drawn_posed, drawn_camera = (posed, camera) if not shot.shutter else _within_exposure(shot, times, posed, camera)
    return Clip(plan, shot, times, drawn_posed, markers, camera, drawn_camera, backdrop, facts)


def roomy(backdrop: Backdrop, markers: FloatArray) -> Backdrop:
    """The scene, enlarged to hold the subject's path."""
    need = float(np.abs(markers[..., [0, 2]]).max()) + 0.8
    stretch = np.ones(backdrop.vertices.shape[1])
    stretch[[0, 2]] = max(1.0, need / backdrop.extent)
    clutter = tuple(_moved_out(triangles, stretch[0]) for triangles in backdrop.clutter)
    return replace(backdrop, vertices=backdrop.vertices * stretch, clutter=clutter)


def _moved_out(triangles: FloatArray, stretch: float) -> FloatArray:
    moved = triangles.copy()
    moved[:, [0, 2]] += triangles[:, [0, 2]].mean(axis=0) * (stretch - 1)
    return moved


def _within_exposure(shot: Shot, times: FloatArray, posed: PosedBody, camera: Camera) -> tuple[PosedBody, Camera]:
    """Body and camera at BLUR_STEPS moments of each exposure, interpolated linearly (rotations are tiny)."""
    offsets = (np.arange(BLUR_STEPS) / (BLUR_STEPS - 1) - 0.5) * shot.shutter
    moments = np.clip((np.arange(len(times))[:, None] + offsets).ravel(), 0, len(times) - 1)
    low = np.minimum(moments.astype(int), len(times) - 2)
    share = moments - low

    def between(values: FloatArray) -> FloatArray:
        part = share.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(values[low] * (1 - part) + values[low + 1] * part)

    drawn = PosedBody(posed.body, between(posed.rotations), between(posed.translations))
    return drawn, replace(camera, rotations=between(camera.rotations), centres=between(camera.centres))


def _exposed(clip: Clip, renderer: Renderer) -> Iterator[Frame]:
    """The frames as a camera records them: averaged over the exposure, out of focus, brighter or darker, noisy."""
    steps = BLUR_STEPS if clip.shot.shutter else 1
    rng = clip.plan.rng(5)
    height, width = clip.shot.size[1], clip.shot.size[0]
    grain = (rng.standard_normal((height + 64, width + 64, 1)) * clip.shot.grain).astype(np.float32)
    gathered: list[Frame] = []
    gain = 0.0
    for frame in _drawn(clip, renderer):
        gathered.append(frame)
        if len(gathered) < steps:
            continue
        image: NDArray[np.float32] = np.mean(gathered, axis=0, dtype=np.float32)
        gathered = []
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), clip.shot.softness), dtype=np.float32)
        gain = gain or float(np.clip(clip.shot.exposure / image.mean(), 0.5, 2.5))
        down, right = rng.integers(0, 64, 2)
        image = image * gain + grain[down : down + height, right : right + width]
        yield np.clip(image, 0, 255).astype(np.uint8)


def _drawn(clip: Clip, renderer: Renderer) -> Iterator[Frame]:
    rng = clip.plan.rng(4)
    body: Body = clip.posed.body
    outfit = random_outfit(rng, body)
    light = random_light(rng, clip.backdrop.indoors)
    path = clip.markers[:, 0]
    place = without_obstacles(clip.backdrop, clip.camera, path)
    triangles = np.concatenate([place, occluders(clip.shot, rng, clip.camera, path)])
    backdrop = replace(clip.backdrop, vertices=triangles)
    actor = Actor(clip.posed, dress(body, outfit), outfit)
    yield from renderer.frames([actor], backdrop, clip.drawn_camera, light)
