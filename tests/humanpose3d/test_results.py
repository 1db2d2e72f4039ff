import json
import sys
from pathlib import Path

import numpy as np
import pytest

from humanpose3d import InvalidMotion, read_angles, read_run
from humanpose3d.formats.csv_files import write_angles_csv
from humanpose3d.motion import JointAngles
from humanpose3d.notes import RunNotes

ANGLES = JointAngles(np.arange(5) / 60, np.arange(180.0).reshape(5, 12, 3))


def test_a_folder_without_a_run_is_refused_by_name(tmp_path: Path):
    with pytest.raises(InvalidMotion, match=r"does not hold a run's results: there is no quality\.json"):
        read_run(tmp_path)


def test_a_damaged_report_is_refused_by_name(tmp_path: Path):
    (tmp_path / "quality.json").write_text("{")
    with pytest.raises(InvalidMotion, match=r"quality\.json of .* is damaged"):
        read_run(tmp_path)


def test_notes_are_those_of_run_json_and_none_where_an_earlier_version_wrote_it(tmp_path: Path):
    (tmp_path / "quality.json").write_text("{}")
    for stored, notes in (({}, RunNotes()), ({"notes": {"subject": "P07"}}, RunNotes(subject="P07"))):
        (tmp_path / "run.json").write_text(json.dumps({"name": "walk", **stored}))
        assert read_run(tmp_path).notes == notes


@pytest.mark.parametrize("below", ["", "joint_angles"])
def test_angles_are_read_from_the_folder_or_the_one_above(below: str, tmp_path: Path):
    folder = tmp_path / "joint_angles"
    folder.mkdir()
    write_angles_csv(folder, "walk", ANGLES)
    assert read_angles(tmp_path / below).values == pytest.approx(ANGLES.values, abs=1e-6)


def test_angles_of_two_runs_in_one_folder_are_refused(tmp_path: Path):
    for name in ("walk", "run"):
        write_angles_csv(tmp_path, name, ANGLES)
    with pytest.raises(InvalidMotion, match="does not hold the joint angles of one run: 2 files"):
        read_angles(tmp_path)


def report(folder: Path) -> None:
    (folder / "quality.json").write_text(
        '{"video": {"frames": 5, "duration_s": 0.1}, "warnings": [{"stage": "angles", "code": "c", "message": "m"}]}'
    )
    (folder / "run.json").write_text('{"name": "walk"}')


def test_a_run_describes_itself(tmp_path: Path):
    report(tmp_path)
    run = read_run(tmp_path)
    assert repr(run) == f"<Results of 'walk': 5 frames, 0.10 s, 1 warnings, in {str(tmp_path)!r}>"
    assert [warning.code for warning in run.warnings] == ["c"]
    assert list(run.files) == ["quality.json", "run.json"]


@pytest.mark.parametrize(("stored", "refined"), [({}, False), ({"main_refiner": True}, True)])
def test_the_options_are_those_of_the_run_and_not_of_today(tmp_path: Path, stored: dict[str, bool], refined: bool):
    report(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"name": "walk", "options": stored}))
    assert read_run(tmp_path).options.main_refiner is refined


def test_events_and_parameters_are_available_where_they_were_analysed(tmp_path: Path):
    report(tmp_path)
    run = read_run(tmp_path)
    assert (run.events, run.parameters, run.cycles) == (None, None, None)
    (tmp_path / "events.json").write_text('[{"event": "heel strike", "time_s": 0.4}]')
    (tmp_path / "parameters.csv").write_text("parameter,value\nspeed,1.2\n")
    assert run.events == [{"event": "heel strike", "time_s": 0.4}]
    assert run.parameters is not None
    assert run.parameters["value"].tolist() == [1.2]
    (tmp_path / "cycles.csv").write_text("side,joint,percent,mean_deg\nright,knee_r,0,5.5\n")
    assert run.cycles is not None
    assert run.cycles["mean_deg"].tolist() == [5.5]


def test_without_pandas_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report(tmp_path)
    (tmp_path / "parameters.csv").write_text("parameter,value\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "humanpose3d\[notebook\]"'):
        read_run(tmp_path).parameters  # noqa: B018
