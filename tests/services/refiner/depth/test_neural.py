"""Processing of network output, tested with a network that returns the ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import FOCAL_LENGTH, RunOptions, Subject, Verticals
from humanpose3d.skeleton import LANDMARKS, MARKER_INDEX, mirrored
from services.refiner.depth.gravity import world_axes
from services.refiner.depth.markers import to_markers
from services.refiner.depth.neural import OUTPUTS, ask, depth_network, neural
from services.refiner.depth.swaps import swap_sides
from services.refiner.windows import WINDOW
from shared.networks import Refiner
from tests.services.refiner.synthetic import (
    STATURE,
    Camera,
    clock,
    recorded,
    squatting,
    standing,
    turned,
    undetected,
    walking,
)

SUBJECT = Subject(height=STATURE, weight=75)
CAMERA = Camera(pitch=12, roll=-5)
BEARING = 0.2


class Named(NamedTuple):
    name: str
    shape: Sequence[int | str | None] = ()


@dataclass(frozen=True)
class Oracle:
    """Returns the ground truth: (T, 33, 3) points in the camera's upright frame, and the camera's true tilt."""

    times: FloatArray
    points: FloatArray
    camera: Camera
    told: list[float] = field(default_factory=list)
    lines: list[FloatArray] = field(default_factory=list)
    tilt_sd_deg: float = 2.5

    def get_inputs(self) -> Sequence[Named]:
        return ()

    def get_outputs(self) -> Sequence[Named]:
        return [Named(name) for name in OUTPUTS]

    def run(self, names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]], /) -> Sequence[NDArray[Any]]:
        assert names is not None
        assert (np.diff(feed["times"], axis=1) > 0).all()
        assert np.isfinite(feed["image"]).all()
        self.told.extend(float(value) for value in feed["focal"])
        self.lines.extend(feed["verticals"])
        frames = np.searchsorted(self.times, feed["times"] - 1e-4).clip(max=len(self.times) - 1)
        markers = to_markers(self.points, STATURE) - self.points[:, 23:25].mean(axis=1, keepdims=True)
        c, s = np.cos(BEARING), np.sin(BEARING)
        turned = markers @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
        shape = frames.shape
        tilt = np.radians([-self.camera.pitch, -self.camera.roll])
        answers = {
            "markers": turned[frames],
            "spread": np.full((*shape, 22), 0.03),
            "tilt": np.broadcast_to(tilt, (*shape, 2)),
            "tilt_spread": np.full((*shape, 2), np.radians(self.tilt_sd_deg)),
            "bearing": np.full(shape, BEARING),
        }
        return [answers[name].astype(np.float32) for name in names]


def knowing(times: FloatArray, points: FloatArray, camera: Camera) -> Refiner:
    return Refiner("oracle.onnx", "0" * 64, Oracle(times, points, camera), "", {})


@pytest.mark.parametrize(
    ("motion", "seconds", "exact"),
    [(standing, 4.0, 1e-5), (squatting, 4.0, 1e-5), (walking, 0.5, 1e-5), (walking, 4.0, 0.02)],
)
def test_the_network_s_pose_is_placed_where_the_image_shows_it(motion, seconds, exact):
    """Over four seconds of walking, the floor corrects the tilt by half a degree, since the focal length is unknown."""
    times = clock(seconds)
    points = motion(times)
    landmarks = recorded(times, points, CAMERA)
    found = neural(knowing(times, points, CAMERA))(landmarks, SUBJECT, 0.3, None)
    hip, true_hip = found.markers[:, MARKER_INDEX["Hip"]], points[:, 23:25].mean(axis=1)
    wanted = to_markers(points, STATURE) - true_hip[:, None]
    np.testing.assert_allclose(found.markers - hip[:, None], wanted, atol=exact)
    np.testing.assert_allclose(hip - hip[0], true_hip - true_hip[0], atol=0.02)
    assert np.quantile(found.markers[..., 1].min(axis=1), 0.25) == pytest.approx(0.0, abs=0.03)
    assert found.spread == pytest.approx(np.full((len(times), 22), 0.03))
    assert found.models == {"oracle.onnx": "0" * 64}
    assert found.warnings == ()


def test_the_shipped_network_s_answers_do_not_depend_on_how_many_windows_it_is_given_at_once(monkeypatch):
    """A GPU is given as many as a processor is."""
    network, landmarks = depth_network(RunOptions()), recorded(times := clock(4), walking(times), CAMERA)
    assert network is not None
    answers = []
    for at_once in (1, 16):
        monkeypatch.setattr("services.refiner.depth.neural._WINDOWS_AT_ONCE", at_once)
        answers.append(ask(network, landmarks, STATURE))
    alone, together = answers
    for name in ("markers", "spread", "tilt", "tilt_spread"):
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), atol=1e-5)


def test_where_the_image_fits_no_position_the_path_is_interpolated():
    """Frames with swapped landmarks, which no position in front of the camera explains."""
    times = clock(4)
    points = walking(times)
    landmarks = recorded(times, points, CAMERA)
    image = np.array(landmarks.pixels)
    hips = image[40:46, 23:25].mean(axis=1, keepdims=True)
    image[40:46] = 2 * hips - image[40:46]
    found = neural(knowing(times, points, CAMERA))(replace(landmarks, pixels=image), SUBJECT, 0.3, None).markers
    assert np.isfinite(found).all()
    hip, true_hip = found[:, MARKER_INDEX["Hip"]], points[:, 23:25].mean(axis=1)
    np.testing.assert_allclose(hip[36:50] - hip[30], true_hip[36:50] - true_hip[30], atol=0.1)


def test_the_tilt_is_the_network_s():
    times = clock(2)
    points = standing(times)
    facts: dict[str, Any] = neural(knowing(times, points, CAMERA))(
        recorded(times, points, CAMERA), SUBJECT, 0.3, None
    ).facts
    assert facts["camera_pitch_deg"] == pytest.approx(12, abs=1e-3)
    assert facts["camera_roll_deg"] == pytest.approx(-5, abs=1e-3)
    assert facts["camera_pitch_sd_deg"] == pytest.approx(2.5, abs=1e-3)
    assert facts["gravity"] == "from a network"
    assert facts["marker_sd_m"]["RKnee"] == pytest.approx(0.03)


def test_a_known_focal_length_reaches_the_network_and_the_person_s_path():
    """Recorded with a focal length of 0.6: if it is known, the path is correct except for smoothing."""
    times, camera = clock(3), Camera(pitch=12, focal=0.6)
    points = walking(times)
    oracle = Oracle(times, points, camera)
    network = Refiner("oracle.onnx", "0" * 64, oracle, "", {})
    landmarks = recorded(times, points, camera)
    found = neural(network)(landmarks, SUBJECT, 0.3, None, 0.6)
    assert oracle.told == pytest.approx([0.6] * len(oracle.told))
    hip, true_hip = found.markers[:, MARKER_INDEX["Hip"]], points[:, 23:25].mean(axis=1)
    np.testing.assert_allclose(hip - hip[0], true_hip - true_hip[0], atol=0.03)
    oracle.told.clear()
    neural(network)(landmarks, SUBJECT, 0.3)
    assert set(oracle.told) == {0.0}


def test_frames_without_a_person_stay_empty():
    times = clock(3)
    points = walking(times)
    landmarks = undetected(recorded(times, points, CAMERA), slice(20, 60))
    answer = ask(knowing(times, points, CAMERA), landmarks, STATURE)
    assert np.isnan(answer.markers[20:60]).all()
    assert np.isnan(answer.spread[20:60]).all()
    assert np.isfinite(np.delete(answer.markers, np.s_[20:60], axis=0)).all()


@pytest.mark.parametrize("frames", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 5000])
def test_clips_of_any_length_have_output_for_every_frame(frames):
    times = np.arange(frames) / 30
    points = squatting(times)
    landmarks = recorded(times, points, CAMERA) if frames > 1 else _one_frame(points)
    answer = ask(knowing(times, points, CAMERA), landmarks, STATURE)
    wanted = to_markers(points, STATURE) - points[:, 23:25].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(answer.markers, wanted, atol=1e-5)


def _one_frame(points: FloatArray) -> Landmarks:
    two = recorded(np.array([0.0, 0.1]), np.repeat(points, 2, axis=0), CAMERA)
    return replace(two, times=two.times[:1], pixels=two.pixels[:1], world=two.world[:1], visibility=two.visibility[:1])


def seen_from_behind() -> tuple[FloatArray, FloatArray]:
    times = clock(3)
    return times, turned(walking(times), 180)


def test_swapped_markers_are_reported():
    """The detector swaps sides for ten frames, the network does not: the warning refers to the final markers."""
    times = clock(3)
    points = walking(times)
    landmarks = recorded(times, points, CAMERA)
    swapped = np.zeros(landmarks.visibility.shape, dtype=bool)
    swapped[30:40, [index for index, name in enumerate(LANDMARKS) if mirrored(name) != name]] = True
    found = neural(knowing(times, points, CAMERA))(swap_sides(landmarks, swapped), SUBJECT, 0.3, None)
    intervals: Any = found.facts["swaps_intervals_s"]
    assert intervals == [[pytest.approx(1.0), pytest.approx(39 / 30, abs=1e-6)]]
    assert found.facts["swaps_doubtful_share"] == 0
    (warning,) = found.warnings
    assert warning.code == "left-right-swapped"
    assert "of the final markers differ" in warning.message


def test_a_network_that_reverses_the_person_throughout_is_not_used():
    """Seen from behind for the whole clip: the markers must not face the camera."""
    times, points = seen_from_behind()
    landmarks = recorded(times, points, CAMERA)
    network = knowing(times, turned(points, 180), CAMERA)
    found = neural(network)(landmarks, SUBJECT, 0.3, None)
    across = found.markers[:, MARKER_INDEX["LShoulder"], 0] - found.markers[:, MARKER_INDEX["RShoulder"], 0]
    assert (across < 0).all()
    assert found.spread is None
    assert found.facts["facing_contradicted_share"] == 1
    assert [warning.code for warning in found.warnings] == ["depth-refiner-rejected"]


def test_a_network_that_reverses_the_person_for_a_while_is_reported():
    times, points = seen_from_behind()
    wrong = points.copy()
    wrong[30:45] = turned(points, 180)[30:45]
    found = neural(knowing(times, wrong, CAMERA))(recorded(times, points, CAMERA), SUBJECT, 0.3, None)
    assert found.facts["facing_contradicted_share"] == pytest.approx(15 / 90, abs=1e-6)
    assert "facing-contradicted" in {warning.code for warning in found.warnings}


@pytest.mark.parametrize(("sd", "told"), [(0.0, True), (3.0, True), (6.0, False)])
def test_lines_that_do_not_determine_the_pitch_are_not_passed_to_the_network(sd, told):
    times = clock(2)
    points = standing(times)
    lines = Verticals(lateral_slope=-0.08, forward_slope=-0.21, forward_slope_sd_deg=sd, looks=2)
    found = neural(knowing(times, points, CAMERA))(recorded(times, points, CAMERA), SUBJECT, 0.3, lines)
    assert found.facts["gravity_by_upright_lines"] == told


@pytest.mark.parametrize(
    ("pitch_off", "believed", "lowest_sd", "highest_sd"),
    [(0, True, 2.5, 2.51), (10, True, 2.5, 2.51), (45, False, 15.0, 25.0)],
)
def test_lines_that_contradict_the_network_are_not_passed_to_it(pitch_off, believed, lowest_sd, highest_sd):
    """This network's tilt is the same with lines; where it answers without them, they may still be right."""
    times = clock(2)
    points = standing(times)
    slopes = np.tan(np.radians([CAMERA.roll, -CAMERA.pitch - pitch_off]))
    lines = Verticals(lateral_slope=slopes[0], forward_slope=slopes[1], forward_slope_sd_deg=3.0, looks=2)
    found = neural(knowing(times, points, CAMERA))(recorded(times, points, CAMERA), SUBJECT, 0.3, lines, FOCAL_LENGTH)
    assert found.facts["gravity_by_upright_lines"] == believed
    assert lowest_sd - 0.01 <= found.facts["camera_pitch_sd_deg"] <= highest_sd


@pytest.mark.parametrize("focal_length", [FOCAL_LENGTH, 0.6])
def test_the_floor_corrects_the_network_s_tilt(focal_length):
    """The network takes a pitch of 12° for 19° and inclines the walker by as much; then it is told of the floor."""
    times, camera, wrong = clock(3), Camera(12, -5, focal=focal_length), Camera(19, -5)
    points = walking(times)
    oracle = Oracle(times, points @ world_axes(camera.up()) @ world_axes(wrong.up()).T, wrong, tilt_sd_deg=6)
    landmarks = recorded(times, points, camera)
    found = neural(Refiner("oracle.onnx", "0" * 64, oracle, "", {}))(landmarks, SUBJECT, 0.3, None, focal_length)
    facts: dict[str, Any] = found.facts
    assert facts["gravity_by_floor"]
    assert facts["camera_pitch_deg"] == pytest.approx(12, abs=1.5)
    assert facts["camera_pitch_sd_deg"] < 3
    up = camera.up()
    wanted = [up[0] / -up[1], up[2] / -up[1] * FOCAL_LENGTH / focal_length, 1]
    np.testing.assert_allclose(oracle.lines[-1], wanted, atol=0.03)
    hip, true_hip = found.markers[:, MARKER_INDEX["Hip"]], points[:, 23:25].mean(axis=1)
    wanted_markers = to_markers(points, STATURE) - true_hip[:, None]
    np.testing.assert_allclose(found.markers - hip[:, None], wanted_markers, atol=0.03)
