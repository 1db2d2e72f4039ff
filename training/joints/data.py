"""The pipeline's angles for the pairs' detections, with the true angles: one small file per clip.

What comes before the joint refiner (depth refinement, marker augmentation, angles) is run once for every clip and kept,
so that training reads angles and nothing else.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from humanpose3d.errors import InputError, InvalidMotion, InvalidOption
from humanpose3d.motion import FloatArray, JointAngles, Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import MARKERS
from services.angles.joints import joint_angles
from services.augmenter.stage import AUGMENTER, AugmenterInputs, AugmenterOutputs
from services.refiner.depth.stage import DEPTH, DepthInputs, DepthOutputs
from shared.models import sha256
from shared.processes import pool
from shared.stage import silent
from training.data.pairs import Pair, pair_files, read_facts, read_pair

log = logging.getLogger(__name__)

RefineDepth = Callable[[DepthInputs], DepthOutputs]
"""The stage before the augmenter, with any network."""

CYCLES: Final = 4
"""Copies that the augmentation averages: the difference to the default of 20 is far below the angles' errors."""

RECIPE: Final = "recipe.json"


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip as input of the joint refiner, and the ground truth.

    times (T,) seconds; angles (T, 12, 3) degrees as the pipeline made them, NaN where missing; visibility (T, 33);
    depth_spread (T, 22) metres, NaN throughout where the depth refiner states none; marker_spread (T, 43) metres;
    truth (T, 12, 3) degrees, of the 65 true markers; ideal (T, 12, 3) what the pipeline makes of the true 22 alone.
    """

    times: FloatArray
    angles: FloatArray
    visibility: FloatArray
    depth_spread: FloatArray
    marker_spread: FloatArray
    truth: FloatArray
    ideal: FloatArray
    name: str
    split: str
    motion: str


ARRAYS: Final = tuple(field.name for field in fields(Clip) if field.name not in ("name", "split", "motion"))
"""A clip's per-frame fields."""


def stage_depth(depth_model: Path | None) -> RefineDepth:
    """The depth stage as in a run: with the network in this file, or geometric where there is none.

    Raises ModelNotFound, ModelCorrupt or ModelError where the network cannot be used.
    """
    options = RunOptions(main_refiner=False, depth_model_path=None if depth_model is None else str(depth_model))
    DEPTH.check(options)
    return lambda inputs: DEPTH.run(inputs, options, silent)


def clip_of(pair: Pair, name: str, refine_depth: RefineDepth, cycles: int = CYCLES) -> Clip:
    """Run a pair's landmarks through the pipeline. Raises InputError where a run would fail."""
    subject, options = Subject(height=pair.height, weight=pair.mass), RunOptions(augmentation_cycles=cycles)
    depth = refine_depth(DepthInputs(pair.landmarks, subject, pair.verticals))
    angles, augmented = _angles(depth.markers, subject, options)
    ideal, _ = _angles(pair.markers.select(MARKERS), subject, options)
    unknown = np.full((angles.times.size, len(MARKERS)), np.nan)
    return Clip(
        times=angles.times,
        angles=angles.values,
        visibility=pair.landmarks.visibility,
        depth_spread=unknown if depth.marker_sd is None else depth.marker_sd.values,
        marker_spread=augmented.marker_spread.values,
        truth=joint_angles(pair.markers),
        ideal=ideal.values,
        name=name,
        split=pair.split,
        motion=str(pair.facts["motion"]),
    )


def _angles(markers: Markers, subject: Subject, options: RunOptions) -> tuple[JointAngles, AugmenterOutputs]:
    """The pipeline's output for the 22 markers."""
    augmented = AUGMENTER.run(AugmenterInputs(markers, subject), options, silent)
    return JointAngles(markers.times, joint_angles(augmented.augmented_markers)), augmented


def make_clips(
    data: Path, folder: Path, depth_model: Path | None, splits: Sequence[str], workers: int = 1
) -> list[Path]:
    """The files of these splits' clips, in order; missing ones are made in parallel processes.

    Raises InvalidOption where the folder holds clips of another depth model: they must not mix; ModelNotFound,
    ModelCorrupt or ModelError where the depth model cannot be used.
    """
    refine_depth = stage_depth(depth_model)
    folder.mkdir(parents=True, exist_ok=True)
    _begin(folder, depth_model)
    wanted = [file for file in pair_files(data) if read_facts(file)["split"] in splits]
    missing = [file for file in wanted if not (folder / file.name).exists()]
    if workers > 1:
        with pool(workers, _prepare, depth_model) as processes:
            made = processes.map(_make_prepared, missing, [folder] * len(missing))
            faults = list(tqdm(made, desc="angles", total=len(missing), leave=False))
    else:
        faults = [_make(file, folder, refine_depth) for file in tqdm(missing, desc="angles", leave=False)]
    for file, fault in zip(missing, faults, strict=True):
        if fault:
            log.warning("%s is left out: %s", file.name, fault)
    return [folder / file.name for file in wanted if (folder / file.name).exists()]


def _make(file: Path, folder: Path, refine_depth: RefineDepth) -> str:
    """Make one clip's file; reports the reason where a run would fail: no person in view for most of the clip."""
    try:
        write_clip(folder / file.name, clip_of(read_pair(file), file.stem, refine_depth))
    except InputError as error:
        return str(error)
    return ""


_refine_depth: RefineDepth


def _prepare(depth_model: Path | None) -> None:
    global _refine_depth  # noqa: PLW0603 -- what an initialiser of a process pool leaves for its work
    _refine_depth = stage_depth(depth_model)


def _make_prepared(file: Path, folder: Path) -> str:
    return _make(file, folder, _refine_depth)


def write_clip(path: Path, clip: Clip) -> None:
    """Write a clip's file atomically."""
    part = path.with_suffix(".part")
    arrays = {name: getattr(clip, name).astype(np.float64 if name == "times" else np.float32) for name in ARRAYS}
    with part.open("wb") as file:
        np.savez_compressed(file, facts=json.dumps([clip.name, clip.split, clip.motion]), **arrays)
    part.replace(path)


def read_clip(path: Path) -> Clip:
    """Read a clip's file; raises InvalidMotion where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name].astype(np.float64) for name in ARRAYS}
            name, split, motion = json.loads(str(file["facts"]))
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InvalidMotion(f"{path.name} is not a usable file of angles: {error}.") from None
    return Clip(**arrays, name=name, split=split, motion=motion)


def _begin(folder: Path, depth_model: Path | None) -> None:
    recipe = {"depth_model": None if depth_model is None else sha256(depth_model), "cycles": CYCLES}
    path = folder / RECIPE
    if not path.exists():
        path.write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    elif json.loads(path.read_text(encoding="utf-8")) != recipe:
        fault = f"{folder} holds angles made with another depth model. Name another folder, or empty this one"
        raise InvalidOption({"out": fault})
