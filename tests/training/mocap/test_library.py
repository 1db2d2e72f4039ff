"""Which motion belongs to which split."""

import shutil

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from training.mocap.library import SHARES, MotionFile, balanced, family, find_motions, source


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *[
            (name, "test")
            for name in ("walkingTS1", "walkingTS3", "squatsAsym1", "STSAsym1", "DJAsym2", "03_01", "03_04")
        ],
        *[(name, "train") for name in ("walking1", "walkingTI1", "squats1", "STS1", "DJ1", "01_01", "02_05")],
        *[(name, "validation") for name in ("walkingTI3", "DJ3", "01_14", "02_02")],
    ],
)
def test_splits_are_by_trial_and_subject(tmp_path, name, split):
    assert MotionFile(name, tmp_path, tmp_path).split == split


def test_other_subjects_of_cmu_go_whole_into_one_split(tmp_path):
    splits = {
        subject: {MotionFile(f"{subject}_{trial:02}", tmp_path, tmp_path).split for trial in range(1, 9)}
        for subject in ("05", "13", "35", "49", "111", "143")
    }
    assert all(len(own) == 1 for own in splits.values())


def test_sources_get_their_shares_but_few_clips_are_not_repeated_without_end():
    many = [source(name) for name, n in (("DJ1", 10), ("02_05", 5), ("16_01", 45), ("lunge-1", 40)) for _ in range(n)]
    given = dict(zip(many, balanced(many), strict=True))
    assert {one: given[one] * many.count(one) for one in SHARES} == pytest.approx(SHARES)
    few = balanced([source(name) for name in ("DJ1", *["16_01"] * 199)])
    assert few[0] / few.mean() == pytest.approx(4.0, rel=0.01)
    assert few.sum() == pytest.approx(1.0)


def test_every_motion_of_the_measured_data_is_found(measured_data):
    """28 and 274 of CMU and 23 of the laboratory (exercises are built from its static trial)."""
    motions = find_motions([measured_data / "mocap"])
    assert len([motion for motion in motions if not motion.built]) == 325
    assert {motion.split for motion in motions if motion.built} == {"train"}
    (walk,) = [motion for motion in motions if motion.name == "05_01"]
    assert walk.frame_rate == 60
    built = next(motion for motion in motions if motion.built)
    assert [m.duration for m in (walk, built)] == pytest.approx([m.read().duration for m in (walk, built)])
    assert walk.family == "walk"
    assert {motion.split for motion in motions} == {"train", "validation", "test"}


def test_a_folder_of_acclaim_files_is_read(acclaim):
    (motion,) = find_motions([acclaim])
    assert motion.read().duration == pytest.approx(39 / 120)
    assert np.isfinite(motion.read().origins).all()


def test_a_folder_says_its_frame_rate_and_what_its_motions_are(acclaim, tmp_path):
    folder = shutil.copytree(acclaim, tmp_path / "slow")
    (folder / "fps.txt").write_text("60\n")
    (folder / "index.csv").write_text('subject,trial,what\n9,9_01,"run/jog, sudden stop"\n')
    (motion,) = find_motions([folder])
    assert motion.read().duration == pytest.approx(39 / 60)
    assert motion.duration == pytest.approx(39 / 60)
    assert motion.family == "run"
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "fps.txt").write_text("fast\n")
    with pytest.raises(InvalidMotion, match="frames a second"):
        find_motions([broken])


@pytest.mark.parametrize(
    ("name", "what", "expected"),
    [
        ("squats1", "", "squat"),
        ("STSweakLegs1", "", "sit to stand"),
        ("DJ3", "", "jump"),
        ("walkingTO2", "", "walk"),
        ("01_05", "", "cmu01"),
        ("13_29", "jumping jacks, side twists, squats, jog", "exercise"),
        ("127_21", "Run Jump Over", "jump"),
        ("14_30", "sit on stepstool, stand up", "sit to stand"),
        ("arm raise-7", "", "arm raise"),
    ],
)
def test_families_are_what_is_done(name, what, expected):
    assert family(name, what) == expected


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InvalidMotion, match="No motion"):
        find_motions([tmp_path])
