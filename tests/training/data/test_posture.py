"""Varied motion remains a motion of rigid bones and changes only what it should."""

import numpy as np
import pytest

from humanpose3d.motion import FloatArray
from training.data.balance import _joints, _lean, _lower_ankle, balanced_like
from training.data.posture import varied, wander, with_arms_of, with_turning_head, with_wandering_legs
from training.mocap.asf import read_amc, read_asf
from training.mocap.motion import BONE_INDEX, BoneMotion


@pytest.fixture(scope="module")
def motion(acclaim):
    return read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))


def elbow_flexion(motion: BoneMotion, side: str) -> FloatArray:
    return motion.flexion(f"humerus_{side}", f"forearm_{side}")


def test_elbows_bend_within_their_range(motion):
    bends = []
    for seed in range(12):
        changed = varied(motion, motion, np.random.default_rng(seed))
        bends.append(elbow_flexion(changed, "l"))
        assert np.linalg.det(changed.rotations) == pytest.approx(1.0)
    assert np.ptp(np.concatenate(bends)) > 40
    assert np.max(bends) <= 145 + 1e-6


def test_legs_bend_within_reason_and_nothing_else_changes(motion):
    bends, changed_legs = [], []
    for seed in range(12):
        changed = with_wandering_legs(motion, np.random.default_rng(seed))
        assert np.linalg.det(changed.rotations) == pytest.approx(1.0)
        different = np.abs(changed.rotations - motion.rotations).max(axis=(0, 2, 3)) > 1e-9
        changed_legs.append({name for name, index in BONE_INDEX.items() if different[index]})
        bends.append(changed.flexion("femur_l", "tibia_l"))
    assert set.union(*changed_legs) == {"femur_l", "tibia_l", "femur_r", "tibia_r"}
    assert np.ptp(np.concatenate(bends)) > 30
    assert np.max(bends) <= 140 + 1e-6


def test_a_changed_body_is_balanced_over_the_feet(motion):
    """The centre of mass keeps its position over the feet, which keep height and inclination."""

    def lean(moving: BoneMotion) -> FloatArray:
        return _lean(_joints(moving, motion), motion)[0]

    def farther(one: BoneMotion, other: BoneMotion) -> float:
        return float(np.degrees(np.arccos(np.clip((lean(one) * lean(other)).sum(axis=1), -1, 1))).max())

    before = []
    for seed in range(12):
        changed = with_wandering_legs(motion, np.random.default_rng(seed))
        before.append(farther(changed, motion))
        balanced = balanced_like(changed, motion)
        assert farther(balanced, motion) < max(1.0, before[-1] / 5)
        assert _lower_ankle(_joints(balanced, motion)) == pytest.approx(_lower_ankle(_joints(motion, motion)))
        assert balanced.rotations[:, BONE_INDEX["foot_l"]] == pytest.approx(changed.rotations[:, BONE_INDEX["foot_l"]])
    assert max(before) > 8


def test_other_arms_keep_their_elbows(motion):
    changed = with_arms_of(motion, motion)
    assert changed.rotations == pytest.approx(motion.rotations)
    assert elbow_flexion(changed, "l") == pytest.approx(60.0)


def test_heads_turn_and_nothing_else(motion):
    changed = with_turning_head(motion, np.random.default_rng(3))
    different = np.abs(changed.rotations - motion.rotations).max(axis=(0, 2, 3)) > 1e-9
    assert {name for name, index in BONE_INDEX.items() if different[index]} == {"neck", "head"}


def test_wandering_noise_has_unit_deviation():
    noise = wander(np.random.default_rng(0), np.arange(100000) / 30, 2, 0.5)
    assert noise.std(axis=0) == pytest.approx(1.0, abs=0.06)
