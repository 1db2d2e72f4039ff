"""Files as other programs write them, each with the expected result."""

from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.c3d import write_c3d
from humanpose3d.formats.foreign import read_foreign
from humanpose3d.formats.trc import write_trc
from humanpose3d.motion import Markers

NAMES = ("Head", "RAnkle", "LAnkle")
BODY = np.array([[0.0, 1.7, 0.1], [0.1, 0.08, 0.0], [-0.1, 0.08, 0.0]])


def person(frames: int = 4) -> Markers:
    sway = np.linspace(0, 0.01, frames)[:, None, None]
    return Markers(np.arange(frames) / 50, NAMES, BODY + sway)


def written(folder: Path, replace: tuple[str, str] | None = None, markers: Markers | None = None) -> Path:
    path = folder / "a.trc"
    write_trc(path, markers or person())
    if replace is not None:
        before, after = replace
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
    return path


def turned(rotation: list[list[float]]) -> Markers:
    return Markers(person().times, NAMES, person().positions @ np.asarray(rotation).T)


@pytest.mark.parametrize("missing", ["-nan(ind)", "1.#QNAN", "-1.#IND", "NA", "N/A", "-", "None", "nan", " ", "null"])
def test_spellings_of_a_missing_number(tmp_path, missing):
    found = read_foreign(written(tmp_path, ("1.700000", missing)), strict=True)
    assert np.isnan(found.markers.position("Head")[0]).all()
    assert np.isfinite(found.markers.position("Head")[1:]).all()
    assert not found.notes


def test_blanks_around_tabs_and_instead_of_them(tmp_path):
    path = written(tmp_path)
    plain = read_foreign(path, strict=True).markers.positions
    header, rows = path.read_text().split("\n")[:5], path.read_text().split("\n")[5:]
    path.write_text("\n".join([*header, *(row.replace("\t", " \t  ") for row in rows)]))
    np.testing.assert_array_equal(read_foreign(path, strict=True).markers.positions, plain)
    path.write_text("\n".join([*header, *("  ".join(row.split()) for row in rows)]))
    np.testing.assert_array_equal(read_foreign(path, strict=True).markers.positions, plain)


def test_exact_zeros_are_read_as_missing_and_reported(tmp_path):
    positions = np.array(person().positions)
    positions[2, 1] = 0
    found = read_foreign(written(tmp_path, markers=Markers(person().times, NAMES, positions)), strict=True)
    assert np.isnan(found.markers.position("RAnkle")[2]).all()
    assert found.notes == ("1 positions of exactly 0, 0, 0 were taken as missing.",)


def test_a_decimal_comma_is_read_and_reported(tmp_path):
    path = written(tmp_path)
    plain = read_foreign(path, strict=True).markers.positions
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:5], *(line.replace(".", ",") for line in lines[5:])]))
    found = read_foreign(path, strict=True)
    np.testing.assert_array_equal(found.markers.positions, plain)
    assert "decimal comma" in found.notes[0]


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1000, "would be 1.62e+03 m tall. Numbers like these fit the unit 'mm'"), (100, "162 m tall"), (0.001, "0.00162")],
)
def test_implausible_sizes_are_refused_and_a_unit_proposed(tmp_path, factor, said):
    path = written(tmp_path, markers=Markers(person().times, NAMES, person().positions * factor))
    with pytest.raises(InvalidMotion) as caught:
        read_foreign(path, strict=True)
    assert said in str(caught.value)
    shown = read_foreign(path, strict=False)
    assert said in shown.notes[0]


@pytest.mark.parametrize(
    ("rotation", "letter"),
    [
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], "Z is up"),
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], "X is up"),
        ([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], "−Y is up"),
        ([[1, 0, 0], [0, 0, 1], [0, -1, 0]], "−Z is up"),
    ],
)
def test_another_vertical_axis_is_rotated_and_reported(tmp_path, rotation, letter):
    assert np.linalg.det(rotation) == pytest.approx(1)
    found = read_foreign(written(tmp_path, markers=turned(rotation)), strict=True)
    assert found.notes[0].startswith(letter)
    rise = found.markers.position("Head") - found.markers.position("RAnkle")
    assert (rise[:, 1] > 1.6).all()
    across = found.markers.positions - found.markers.positions.mean(axis=1, keepdims=True)
    before = person().positions - person().positions.mean(axis=1, keepdims=True)
    assert np.linalg.det(across[0]) == pytest.approx(np.linalg.det(before[0]), abs=1e-6), "rotated, not mirrored"


def test_a_body_along_no_axis_is_refused_or_reported(tmp_path):
    c, s = np.cos(np.pi / 4), np.sin(np.pi / 4)
    path = written(tmp_path, markers=turned([[1, 0, 0], [0, s, -c], [0, -c, -s]]))
    with pytest.raises(InvalidMotion, match="Turn the file so that Y is up"):
        read_foreign(path, strict=True)
    assert "not above the feet" in read_foreign(path, strict=False).notes[0]


def test_a_viewer_shows_repeated_names_unnamed_columns_and_repeated_times(tmp_path):
    path = written(tmp_path, ("\tRAnkle\t\t\tLAnkle\t", "\tHead\t\t\t\t"))
    with pytest.raises(InvalidMotion):
        read_foreign(path, strict=True)
    found = read_foreign(path, strict=False)
    assert found.markers.names[:2] == ("Head", "Head_2")
    assert "numbered" in found.notes[0]
    path = written(tmp_path, ("0.040000000", "0.020000000"))
    with pytest.raises(InvalidMotion, match="Times must increase"):
        read_foreign(path, strict=True)
    found = read_foreign(path, strict=False)
    assert found.markers.times == pytest.approx([0, 0.02, 0.06])
    assert found.notes == ("1 frames repeat an earlier time and are left out.",)


def test_c3d_is_read_too(tmp_path):
    write_c3d(tmp_path / "a.c3d", person())
    found = read_foreign(tmp_path / "a.c3d", strict=True)
    assert found.markers.names == NAMES
    np.testing.assert_allclose(found.markers.positions, person().positions, atol=1e-6)
