"""The Acclaim reader: a synthetic skeleton with a hand-calculated pose, and CMU's."""

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from training.mocap.asf import joint_positions, read_amc, read_asf
from training.mocap.motion import BONE_INDEX, mirrored

UNIT = 0.0254 / 0.45


def test_lengths_are_in_units_of_the_file(acclaim):
    skeleton = read_asf(acclaim / "9.asf")
    femur = next(bone for bone in skeleton.bones if bone.name == "lfemur")
    assert femur.length == pytest.approx(8 * UNIT)


def test_a_bending_knee_swings_the_shank_back(acclaim):
    motion = read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))
    knee, ankle = (motion.origins[-1, BONE_INDEX[bone]] for bone in ("tibia_l", "foot_l"))
    bend = np.radians(2 * 39)
    assert ankle - knee == pytest.approx(7 * UNIT * np.array([0, -np.cos(bend), -np.sin(bend)]), abs=1e-9)
    assert motion.times[-1] == pytest.approx(39 / 120)


def test_a_bone_turns_about_its_own_axes(acclaim):
    """The left radius has its first axis at −90° about z: a turn of 60° takes it from +x toward +z."""
    ends = joint_positions(read_asf(acclaim / "9.asf"), acclaim / "9_01.amc")
    forearm = ends["lradius"][0] - ends["lhumerus"][0]
    assert forearm == pytest.approx(3 * UNIT * np.array([0.5, 0, np.sqrt(0.75)]), abs=1e-9)


def test_a_mirrored_motion_bends_the_other_knee(acclaim):
    motion = read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))
    other = mirrored(motion)
    flip = np.array([-1, 1, 1])
    assert other.origins[:, BONE_INDEX["foot_r"]] == pytest.approx(motion.origins[:, BONE_INDEX["foot_l"]] * flip)
    assert np.linalg.det(other.rotations) == pytest.approx(1.0)
    assert other.rest.seconds["humerus_r"] == pytest.approx(motion.rest.seconds["humerus_r"])


def test_between_frames_the_motion_is_interpolated(acclaim):
    motion = read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))
    half = motion.at(np.array([10.5 / 120]))
    turn = half.rotations[0, BONE_INDEX["tibia_l"]]
    assert np.degrees(np.arccos(turn[1, 1])) == pytest.approx(21.0, abs=1e-6)


def test_a_damaged_motion_says_what_is_missing(acclaim, tmp_path):
    text = (acclaim / "9_01.amc").read_text()
    damaged = tmp_path / "9_02.amc"
    damaged.write_text(text.replace("ltibia 4\n", "", 1))
    with pytest.raises(InvalidMotion, match="ltibia"):
        read_amc(damaged, read_asf(acclaim / "9.asf"))


def test_bones_of_cmu_keep_their_length(measured_data):
    """Lengths at every frame equal those of the skeleton file, to rounding."""
    folder = measured_data / "mocap" / "cmu"
    skeleton = read_asf(folder / "02.asf")
    motion = read_amc(folder / "02_03.amc", skeleton)
    for name, high, low in (("lfemur", "femur_l", "tibia_l"), ("rtibia", "tibia_r", "foot_r")):
        expected = next(bone.length for bone in skeleton.bones if bone.name == name)
        lengths = np.linalg.norm(motion.origins[:, BONE_INDEX[low]] - motion.origins[:, BONE_INDEX[high]], axis=1)
        assert lengths == pytest.approx(expected, abs=1e-9)
    assert motion.leg_length() == pytest.approx(0.838, abs=0.001)
