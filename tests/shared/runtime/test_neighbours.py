"""Data stored by a neighbouring version: with fields unknown to this one, or without some of its fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from humanpose3d.options import StageReport
from shared import artefacts
from shared.runtime.run_state import PartTask, RunState, StageEvent, StageTask
from tests.makers import first_task, new_state

STORED = Path(__file__).with_name("stored") / "state.json"
"""A state at the second of four stages, as stored before there was a count of failures."""


def with_more(value: Any) -> Any:
    """The same JSON with an additional field in every object that has a fixed set of fields."""
    if isinstance(value, list):
        return [with_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    open_ended = {"facts", "models", "artefacts", "sha256", "results", "inputs", "finished", "part"}
    more = {name: item if name in open_ended else with_more(item) for name, item in value.items()}
    return {**more, "of_tomorrow": None}


def later(stored: str) -> bytes:
    return json.dumps(with_more(json.loads(stored))).encode()


def test_a_state_of_an_earlier_version_is_read_and_continues():
    state = RunState.read(STORED.read_bytes())
    assert (state.stage, state.failures, state.progress) == ("refiner.depth", 0, 91.8)
    assert state.claim is not None
    taken_over = state.claimed("refiner.depth", 2, 3, "another")
    assert (taken_over.failures, taken_over.attempts) == (1, 3)


def test_fields_of_a_later_version_are_ignored():
    state = RunState.read(STORED.read_bytes())
    assert RunState.read(later(state.model_dump_json())) == state
    task = first_task(new_state())
    assert StageTask.read(later(task.model_dump_json())) == task
    event = StageEvent.of(state, 3)
    assert StageEvent.read(later(event.model_dump_json())) == event


def test_a_run_that_does_not_state_the_refiner_was_made_without_it():
    """Off was the default then; the run goes on, and is read, as it began."""
    stored = json.loads(new_state().model_dump_json())
    assert RunState.read(json.dumps(stored).encode()).request.options.main_refiner
    del stored["request"]["options"]["main_refiner"]
    assert not RunState.read(json.dumps(stored).encode()).request.options.main_refiner


def part() -> PartTask:
    task = first_task(new_state())
    return PartTask(
        run_id=task.run_id,
        stage=task.stage,
        number=0,
        part={"start": 0.5},
        subject=task.subject,
        options=task.options,
        inputs=task.artefacts,
        folder="runs/x/",
    )


@pytest.mark.parametrize("work", [first_task(new_state()), part()], ids=["task", "part"])
def test_an_unknown_option_that_is_set_is_not_ignored(work: StageTask | PartTask):
    """Otherwise a face to be blurred by a new option would be shown."""
    stored = json.loads(work.model_dump_json())
    stored["options"]["hide_scene"] = False
    assert type(work).read(json.dumps(stored).encode()) == work
    stored["options"]["hide_scene"] = True
    with pytest.raises(ValueError, match="options of another version: hide_scene"):
        type(work).read(json.dumps(stored).encode())


def test_a_state_with_an_unknown_option_that_is_set_is_unreadable():
    """Otherwise an older gateway that renames the run would drop the option from the tasks that follow."""
    state = new_state()
    stored = json.loads(state.model_dump_json())
    stored["request"]["options"]["hide_scene"] = False
    assert RunState.read(json.dumps(stored).encode()) == state
    stored["request"]["options"]["hide_scene"] = True
    with pytest.raises(ValueError, match="options of another version: hide_scene"):
        RunState.read(json.dumps(stored).encode())


def test_a_report_of_a_later_stage_is_read(tmp_path: Path):
    report = StageReport()
    (tmp_path / "report.json").write_bytes(later(report.model_dump_json()))
    assert artefacts.load(tmp_path / "report.json", StageReport) == report
