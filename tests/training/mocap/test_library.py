"""Which motion belongs to which split."""

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from training.mocap.library import MotionFile, find_motions


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


def test_every_motion_of_the_measured_data_is_found(measured_data):
    """28 of CMU and 23 of the laboratory (its static trial is left out)."""
    motions = find_motions([measured_data / "mocap"])
    assert len(motions) == 51
    assert {motion.split for motion in motions} == {"train", "validation", "test"}


def test_a_folder_of_acclaim_files_is_read(acclaim):
    (motion,) = find_motions([acclaim])
    assert motion.read().duration == pytest.approx(39 / 120)
    assert np.isfinite(motion.read().origins).all()


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InvalidMotion, match="No motion"):
        find_motions([tmp_path])
