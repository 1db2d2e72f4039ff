from pathlib import Path

import pytest

from humanpose3d.errors import InvalidMotion, OutputNotWritable
from humanpose3d.formats.files import read_lines, write_atomic


def test_the_file_appears_complete_and_without_leftovers(tmp_path):
    with write_atomic(tmp_path / "a.txt") as file:
        file.write(b"new")
        assert not (tmp_path / "a.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def write_half(path: Path, stop: type[BaseException]) -> None:
    with write_atomic(path) as file:
        file.write(b"half")
        raise stop


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, stop):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(stop):
        write_half(path, stop)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "a.txt"
    with pytest.raises(OutputNotWritable, match=r"a\.txt cannot be written: No such file"), write_atomic(path):
        pytest.fail("must not be entered")


def test_a_folder_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(OutputNotWritable, match=r"a\.txt cannot be written: Not a directory"),
        write_atomic(tmp_path / "file" / "a.txt"),
    ):
        pytest.fail("must not be entered")


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")
    with write_atomic(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("content", [b"a\nb", b"a\r\nb", b"a\rb", b"\xef\xbb\xbfa\nb"])
def test_all_line_endings_are_read(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert read_lines(path) == ["a", "b"]


def test_text_from_older_windows_tools_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("Schläfe".encode("latin-1"))
    assert read_lines(path) == ["Schläfe"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidMotion, match=r"nothing\.trc cannot be read: No such file"):
        read_lines(tmp_path / "nothing.trc")
