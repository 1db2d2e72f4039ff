import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, mirrored
from services.angles.joints import joint_angles, near_singularity
from services.angles.segments import USED_MARKERS
from tests.services.angles.body import NEUTRAL, Pose, angles_of, body

PROPERTY = settings(max_examples=60, deadline=None)  # a busy machine must not fail the test

EXACT = 1e-6
"""Degrees: rigid markers reproduce the angles to rounding. The requirement is 0.1."""

REACH = {
    "pelvis": ((-60, 60), (-60, 60), (-170, 170)),
    "hip": ((-30, 130), (-120, 40), (-50, 50)),
    "knee": ((-20, 150), (-20, 20), (-40, 40)),
    "ankle": ((-60, 40), (-40, 40), (-40, 40)),
    "trunk": ((-40, 110), (-50, 50), (-50, 50)),
    "shoulder": ((-120, 140), (1, 175), (-100, 100)),
    "elbow": ((-10, 150), (-30, 30), (-10, 180)),
}
"""Joint ranges and a little more, including abduction beyond 90°."""


def _reach(name: str) -> tuple[tuple[int, int], ...]:
    return REACH[name.split("_")[0]]


@st.composite
def poses(draw: st.DrawFn) -> Pose:
    pose = {group.name: [draw(st.floats(*reach)) for reach in _reach(group.name)] for group in JOINT_GROUPS}
    assume(all(abs(pose[hip][1] + 90) > 1 for hip in ("hip_r", "hip_l")))  # at 90° abduction the angles are undefined
    return pose


def _moved(markers: Markers, positions: FloatArray) -> Markers:
    return Markers(markers.times, markers.names, positions)


def _assert_same_directions(actual: FloatArray, expected: FloatArray, tolerance: float = EXACT) -> None:
    np.testing.assert_allclose((actual - expected + 180) % 360 - 180, 0, atol=tolerance)


@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize("group", JOINT_GROUPS, ids=lambda group: group.name)
def test_one_angle_at_a_time_is_recovered(group, column):
    low, high = _reach(group.name)[column]
    angles = np.tile(np.asarray(NEUTRAL.get(group.name, (0.0, 0.0, 0.0)), dtype=float), (23, 1))
    angles[:, column] = np.linspace(low, high, 23)
    pose = {group.name: angles}
    np.testing.assert_allclose(joint_angles(body(pose)), angles_of(pose), atol=EXACT)


@PROPERTY
@given(poses())
def test_combined_angles_of_the_whole_body_are_recovered(pose):
    np.testing.assert_allclose(joint_angles(body(pose)), angles_of(pose), atol=EXACT)


MEANINGS = [
    # group, angle, marker, and its direction on the right side as the angle grows: x anterior, y superior, z right
    ("pelvis", "tilt", "r.PSIS_study", "y", 1, "the PSIS go up against the ASIS"),
    ("pelvis", "obliquity", "r.ASIS_study", "y", 1, "the right side goes up"),
    ("pelvis", "rotation", "r.ASIS_study", "x", 1, "the right side goes forward"),
    ("hip", "flexion", "r_knee_study", "x", 1, "the knee goes forward"),
    ("hip", "adduction", "r_mknee_study", "z", -1, "the knee goes towards the other leg"),
    ("hip", "internal_rotation", "r_knee_study", "x", 1, "the lateral epicondyle goes forward"),
    ("knee", "flexion", "r_ankle_study", "x", -1, "the ankle goes back"),
    ("knee", "adduction", "r_mankle_study", "z", -1, "the ankle goes towards the other leg: varus"),
    ("knee", "internal_rotation", "r_ankle_study", "x", 1, "the lateral malleolus goes forward"),
    ("ankle", "dorsiflexion", "r_toe_study", "y", 1, "the toes go up"),
    ("ankle", "inversion", "r_calc_study", "z", -1, "the heel goes under the other foot: the sole looks inwards"),
    ("ankle", "internal_rotation", "r_toe_study", "z", -1, "the toes go inwards"),
    ("trunk", "flexion", "C7_study", "x", 1, "the neck goes forward"),
    ("trunk", "lateral_bending", "C7_study", "z", 1, "the neck goes to the right"),
    ("trunk", "rotation", "r_shoulder_study", "x", 1, "the right shoulder goes forward: a turn to the left"),
    ("shoulder", "elevation", "r_lelbow_study", "y", 1, "the elbow goes up"),
    ("shoulder", "elevation", "r_lelbow_study", "z", 1, "in plane 0 to the side"),
    ("shoulder", "plane_of_elevation", "r_melbow_study", "x", 1, "the elbow goes forward"),
    ("shoulder", "internal_rotation", "r_lelbow_study", "x", 1, "the lateral epicondyle goes forward"),
    ("elbow", "flexion", "r_mwrist_study", "x", 1, "the wrist goes forward"),
    ("elbow", "carrying_angle", "r_mwrist_study", "z", -1, "the wrist goes towards the body"),
    ("elbow", "pronation", "r_lwrist_study", "x", 1, "the thumb's side goes forward and in"),
]


@pytest.mark.parametrize("group", JOINT_GROUPS, ids=lambda group: group.name)
def test_growing_angles_move_markers_as_their_names_say(group):
    joint, _, side = group.name.partition("_")
    meanings = [meaning for meaning in MEANINGS if meaning[0] == joint]
    assert {angle for _, angle, *_ in meanings} == set(group.angles)
    for _, angle, marker, axis, sign, meaning in meanings:
        resting = np.array(NEUTRAL.get(group.name, (0.0, 0.0, 0.0)))
        column = group.angles.index(angle)
        markers = body({group.name: np.stack([resting, resting + 20.0 * np.eye(3)[column]])})
        motion = np.diff(markers.position(mirrored(marker) if side == "l" else marker), axis=0)[0, "xyz".index(axis)]
        outwards = -1 if side == "l" and axis == "z" else 1
        assert motion * outwards * sign > 0.005, meaning
        change = np.diff(joint_angles(markers), axis=0)[0, JOINT_GROUP_INDEX[group.name], column]
        assert change == pytest.approx(20.0), meaning


@PROPERTY
@given(poses(), st.tuples(*[st.floats(-180, 180)] * 3))
def test_turning_the_world_changes_the_pelvis_alone(pose, turn):
    markers = body(pose)
    rotation = Rotation.from_euler("XYZ", turn, degrees=True)
    turned = _moved(markers, markers.positions @ rotation.as_matrix().T)
    np.testing.assert_allclose(joint_angles(turned)[:, 1:], joint_angles(markers)[:, 1:], atol=EXACT)


@PROPERTY
@given(poses(), st.floats(-180, 180))
def test_turning_about_the_vertical_changes_pelvis_rotation_alone(pose, turn):
    markers = body(pose)
    rotation = Rotation.from_euler("Y", turn, degrees=True)
    expected = joint_angles(markers)
    expected[:, JOINT_GROUP_INDEX["pelvis"], 2] += turn
    _assert_same_directions(joint_angles(_moved(markers, markers.positions @ rotation.as_matrix().T)), expected)


@PROPERTY
@given(poses())
def test_mirroring_swaps_right_and_left(pose):
    markers = body(pose)
    names = tuple(mirrored(name) for name in markers.names)
    mirror = joint_angles(Markers(markers.times, names, markers.positions * [-1, 1, 1]))
    expected = joint_angles(markers)[:, [JOINT_GROUP_INDEX[mirrored(group.name)] for group in JOINT_GROUPS]]
    expected[:, JOINT_GROUP_INDEX["pelvis"]] *= [1, -1, -1]
    expected[:, JOINT_GROUP_INDEX["pelvis"], 2] += 180  # a reflection at x = 0 also turns a body that faced +X to −X
    expected[:, JOINT_GROUP_INDEX["trunk"]] *= [1, -1, -1]
    _assert_same_directions(mirror, expected)


@PROPERTY
@given(poses(), st.floats(0.3, 3.0), st.tuples(*[st.floats(-20, 20)] * 3))
def test_size_and_position_do_not_matter(pose, scale, offset):
    markers = body(pose)
    moved = _moved(markers, markers.positions * scale + offset)
    np.testing.assert_allclose(joint_angles(moved), joint_angles(markers), atol=EXACT)


@pytest.mark.parametrize("column", range(3), ids=JOINT_GROUPS[0].angles)
def test_the_pelvis_turns_full_circles_without_a_jump(column):
    angles = np.zeros((400, 3))
    angles[:, column] = np.linspace(10, 10 + 2 * 360, 400)  # two turns: a pirouette, cartwheels, somersaults
    angles[:, (column + 1) % 3] = 5.0
    np.testing.assert_allclose(joint_angles(body({"pelvis": angles})), angles_of({"pelvis": angles}), atol=EXACT)


def test_turns_are_counted_across_a_gap():
    angles = np.zeros((400, 3))
    angles[:, 2] = np.linspace(0, 720, 400)
    markers = body({"pelvis": angles})
    positions = markers.positions.copy()
    positions[150:200] = np.nan  # 90° of the turn
    found = joint_angles(_moved(markers, positions))[:, 0]
    assert np.isnan(found[150:200]).all()
    np.testing.assert_allclose(
        np.delete(found, np.s_[150:200], axis=0)[:, 2], np.delete(angles, np.s_[150:200], 0)[:, 2]
    )


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("hip_r", (20, 0, 10), (40, -130, -10)),  # a leg lifted sideways beyond the horizontal, through the singularity
        ("elbow_l", (40, -5, 60), (60, 100, 90)),
        ("knee_r", (0, 0, 0), (170, 95, 30)),
        ("trunk", (-20, 0, 0), (60, 110, 20)),
        ("shoulder_r", (90, 3, 0), (95, 175, 40)),  # raised through the front, from hanging to overhead
        ("shoulder_l", (0, 20, 80), (130, 90, -80)),
    ],
)
def test_a_smooth_motion_past_singular_postures_stays_smooth(name, start, end):
    share = np.linspace(0, 1, 301)[:, None]  # an odd step, so that no frame is exactly singular
    angles = np.array(start) + share * (np.array(end, dtype=float) - start)
    pose = {name: angles}
    np.testing.assert_allclose(joint_angles(body(pose)), angles_of(pose), atol=1e-5)


def test_an_arm_swinging_past_the_trunk_flips_its_plane_alone():
    swing = np.linspace(30.0, -30.0, 100)  # in the sagittal plane: forward positive
    angles = np.stack([np.where(swing > 0, 90.0, -90.0), np.abs(swing), np.full(100, 15.0)], axis=1)
    found = joint_angles(body({"shoulder_r": angles}))[:, JOINT_GROUP_INDEX["shoulder_r"]]
    np.testing.assert_allclose(found, angles, atol=EXACT)
    plane, elevation = np.radians(found[:, 0]), np.radians(found[:, 1])
    sagittal = np.degrees(np.arctan2(np.sin(elevation) * np.sin(plane), np.cos(elevation)))
    np.testing.assert_allclose(sagittal, swing, atol=EXACT)  # the formula that the documentation recommends


def test_joints_are_decided_frame_by_frame():
    rng = np.random.default_rng(3)
    pose = {}
    for group in JOINT_GROUPS:
        low, high = np.array(_reach(group.name), dtype=float).T
        pose[group.name] = rng.uniform(low, high, size=(50, 3))
    markers = body(pose)
    whole = joint_angles(markers)
    part = joint_angles(Markers(markers.times[20:], markers.names, markers.positions[20:]))
    np.testing.assert_array_equal(part[:, 1:], whole[20:, 1:])


@pytest.mark.parametrize(
    ("marker", "groups"),
    [
        ("RHJC_study", {"hip_r", "knee_r"}),
        ("L_toe_study", {"ankle_l"}),
        ("r_mankle_study", {"knee_r", "ankle_r"}),
        ("L_lwrist_study", {"elbow_l"}),
        ("LShoulder", {"shoulder_l", "elbow_l"}),
        ("C7_study", {"trunk", "shoulder_r", "shoulder_l"}),
        ("r.ASIS_study", {"pelvis", "hip_r", "hip_l", "trunk"}),
    ],
)
def test_a_missing_marker_affects_only_its_joints_and_frames(marker, groups):
    markers = body({"hip_r": np.full((5, 3), 10.0)})
    positions = markers.positions.copy()
    positions[2, markers.names.index(marker)] = np.nan
    missing = np.isnan(joint_angles(_moved(markers, positions)))
    assert not missing[[0, 1, 3, 4]].any()
    assert {group.name for group, gone in zip(JOINT_GROUPS, missing[2].all(axis=1), strict=True) if gone} == groups
    assert missing[2].any(axis=1).sum() == len(groups)


@pytest.mark.parametrize(
    ("name", "angles", "near"),
    [
        ("hip_r", (0, -81, 0), True),
        ("hip_r", (0, -79, 0), False),
        ("hip_r", (0, -99, 0), True),
        ("pelvis", (0, 85, 0), True),
        ("shoulder_l", (30, 9, 0), True),
        ("shoulder_l", (30, 11, 0), False),
        ("shoulder_l", (30, 171, 0), True),
        ("shoulder_l", (30, 90, 0), False),
    ],
)
def test_near_singularity(name, angles, near):
    values = angles_of({"shoulder_r": (0, 45, 0), "shoulder_l": (0, 45, 0), name: angles})
    expected = np.zeros((1, len(JOINT_GROUPS)), dtype=bool)
    expected[0, JOINT_GROUP_INDEX[name]] = near
    np.testing.assert_array_equal(near_singularity(values), expected)


def test_ten_thousand_frames_are_fast():
    frames = 10_000
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(frames, len(USED_MARKERS), 3))
    markers = Markers(np.arange(frames) / 100, USED_MARKERS, positions)
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        joint_angles(markers)
        durations.append(time.perf_counter() - start)
    per_frame = min(durations) / frames
    print(f"\njoint angles: {per_frame * 1e6:.1f} µs a frame")
    assert per_frame < 100e-6  # about 5 µs on an idle core; the margin is for a busy machine
