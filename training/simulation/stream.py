"""An endless stream of simulated samples: motion capture, random cameras, simulated detections.

Making and posing people takes most of the time, so a small group of people is kept, and every performance is recorded
several times. The people of the group are replaced one by one.
"""

from collections.abc import Iterator, Sequence
from itertools import count as counting
from itertools import islice
from typing import Final

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import Markers
from humanpose3d.skeleton import ALL_MARKERS
from training.data.clip import FRAMES, ClipPlan, Performance, perform, plan_of_split
from training.data.pairs import Pair, in_camera_world
from training.data.people import person
from training.data.shot import as_people_record, from_above, place_camera, random_shot
from training.depth.windows import Sample, to_sample
from training.human.body import Body
from training.human.markers import true_markers
from training.mocap.library import MotionFile, Split
from training.simulation.errors import ErrorModel
from training.simulation.view import view_of

TROUPE: Final = 8
"""Size of the group of people."""

_TAKE_S: Final = 8.0
"""Longest performance, seconds."""

_SHOTS: Final = 8
"""Recordings of each performance, each of another part of it and from another camera."""

_ENGAGED: Final = 6
"""Performances after which one person is replaced."""

_CEILINGS: Final = (2.2, 3.5)


def simulated_samples(
    model: ErrorModel, motions: Sequence[MotionFile], rng: np.random.Generator, count: int, split: Split = "train"
) -> list[Sample]:
    """`count` samples of a separate stream."""
    return list(islice(stream(model, motions, int(rng.integers(2**31)), split), count))


def stream(model: ErrorModel, motions: Sequence[MotionFile], seed: int, split: Split = "train") -> Iterator[Sample]:
    """Endless samples, the same for the same seed. Raises InvalidMotion where the split has no motion."""
    return (to_sample(pair) for pair in simulated_pairs(model, motions, seed, split))


def simulated_pairs(
    model: ErrorModel, motions: Sequence[MotionFile], seed: int, split: Split = "train"
) -> Iterator[Pair]:
    """The same as pairs."""
    lengths = {motion.name: motion.duration for motion in motions}
    by_name = {motion.name: motion for motion in motions}
    troupe: list[Body] = []
    for number in counting():
        plan = plan_of_split(split, number, seed, motions, lengths)
        rng = plan.rng(6)
        if len(troupe) < TROUPE:
            troupe.append(person(plan.person))
        elif number % _ENGAGED == 0:
            troupe[int(rng.integers(TROUPE))] = person(plan.person)
        body = troupe[int(rng.integers(len(troupe)))]
        rate = float(random_shot(rng, number).frame_rate)
        done = perform(plan, np.arange(int(_TAKE_S * rate)) / rate, by_name, body, rng)
        yield from _recorded(model, plan, done, rng)


def _recorded(model: ErrorModel, plan: ClipPlan, done: Performance, rng: np.random.Generator) -> Iterator[Pair]:
    markers = true_markers(done.posed)
    body = done.posed.body
    for number in range(_SHOTS):
        frames = min(int(rng.integers(FRAMES[0], FRAMES[1] + 1)), len(markers))
        start = int(rng.integers(0, len(markers) - frames + 1))
        shown, times = markers[start : start + frames], done.times[:frames]
        shot = from_above(as_people_record(random_shot(rng, plan.index * _SHOTS + number), rng), rng)
        camera = place_camera(shot, rng, times, shown, done.heading, float(rng.uniform(*_CEILINGS)))
        shown, camera = in_camera_world(shown, camera)
        seen = model.simulate(view_of(shown, camera, times, body.height), rng)
        facts: dict[str, JsonValue] = {
            "split": plan.split,
            "motion": plan.motion,
            "person": plan.person,
            "seed": plan.seed,
        }
        yield Pair(seen, Markers(times, ALL_MARKERS, shown), camera, body.height, body.mass, facts)
