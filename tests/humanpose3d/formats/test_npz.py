import io
import mmap
import os
import pickle
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.npz import load_npz, save_npz
from humanpose3d.motion import JointAngles, Landmarks, Markers
from tests.humanpose3d.motions import angle_sds, joint_angles, landmarks, markers, spreads

MOTION = Markers(np.arange(3.0), ("A", "B"), np.arange(18.0).reshape(3, 2, 3))


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    save_npz(path, MOTION)
    return bytes(path.read_bytes())


@given(st.one_of(landmarks(), markers(), spreads(), joint_angles(), angle_sds()))
def test_every_type_is_read_back_bit_by_bit(tmp_path_factory, motion):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    save_npz(path, motion)
    found = load_npz(path, type(motion))
    assert vars(found).keys() == vars(motion).keys()
    for name, value in vars(motion).items():
        if isinstance(value, np.ndarray):
            assert vars(found)[name].tobytes() == value.tobytes()
        else:
            assert vars(found)[name] == value


def test_the_same_values_give_the_same_bytes(tmp_path, monkeypatch):
    save_npz(tmp_path / "a.npz", MOTION)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    save_npz(tmp_path / "b.npz", Markers(MOTION.times, MOTION.names, MOTION.positions.copy()))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_opens_it_too(tmp_path):
    save_npz(tmp_path / "a.npz", MOTION)
    with np.load(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(archive["positions"], MOTION.positions)


def test_arrays_stay_in_the_file_until_they_are_used(tmp_path):
    save_npz(tmp_path / "a.npz", Markers(np.arange(90_000.0), ("A", "B"), np.ones((90_000, 2, 3))))
    tracemalloc.start()
    try:
        found = load_npz(tmp_path / "a.npz", Markers)
        assert found.positions[::100].sum() == 5400
        assert tracemalloc.get_traced_memory()[1] < found.positions.nbytes  # of which copies are a multiple
    finally:
        tracemalloc.stop()
    assert isinstance(found.positions.base, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        found.positions[0] = 0


def test_another_type_is_reported(tmp_path):
    save_npz(tmp_path / "a.npz", MOTION)
    with pytest.raises(InvalidMotion, match=r"a\.npz: it holds Markers, where JointAngles is expected"):
        load_npz(tmp_path / "a.npz", JointAngles)


def archive_of(compression=zipfile.ZIP_STORED, **entries: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("__", "."), data)
    return content.getvalue()


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=allow_pickle)
    return content.getvalue()


def claiming(shape: str) -> bytes:
    """An array file whose header declares a shape that its content does not have."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.encode()


class Bomb:
    def __reduce__(self):
        return os.abort, ()


META = b'{"type":"Markers","version":1,"names":["A"]}'
TIMES, ONE = npy(np.arange(2.0)), npy(np.zeros((2, 1, 3)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        archive_of(times__npy=TIMES),
        archive_of(meta__json=META, times__npy=TIMES),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=ONE, more__npy=ONE),
        archive_of(meta__json=META.replace(b":1,", b":2,"), times__npy=TIMES, positions__npy=ONE),
        archive_of(meta__json=META[:-5], times__npy=TIMES, positions__npy=ONE),
        archive_of(meta__json=b"[" * 100_000, times__npy=TIMES, positions__npy=ONE),
        archive_of(meta__json=b'{"type":"Markers","version":1}', times__npy=TIMES, positions__npy=ONE),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=npy(np.zeros((2, 1, 3), np.float32))),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=npy(np.zeros((2, 1, 3), ">f8"))),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=claiming("(2, 100000000000, 3)")),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=claiming("(" * 50 + ")" * 50)),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=b"\x93NUMPY\x01\x00\xff\xff"),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=ONE[:-8]),
        archive_of(meta__json=META, times__npy=npy(np.arange(2.0)[::-1].copy()), positions__npy=ONE),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=npy(np.array([Bomb()]), allow_pickle=True)),
        archive_of(meta__json=META, times__npy=TIMES, positions__npy=pickle.dumps(Bomb())),
        archive_of(zipfile.ZIP_DEFLATED, meta__json=META, times__npy=TIMES, positions__npy=b"\0" * 10_000_000),
    ],
)
def test_foreign_and_hostile_files_are_refused(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidMotion):
        load_npz(path, Markers)


@given(data=st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory, good, data):
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    path.write_bytes(damaged)
    try:
        found = load_npz(path, Markers)
    except InvalidMotion:
        return
    np.testing.assert_array_equal(found.positions, MOTION.positions)


def test_a_file_cut_short_anywhere_is_refused(tmp_path, good):
    path = tmp_path / "a.npz"
    for length in range(0, len(good), 7):
        path.write_bytes(good[:length])
        with pytest.raises(InvalidMotion):
            load_npz(path, Markers)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidMotion, match=r"a\.npz cannot be read"):
        load_npz(tmp_path / "a.npz", Landmarks)
