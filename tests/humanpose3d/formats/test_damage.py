"""However a file is damaged, reading it returns a motion or raises InvalidMotion, never another exception."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d import read_c3d, write_c3d
from humanpose3d.formats.csv_files import read_angles_csv, read_landmarks_csv, write_angles_csv, write_landmarks_csv
from humanpose3d.formats.mot import read_mot, write_mot
from humanpose3d.formats.trc import read_trc, write_trc
from humanpose3d.motion import JointAngles, Landmarks, Markers

MARKERS = Markers(np.arange(4) / 30, ("A", "B"), np.arange(24.0).reshape(4, 2, 3))
ANGLES = JointAngles(np.arange(3) / 30, np.arange(108.0).reshape(3, 12, 3))
LANDMARKS = Landmarks(np.arange(2) / 30, np.ones((2, 33, 2)), np.ones((2, 33, 3)), np.ones((2, 33)), (9, 9))

FORMATS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], object]]] = {
    "trc": ("a.trc", lambda path: write_trc(path, MARKERS), read_trc),
    "mot": ("a.mot", lambda path: write_mot(path, ANGLES), read_mot),
    "c3d": ("a.c3d", lambda path: write_c3d(path, MARKERS), read_c3d),
    "landmarks": (
        "a.csv",
        lambda path: write_landmarks_csv(path, LANDMARKS),
        lambda path: read_landmarks_csv(path, (9, 9)),
    ),
    "angles": (
        "a_angles_hip_r.csv",
        lambda path: write_angles_csv(path.parent, "a", ANGLES),
        lambda path: read_angles_csv(path.parent, "a"),
    ),
}
SPLICE = st.binary(max_size=4) | st.sampled_from([b"\t", b"\n", b",", b"nan", b"-", b"1e309", b"\xff\xfe", b"\x00"])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150)
@given(data=st.data())
def test_damaged_files(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject):
    file, write, read = FORMATS[name]
    path = tmp_path_factory.mktemp("damage") / file
    write(path)
    content = path.read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        content = content[:start] + data.draw(SPLICE) + content[start + data.draw(st.integers(0, 8)) :]
    path.write_bytes(content)
    with suppress(InvalidMotion):
        read(path)
