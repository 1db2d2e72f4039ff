import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d import read_c3d, write_c3d
from humanpose3d.motion import Markers
from humanpose3d.skeleton import ALL_MARKERS
from tests.humanpose3d.motions import markers, uniform_times

PLAIN_NAMES = st.lists(
    st.text("abcXYZ019._-* ", min_size=1, max_size=20).map(str.strip).filter(bool), min_size=1, max_size=4, unique=True
)
MOTION = Markers(1 + np.arange(3) * 1001 / 30000, ("r.ASIS_study", "B"), np.arange(18.0).reshape(3, 2, 3))


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


def test_the_same_values_give_the_same_bytes(tmp_path):
    write_c3d(tmp_path / "a.c3d", MOTION)
    write_c3d(tmp_path / "b.c3d", MOTION)
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
    with pytest.raises(InvalidMotion, match=r"a\.c3d is damaged or is not a C3D file"):
        read_c3d(tmp_path / "a.c3d")
