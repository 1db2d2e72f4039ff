import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from humanpose3d.errors import InvalidOption
from humanpose3d.options import RunOptions
from services.detector import stage
from services.detector.people.choice import prominent
from services.detector.people.scout import People, look_around
from services.detector.pose.tracker import BatchTracker
from services.detector.stage import DetectorInputs, DetectorOutputs, read_scouted, run
from services.detector.video.reader import survey
from shared.stage import silent
from tests.services.detector.people.conftest import SIZE, Actor

GREEN = (2, 0, 1)
FIGURE = Actor(0.85, lambda share: 0.15, still=True, tint=GREEN)
WALKER = Actor(0.85, lambda share: 1.1 - 0.7 * share)
CUT_OFF = Actor(1.5, lambda share: 0.95, y=0.9, tint=GREEN)
WHOLE = Actor(0.75, lambda share: 0.45)
RIGHTWARD = Actor(0.75, lambda share: 0.2 + 0.6 * share, tint=GREEN)
LEFTWARD = Actor(0.8, lambda share: 0.8 - 0.6 * share)

Record = Callable[..., Path]


@pytest.fixture(scope="session")
def tracker() -> BatchTracker:
    return BatchTracker("lite", threads=1)


@pytest.fixture
def record(clip, scene) -> Record:
    return lambda name, *actors, frames=45: clip(f"{name}.mp4", images=scene(actors, frames))


def people(tracker: BatchTracker, path: Path, person: str = "auto") -> People:
    return look_around(tracker, path, 0, survey(path))[0].choose(person, SIZE, 0.0)


def analysed(path: Path, workdir: Path, **options) -> DetectorOutputs:
    return run(DetectorInputs(path, workdir), RunOptions(pose_model="lite", **options), silent)


def hips(outputs: DetectorOutputs) -> np.ndarray:
    """(T,) horizontal position as a share of the image width; NaN where no person was detected."""
    return np.asarray(outputs.landmarks.pixels[:, 23:25, 0].mean(axis=1) / SIZE[0])


def test_a_person_who_walks_in_is_preferred_to_a_figure_that_stands_still(tracker, record):
    found = people(tracker, record("figure", FIGURE, WALKER, frames=60))
    assert len(found.tracks) == 2
    assert found.person is not None
    assert min(seen.x for seen in found.person.sightings) > 0.35 * SIZE[0]  # the figure is at 0.15
    assert found.person.motion > 5 * found.others[0].motion


def test_a_whole_person_is_preferred_to_one_twice_as_large_whom_the_edge_cuts(tracker, record):
    found = people(tracker, record("cut", CUT_OFF, WHOLE))
    assert found.person is not None
    assert [seen.x / SIZE[0] for seen in found.person.sightings] == pytest.approx(
        [0.45] * len(found.person.sightings), abs=0.12
    )
    assert found.others[0].whole < 0.75 < found.person.whole


@pytest.mark.parametrize(
    ("person", "x"),
    [("leftmost", 0.2), ("rightmost", 0.8), ("0.75,0.5@0", 0.8), ("120,270@0.1", 0.2), ("1", 0.2), ("2", 0.8)],
)
def test_the_user_chooses_the_person(tracker, scene, clip, person, x):
    still = [Actor(0.75, lambda share: 0.2, tint=GREEN), Actor(0.75, lambda share: 0.8)]
    found = people(tracker, clip("two.mp4", images=scene(still, 24)), person)
    assert found.person is not None
    assert found.person.sightings[0].x / SIZE[0] == pytest.approx(
        x, abs=0.1
    )  # the subject is not in the cut-out's middle


@pytest.mark.parametrize("person", ["3", "0.45,0.02@0"])
def test_an_absent_person_is_refused_with_the_list_of_those_present(tracker, scene, clip, person):
    still = [Actor(0.75, lambda share: 0.2, tint=GREEN), Actor(0.75, lambda share: 0.8)]
    with pytest.raises(InvalidOption, match=r"there (are 2: 1|is no person at 432,11)"):
        people(tracker, clip("two.mp4", images=scene(still, 24)), person)


@pytest.mark.parametrize("runtime", ["onnx", "mediapipe"])
@pytest.mark.parametrize(("person", "actor", "other"), [("1", RIGHTWARD, LEFTWARD), ("2", LEFTWARD, RIGHTWARD)])
def test_two_people_who_cross_keep_their_tracks(record, tmp_path, runtime, person, actor, other):
    path = record("cross", RIGHTWARD, LEFTWARD)
    outputs = analysed(path, tmp_path, person=person, pose_runtime=runtime)
    share = np.arange(45) / 45
    own, wrong = (np.abs(hips(outputs) - np.array([who.x(each) for each in share])) for who in (actor, other))
    apart = np.abs(actor.x(0.0) - other.x(0.0) + share * 2 * (0.6 if person == "1" else -0.6)) > 0.15
    seen = apart & outputs.landmarks.detected
    assert (own < wrong)[seen].all()  # never the other person
    if runtime == "onnx":
        assert seen.sum() >= 0.6 * apart.sum()  # the one behind has a gap, while it is open who is who
    codes = [warning.code for warning in outputs.report.warnings]
    assert {"other-people", "people-close"} <= set(codes)
    assert ("person-out-of-sight" in codes) == (seen.sum() < apart.sum())
    facts = outputs.report.facts["people"]
    assert isinstance(facts, dict)
    assert facts["chosen"] == int(person)
    assert isinstance(facts["tracks"], list)
    assert len(facts["tracks"]) == 2
    assert facts["near_s"]


def test_chunks_start_from_the_plan(record, tmp_path, monkeypatch):
    from services.detector.video import chunks

    monkeypatch.setattr(chunks, "SHORTEST", 12)
    monkeypatch.setattr(chunks, "WARM_UP", 5)
    monkeypatch.setattr("services.detector.chunk_pool.usable_cpus", lambda: 1)
    still = Actor(0.75, lambda share: 0.2, tint=GREEN)
    outputs = analysed(record("chunks", still, WHOLE, frames=48), tmp_path, person="rightmost")
    assert hips(outputs) == pytest.approx(np.full(48, 0.45), abs=0.1)


def test_one_person_alone_is_found_once_and_raises_no_warning(detected):
    facts = detected.report.facts["people"]
    assert (len(facts["tracks"]), facts["chosen"], facts["near_s"]) == (1, 1, [])
    assert facts["tracks"][0]["times_s"] == pytest.approx([0.0, 0.55, 1.1], abs=0.05)


def test_a_run_for_each_person(record, tmp_path, capsys, monkeypatch):
    path, out = record("pair", RIGHTWARD, LEFTWARD, frames=60), tmp_path / "out"
    table = tmp_path / "subjects.csv"
    command = ["run", "--video", str(path), "--people", "all", "--output", str(out), "--pose-model", "lite"]
    assert main([*command, "--write-subjects", str(table), "--height", "1.7", "--weight", "70"]) == 0
    header, *rows = table.read_text().splitlines()
    assert [row.split(",")[:2] for row in rows] == [["pair.mp4", "1"], ["pair.mp4", "2"]]
    table.write_text("\n".join([header, rows[0], rows[1].replace("1.7,", "1.85,")]))
    monkeypatch.setattr("cli.batch.people.scouted", None)  # what the first command found is used
    assert main([*command, "--subjects", str(table)]) == 0
    runs = [json.loads((out / f"pair_person_{number}" / "run.json").read_text()) for number in (1, 2)]
    assert [run["subject"]["height"] for run in runs] == [1.7, 1.85]
    assert [run["options"]["person"] for run in runs] == ["1", "2"]
    assert "there are 2: 1 (" in capsys.readouterr().out
    assert main([*command, "--subjects", str(table)]) == 0
    assert capsys.readouterr().out.count("skipped") == 2


@pytest.mark.parametrize(("count", "numbers"), [(None, [1, 2]), (1, [1])])
def test_people_in_view_for_long_are_analysed_the_preferred_first(record, tracker, count, numbers):
    passing = Actor(0.75, lambda share: 0.8, present=lambda share: share < 0.2)
    path = record("passing", RIGHTWARD, LEFTWARD if count is None else passing, frames=60)
    assert [track.number for track in prominent(people(tracker, path).tracks, count, 0.0)] == numbers


def test_what_was_found_for_one_run_serves_another(record, tmp_path, monkeypatch):
    inputs = DetectorInputs(record("again", RIGHTWARD, LEFTWARD), tmp_path)
    options = RunOptions(pose_model="lite", person="2")
    alone = run(inputs, options, silent)
    stored = tmp_path / "found.json"
    assert read_scouted(stored) is None
    stored.write_text(stage.scouted(inputs, survey(inputs.video)).model_dump_json())
    monkeypatch.setattr(stage, "scouted", None)  # must not be called
    again = run(replace(inputs, scouted=read_scouted(stored)), options, silent)
    np.testing.assert_array_equal(again.landmarks.pixels, alone.landmarks.pixels)
    stored.write_text('{"method": 0}')
    assert read_scouted(stored) is None
