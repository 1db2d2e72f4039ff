"""Scores of events and key figures: nothing wrong, everything late, nothing found; and contacts of true markers."""

import numpy as np
import pytest

from benchmarks.analysis import Scores, contacts, score, table
from services.angles.analysis.stage import AnalysisInputs, analyse
from tests.services.angles.analysis import performers

WALK = performers.walking()
TRUTH = analyse(AnalysisInputs(WALK.markers, WALK.angles))


def test_the_truth_itself_has_no_error():
    scores = Scores()
    score(scores, TRUTH, TRUTH, {})
    assert set(scores.errors["heel_strike"]) == {0.0}
    assert scores.errors["cadence"] == [0.0]
    assert scores.errors["task"] == [0.0]


def test_late_events_and_wrong_figures_are_not_within_the_goal():
    late = TRUTH.model_copy(
        update={
            "events": tuple(event.model_copy(update={"time_s": event.time_s + 0.05}) for event in TRUTH.events),
            "parameters": tuple(each.model_copy(update={"value": 1.1 * each.value}) for each in TRUTH.parameters),
        }
    )
    scores = Scores()
    score(scores, late, TRUTH, {})
    text = table({"true markers": scores, "late": scores})
    assert "50.0 ms (+50.0), 0 %" in text
    assert scores.errors["stride_length"] == pytest.approx([10, 10])


def test_what_was_not_found_counts_as_missed():
    scores = Scores()
    score(scores, None, TRUTH, {})
    assert np.isnan(scores.errors["speed"]).all()
    assert len(scores.errors["toe_off"]) == sum(event.kind == "toe_off" for event in TRUTH.events)
    assert scores.errors["task"] == [1.0]


def test_the_soles_leave_the_floor_at_take_off():
    performance = performers.jumping(0.3)
    truth = analyse(AnalysisInputs(performance.markers, performance.angles))
    found = contacts(performance.markers, truth)
    for kind in ("take_off", "landing"):
        moments = performance.events["", kind]
        assert found[None, kind] == pytest.approx(moments, abs=0.035)
