"""Creation of a data set of pairs: many clips, several workers, resumable at any time."""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from humanpose3d.errors import NoPersonDetected
from humanpose3d.motion import Landmarks, Markers
from humanpose3d.options import PoseModel, RunOptions, Verticals
from humanpose3d.skeleton import ALL_MARKERS, LANDMARKS
from services.detector.stage import DETECTOR, DetectorInputs
from shared.models import sha256, shipped
from shared.stage import silent
from training.data import manifest
from training.data.clip import Clip, make_clip, plan_clip, render_clip, split_of
from training.data.pairs import Pair, in_camera_world, write_pair
from training.mocap.library import SPLITS, MotionFile, Split, find_motions
from training.scene.render import Renderer

CLIPS_PER_PROCESS: Final = 40


@dataclass(frozen=True)
class Job:
    """A worker's job: target folder, clips, sources."""

    folder: Path
    seed: int
    motions: tuple[MotionFile, ...]
    lengths: tuple[float, ...]
    pose_model: PoseModel


def make_pairs(
    folder: Path,
    mocap: Sequence[Path],
    clips: int,
    workers: int,
    seed: int,
    pose_model: PoseModel = "full",
    splits: Collection[Split] = SPLITS,
) -> dict[str, object]:
    """Make those of the first `clips` clips that are of the splits and do not exist yet; returns the manifest.

    The same seed and motions give the same clips in the same order, however often the work is interrupted; a
    larger number of clips, or another split, adds to the existing ones.
    """
    motions = tuple(find_motions(mocap))
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    model = shipped(f"pose_landmarker_{pose_model}.task")
    manifest.begin(folder, seed, motions, {model.name: sha256(model)})
    lengths = tuple(motion.duration for motion in motions)
    job = Job(folder, seed, motions, lengths, pose_model)
    wanted = [index for index in range(clips) if split_of(index) in splits]
    missing = [index for index in wanted if not clip_file(folder, index).exists()]
    frames = 0
    with tqdm(total=len(wanted), initial=len(wanted) - len(missing), unit="clip", dynamic_ncols=True) as bar:
        for count in _work(job, missing, workers):
            frames += count
            bar.set_postfix(frames=frames)
            bar.update()
    with Renderer() as renderer:
        return dict(manifest.finish(folder, renderer.device))


def clip_file(folder: Path, index: int) -> Path:
    """Path of a clip in a data set."""
    return folder / "clips" / f"{index:06d}.npz"


def _work(job: Job, indices: list[int], workers: int) -> Iterator[int]:
    """Frames of each finished clip. Each worker is a process with its own renderer.

    A graphics driver can crash its process (Mesa's does, once in some hundred clips). Workers are therefore replaced
    regularly, and work continues after a crash; it stops if no clip is finished between two crashes.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")  # one core each, where images are drawn without a GPU
    while indices:
        done = 0
        # a pool for each portion: with max_tasks_per_child, Python 3.11's pool sometimes hangs (gh-115634)
        portion = indices[: workers * CLIPS_PER_PROCESS]
        try:
            with ProcessPoolExecutor(workers, get_context("spawn"), _start, (job,)) as pool:
                for frames in pool.map(_one, portion):
                    done += 1
                    yield frames
        except BrokenProcessPool:
            if not done:
                raise
            yield from (0 for index in portion[done:] if clip_file(job.folder, index).exists())
            portion = [index for index in portion if clip_file(job.folder, index).exists()]
        finished = set(portion)
        indices = [index for index in indices if index not in finished]


_worker: tuple[Job, Renderer] | None = None


def _start(job: Job) -> None:
    global _worker  # noqa: PLW0603 - a pool's process has no other place for state kept between clips
    _worker = (job, Renderer())


def _one(index: int) -> int:
    assert _worker is not None
    job, renderer = _worker
    plan = plan_clip(
        index, job.seed, list(job.motions), dict(zip((m.name for m in job.motions), job.lengths, strict=True))
    )
    clip = make_clip(plan, {motion.name: motion for motion in job.motions})
    pair = recorded(clip, renderer, job.pose_model)
    write_pair(clip_file(job.folder, index), pair)
    return len(clip.times)


def recorded(clip: Clip, renderer: Renderer, pose_model: PoseModel) -> Pair:
    """Render the clip, run the detector on the compressed video, and pair its output with the ground truth."""
    with tempfile.TemporaryDirectory() as scratch:
        video = Path(scratch) / "clip.mp4"
        render_clip(clip, renderer, video)
        landmarks, verticals = _detected(clip, DetectorInputs(video, Path(scratch)), RunOptions(pose_model=pose_model))
    markers, camera = in_camera_world(clip.markers, clip.camera)
    body = clip.posed.body
    return Pair(
        landmarks, Markers(landmarks.times, ALL_MARKERS, markers), camera, body.height, body.mass, clip.facts, verticals
    )


def _detected(clip: Clip, inputs: DetectorInputs, options: RunOptions) -> tuple[Landmarks, Verticals | None]:
    """The detector's output; only gaps where it finds no person (often): such clips are valid data."""
    try:
        found = DETECTOR.run(inputs, options, silent)
    except NoPersonDetected:
        count, points = len(clip.times), len(LANDMARKS)
        gap = np.full((count, points, 3), np.nan)
        return Landmarks(clip.times, gap[..., :2], gap, np.zeros((count, points)), clip.shot.size), None
    assert len(found.landmarks.times) == len(clip.times), "the decoder returned as many frames as were rendered"
    return found.landmarks, found.verticals
