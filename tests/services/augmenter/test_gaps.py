"""Which anatomical markers depend on a missing input."""

import numpy as np

from humanpose3d.motion import Markers
from humanpose3d.skeleton import MARKER_INDEX, RESPONSE_MARKERS, mirrored
from services.augmenter.gaps import FOLLOWS, unsupported


def test_every_marker_depends_on_an_input_alike_on_both_sides() -> None:
    assert set(FOLLOWS) == set(RESPONSE_MARKERS)
    for marker, inputs in FOLLOWS.items():
        assert {mirrored(name) for name in inputs} == set(FOLLOWS[mirrored(marker)])


def test_only_markers_that_depend_on_the_missing_input_are_missing_in_those_frames(walking: Markers) -> None:
    positions = walking.positions.copy()
    positions[30:40, MARKER_INDEX["RKnee"]] = np.nan
    absent = unsupported(positions)
    assert np.flatnonzero(np.any(absent, axis=1)).tolist() == list(range(30, 40))
    gone = {name for name, column in zip(RESPONSE_MARKERS, absent[35], strict=True) if column}
    segments = ("thigh1", "thigh2", "thigh3", "knee", "mknee", "sh1", "sh2", "sh3")
    assert gone == {f"r_{name}_study" for name in segments}


def test_hip_and_head_are_not_needed_themselves(walking: Markers) -> None:
    positions = walking.positions.copy()
    positions[:, [MARKER_INDEX[name] for name in ("Hip", "Head", "Nose")]] = np.nan
    assert not unsupported(positions).any()
