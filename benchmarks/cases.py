"""Test cases for accuracy: a clip seen by one camera, and its ground truth."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import Subject, Verticals
from humanpose3d.skeleton import JOINT_GROUPS, MARKERS
from services.angles.joints import joint_angles
from training.data.pairs import pair_files, read_pair
from training.mocap.library import family
from training.scene.camera import Camera


@dataclass(frozen=True, eq=False)
class Case:
    """One clip of one camera, frame by frame.

    motion   the kind of motion, or another key by which clips are grouped.
    camera   the true one, in a world with Y up.
    markers  (T, 22, 3) metres, true, in that world; NaN where not known.
    angles   (T, 12, 3) degrees, true; NaN where not known. The pelvis' rotation counts from the heading of the camera's
             first frame, as in a run.
    verticals  the detector's measurement of the image's upright lines.
    """

    name: str
    motion: str
    landmarks: Landmarks
    subject: Subject
    camera: Camera
    markers: FloatArray
    angles: FloatArray
    verticals: Verticals | None = None


def rendered_cases(folder: Path) -> Iterator[Case]:
    """The test clips in which the detector found a person, from a folder that `humanpose3d train data` made."""
    for file in pair_files(folder):
        pair = read_pair(file)
        if pair.split != "test" or not pair.landmarks.detected.any():
            continue
        yield Case(
            name=file.stem,
            motion=family(str(pair.facts["motion"])),
            landmarks=pair.landmarks,
            subject=Subject(height=pair.height, weight=pair.mass),
            camera=pair.camera,
            markers=pair.markers.select(MARKERS).positions,
            angles=joint_angles(pair.markers),
            verticals=pair.verticals,
        )


def fingerprint(cases: Iterable[Case]) -> str:
    """Hexadecimal sha256 of detections and ground truth: equal for equal clips."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(case.name.encode())
        for values in (case.landmarks.pixels, case.landmarks.world, case.markers):
            digest.update(values.astype("<f4").tobytes())
    return digest.hexdigest()


def unknown_angles(frames: int) -> FloatArray:
    """(T, 12, 3) NaN."""
    return np.full((frames, len(JOINT_GROUPS), 3), np.nan)
