"""Folders of motion capture, read as needed, and which split each motion belongs to."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from humanpose3d.errors import InvalidMotion
from training.mocap.asf import AsfSkeleton, read_amc, read_asf
from training.mocap.motion import BoneMotion
from training.mocap.opensim import OpenSimModel, read_opensim_motion, read_osim

Split = Literal["train", "validation", "test"]

TEST_TRIALS: Final = re.compile(r"walkingTS\d*|squatsAsym1|STSAsym1|DJAsym\d*")
TEST_SUBJECT: Final = "03"
"""The test split: these trials of the laboratory subject and this CMU subject, whole. Never trained or tuned on."""

VALIDATION_TRIALS: Final = frozenset(
    {"walkingTI3", "walking4", "DJ3", "STSweakLegs1", "01_08", "01_14", "02_02", "02_08"}
)
"""Motions that choose the best checkpoint. Of CMU subjects other than 01 to 03, one in ten goes here as a whole."""

_CMU_NAME: Final = re.compile(r"(\d+)_(\d+)")


@dataclass(frozen=True)
class MotionFile:
    """One motion in a folder: its trial's name, its file and its skeleton's."""

    name: str
    path: Path
    skeleton: Path

    @property
    def family(self) -> str:
        """What is balanced in a data set: a CMU subject, or a kind of laboratory trial."""
        return family(self.name)

    @property
    def split(self) -> Split:
        """By subject and trial, before anything else."""
        cmu = _CMU_NAME.fullmatch(self.name)
        if TEST_TRIALS.fullmatch(self.name) or (cmu and cmu[1] == TEST_SUBJECT):
            return "test"
        if self.name in VALIDATION_TRIALS or (cmu and int(cmu[1]) > int(TEST_SUBJECT) and _one_in_ten(cmu[1])):
            return "validation"
        return "train"

    def read(self) -> BoneMotion:
        """The motion, kept for the next call; raises InvalidMotion where a file is damaged."""
        return _read(self)

    def sha256(self) -> str:
        """Of the motion's file and its skeleton's."""
        return hashlib.sha256(self.path.read_bytes() + self.skeleton.read_bytes()).hexdigest()


def family(name: str) -> str:
    """What a trial of that name is one of: a CMU subject, or a kind of laboratory trial.

    >>> family("03_02"), family("walkingTS2")
    ('cmu03', 'walkingTS')
    """
    cmu = _CMU_NAME.fullmatch(name)
    return f"cmu{cmu[1]}" if cmu else re.sub(r"\d+$", "", name)


def find_motions(folders: Sequence[Path]) -> list[MotionFile]:
    """All motions in the folders and below: `NN.asf` with `NN_*.amc`, and `*_ik.mot` beside one `.osim`.

    Motionless trials (`static*`) are left out. Raises InvalidMotion where nothing is found.
    """
    motions: list[MotionFile] = []
    for folder in folders:
        for skeleton in sorted(folder.rglob("*.asf")):
            motions += [MotionFile(p.stem, p, skeleton) for p in sorted(skeleton.parent.glob(f"{skeleton.stem}_*.amc"))]
        for skeleton in sorted(folder.rglob("*.osim")):
            found = sorted(skeleton.parent.glob("*_ik.mot"))
            motions += [MotionFile(p.stem.removesuffix("_ik"), p, skeleton) for p in found if p.name[:6] != "static"]
    if not motions:
        raise InvalidMotion(f"No motion (*.asf with *.amc, *.osim with *_ik.mot) in: {', '.join(map(str, folders))}.")
    return motions


def _one_in_ten(subject: str) -> bool:
    return hashlib.sha256(subject.encode()).digest()[0] % 10 == 0


@lru_cache(maxsize=64)
def _read(motion: MotionFile) -> BoneMotion:
    if motion.path.suffix == ".amc":
        return read_amc(motion.path, _asf(motion.skeleton))
    return read_opensim_motion(motion.path, _osim(motion.skeleton))


@lru_cache(maxsize=8)
def _asf(path: Path) -> AsfSkeleton:
    return read_asf(path)


@lru_cache(maxsize=8)
def _osim(path: Path) -> OpenSimModel:
    return read_osim(path)
