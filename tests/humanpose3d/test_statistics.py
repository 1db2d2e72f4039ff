import numpy as np

from humanpose3d.motion import AngleSd, JointAngles
from humanpose3d.skeleton import JOINT_GROUP_INDEX
from humanpose3d.statistics import angle_statistics, asymmetries, duration_s


def test_extremes_mean_and_range_over_the_known_frames():
    values = np.full((4, 12, 3), np.nan)
    values[:, JOINT_GROUP_INDEX["knee_r"], 0] = [10.0, 70.0, np.nan, 40.0]
    values[:, JOINT_GROUP_INDEX["knee_l"], 0] = [10.0, 50.0, 30.0, 30.0]
    angles = JointAngles(np.arange(4) / 2, values)
    rows = {(row.joint, row.angle): row for row in angle_statistics(angles)}
    knee = rows["knee_r", "flexion"]
    assert (knee.minimum, knee.maximum, knee.mean, knee.range_of_motion) == (10.0, 70.0, 40.0, 60.0)
    assert rows["hip_r", "flexion"].mean is None
    assert duration_s(angles) == 1.5
    assert len(rows) == 36


def test_asymmetry_is_right_minus_left():
    values = np.zeros((2, 12, 3))
    values[:, JOINT_GROUP_INDEX["elbow_r"], 0] = [20.0, 80.0]
    values[:, JOINT_GROUP_INDEX["elbow_l"], 0] = [10.0, 50.0]
    found = asymmetries(angle_statistics(JointAngles(np.array([0.0, 1.0]), values)))
    elbow = next(row for row in found if (row.joint, row.angle) == ("elbow", "flexion"))
    assert (elbow.range_of_motion, elbow.mean) == (20.0, 20.0)
    assert len(found) == 15


def test_the_uncertainty_is_the_mean_of_the_stated_values():
    values, spread = np.zeros((3, 12, 3)), np.full((3, 12, 3), np.nan)
    spread[:2, JOINT_GROUP_INDEX["knee_r"], 0] = [2.0, 4.0]
    angles = JointAngles(np.arange(3.0), values)
    rows = {(row.joint, row.angle): row for row in angle_statistics(angles, AngleSd(angles.times, spread))}
    assert rows["knee_r", "flexion"].uncertainty == 3.0
    assert rows["knee_l", "flexion"].uncertainty is None
    assert {row.uncertainty for row in angle_statistics(angles)} == {None}
