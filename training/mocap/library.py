"""Folders of motion capture, read as needed, and which split each motion belongs to."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from training.mocap.asf import CMU_FRAME_RATE, AsfSkeleton, count_frames, read_amc, read_asf
from training.mocap.exercises import DURATION_S, FRAME_RATE, KINDS, exercise
from training.mocap.knees import with_straighter_knees
from training.mocap.motion import BoneMotion
from training.mocap.opensim import OpenSimModel, read_opensim_motion, read_osim
from training.mocap.pelvis import pelvic_offset, with_pelvis_tilted

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
Source = Literal["laboratory", "CMU 01-03", "other CMU", "built"]

SHARES: Final[dict[Source, float]] = {"laboratory": 0.22, "CMU 01-03": 0.1, "other CMU": 0.58, "built": 0.1}
"""Of the clips that a network is trained on. By families alone, 2 % are of the laboratory and 39 % built, and networks
trained so were worse on the laboratory's (`models/depth_refiner.md`)."""

_AT_MOST: Final = 4.0
"""How many times more often than the average a clip is drawn, so that few are not learnt by heart."""

TEST_TRIALS: Final = re.compile(r"walkingTS\d*|squatsAsym1|STSAsym1|DJAsym\d*")
TEST_SUBJECT: Final = "03"
"""The test split: these trials of the laboratory subject and this CMU subject, whole. Never trained or tuned on."""

VALIDATION_TRIALS: Final = frozenset(
    {"walkingTI3", "walking4", "DJ3", "STSweakLegs1", "01_08", "01_14", "02_02", "02_08"}
)
"""Motions that choose the best checkpoint. Of CMU subjects other than 01 to 03, one in ten goes here as a whole."""

EXERCISES: Final = 60
"""Generated motions of each kind (`training.mocap.exercises`) where there is a laboratory model with a static trial."""

_TRIALS_FOR_PELVIS: Final = 8
"""Of one skeleton, read to find the tilt of its pelvis: within 1.6° of what all of them give."""

_CMU_NAME: Final = re.compile(r"(\d+)_(\d+)")
_EXERCISE: Final = re.compile(rf"(?:{'|'.join(KINDS)})-\d+")

_FAMILIES: Final = {
    "exercise": r"jumping jacks|range of motion",
    "sit to stand": r"sit on|^STS",
    "squat": r"squat",
    "jump": r"jump|hop\b|^DJ",
    "sports": r"boxing|soccer|basketball|kick|punch|sword|motorcycle|dive",
    "dance": r"dance|nursery|teapot",
    "imitation": r"human subject|vacation|monkey",
    "household": r"soda|mop|wash|bottlecap|ladder|climb|steps",
    "gesture": r"traffic|wave|laugh|point",
    "run": r"run|jog|duck",
    "walk": r"walk|navigate",
}
"""Family -> pattern of its descriptions in the folder's index, or of the trial's name; the first match counts."""

_CMU_WHAT: Final = {
    **dict.fromkeys(("02_01", "02_02"), "walk"),
    "02_03": "run",
    "02_04": "jump",
    "02_05": "punch",
}
"""Descriptions of trials in folders without an index. CMU trials without one are a family per subject."""


@dataclass(frozen=True)
class MotionFile:
    """One motion in a folder: its trial's name, its file and its skeleton's, its frame rate, and its description."""

    name: str
    path: Path
    skeleton: Path
    frame_rate: float = CMU_FRAME_RATE
    what: str = ""

    @property
    def family(self) -> str:
        """The unit of balance in a data set: walking, jumping, dancing …"""
        return family(self.name, self.what)

    @property
    def source(self) -> Source:
        """Where it is from."""
        return source(self.name)

    @property
    def built(self) -> bool:
        """Whether it was generated rather than captured (`training.mocap.exercises`)."""
        return self.source == "built"

    @property
    def split(self) -> Split:
        """By subject and trial, before anything else. Built motions only train: all are from one generator, so that
        held-out ones would measure how well it is known."""
        cmu = _CMU_NAME.fullmatch(self.name)
        if self.built:
            return "train"
        if TEST_TRIALS.fullmatch(self.name) or (cmu and cmu[1] == TEST_SUBJECT):
            return "test"
        if self.name in VALIDATION_TRIALS or (cmu and int(cmu[1]) > int(TEST_SUBJECT) and _one_in_ten(cmu[1])):
            return "validation"
        return "train"

    def read(self) -> BoneMotion:
        """The motion, with the pelvis of all sources (`training.mocap.pelvis`) and, except in the test split, their
        knees (`training.mocap.knees`), kept for the next call; raises InvalidMotion where a file is damaged."""
        return _read(self)

    @property
    def duration(self) -> float:
        """Seconds, kept for the next time."""
        return _duration(self)

    def sha256(self) -> str:
        """Of the motion's file and its skeleton's."""
        return hashlib.sha256(self.path.read_bytes() + self.skeleton.read_bytes()).hexdigest()


def family(name: str, what: str = "") -> str:
    """The family of a trial with that name and that description in the folder's index.

    >>> family("03_02"), family("walkingTS2"), family("16_01", "run/jog, veer left"), family("lunge-3")
    ('cmu03', 'walk', 'run', 'lunge')
    """
    built, cmu = _EXERCISE.fullmatch(name), _CMU_NAME.fullmatch(name)
    if built:
        return name.rsplit("-", 1)[0]
    known = what or _CMU_WHAT.get(name, "" if cmu else name)
    found = next((kind for kind, words in _FAMILIES.items() if re.search(words, known, re.IGNORECASE)), None)
    return found or (f"cmu{cmu[1]}" if cmu else re.sub(r"\d+$", "", name))


def source(name: str) -> Source:
    """Where a trial is from.

    >>> source("walkingTS2"), source("03_02"), source("16_01"), source("lunge-3")
    ('laboratory', 'CMU 01-03', 'other CMU', 'built')
    """
    if _EXERCISE.fullmatch(name):
        return "built"
    cmu = _CMU_NAME.fullmatch(name)
    if cmu is None:
        return "laboratory"
    return "CMU 01-03" if int(cmu[1]) <= int(TEST_SUBJECT) else "other CMU"


def balanced(sources: Sequence[Source]) -> FloatArray:
    """(N,) how probable each of N clips of these sources should be, for the sources to have their SHARES; the others
    more where a source has so few that a clip would be drawn more than `_AT_MOST` times as often as the average."""
    counts = Counter(sources)
    shares = np.array([SHARES[one] / counts[one] for one in sources])
    shares /= shares.sum()
    rare = shares > _AT_MOST / len(sources)
    shares[rare] = _AT_MOST / len(sources)
    shares[~rare] *= (1 - shares[rare].sum()) / shares[~rare].sum()
    return shares


def find_motions(folders: Sequence[Path]) -> list[MotionFile]:
    """All motions in the folders and below: `NN.asf` with `NN_*.amc`, `*_ik.mot` beside one `.osim`, and the exercises
    generated from its trial `static1`.

    Static trials are left out. The frame rate of AMC files is that of the folder's `fps.txt`, or the CMU database's;
    descriptions come from the folder's `index.csv` (trial, what), where there is one. Raises InvalidMotion where
    nothing is found.
    """
    motions: list[MotionFile] = []
    for folder in folders:
        for skeleton in sorted(folder.rglob("*.asf")):
            motions += _acclaim(skeleton)
        for skeleton in sorted(folder.rglob("*.osim")):
            motions += _laboratory(skeleton)
    if not motions:
        raise InvalidMotion(f"No motion (*.asf with *.amc, *.osim with *_ik.mot) in: {', '.join(map(str, folders))}.")
    return motions


def _acclaim(skeleton: Path) -> list[MotionFile]:
    rate, what = _frame_rate(skeleton.parent), _index(skeleton.parent)
    return [MotionFile(path.stem, path, skeleton, rate, what.get(path.stem, "")) for path in _trials(skeleton)]


def _trials(skeleton: Path) -> list[Path]:
    """The AMC files of an Acclaim skeleton."""
    return sorted(skeleton.parent.glob(f"{skeleton.stem}_*.amc"))


def _laboratory(skeleton: Path) -> list[MotionFile]:
    found = sorted(skeleton.parent.glob("*_ik.mot"))
    motions = [MotionFile(p.stem.removesuffix("_ik"), p, skeleton) for p in found if p.name[:6] != "static"]
    standing = skeleton.parent / "static1_ik.mot"
    if standing.is_file():
        motions += [MotionFile(f"{kind}-{n}", standing, skeleton) for kind in KINDS for n in range(EXERCISES)]
    return motions


@lru_cache(maxsize=8)
def _frame_rate(folder: Path) -> float:
    path = folder / "fps.txt"
    try:
        return float(path.read_text(encoding="ascii")) if path.is_file() else CMU_FRAME_RATE
    except ValueError:
        raise InvalidMotion(f"{path} should hold the frames a second of the folder's motions, as a number.") from None


@lru_cache(maxsize=8)
def _index(folder: Path) -> dict[str, str]:
    """Trial -> what it is."""
    path = folder / "index.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["trial"]: row["what"] for row in csv.DictReader(file)}


def _one_in_ten(subject: str) -> bool:
    return hashlib.sha256(subject.encode()).digest()[0] % 10 == 0


@lru_cache(maxsize=4096)
def _duration(motion: MotionFile) -> float:
    if motion.built:
        return DURATION_S - 1 / FRAME_RATE
    if motion.path.suffix == ".amc":
        return (count_frames(motion.path) - 1) / motion.frame_rate
    return motion.read().duration


@lru_cache(maxsize=64)
def _read(motion: MotionFile) -> BoneMotion:
    if motion.path.suffix == ".amc":
        captured = read_amc(motion.path, _asf(motion.skeleton), motion.frame_rate)
        captured = with_pelvis_tilted(captured, _pelvic_offset(motion.skeleton))
        return captured if motion.split == "test" else with_straighter_knees(captured)
    if motion.built:
        return exercise(motion.name, read_opensim_motion(motion.path, _osim(motion.skeleton)))
    return read_opensim_motion(motion.path, _osim(motion.skeleton))


@lru_cache(maxsize=256)
def _pelvic_offset(skeleton: Path) -> float:
    """Radians, from up to `_TRIALS_FOR_PELVIS` of the skeleton's motions, evenly among them."""
    trials = _trials(skeleton)
    chosen = trials[:: -(-len(trials) // _TRIALS_FOR_PELVIS)]
    return pelvic_offset([read_amc(trial, _asf(skeleton)) for trial in chosen])


@lru_cache(maxsize=8)
def _asf(path: Path) -> AsfSkeleton:
    return read_asf(path)


@lru_cache(maxsize=8)
def _osim(path: Path) -> OpenSimModel:
    return read_osim(path)
