import pytest

from humanpose3d import skeleton
from humanpose3d.skeleton import mirrored


def test_the_sets_have_their_sizes_and_no_name_twice():
    sizes = {
        skeleton.LANDMARKS: 33,
        skeleton.MARKERS: 22,
        skeleton.LOWER_FEATURES: 15,
        skeleton.LOWER_RESPONSES: 35,
        skeleton.UPPER_FEATURES: 7,
        skeleton.UPPER_RESPONSES: 8,
        skeleton.ALL_MARKERS: 65,
    }
    for names, size in sizes.items():
        assert len(names) == len(set(names)) == size
    assert len(skeleton.JOINT_GROUPS) == 12


def test_features_and_segments_are_made_of_the_22_markers():
    used = {*skeleton.LOWER_FEATURES, *skeleton.UPPER_FEATURES, *(name for pair in skeleton.SEGMENTS for name in pair)}
    assert used <= set(skeleton.MARKERS)


@pytest.mark.parametrize("names", [skeleton.LANDMARKS, skeleton.ALL_MARKERS, tuple(skeleton.JOINT_GROUP_INDEX)])
def test_mirroring_stays_within_the_set_and_undoes_itself(names: tuple[str, ...]):
    assert {mirrored(name) for name in names} == set(names)
    assert all(mirrored(mirrored(name)) == name for name in names)


def test_only_the_midline_mirrors_onto_itself():
    unpaired = [name for name in skeleton.ALL_MARKERS if mirrored(name) == name]
    assert unpaired == ["Hip", "Neck", "Head", "Nose", "C7_study"]
    assert [name for name in skeleton.LANDMARKS if mirrored(name) == name] == ["nose"]
