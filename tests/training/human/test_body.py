"""Bodies, retargeting and true markers."""

import numpy as np
import pytest

from humanpose3d.skeleton import ALL_MARKERS
from training.human.body import RIG_OF_BONE, BodyShape, make_body
from training.human.markers import marker_places, true_markers
from training.human.retarget import least_rotation, pose_body, rest_direction, rest_second
from training.mocap.asf import read_amc, read_asf
from training.mocap.motion import BONE_INDEX

pytestmark = pytest.mark.usefixtures("makehuman")

LIMBS = [f"{bone}_{side}" for bone in ("humerus", "forearm", "hand", "femur", "tibia") for side in "lr"]


@pytest.fixture(scope="module")
def body():
    return make_body(BodyShape())


@pytest.fixture(scope="module")
def motion(acclaim):
    return read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf"))


def test_sliders_have_their_effect(body):
    """The default body measures 1.659 m and 55 kg; sliders make it heavier and taller."""
    assert (body.height, body.mass) == pytest.approx((1.659, 55.5), rel=0.01)
    assert make_body(BodyShape(weight=0.9, muscle=0.1)).mass > body.mass + 10
    assert make_body(BodyShape(height=0.6)).height > body.height + 0.05


def test_limbs_point_where_the_motion_points(body, motion):
    posed = pose_body(body, motion)
    for bone in LIMBS:
        drawn = posed.rotations[:, body.rig_index[RIG_OF_BONE[bone]]] @ rest_direction(body, bone)
        wanted = motion.rotations[:, BONE_INDEX[bone]] @ motion.rest.directions[bone]
        assert drawn == pytest.approx(wanted, abs=1e-9), bone


def test_elbows_bend_about_the_motion_s_axis(body, motion):
    posed = pose_body(body, motion)
    for side in "lr":
        axis = rest_second(body, f"humerus_{side}")
        drawn = posed.rotations[:, body.rig_index[RIG_OF_BONE[f"humerus_{side}"]]] @ axis
        wanted = motion.rotations[:, BONE_INDEX[f"humerus_{side}"]] @ motion.rest.seconds[f"humerus_{side}"]
        assert drawn == pytest.approx(wanted, abs=1e-9)


def test_feet_stand_on_the_ground(body, motion):
    posed = pose_body(body, motion)
    lowest = posed.skinned(body.mesh.groups["body"][::7])[..., 1].min(axis=1)
    assert np.percentile(lowest, 2) == pytest.approx(0.0, abs=0.01)


def test_the_pelvis_s_path_is_scaled_by_leg_length(body, motion):
    markers = true_markers(pose_body(body, motion))
    travelled = markers[-1, ALL_MARKERS.index("Hip"), 0] - markers[0, ALL_MARKERS.index("Hip"), 0]
    wanted = (motion.origins[-1, 0, 0] - motion.origins[0, 0, 0]) * body.leg_length() / motion.leg_length()
    assert travelled == pytest.approx(wanted, rel=1e-6)


def test_markers_of_one_bone_keep_their_distances(body, motion):
    markers = true_markers(pose_body(body, motion))
    for first, last in (("r.ASIS_study", "L.PSIS_study"), ("L_knee_study", "L_mknee_study"), ("LHeel", "LAnkle")):
        apart = np.linalg.norm(markers[:, ALL_MARKERS.index(first)] - markers[:, ALL_MARKERS.index(last)], axis=1)
        assert np.ptp(apart) < 1e-9


@pytest.mark.parametrize(
    "shape", [BodyShape(), BodyShape(gender=1, weight=0.9, height=0.6), BodyShape(gender=0, age=0.9)]
)
def test_markers_are_anatomically_placed(shape):
    """Lateral outside medial, anterior in front of posterior, on both sides, on bodies of several shapes."""
    places = dict(zip(ALL_MARKERS, marker_places(make_body(shape)), strict=True))
    for pair in ("knee", "ankle"):
        assert places[f"L_{pair}_study"][0] > places[f"L_m{pair}_study"][0] + 0.03
    assert places["L.ASIS_study"][2] > places["L.PSIS_study"][2] + 0.1
    front, back = places["L.ASIS_study"], places["L.PSIS_study"]
    assert np.degrees(np.arctan2(back[1] - front[1], front[2] - back[2])) == pytest.approx(5.5, abs=1.5)
    for left, right in (("LKnee", "RKnee"), ("L.ASIS_study", "r.ASIS_study"), ("LBigToe", "RBigToe")):
        assert places[left] * [-1, 1, 1] == pytest.approx(places[right], abs=0.004)
    assert places["LHJC_study"][0] / places["LHip"][0] == pytest.approx(0.0773 / 0.1054, abs=1e-6)


def test_the_least_rotation_turns_one_vector_into_another():
    start, end = np.array([1.0, 0, 0]), np.array([0, 0.6, 0.8])
    assert least_rotation(start, end) @ start == pytest.approx(end)
    assert np.trace(least_rotation(start, end)) == pytest.approx(1.0)  # 90°
