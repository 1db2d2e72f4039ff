"""The detector on rendered clips, while they are made or later with another landmark model."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from humanpose3d.errors import InvalidOption, NoPersonDetected
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import PoseModel, RunOptions, Verticals
from humanpose3d.skeleton import LANDMARKS
from services.detector.pose.landmark_network import network_of
from services.detector.stage import DETECTOR, DetectorInputs
from shared.models import sha256, shipped
from shared.stage import silent
from training.data import manifest
from training.data.pairs import pair_files, read_pair, write_pair

VIDEOS: Final = "videos"
"""Folder of a data set's videos, where they are kept."""


def models(pose_model: PoseModel) -> dict[str, str]:
    """What a manifest records of the landmark model: its name, and the hash of its weights."""
    return {f"pose_landmarker_{pose_model}.task": sha256(shipped(f"pose_landmarker_{network_of(pose_model)}.task"))}


def detected(
    video: Path, times: FloatArray, size: tuple[int, int], pose_model: PoseModel
) -> tuple[Landmarks, Verticals | None]:
    """The detector's output; only gaps where it finds no person (often): such clips are valid data."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            found = DETECTOR.run(DetectorInputs(video, Path(scratch)), RunOptions(pose_model=pose_model), silent)
    except NoPersonDetected:
        count, points = len(times), len(LANDMARKS)
        gap = np.full((count, points, 3), np.nan)
        return Landmarks(times, gap[..., :2], gap, np.zeros((count, points)), size), None
    assert len(found.landmarks.times) == len(times), "the decoder returned as many frames as were rendered"
    return found.landmarks, found.verticals


def detect_again(source: Path, folder: Path, pose_model: PoseModel, clips: int | None) -> dict[str, object]:
    """Write the pairs of the data set `source` with another model's detections; returns the manifest.

    clips  how many, from the first (None: all). Existing ones are kept, so the work may be interrupted.
    Raises InvalidOption where the videos were not kept.
    """
    if not (source / VIDEOS).is_dir():
        raise InvalidOption({"data": f"{source} holds no videos: render it with 'train data --keep-videos'"})
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    renderer = manifest.begin_from(source, folder, models(pose_model))
    for file in tqdm(pair_files(source)[:clips], unit="clip", dynamic_ncols=True):
        target = folder / "clips" / file.name
        if not target.exists():
            pair = read_pair(file)
            video = (source / VIDEOS / file.name).with_suffix(".mp4")
            landmarks, verticals = detected(video, pair.landmarks.times, pair.landmarks.image_size, pose_model)
            write_pair(target, replace(pair, landmarks=landmarks, verticals=verticals))
    return dict(manifest.finish(folder, renderer))
