"""The correction of swapped sides must never make a clip worse: on generated clips and on rendered ones."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.side_evidence import overlong_share
from services.refiner.depth.swaps import find_swaps, swap_sides
from services.refiner.vectors import columns
from tests.services.refiner.synthetic import Camera, clock, on_one_leg, recorded, squatting, standing, turned, walking
from training.data.pairs import Pair, pair_files, read_pair

PAIRS = "HUMANPOSE3D_PAIRS"
"""Environment variable: a folder made by `humanpose3d train data`."""

ARMS, LEGS, TRUNK = (
    [index for index, name in enumerate(LANDMARKS) if name.endswith(joints)]
    for joints in (
        ("elbow", "wrist", "pinky", "index", "thumb"),
        ("knee", "ankle", "heel", "foot_index"),
        ("shoulder", "hip"),
    )
)
FACE = [index for index, name in enumerate(LANDMARKS) if mirrored(name) != name][:10]
SWAPPED = (ARMS, LEGS, ARMS + LEGS, ARMS + TRUNK + FACE, ARMS + LEGS + TRUNK + FACE)


def overlong(landmarks: Landmarks) -> float:
    return overlong_share(len(landmarks.times), landmarks.world.__getitem__)


def arms_cross() -> tuple[Landmarks, Landmarks, NDArray[np.bool_]]:
    """True and detected landmarks, and where they differ: arms that cross in front of the body and are then swapped
    for two frames. 30 Hz, 300 frames, facing the camera."""
    times = clock(10)
    points = standing(times)
    frames, keys = np.arange(300), [0, 93, 99, 102, 299]
    for side, sign in (("left", 1), ("right", -1)):
        for joint, path in (("elbow", [0.27, 0.27, 0.0, 0.30, 0.30]), ("wrist", [0.30, 0.30, 0.0, 0.50, 0.50])):
            across = sign * np.interp(frames, keys, path)
            points[:, LANDMARK_INDEX[f"{side}_{joint}"], 0] = across
            if joint == "wrist":
                for finger in ("pinky", "index", "thumb"):
                    points[:, LANDMARK_INDEX[f"{side}_{finger}"], 0] = across
    true = recorded(times, points, Camera())
    wrong = np.zeros(true.visibility.shape, dtype=bool)
    wrong[100:102, ARMS] = True
    return true, swap_sides(true, wrong), wrong


def test_arms_that_cross_and_come_out_swapped_are_corrected_there_alone():
    true, detected, wrong = arms_cross()
    found = find_swaps(detected)
    changed = np.flatnonzero(found.frames)
    assert set(range(100, 102)) <= set(changed) <= set(range(99, 103))
    assert not (found.swapped & ~wrong)[[100, 101]].any()
    corrected = swap_sides(detected, found.swapped)
    upper_arm = np.linalg.norm(np.diff(corrected.world[:, [11, 13]], axis=1)[:, 0], axis=1)
    true_length = np.linalg.norm(np.diff(true.world[:, [11, 13]], axis=1)[:, 0], axis=1)
    assert np.median(upper_arm) == pytest.approx(np.median(true_length), abs=0.01)
    assert overlong(corrected) <= overlong(detected)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    motion=st.sampled_from((walking, squatting, standing, on_one_leg)),
    heading=st.floats(-180, 180),
    parts=st.lists(st.tuples(st.sampled_from(SWAPPED), st.integers(0, 85), st.integers(1, 90)), min_size=0, max_size=2),
    noise=st.sampled_from((0.0, 0.02, 0.04)),
    fps=st.sampled_from((12.0, 30.0, 60.0)),
    seed=st.integers(0, 1000),
)
def test_no_generated_clip_gets_worse(motion, heading, parts, noise, fps, seed):
    """Any body parts swapped at any time, in any view: neither wrong labels nor overlong limbs increase."""
    times = clock(90 / fps, fps)
    true = recorded(times, turned(motion(times), heading), Camera(pitch=10, roll=4, noise=noise), seed=seed)
    wrong = np.zeros(true.visibility.shape, dtype=bool)
    for landmarks, start, length in parts:
        wrong[start : start + length, landmarks] ^= True
    detected = swap_sides(true, wrong)
    found = find_swaps(detected)
    paired = [index for index, name in enumerate(LANDMARKS) if mirrored(name) != name]
    assert (found.swapped ^ wrong)[:, paired].mean() <= wrong[:, paired].mean()
    assert overlong(swap_sides(detected, found.swapped)) <= overlong(detected)


@pytest.fixture(scope="module")
def rendered() -> list[Path]:
    folder = os.environ.get(PAIRS)
    if folder is None:
        pytest.skip(f"{PAIRS} names no folder of rendered clips")
    files = [path for path in pair_files(Path(folder)) if _readable(path)]
    assert files
    return files


def _readable(path: Path) -> bool:
    return path.stat().st_size > 0


def test_no_rendered_clip_gets_worse(rendered, capsys):
    """A part (legs, arms, trunk) is wrong if its landmarks in the image are 3 cm nearer to the other side's markers."""
    before, after, worse = 0.0, 0.0, []
    for path in rendered:
        pair = read_pair(path)
        wrong, right = _labels(pair)
        found = find_swaps(pair.landmarks)
        changed = found.swapped[:, [LEGS[0], ARMS[0], TRUNK[0]]]
        left = np.where(changed, right, wrong)
        before, after = before + wrong.any(axis=1).mean(), after + left.any(axis=1).mean()
        corrected = swap_sides(pair.landmarks, found.swapped)
        if left.any(axis=1).mean() > wrong.any(axis=1).mean() or overlong(corrected) > overlong(pair.landmarks):
            worse.append(path.name)
    with capsys.disabled():
        print(f"\nframes with wrong sides: {before / len(rendered):.2%}, corrected {after / len(rendered):.2%}")
    assert worse == []
    assert after <= before


def _labels(pair: Pair) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(T, 3) each: whether legs, arms and trunk are clearly swapped, or clearly not."""
    names = {landmark: marker for marker, landmark in MARKER_LANDMARKS.items()}
    true = np.full((*pair.landmarks.visibility.shape, 2), np.nan)
    projected = pair.camera.project(pair.markers.positions)
    for landmark, marker in names.items():
        true[:, LANDMARK_INDEX[landmark]] = projected[:, pair.markers.names.index(marker)]
    depth = pair.camera.to_camera(pair.markers.positions)[..., 2].mean(axis=1)
    gain = [
        np.mean([_nearer(pair.landmarks.pixels, true, joint) for joint in part], axis=0) * depth / pair.camera.focal
        for part in (("knee", "ankle", "heel", "foot_index"), ("elbow", "wrist"), ("shoulder", "hip"))
    ]
    gains = np.nan_to_num(np.stack(gain, axis=1))
    return gains > 0.03, gains < -0.03


def _nearer(seen: FloatArray, true: FloatArray, joint: str) -> FloatArray:
    """(T,) pixels by which a pair of landmarks is nearer to the other side's markers than to its own side's."""
    both = columns(joint)
    own, other = (np.linalg.norm(seen[:, both] - true[:, each], axis=2) for each in (both, both[::-1]))
    return np.asarray((own - other).mean(axis=1))
