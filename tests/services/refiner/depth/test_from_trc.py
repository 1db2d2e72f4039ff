from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import Markers
from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX, MARKERS
from services.refiner.depth.from_trc import refine_markers
from services.refiner.depth.markers import MARKER_LANDMARKS, to_markers
from services.refiner.depth.neural import OUTPUTS
from shared.networks import Refiner
from tests.services.refiner.depth.test_neural import Named
from tests.services.refiner.synthetic import STATURE, clock, squatting

TIMES = clock(3)
GIVEN = Markers(TIMES, MARKERS, to_markers(squatting(TIMES), STATURE) + [0.4, 0.0, -1.0])


class Echo:
    """Returns its input raised by 10 cm, and records it."""

    def __init__(self) -> None:
        self.seen: list[Mapping[str, NDArray[Any]]] = []

    def get_inputs(self) -> Sequence[Named]:
        return ()

    def get_outputs(self) -> Sequence[Named]:
        return [Named(name) for name in OUTPUTS]

    def run(self, names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]], /) -> Sequence[NDArray[Any]]:
        assert names is not None
        self.seen.append(feed)
        shape = feed["times"].shape
        markers = np.zeros((*shape, len(MARKERS), 3))
        for marker, landmark in MARKER_LANDMARKS.items():
            markers[..., MARKER_INDEX[marker], :] = feed["world"][..., LANDMARK_INDEX[landmark], :] * [1, -1, -1]
        markers[..., 1] += 0.1
        answers = {
            "markers": markers,
            "spread": np.full((*shape, 22), 0.03),
            "tilt": np.zeros((*shape, 2)),
            "tilt_spread": np.ones((*shape, 2)),
            "bearing": np.zeros(shape),
        }
        return [answers[name].astype(np.float32) for name in names]


def echo() -> tuple[Echo, Refiner]:
    network = Echo()
    return network, Refiner("echo.onnx", "0" * 64, network, "", {})


def test_markers_keep_their_frame_and_position():
    network, refiner = echo()
    found = refine_markers(refiner, GIVEN)
    for name in MARKER_LANDMARKS:
        np.testing.assert_allclose(found.markers.position(name), GIVEN.position(name) + [0, 0.1, 0], atol=1e-5)
    assert found.markers.names == MARKERS
    assert found.spread.values == pytest.approx(np.full((len(TIMES), 22), 0.03))
    assert not network.seen[0]["size"].any()
    assert not network.seen[0]["image"].any()


def test_the_height_is_the_one_that_trunk_and_legs_imply_unless_given():
    network, refiner = echo()
    implied = refine_markers(refiner, GIVEN).height
    assert implied == pytest.approx(STATURE, abs=0.03)
    assert refine_markers(refiner, GIVEN, 1.6).height == 1.6
    assert [float(feed["height"][0]) for feed in network.seen] == pytest.approx([implied, 1.6], abs=1e-4)


def test_missing_markers_are_passed_as_unknown():
    positions = GIVEN.positions.copy()
    positions[10, MARKER_INDEX["RHip"]] = np.nan
    positions[20, MARKER_INDEX["LWrist"]] = np.nan
    network, refiner = echo()
    found = refine_markers(refiner, Markers(TIMES, MARKERS, positions))
    assert np.isnan(found.markers.positions[10]).all()
    assert np.isfinite(found.markers.positions[[9, 11, 20]]).all()
    feed = network.seen[0]
    assert feed["detected"][0, 10] == 0
    wrist = LANDMARK_INDEX["left_wrist"]
    assert (feed["visibility"][0, 20, wrist], feed["visibility"][0, 21, wrist]) == (0, 1)
    assert not feed["world"][0, 20, wrist].any()
    assert not feed["visibility"][..., LANDMARK_INDEX["left_eye"]].any()


def test_a_file_without_the_joints_is_refused_by_name():
    names = tuple(name for name in MARKERS if name != "RKnee")
    with pytest.raises(InvalidMotion, match=r"named RKnee are needed"):
        refine_markers(echo()[1], GIVEN.select(names))


def test_a_body_of_which_no_leg_is_seen_needs_a_height():
    positions = GIVEN.positions.copy()
    positions[:, [MARKER_INDEX["LAnkle"], MARKER_INDEX["RAnkle"]]] = np.nan
    with pytest.raises(InvalidMotion, match="state the height"):
        refine_markers(echo()[1], Markers(TIMES, MARKERS, positions))
