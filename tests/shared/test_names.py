from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.names import LONGEST_NAME, safe_name


@pytest.mark.parametrize(
    ("video", "name"),
    [
        ("/data/walk.mp4", "walk"),
        ("My walk (2).MOV", "My walk (2)"),
        ("archive.tar.mp4", "archive.tar"),
        ("gång – 歩く.mp4", "gång – 歩く"),
        ("ga\u030ang.mp4", "g\u00e5ng"),
        ("a\\b:c*?.mp4", "a_b_c__"),
        ("a\nb\tc\x00.mp4", "a_b_c_"),
        ("evil\u202etxt.mp4", "evil_txt"),
        ("undecodable\udcff.mp4", "undecodable_"),
        (".mp4", "mp4"),
        (" . .mp4", "video"),
        ("..", "video"),
        (".", "video"),
        ("", "video"),
        ("con.mp4", "con_"),
        ("COM1.take.mp4", "COM1.take_"),
        ("console.mp4", "console"),
    ],
)
def test_names_are_made_safe(video: str, name: str):
    assert safe_name(Path(video)) == name


@given(st.text(st.characters(exclude_characters="/\x00"), max_size=200))
def test_any_name_can_name_files(stem: str):
    name = safe_name(Path(f"{stem}.mp4"))
    assert name
    assert len(name.encode()) <= LONGEST_NAME
    assert len(f"{name}_angles_shoulder_r.csv".encode()) <= 255
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isprintable() or all(letter.isprintable() or letter.isspace() for letter in name)
    assert name == name.strip(" .")
    assert safe_name(Path(f"{name}.mp4")) == name


def test_long_names_stay_apart():
    names = {safe_name(Path("ü" * 200 + ending + ".mp4")) for ending in "abc"}
    assert len(names) == 3
    assert all(len(name.encode()) <= LONGEST_NAME for name in names)
