"""The verdict on trust: its levels, what lowers them, and when no number should be used."""

import pytest

from shared.results.trust import verdict

ERRORS = {
    ("hip", "flexion"): 5.0,
    ("knee", "flexion"): 9.0,
    ("ankle", "dorsiflexion"): 10.0,
    ("trunk", "flexion"): 14.0,
}


def test_levels_follow_the_expected_error():
    assert str(verdict("lateral", ERRORS, ())) == (
        "Seen from the side: good for hip flexion (± 5°); usable for knee flexion (± 9°), ankle dorsiflexion (± 10°); "
        "trunk flexion (± 14°) uncertain."
    )


@pytest.mark.parametrize(
    ("code", "joints"),
    [
        ("feet-implausible", {"ankle", "trunk"}),
        ("feet-occluded", {"ankle", "trunk"}),
        ("view-frontal", {"hip", "knee", "ankle", "trunk"}),
        ("camera-tilted", {"trunk"}),
    ],
)
def test_warnings_make_joints_uncertain(code: str, joints: set[str]):
    uncertain = str(verdict("frontal", ERRORS, [code])).split("; ")[-1].removeprefix("Seen from the front or back: ")
    assert uncertain.endswith(" uncertain.")
    assert {part.split()[0] for part in uncertain.split(", ")} == joints


def test_serious_warnings_come_first():
    assert str(verdict("oblique", ERRORS, ["scale-implausible", "perhaps-no-person", "feet-occluded"])) == (
        "Check before using any number: what was followed may be no person, the height given does not match the image."
    )


def test_without_standard_deviations_nothing_is_promised():
    assert str(verdict("unknown", {}, ())) == "From this view: the uncertainty of the angles is not known."
