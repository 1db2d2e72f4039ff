"""The knees of the CMU database are as extended in walking as the laboratory's."""

import shutil

import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from training.mocap.asf import read_amc, read_asf
from training.mocap.knees import EXCESS_DEG, with_straighter_knees
from training.mocap.library import find_motions
from training.mocap.motion import BONE_INDEX, BoneMotion

WALKS = ("07_01", "16_15", "35_01", "38_01", "39_01", "91_01")


@pytest.fixture(scope="module")
def bending(acclaim) -> BoneMotion:
    """Knees that bend from 0 to 78°."""
    return read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))


def test_knees_lose_the_excess_or_half_of_their_flexion(bending):
    changed = with_straighter_knees(bending)
    before = bending.flexion("femur_l", "tibia_l")
    assert changed.flexion("femur_l", "tibia_l") == pytest.approx(np.maximum(before - EXCESS_DEG, before / 2), abs=0.01)
    kept = [BONE_INDEX[bone] for bone in ("pelvis", "foot_l", "toes_r", "head")]
    assert np.array_equal(changed.rotations[:, kept], bending.rotations[:, kept])


def test_legs_keep_their_lengths_and_their_direction(bending):
    def leg(motion: BoneMotion) -> FloatArray:
        span = motion.origins[:, BONE_INDEX["foot_l"]] - motion.origins[:, BONE_INDEX["femur_l"]]
        return np.asarray(span / np.linalg.norm(span, axis=1, keepdims=True))

    changed = with_straighter_knees(bending)
    assert changed.leg_length() == pytest.approx(bending.leg_length())
    assert np.degrees(np.arccos(np.clip((leg(changed) * leg(bending)).sum(axis=1), -1, 1))).max() < 1.0


def test_motions_of_the_test_split_are_as_captured(acclaim, bending, tmp_path):
    for name in ("9", "03"):
        (tmp_path / name).mkdir()
        shutil.copy(acclaim / "9.asf", tmp_path / name / f"{name}.asf")
        shutil.copy(acclaim / "9_01.amc", tmp_path / name / f"{name}_01.amc")
    largest = {motion.split: motion.read().flexion("femur_l", "tibia_l").max() for motion in find_motions([tmp_path])}
    captured = bending.flexion("femur_l", "tibia_l").max()
    assert largest == pytest.approx({"test": captured, "train": captured - EXCESS_DEG})


def test_in_walking_the_sources_agree(measured_data):
    """Knee flexion's 10th, 25th and 50th percentile."""
    motions = {motion.name: motion for motion in find_motions([measured_data / "mocap"])}

    def percentiles(name: str) -> FloatArray:
        motion = motions[name].read()
        both = np.concatenate([motion.flexion(f"femur_{side}", f"tibia_{side}") for side in "lr"])
        return np.asarray(np.percentile(both, [10, 25, 50]))

    laboratory = np.median([percentiles(name) for name in ("walking1", "walking2", "walkingTI1")], axis=0)
    others = np.median([percentiles(name) for name in WALKS], axis=0)
    assert others == pytest.approx(laboratory, abs=4.0)
