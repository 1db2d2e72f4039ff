import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.tables import LARGEST, lines, parse


def text(values: list[float], decimals: int, missing: str = "") -> str:
    columns = [(np.array(values, dtype=float).reshape(1, -1), decimals)]
    return b"".join(lines(columns, delimiter=",", missing=missing)).decode()


@given(st.lists(st.floats(-1e8, 1e8), min_size=1, max_size=5), st.sampled_from([0, 3, 6, 9]))
def test_numbers_read_as_python_formats_them(values, decimals):
    for cell, value in zip(text(values, decimals).rstrip("\n").split(","), values, strict=True):
        # Scaling may round a number half way between two others up or down, or change the last bit of a double.
        slack = 1.001 * 10.0**-decimals + abs(value) * 4e-16
        assert float(cell) == pytest.approx(float(f"{value:.{decimals}f}"), rel=0, abs=slack)
        assert float(cell) == pytest.approx(value, rel=0, abs=0.5 * slack + 1e-16)
        assert re.fullmatch(rf"-?(0|[1-9]\d*)(\.\d{{{decimals}}})?", cell)


@given(st.floats(-1e6, 1e6))
def test_writing_what_was_read_changes_no_byte(value):
    once = text([value], 6)
    assert text([float(once)], 6) == once


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0.0, 6, "0.000000"),
        (-0.0, 6, "0.000000"),
        (-4e-7, 6, "0.000000"),
        (-6e-7, 6, "-0.000001"),
        (0.25, 1, "0.2"),
        (0.75, 1, "0.8"),
        (-1.5, 0, "-2"),
        (10.0, 0, "10"),
        (0.999999999, 6, "1.000000"),
        (123456.789, 3, "123456.789"),
    ],
)
def test_rounding_and_signs(value, decimals, expected):
    assert text([value], decimals) == expected + "\n"


def test_nan_is_an_empty_cell_or_the_given_word():
    assert text([1, np.nan, -2], 1) == "1.0,,-2.0\n"
    assert text([np.nan, 3], 0, missing="NaN") == "NaN,3\n"


@pytest.mark.parametrize("value", [np.inf, -np.inf, LARGEST, -1e300])
def test_absurd_numbers_are_refused(value):
    with pytest.raises(InvalidMotion, match="finite and smaller than 1e"):
        text([value], 6)


def test_long_tables_are_formatted_in_pieces_that_join():
    values = np.arange(1_000_000.0).reshape(-1, 2)
    pieces = list(lines([(values, 0)], delimiter="\t"))
    assert len(pieces) > 1
    assert b"".join(pieces).splitlines()[-1] == b"999998\t999999"


@pytest.mark.parametrize("cell", ["x", "1,5,2", "inf", "-Infinity", "1e999"])
def test_cells_that_are_no_finite_number_are_refused_with_their_place(cell):
    with pytest.raises(InvalidMotion, match=r"^a\.trc, line 7: "):
        parse("a.trc, line 7", ["1", cell])


def test_empty_cells_and_nan_are_missing():
    assert np.isnan(parse("", ["", "NaN", "nan"])).all()
