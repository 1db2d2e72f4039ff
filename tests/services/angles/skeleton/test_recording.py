"""The whole fit, on people whose motion is known."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from humanpose3d.errors import Cancelled, StageCrashed
from humanpose3d.motion import FloatArray, Markers, MarkerSd
from humanpose3d.options import Subject
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, MARKER_INDEX, MARKERS, mirrored
from services.angles.joints import joint_angles
from services.angles.skeleton import side_by_side
from services.angles.skeleton.evidence import calibration
from services.angles.skeleton.isb import landmarks
from services.angles.skeleton.kinematics import pose
from services.angles.skeleton.recording import Recording, follow
from tests.services.angles.skeleton.people import HEIGHT, Person, person

SUBJECT = Subject(height=HEIGHT, weight=75)
FLEXIONS = ("hip_flexion_r", "hip_flexion_l", "knee_angle_r", "knee_angle_l", "elbow_flex_r", "elbow_flex_l")


def followed(markers: Markers, sd: float = 0.01) -> Recording:
    spread = MarkerSd(markers.times, MARKERS, np.full((len(markers.times), len(MARKERS)), sd))
    return follow(markers, spread, SUBJECT, lambda _frames: None, coordinates=True)


def errors(found: Recording, known: Person, names: Sequence[str]) -> FloatArray:
    columns = [known.model.coordinate(name) for name in names]
    return np.asarray(np.degrees(found.coordinates[:, columns] - known.coordinates[:, columns]))


def test_a_motion_without_noise_is_recovered():
    known = person()
    found = followed(known.markers())
    weak = ("pro_sup", "subtalar")  # determined by markers near their axis, so the posture prior has more weight
    every = [c.name for c in known.model.coordinates if not c.locked and not c.translates]
    strong = [name for name in every if not name.startswith(weak)]
    assert np.abs(errors(found, known, strong)).max() < 3.0
    assert np.abs(errors(found, known, every)).max() < 12.0
    assert np.abs(errors(found, known, FLEXIONS)).mean() < 0.6


def test_a_person_of_other_proportions_is_measured():
    known = person(varied=0.05, seed=4)
    found = followed(known.markers(), sd=0.005)
    long_bones = [known.model.body(f"{bone}_r") for bone in ("femur", "tibia", "humerus", "ulna")]
    assert found.personal.factors[long_bones, 1] == pytest.approx(known.factors[long_bones, 1], rel=0.02)
    assert np.abs(errors(found, known, FLEXIONS)).mean() < 1.0


def test_noise_is_smoothed():
    known = person()
    noise = np.random.default_rng(0).normal(0, 0.02, known.positions.shape)
    found = followed(known.markers(noise), sd=0.02)
    by_markers = joint_angles(known.markers(noise))
    truth = joint_angles(landmarks(pose(known.model, known.coordinates), known.factors, known.times))
    knee = JOINT_GROUP_INDEX["knee_r"], 0
    rough = np.std(by_markers[:, *knee] - truth[:, *knee])
    assert np.std(found.angles[:, *knee] - truth[:, *knee]) < 0.5 * rough


def test_a_marker_that_is_missing_for_a_while_is_bridged():
    known = person()
    positions = known.positions
    positions[40:60, MARKER_INDEX["RKnee"]] = np.nan
    found = followed(Markers(known.times, ALL_MARKERS, positions))
    assert np.isfinite(found.angles[:, JOINT_GROUP_INDEX["knee_r"]]).all()
    assert np.abs(errors(found, known, ["knee_angle_r"])).max() < 6.0


def test_coordinates_without_any_marker_are_missing():
    known = person(seconds=0.5)
    positions = known.positions
    for name in ("RAnkle", "RHeel", "RBigToe", "RSmallToe"):
        positions[10:, MARKER_INDEX[name]] = np.nan
    found = followed(Markers(known.times, ALL_MARKERS, positions))
    missing = np.asarray(np.isnan(found.angles).any(axis=2))
    gone = [JOINT_GROUP_INDEX["knee_r"], JOINT_GROUP_INDEX["ankle_r"]]
    assert missing[10:, gone].all()
    assert not missing[:10].any()
    assert not np.delete(missing, gone, axis=1).any()
    assert np.array_equal(np.isnan(found.angle_sd), np.isnan(found.angles))
    assert np.isfinite(found.coordinates).all()


def test_one_frame():
    known = person(seconds=0.01)
    assert len(known.times) == 1
    found = followed(known.markers())
    assert np.abs(errors(found, known, FLEXIONS)).max() < 2.0
    assert np.isfinite(found.angle_sd).all()


def test_no_markers_at_all():
    known = person(seconds=0.1)
    found = followed(Markers(known.times, ALL_MARKERS, np.full_like(known.positions, np.nan)))
    assert np.isnan(found.angles).all()


def test_the_frame_rate_has_little_effect():
    noise = np.random.default_rng(1).normal(0, 0.02, (240, len(ALL_MARKERS), 3))
    noise = np.apply_along_axis(lambda path: np.convolve(path, np.ones(24) / 24**0.5, "same"), 0, noise)  # lasts 0.2 s
    fast = person(rate=120.0)
    slow = person(rate=30.0)
    every = followed(fast.markers(noise), sd=0.02)
    fourth = followed(slow.markers(noise[::4]), sd=0.02)
    columns = [fast.model.coordinate(name) for name in FLEXIONS]
    apart = np.degrees(every.coordinates[::4, columns] - fourth.coordinates[:, columns])
    assert np.abs(apart).mean() < 0.6
    flexions = [JOINT_GROUP_INDEX[name] for name in ("hip_r", "knee_r", "elbow_r")]
    stated = every.angle_sd[::4, flexions, 0]
    assert stated == pytest.approx(fourth.angle_sd[:, flexions, 0], rel=0.25)


def test_the_first_and_last_frames_are_as_certain_as_those_next_to_them():
    known = person(rate=60.0)
    found = followed(known.markers(np.random.default_rng(1).normal(0, 0.02, known.positions.shape)), sd=0.02)
    flexions = [JOINT_GROUP_INDEX[name] for name in ("hip_r", "knee_r", "elbow_r")]
    assert found.angle_sd[0, flexions, 0] == pytest.approx(found.angle_sd[6, flexions, 0], rel=0.1)
    assert found.angle_sd[-1, flexions, 0] == pytest.approx(found.angle_sd[-7, flexions, 0], rel=0.1)


def test_rotation_is_counted_beyond_a_full_turn():
    known = person(seconds=3.0)
    turned = known.coordinates.copy()
    turned[:, known.model.coordinate("pelvis_rotation")] += np.linspace(0, 3 * np.pi, len(known.times))
    known = replace(known, coordinates=turned)
    found = followed(known.markers())
    assert np.abs(errors(found, known, ["pelvis_rotation"])).max() < 2.0
    assert np.ptp(found.angles[:, JOINT_GROUP_INDEX["pelvis"], 2]) > 500


def test_a_recording_in_stretches_has_the_motion_of_one_that_is_solved_whole(monkeypatch):
    known = person(seconds=14.0, rate=30.0)
    turned = known.coordinates.copy()
    turned[:, known.model.coordinate("pelvis_rotation")] += np.linspace(0, 6 * np.pi, len(known.times))
    known = replace(known, coordinates=turned)
    markers = known.markers(np.random.default_rng(2).normal(0, 0.01, known.positions.shape))
    whole = followed(markers)
    monkeypatch.setattr("services.angles.skeleton.recording._STRETCH", 70)
    joined = followed(markers)
    assert np.degrees(np.abs(joined.coordinates - whole.coordinates)).max() < 1e-3
    assert np.abs(joined.angles - whole.angles).max() < 1e-3
    assert np.abs(joined.angle_sd - whole.angle_sd).max() < 1e-3
    assert joined.marker_distance_mm == whole.marker_distance_mm
    assert np.ptp(joined.angles[:, JOINT_GROUP_INDEX["pelvis"], 2]) > 1000


@pytest.fixture
def stretches(monkeypatch):
    """Many stretches on two processors, with processes for as few as one of them."""
    monkeypatch.setattr("services.angles.skeleton.recording._STRETCH", 20)
    monkeypatch.setattr(side_by_side, "usable_cpus", lambda: 2)
    monkeypatch.setattr(side_by_side, "_STRETCHES_EACH", 1)


def test_the_result_does_not_depend_on_the_number_of_processors(stretches, monkeypatch):
    markers = person(seconds=1.0).markers()
    two = followed(markers)
    monkeypatch.setattr(side_by_side, "pool", None)
    monkeypatch.setattr(side_by_side, "usable_cpus", lambda: 1)
    one = followed(markers)
    for name in ("coordinates", "angles", "angle_sd"):
        np.testing.assert_array_equal(getattr(two, name), getattr(one, name))
    assert two.marker_distance_mm == one.marker_distance_mm


def test_a_cancelled_fit_ends_its_processes(stretches):
    def cancel(_done: int) -> None:
        raise Cancelled("The run was stopped.")

    with pytest.raises(Cancelled):
        follow(person(seconds=1.0).markers(), None, Subject(height=HEIGHT, weight=70), cancel)
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_reported(stretches):
    def kill(_done: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(StageCrashed, match="skeleton"):
        follow(person(seconds=4.0).markers(), None, Subject(height=HEIGHT, weight=70), kill)


def test_left_and_right_are_treated_alike():
    known = person(seconds=0.5)
    noise = np.random.default_rng(5).normal(0, 0.02, known.positions.shape)
    markers = known.markers(noise)
    other = [ALL_MARKERS.index(mirrored(name)) for name in ALL_MARKERS]
    swapped = Markers(markers.times, ALL_MARKERS, markers.positions[:, other] * (1, 1, -1))
    one, two = followed(markers), followed(swapped)
    for name in ("hip_flexion", "knee_angle", "arm_add", "elbow_flex", "pro_sup"):
        right, left = (known.model.coordinate(f"{name}_{side}") for side in "rl")
        assert np.degrees(one.coordinates[:, right]) == pytest.approx(np.degrees(two.coordinates[:, left]), abs=0.2)


@pytest.fixture(name="people", scope="module")
def _people():
    """Six people with marker errors as large as stated: true angles, estimates and their sd, each (6, T, 12, 3)."""
    every = []
    for seed in range(6):
        known = person(seconds=1.0, rate=10.0, seed=seed, varied=0.05)
        noise = np.random.default_rng(seed).normal(0, 0.02, known.positions.shape) * (0.75, 0.75, 1.55)
        found = followed(known.markers(noise), sd=0.02)
        truth = joint_angles(landmarks(pose(known.model, known.coordinates), known.factors, known.times))
        every.append((truth, found.angles, found.angle_sd))
    return [np.array(values) for values in zip(*every, strict=True)]


@pytest.mark.parametrize("joint", ["hip", "knee", "elbow"])
def test_the_stated_uncertainty_covers_the_errors(joint, people):
    """68 % of errors should be within one standard deviation; 120 angles of 6 people tell that to 10 %.

    That is before the factor for what goes together in the errors of video, which these people's errors do not.
    """
    groups = [JOINT_GROUP_INDEX[f"{joint}_{side}"] for side in "rl"]
    truth, found, sd = (values[:, :, groups, 0] for values in people)
    factors, floors = calibration()[groups, 0].T
    assert not floors.any()
    assert 0.55 < np.mean(np.abs(found - truth) < sd / factors) < 0.9
