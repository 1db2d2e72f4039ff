import pytest

from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, LANDMARKS, MARKERS
from shared.body_parts import body_parts


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["RBigToe", "RSmallToe", "LHeel", "RWrist"], "right wrist, both feet"),
        (["RKnee", "RAnkle", "RHeel", "r_thigh1_study", "r_sh2_study"], "right leg"),
        (["L.ASIS_study", "r.PSIS_study", "Hip"], "pelvis"),
        (["LHJC_study", "C7_study", "L_lelbow_study"], "neck, left elbow, left hip"),
        (["left_foot_index", "left_pinky", "mouth_right"], "head, left hand, left foot"),
        (["elbow_r", "elbow_l", "pelvis", "trunk"], "trunk, both elbows, pelvis"),
        ([], ""),
    ],
)
def test_names_become_body_parts(names, words):
    assert ", ".join(body_parts(names)) == words


@pytest.mark.parametrize("names", [MARKERS, ALL_MARKERS, LANDMARKS])
def test_everything_is_the_whole_body(names):
    assert body_parts(names) == ("whole body",)


def test_every_name_has_a_part():
    for name in (*ALL_MARKERS, *LANDMARKS, *(group.name for group in JOINT_GROUPS)):
        assert body_parts([name])
