import dataclasses

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import JointAngles, Landmarks, Markers, read_only

TIMES = np.array([0.0, 0.04, 0.08])


def landmarks(**changes: object) -> Landmarks:
    fields: dict[str, object] = {
        "times": TIMES,
        "pixels": np.zeros((3, 33, 2)),
        "world": np.zeros((3, 33, 3)),
        "visibility": np.ones((3, 33)),
        "image_size": (640, 480),
    }
    return Landmarks(**{**fields, **changes})  # type: ignore[arg-type]  # wrong types are what is tested


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": np.zeros((3, 32, 2))}, r"Landmarks.pixels must have shape \(3, 33, 2\), not \(3, 32, 2\)"),
        ({"world": np.zeros((2, 33, 3))}, r"Landmarks.world must have shape \(3, 33, 3\), not \(2, 33, 3\)"),
        ({"visibility": np.full((3, 33), 1.01)}, "between 0 and 1"),
        ({"visibility": np.full((3, 33), np.nan)}, "between 0 and 1"),
        ({"times": np.zeros((3, 1))}, r"shape \(T,\), not \(3, 1\)"),
        ({"times": [0.0, 0.04, np.nan]}, "finite"),
        ({"times": [0.0, 0.08, 0.08]}, "frame 2 is at 0.080000 s after 0.080000 s"),
    ],
)
def test_invalid_arrays_are_refused(changes: dict[str, object], message: str):
    with pytest.raises(InvalidMotion, match=message):
        landmarks(**changes)


def test_a_motion_is_immutable():
    source = np.zeros((3, 33, 3))
    frozen = landmarks(world=source)
    source += 1
    assert not frozen.world.any()
    with pytest.raises(ValueError, match="read-only"):
        frozen.world[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        frozen.world = source  # type: ignore[misc]  # the point of the test


def test_a_frame_is_detected_when_all_its_landmarks_are_there():
    world = np.zeros((3, 33, 3))
    world[1] = np.nan
    assert landmarks(world=world).detected.tolist() == [True, False, True]


def test_markers_are_found_and_selected_by_name():
    positions = np.arange(18.0).reshape(3, 2, 3)
    markers = Markers(TIMES, ("Hip", "Neck"), positions)
    np.testing.assert_array_equal(markers.position("Neck"), positions[:, 1])
    swapped = markers.select(("Neck", "Hip"))
    assert swapped.names == ("Neck", "Hip")
    np.testing.assert_array_equal(swapped.positions, positions[:, ::-1])


def test_an_unknown_marker_is_named_with_the_known_ones():
    with pytest.raises(InvalidMotion, match="no marker 'Tail' among: Hip, Neck"):
        Markers(TIMES, ("Hip", "Neck"), np.zeros((3, 2, 3))).position("Tail")


def test_a_marker_name_appears_once():
    with pytest.raises(InvalidMotion, match="appear twice: Hip"):
        Markers(TIMES, ("Hip", "Hip"), np.zeros((3, 2, 3)))


def test_joint_angles_are_12_groups_of_3():
    with pytest.raises(InvalidMotion, match=r"\(3, 12, 3\)"):
        JointAngles(TIMES, np.zeros((3, 11, 3)))


def test_a_read_only_array_is_not_copied():
    world = read_only(np.zeros((3, 33, 3)))
    assert landmarks(world=world).world is world
    read = np.frombuffer(bytes(world.nbytes)).reshape(world.shape)
    assert landmarks(world=read).world is read
    assert landmarks(world=landmarks(world=world).world[:3]).world.base is world


def test_a_view_of_writable_memory_is_copied():
    memory = np.zeros((5, 33, 3))
    taken = landmarks(world=read_only(memory[:3]))
    memory[:] = 1
    assert (taken.world == 0).all()
