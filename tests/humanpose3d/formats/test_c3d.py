import warnings
from pathlib import Path

import c3d
import ezc3d
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.analysis import Event
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d import read_c3d, write_c3d
from humanpose3d.motion import JointAngles, Markers
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS
from tests.humanpose3d.motions import markers, uniform_times

PLAIN_NAMES = st.lists(
    st.text("abcXYZ019._-* ", min_size=1, max_size=20).map(str.strip).filter(bool), min_size=1, max_size=4, unique=True
)
MOTION = Markers(1 + np.arange(3) * 1001 / 30000, ("r.ASIS_study", "B"), np.arange(18.0).reshape(3, 2, 3))
ANGLES = JointAngles(MOTION.times, np.random.default_rng(2).normal(size=(3, len(JOINT_GROUPS), 3)) * 50)


def second_reader(path: Path) -> tuple[c3d.Reader, np.ndarray]:
    """The file as another library reads it: header and parameters, and (T, N, 5) x, y, z, residual, cameras."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that there is no analog data
        reader = c3d.Reader(file)
        return reader, np.array([points for _, points, _ in reader.read_frames()])


def strings(reader: c3d.Reader, name: str) -> list[str]:
    return [text.strip() for text in reader.get(name).string_array]


@given(markers(times=uniform_times(), names=PLAIN_NAMES))
def test_what_is_written_is_read_back(tmp_path_factory, motion):
    path = tmp_path_factory.mktemp("c3d") / "a.c3d"
    write_c3d(path, motion)
    found = read_c3d(path)
    rate = 1 / np.diff(motion.times)[0]
    assert found.names == motion.names
    # 32-bit floats: a relative error of 2^-24; the start is rounded to a whole frame.
    np.testing.assert_allclose(found.positions, motion.positions, rtol=6e-8, atol=1e-30)
    np.testing.assert_allclose(found.times - found.times[0], motion.times - motion.times[0], rtol=0, atol=1e-6)
    assert abs(found.times[0] - motion.times[0]) <= 0.5001 / rate


def test_the_65_markers_keep_their_names_and_gaps(tmp_path):
    positions = np.random.default_rng(1).normal(size=(30, len(ALL_MARKERS), 3))
    positions[3:9, 64] = positions[:2, 0] = positions[12] = np.nan
    write_c3d(tmp_path / "a.c3d", Markers(np.arange(30) * 1001 / 30000, ALL_MARKERS, positions))
    found = read_c3d(tmp_path / "a.c3d")
    assert found.names == ALL_MARKERS
    np.testing.assert_allclose(found.positions, positions, rtol=0, atol=5e-7)
    np.testing.assert_allclose(found.times, np.arange(30) * 1001 / 30000, rtol=0, atol=1e-12)


def test_a_second_reader_finds_markers_and_angles(tmp_path):
    positions = np.array(MOTION.positions)
    positions[1, 1] = np.nan
    write_c3d(tmp_path / "a.c3d", Markers(MOTION.times, MOTION.names, positions), ANGLES)
    reader, points = second_reader(tmp_path / "a.c3d")
    assert reader.point_rate == pytest.approx(30000 / 1001)
    assert (reader.first_frame, reader.last_frame) == (31, 33)  # the first is frame 1, at 0 s
    assert reader.get("POINT:UNITS").string_value.strip() == "mm"
    labels = [label.strip() for label in reader.point_labels]
    assert labels[:2] == list(MOTION.names)
    assert labels[2:5] == ["PelvisAngles", "RHipAngles", "LHipAngles"]
    assert strings(reader, "POINT:ANGLES") == labels[2:]
    assert reader.get("POINT:ANGLE_UNITS").string_value.strip() == "deg"
    np.testing.assert_allclose(points[:, 0, :3], MOTION.positions[:, 0] * 1000, rtol=1e-6)
    np.testing.assert_allclose(points[:, 2:, :3], ANGLES.values, rtol=1e-6)
    assert (points[:, 1, 3] < 0).tolist() == [False, True, False]
    assert read_c3d(tmp_path / "a.c3d").names == MOTION.names


def test_a_second_reader_finds_the_events(tmp_path):
    events = (
        Event(time_s=61.5, kind="toe_off", side="left", repetition=2),
        Event(time_s=0.25, kind="heel_strike", side="right", repetition=1),
        Event(time_s=1.0, kind="lowest"),
    )
    write_c3d(tmp_path / "a.c3d", Markers(np.arange(2000) / 30, ("A",), np.ones((2000, 1, 3))), events=events)
    reader, _ = second_reader(tmp_path / "a.c3d")
    assert strings(reader, "EVENT:LABELS") == ["Foot Strike", "Lowest", "Foot Off"]
    assert strings(reader, "EVENT:CONTEXTS") == ["Right", "General", "Left"]
    assert reader.get("EVENT:USED").int16_value == 3
    minutes_seconds = np.reshape(reader.get("EVENT:TIMES").float_array, (-1, 2))
    np.testing.assert_allclose(minutes_seconds, np.array([[0, 0.25], [0, 1], [1, 1.5]]))


def test_hundreds_of_events_continue_in_a_second_parameter(tmp_path):
    events = [Event(time_s=0.01 * index, kind="heel_strike", side="right") for index in range(300)]
    write_c3d(tmp_path / "a.c3d", MOTION, ANGLES, events)
    reader, points = second_reader(tmp_path / "a.c3d")
    assert [len(strings(reader, f"EVENT:LABELS{number}")) for number in ("", "2")] == [255, 45]
    np.testing.assert_allclose(points[:, 2:, :3], ANGLES.values, rtol=1e-6)


def test_times_of_events_follow_the_rounded_start(tmp_path):
    begins = Markers(0.51 + np.arange(10) / 10, ("A",), np.ones((10, 1, 3)))  # frame 5 of 10 Hz is at 0.5 s
    write_c3d(tmp_path / "a.c3d", begins, events=[Event(time_s=0.61, kind="peak")])
    assert ezc3d.c3d(str(tmp_path / "a.c3d"))["parameters"]["EVENT"]["TIMES"]["value"][1, 0] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("frames", "begins", "rate", "first"), [(65_536, 0.0, 30, 0.0), (100, 3600.0, 60, 0.0), (100, 36.0, 60, 36.0)]
)
def test_what_16_bits_cannot_count(tmp_path, frames, begins, rate, first):
    write_c3d(tmp_path / "a.c3d", Markers(begins + np.arange(frames) / 60, ("A",), np.ones((frames, 1, 3))))
    found = read_c3d(tmp_path / "a.c3d")
    assert found.times[0] == first
    assert np.diff(found.times)[0] == pytest.approx(1 / rate)
    assert found.times[-1] - first == pytest.approx((frames - 1) / 60, abs=1 / 30)


def test_the_same_values_give_the_same_bytes(tmp_path):
    write_c3d(tmp_path / "a.c3d", MOTION, ANGLES)
    write_c3d(tmp_path / "b.c3d", MOTION, ANGLES)
    assert (tmp_path / "a.c3d").read_bytes() == (tmp_path / "b.c3d").read_bytes()


@pytest.mark.parametrize("names", [(), ("Knöchel", "B"), ("", "B"), (" A", "B"), ("A" * 128, "B")])
def test_names_that_the_format_cannot_hold_are_refused(tmp_path, names):
    with pytest.raises(InvalidMotion):
        write_c3d(tmp_path / "a.c3d", Markers(np.arange(3.0), names, np.zeros((3, len(names), 3))))
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.c3d"
    write_c3d(path, Markers(np.arange(60) / 30, ALL_MARKERS, np.ones((60, 65, 3))))
    good = path.read_bytes()
    for length in (0, 1, 100, 511, 512, 700, 2000, len(good) // 2, len(good) - 1200):
        path.write_bytes(good[:length])
        with pytest.raises(InvalidMotion, match=r"^a\.c3d"):
            read_c3d(path)


@pytest.mark.parametrize("content", [b"text\n" * 1000, bytes(range(256)) * 8])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "a.c3d").write_bytes(content)
    with pytest.raises(InvalidMotion, match=r"a\.c3d: it is damaged or is not a C3D file"):
        read_c3d(tmp_path / "a.c3d")
