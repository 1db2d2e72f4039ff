from datetime import date

import pytest

from humanpose3d.errors import InvalidOption
from humanpose3d.notes import RunNotes


def test_a_form_s_text_is_understood():
    notes = RunNotes.parse({"subject": " P 07 ", "session": "2026-11-30", "labels": "before, left shoe,,before"})
    assert notes == RunNotes(subject="P 07", session=date(2026, 11, 30), labels=("before", "left shoe"))
    assert not RunNotes.parse({"subject": " ", "session": "", "labels": "", "note": ""})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "a/b"),
        ("subject", ".."),
        ("subject", "x" * 65),
        ("session", "yesterday"),
        ("labels", ["a,b"]),
        ("labels", "x" * 51),
        ("labels", [str(number) for number in range(21)]),
        ("side", "two\nlines"),
        ("note", "\x00"),
    ],
)
def test_what_cannot_be_noted_is_named(field: str, value: object):
    with pytest.raises(InvalidOption) as caught:
        RunNotes.parse({field: value})
    assert list(caught.value.faults) == [field]
