import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from humanpose3d.skeleton import ALL_MARKERS
from services.angles.skeleton.kinematics import pose
from services.angles.skeleton.model import read_model, shipped_model


def test_the_shipped_model_carries_all_markers():
    assert set(ALL_MARKERS) <= set(shipped_model().markers)


def test_its_coordinates():
    names = {coordinate.name for coordinate in shipped_model().coordinates if not coordinate.locked}
    both = {f"{name}_{side}" for name in BOTH for side in "rl"}
    assert names == {f"pelvis_{name}" for name in ("tilt", "list", "rotation", "tx", "ty", "tz")} | both | {
        f"lumbar_{name}" for name in ("extension", "bending", "rotation")
    }


BOTH = (
    "hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle",
    "arm_flex", "arm_add", "arm_rot", "elbow_flex", "pro_sup",
)  # fmt: skip


def test_a_parent_comes_before_its_children():
    model = shipped_model()
    assert all(joint.parent < joint.child for joint in model.joints)
    assert [joint.child for joint in model.joints] == list(range(len(model.bodies)))


def test_left_is_the_mirror_image_of_right():
    model = shipped_model().select(ALL_MARKERS)
    still = pose(model, model.defaults[None]).markers()[0]
    index = {name: i for i, name in enumerate(ALL_MARKERS)}
    for right, left in (
        ("RHip", "LHip"),
        ("RWrist", "LWrist"),
        ("r_mankle_study", "L_mankle_study"),
        ("RBigToe", "LBigToe"),
    ):
        assert still[index[left]] == pytest.approx(still[index[right]] * (1, 1, -1), abs=1e-5)


def test_scaling_multiplies_lengths():
    model = shipped_model().select(ALL_MARKERS)
    twice = model.scaled(np.full((len(model.bodies), 3), 2.0))
    at = model.defaults[None].copy()
    still, grown = pose(model, at), pose(twice, at)
    origin = still.origins[0]  # the pelvis is where its coordinates put it
    assert grown.markers() - origin[:, None] == pytest.approx(2 * (still.markers() - origin[:, None]), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no xml", "not a usable OpenSim model"),
        ("<OpenSimDocument/>", "holds no joints"),
        ("<M><JointSet><objects><EllipsoidJoint name='j'/></objects></JointSet></M>", "not a usable OpenSim model"),
    ],
)
def test_what_is_not_a_model_is_refused(text, told, tmp_path):
    path = tmp_path / "model.osim"
    path.write_text(text)
    with pytest.raises(InvalidMotion, match=told):
        read_model(path)
